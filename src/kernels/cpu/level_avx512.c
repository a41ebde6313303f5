/* level_avx512.c - the inner loops for AVX-512 with VNNI.
 *
 * The texts of the templates meet the lanes of this level here; the integer products are in a
 * file of their own. */
#include "kernels/cpu/level.h"

#include <math.h>

#include "kernels/cpu/lanes_avx512.h"

static bool usable(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
           __builtin_cpu_supports("avx512vnni");
}

#define LEVEL           cpu_level_avx512
#define LEVEL_NAME      "avx512"
#define LEVEL_PRODUCT_Q product_q_avx512
#include "kernels/cpu/level_tmpl.h"
