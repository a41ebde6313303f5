/* level_avx2.c - the inner loops for AVX2 with FMA and F16C.
 *
 * The texts of the templates meet the lanes of this level here; the integer products are in a
 * file of their own. */
#include "kernels/cpu/level.h"

#include <cpuid.h>
#include <math.h>

#include "kernels/cpu/lanes_avx2.h"
#include "kernels/cpu/rows_tmpl.h"
#include "kernels/cpu/attention_tmpl.h"
#include "kernels/cpu/product_tmpl.h"

/* Not every compiler's __builtin_cpu_supports knows f16c. */
static bool has_f16c(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

static bool usable(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
}

static void product(const struct packed *w, uint32_t group0, uint32_t group1, const struct acts *a,
                    uint32_t row0, uint32_t row1, const struct product_out *o)
{
    if (pack_is_int(w->kind))
        product_q_avx2(w, group0, group1, a, row0, row1, o);
    else
        product_f(w, group0, group1, a, row0, row1, o);
}

const struct cpu_level cpu_level_avx2 = {
    .name = "avx2",
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
