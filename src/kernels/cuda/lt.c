/* lt.c - cuBLASLt by name: the choice of algorithms and the products.
 *
 * The library is half a gigabyte, so a program that never opens a GPU must not load it, and one
 * on a machine without it must start: it is opened by dlopen and its functions looked up once.
 *
 * A row-major [n_out, n_in] weight is a column-major [n_in, n_out] matrix: out^T = W x^T is the
 * library's TN case with m = n_out and n = rows, and nothing is transposed. */
#include "kernels/cuda/lt.h"

#include <cublasLt.h>
#include <dlfcn.h>
#include <string.h>

#include "base/alloc.h"
#include "kernels/kernels.h"

enum { ASKED = 16, WORKSPACE = 32 << 20 };      /* NVIDIA's advice for Hopper */

#define LT_FUNCTIONS(X)                                                                    \
    X(Create) X(Destroy) X(MatmulDescCreate) X(MatmulDescSetAttribute) X(MatmulDescDestroy) \
    X(MatrixLayoutCreate) X(MatrixLayoutDestroy) X(MatmulPreferenceCreate)                 \
    X(MatmulPreferenceSetAttribute) X(MatmulPreferenceDestroy) X(MatmulAlgoGetHeuristic)   \
    X(MatmulAlgoConfigGetAttribute) X(MatmulAlgoCheck) X(Matmul)

struct lt_choice {
    struct lt_choice       *next;
    uint32_t                n_out, n_in;
    bool                    bf16;
    cublasLtMatmulAlgo_t    algo;
    cublasLtMatrixLayout_t  w;
    cublasLtMatrixLayout_t *x, *out;        /* [n_tile] for 1, 2, .. tiles of rows */
};

struct lt {
    void                *library;
    cublasLtHandle_t     handle;
    cublasLtMatmulDesc_t desc;
    void                *workspace;
    uint32_t             n_tile;
    struct lt_choice    *choices;
#define X(name) __typeof__(&cublasLt##name) name;
    LT_FUNCTIONS(X)
#undef X
};

static enum status open_library(struct lt *lt, struct error *err)
{
    static const char *const names[] = { "libcublasLt.so.13",
                                         "/usr/local/cuda/lib64/libcublasLt.so.13",
                                         "libcublasLt.so.12" };
    for (size_t i = 0; i < sizeof names / sizeof *names && !lt->library; i++)
        lt->library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!lt->library)
        return error_set(err, ST_NOT_FOUND, "cuBLASLt (libcublasLt.so.13) is not installed");
#define X(name) lt->name = (__typeof__(lt->name))dlsym(lt->library, "cublasLt" #name);
    LT_FUNCTIONS(X)
#undef X
    bool all = true;
#define X(name) all = all && lt->name;
    LT_FUNCTIONS(X)
#undef X
    if (!all)
        return error_set(err, ST_NOT_FOUND, "this cuBLASLt lacks a function that is needed");
    return ST_OK;
}

enum status lt_new(uint32_t max_row, struct lt **ret, struct error *err)
{
    struct lt *lt = mem_zalloc(sizeof *lt);
    if (!lt)
        return error_nomem(err);
    lt->n_tile = max_row / KERNEL_ROW_TILE;
    enum status st = open_library(lt, err);
    if (st != ST_OK)
        goto fail;
    cublasOperation_t t = CUBLAS_OP_T;
    if (lt->Create(&lt->handle) || cudaMalloc(&lt->workspace, WORKSPACE) != cudaSuccess ||
        lt->MatmulDescCreate(&lt->desc, CUBLAS_COMPUTE_32F, CUDA_R_32F) ||
        lt->MatmulDescSetAttribute(lt->desc, CUBLASLT_MATMUL_DESC_TRANSA, &t, sizeof t)) {
        st = error_set(err, ST_NOMEM, "cuBLASLt does not start on this GPU");
        goto fail;
    }
    *ret = lt;
    return ST_OK;

fail:
    lt_free(lt);
    return st;
}

static void choice_free(struct lt *lt, struct lt_choice *c)
{
    for (uint32_t i = 0; i < lt->n_tile; i++) {
        if (c->x && c->x[i])
            lt->MatrixLayoutDestroy(c->x[i]);
        if (c->out && c->out[i])
            lt->MatrixLayoutDestroy(c->out[i]);
    }
    if (c->w)
        lt->MatrixLayoutDestroy(c->w);
    mem_free(c->x);
    mem_free(c->out);
    mem_free(c);
}

void lt_free(struct lt *lt)
{
    if (!lt)
        return;
    while (lt->choices) {
        struct lt_choice *c = lt->choices;
        lt->choices = c->next;
        choice_free(lt, c);
    }
    if (lt->desc)
        lt->MatmulDescDestroy(lt->desc);
    if (lt->handle)
        lt->Destroy(lt->handle);
    cudaFree(lt->workspace);
    if (lt->library)
        dlclose(lt->library);
    mem_free(lt);
}

/* ---- choosing ---- */

