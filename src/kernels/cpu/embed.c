/* embed.c - rows of the embedding table, straight from the file's own blocks. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/dequant.h"

void cpu_embed(struct device *d, const struct embed_args *a)
{
    const struct step_args *s = &((struct cpu *)d)->step;
    enum dtype t = a->table->dtype;
    size_t row = a->width / dtype_block_elems(t) * dtype_block_bytes(t);
    for (uint32_t i = 0; i < s->n_row; i++)
        dequant_row(t, a->table->data + row * s->tok[i], a->out + a->stride * i, a->width);
}
