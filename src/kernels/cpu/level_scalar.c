/* level_scalar.c - the inner loops in plain C: the definition.
 *
 * The texts of the templates meet the lanes of this level here; the integer products are in a
 * file of their own. */
#include "kernels/cpu/level.h"

#include <math.h>

#include "kernels/cpu/lanes_scalar.h"

static bool usable(void)
{
    return true;
}

#define LEVEL           cpu_level_scalar
#define LEVEL_NAME      "scalar"
#define LEVEL_PRODUCT_Q product_q_scalar
#include "kernels/cpu/level_tmpl.h"
