/* level_avxvnni.c - the inner loops for VNNI in 256-bit registers, with AVX2 for the rest.
 *
 * Meant for processors that have AVX-VNNI and no AVX-512.  A machine with AVX-512 has the level
 * too, with its own spelling of the instruction, so that it can be asked for by name. */
#include "kernels/cpu/level.h"

#include <cpuid.h>
#include <math.h>

#include "kernels/cpu/lanes_avx2.h"

/* Not every compiler's __builtin_cpu_supports knows it. */
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
    return cpu_level_avx2.usable() && (has_vnni256() || has_avxvnni());
}

static void product_q(const struct packed *w, uint32_t group0, uint32_t group1,
                      const struct acts *a, uint32_t row0, uint32_t row1,
                      const struct product_out *o)
{
    if (has_vnni256())
        product_q_vnni256(w, group0, group1, a, row0, row1, o);
    else
        product_q_avxvnni(w, group0, group1, a, row0, row1, o);
}

#define LEVEL           cpu_level_avxvnni
#define LEVEL_NAME      "avxvnni"
#define LEVEL_PRODUCT_Q product_q
#include "kernels/cpu/level_tmpl.h"
