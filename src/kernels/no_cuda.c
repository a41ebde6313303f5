/* no_cuda.c - stands in for cuda/ in a build without device code. */
#include "kernels/kernels.h"

enum status cuda_device_open(const struct device_opts *opts, struct device **ret,
                             struct error *err)
{
    (void)opts;
    (void)ret;
    return error_set(err, ST_UNSUPPORTED, "this build has no device \"cuda\": it was made "
                     "without CUDA");
}

enum status cuda_ceilings(int gpu, double *ret_copy, double *ret_product, struct error *err)
{
    (void)gpu;
    (void)ret_copy;
    (void)ret_product;
    return cuda_device_open(NULL, NULL, err);
}
