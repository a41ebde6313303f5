/* embed.c - rows of the embedding table, straight from the file's own blocks. */
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/dequant.h"

void cpu_embed(struct device *d, const struct embed_args *a)
{
    (void)d;
    size_t row = a->width / dtype_block_elems(a->dtype) * dtype_block_bytes(a->dtype);
    for (uint32_t i = 0; i < a->n_row; i++)
        dequant_row(a->dtype, a->table + row * a->tok[i], a->out + a->stride * i, a->width);
}