static bool make_layouts(struct lt *lt, struct lt_choice *c)
{
    cudaDataType_t in = c->bf16 ? CUDA_R_16BF : CUDA_R_16F;
    c->x = mem_calloc(lt->n_tile, sizeof *c->x);
    c->out = mem_calloc(lt->n_tile, sizeof *c->out);
    if (!c->x || !c->out || lt->MatrixLayoutCreate(&c->w, in, c->n_in, c->n_out, c->n_in))
        return false;
    for (uint32_t i = 0; i < lt->n_tile; i++) {
        uint64_t rows = (uint64_t)(i + 1) * KERNEL_ROW_TILE;
        if (lt->MatrixLayoutCreate(&c->x[i], in, c->n_in, rows, c->n_in) ||
            lt->MatrixLayoutCreate(&c->out[i], CUDA_R_32F, c->n_out, rows, c->n_out))
            return false;
    }
    return true;
}

/* Neither K nor anything else is cut by the number of rows, and every number of tiles is taken. */
static bool usable(struct lt *lt, const struct lt_choice *c, const cublasLtMatmulAlgo_t *algo)
{
    int32_t split = 0;
    uint32_t reduction = 0;
    size_t n;
    if (lt->MatmulAlgoConfigGetAttribute(algo, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &split,
                                         sizeof split, &n) ||
        lt->MatmulAlgoConfigGetAttribute(algo, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, &reduction,
                                         sizeof reduction, &n) ||
        split > 1 || reduction != CUBLASLT_REDUCTION_SCHEME_NONE)
        return false;
    for (uint32_t i = 0; i < lt->n_tile; i++) {
        cublasLtMatmulHeuristicResult_t r;
        if (lt->MatmulAlgoCheck(lt->handle, lt->desc, c->w, c->x[i], c->out[i], c->out[i], algo,
                                &r) ||
            r.workspaceSize > WORKSPACE)
            return false;
    }
    return true;
}

/* The library's first choice for so many tiles of rows. */
static enum status ask(struct lt *lt, struct lt_choice *c, uint32_t tile, struct error *err)
{
    cublasLtMatmulPreference_t pref = NULL;
    cublasLtMatmulHeuristicResult_t found[ASKED];
    size_t room = WORKSPACE;
    uint32_t none = CUBLASLT_REDUCTION_SCHEME_NONE;
    int n = 0;
    bool ok = !lt->MatmulPreferenceCreate(&pref) &&
              !lt->MatmulPreferenceSetAttribute(pref, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                                &room, sizeof room) &&
              !lt->MatmulPreferenceSetAttribute(pref, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
                                                &none, sizeof none) &&
              !lt->MatmulAlgoGetHeuristic(lt->handle, lt->desc, c->w, c->x[tile], c->out[tile],
                                          c->out[tile], pref, ASKED, found, &n);
    if (pref)
        lt->MatmulPreferenceDestroy(pref);
    for (int i = 0; ok && i < n; i++)
        if (found[i].state == CUBLAS_STATUS_SUCCESS && usable(lt, c, &found[i].algo)) {
            c->algo = found[i].algo;
            return ST_OK;
        }
    return error_set(err, ST_UNSUPPORTED, "cuBLASLt has no algorithm for a matrix of %u x %u "
                     "that computes every row alike", c->n_out, c->n_in);
}

static enum status choose(struct lt *lt, uint32_t n_out, uint32_t n_in, bool bf16, uint32_t tile,
                          const struct lt_choice **ret, struct error *err)
{
    for (struct lt_choice *c = lt->choices; c; c = c->next)
        if (c->n_out == n_out && c->n_in == n_in && c->bf16 == bf16) {
            *ret = c;
            return ST_OK;
        }
    struct lt_choice *c = mem_zalloc(sizeof *c);
    if (!c)
        return error_nomem(err);
    c->n_out = n_out;
    c->n_in = n_in;
    c->bf16 = bf16;
    enum status st = make_layouts(lt, c) ? ask(lt, c, tile, err) : error_nomem(err);
    if (st != ST_OK) {
        choice_free(lt, c);
        return st;
    }
    c->next = lt->choices;
    lt->choices = c;
    *ret = c;
    return ST_OK;
}

/* One tile of rows is what decoding has. */
enum status lt_choose(struct lt *lt, uint32_t n_out, uint32_t n_in, bool bf16,
                      const struct lt_choice **ret, struct error *err)
{
    return choose(lt, n_out, n_in, bf16, 0, ret, err);
}

enum status lt_choose_large(struct lt *lt, uint32_t n_out, uint32_t n_in, bool bf16,
                            const struct lt_choice **ret, struct error *err)
{
    return choose(lt, n_out, n_in, bf16, lt->n_tile - 1, ret, err);
}

int lt_product(struct lt *lt, cudaStream_t s, const struct lt_choice *c, const uint16_t *w,
               const uint16_t *x, uint32_t n_row, float *out, bool add)
{
    float one = 1.0f, more = add ? 1.0f : 0.0f;
    uint32_t tile = n_row / KERNEL_ROW_TILE - 1;
    return (int)lt->Matmul(lt->handle, lt->desc, &one, w, c->w, x, c->x[tile], &more, out,
                           c->out[tile], out, c->out[tile], &c->algo, lt->workspace, WORKSPACE, s);
}
