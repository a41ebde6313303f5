/* level_avx2.c - the inner loops for AVX2 with FMA and F16C.
 *
 * The texts of the templates meet the lanes of this level here; the integer products are in a
 * file of their own. */
#include "kernels/cpu/level.h"

#include <cpuid.h>
#include <math.h>

#include "kernels/cpu/lanes_avx2.h"

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

#define LEVEL           cpu_level_avx2
#define LEVEL_NAME      "avx2"
#define LEVEL_PRODUCT_Q product_q_avx2
#include "kernels/cpu/level_tmpl.h"
