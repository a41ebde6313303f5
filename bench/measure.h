/* measure.h - what the engine benches share: a loaded model and this machine's read bandwidth. */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include "runtime/backend/backend.h"

struct bench_model {
    struct bundle             *bundle;
    struct backend            *be;
    const struct backend_info *info;
    uint32_t                  *page;        /* [n_page - 1] 1, 2, .. */
    float                     *logits;      /* [64, n_vocab] */
};

/* path NULL: the default model.  Prints why and returns a process exit code on failure: 77 when
 * there is no model. */
int    bench_open(const char *path, struct bench_model *ret);
void   bench_close(struct bench_model *m);

/* One forward pass, for at most 64 rows of logits. */
void   bench_forward(struct bench_model *m, const struct batch *b);
/* One forward pass of n rows of one sequence from pos on; the last row's logits are computed. */
void   bench_rows(struct bench_model *m, const uint32_t *tok, uint32_t n, uint32_t pos);

/* A buffer of this size in large pages, as the weights have them. */
struct bench_reader;
struct bench_reader *bench_reader_new(size_t bytes);
void   bench_reader_free(struct bench_reader *r);
/* Bytes per second that all cores read together from it, once through. */
double bench_read_rate(struct bench_reader *r);

/* Processor time of all threads so far, in seconds. */
double bench_cpu(void);

int    bench_by_value(const void *a, const void *b);    /* doubles, for qsort */

#endif
