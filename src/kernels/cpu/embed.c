/* embed.c - rows of the embedding table, straight from the file's own blocks. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/dequant.h"

void cpu_embed(struct device *d, const struct embed_args *a)
{
    const struct step_args *s = &((struct cpu *)d)->step;
    enum dtype t = a->table->dtype;
    size_t row = a->width / dtype_block_elems(t) * dtype_block_bytes(t);
    for (uint32_t i = 0; i < s->n_row; i++) {
        float *out = a->out + a->stride * i;
        dequant_row(t, a->table->data + row * s->tok[i], out, a->width);
        for (uint32_t k = 0; a->scale != 0 && k < a->width; k++)
            out[k] *= a->scale;
    }
}
