/* level_avxvnni.c - the inner loops for VNNI in 256-bit registers, with AVX2 for the rest.
 *
 * Meant for processors that have AVX-VNNI and no AVX-512.  A machine with AVX-512 has the level
 * too, with its own spelling of the instruction, so that it can be asked for by name. */
#include "kernels/cpu/level.h"

#include <cpuid.h>
#include <math.h>

#include "kernels/cpu/lanes_avx2.h"
#include "kernels/cpu/rows_tmpl.h"
#include "kernels/cpu/attention_tmpl.h"
#include "kernels/cpu/product_tmpl.h"

/* Not every compiler's __builtin_cpu_supports knows these two. */
static bool has_f16c(void)
{
    unsigned a, b, c, d;
    return __get_cpuid(1, &a, &b, &c, &d) && (c & bit_F16C);
}

static bool has_avxvnni(void)
{
    unsigned a, b, c, d;
    return __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 4);
}

static bool has_vnni256(void)
{
    return __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
}

static bool usable(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c() &&
           (has_vnni256() || has_avxvnni());
}

static void product(const struct packed *w, uint32_t group0, uint32_t group1, const struct acts *a,
                    uint32_t row0, uint32_t row1, const struct product_out *o)
{
    if (!pack_is_int(w->kind))
        product_f(w, group0, group1, a, row0, row1, o);
    else if (has_vnni256())
        product_q_vnni256(w, group0, group1, a, row0, row1, o);
    else
        product_q_avxvnni(w, group0, group1, a, row0, row1, o);
}

const struct cpu_level cpu_level_avxvnni = {
    .name = "avxvnni",
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
