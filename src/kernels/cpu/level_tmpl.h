/* level_tmpl.h - the table of one level: the texts of the templates over the lanes of this file.
 *
 * The file that includes this has its lanes and `usable`, and says what the table is called (LEVEL,
 * LEVEL_NAME) and which function has its products of blocks (LEVEL_PRODUCT_Q). */
#include "kernels/cpu/rows_tmpl.h"
#include "kernels/cpu/attention_tmpl.h"
#include "kernels/cpu/product_tmpl.h"

static void product(const struct packed *w, uint32_t group0, uint32_t group1, const struct acts *a,
                    uint32_t row0, uint32_t row1, const struct product_out *o)
{
    if (pack_is_int(w->kind))
        LEVEL_PRODUCT_Q(w, group0, group1, a, row0, row1, o);
    else
        product_f(w, group0, group1, a, row0, row1, o);
}

const struct cpu_level LEVEL = {
    .name = LEVEL_NAME,
    .usable = usable,
    .norm_row = norm_row,
    .gate_row = gate_row,
    .gelu_row = gelu_row,
    .cap_row = cap_row,
    .quantise_row = quantise_row,
    .product = product,
    .rope_head = rope_head,
    .kv_write = kv_write,
    .attend = attend,
    .merge = merge,
    .finish = finish,
};
