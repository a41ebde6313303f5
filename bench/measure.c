/* measure.c - opens the model of a bench and measures the ceiling beside it. */
#include "measure.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "runtime/files/models.h"

int bench_open(const char *path, struct bench_model *ret)
{
    struct bench_model m = { 0 };
    struct error err = { 0 };
    struct str file = { 0 };
    enum status st = models_find(path, &file, &err);
    if (st == ST_NOT_FOUND) {
        fprintf(stderr, "%s\n", err.text);
        return 77;
    }
    if (st == ST_OK)
        st = bundle_open(file.ptr, &m.bundle, &err);
    struct backend_opts opts = { .n_page = 1024, .device = "cpu" };
    if (st == ST_OK)
        st = backend_open(m.bundle, &opts, &m.be, &err);
    str_free(&file);
    if (st != ST_OK) {
        fprintf(stderr, "%s\n", err.text);
        bundle_close(m.bundle);
        return 1;
    }
    m.info = m.be->vt->info(m.be);
    m.page = calloc(m.info->n_page, sizeof *m.page);
    m.logits = calloc((size_t)64 * m.info->n_vocab, sizeof *m.logits);
    for (uint32_t i = 0; i + 1 < m.info->n_page; i++)
        m.page[i] = i + 1;
    *ret = m;
    return 0;
}

void bench_close(struct bench_model *m)
{
    backend_close(m->be);
    bundle_close(m->bundle);
    free(m->page);
    free(m->logits);
}

void bench_forward(struct bench_model *m, const struct batch *b)
{
    struct error err = { 0 };
    if (m->be->vt->forward(m->be, b, m->logits, &err) != ST_OK) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
}

void bench_rows(struct bench_model *m, const uint32_t *tok, uint32_t n, uint32_t pos)
{
    struct batch_seq seq = { .n_row = n, .pos = pos, .page = m->page };
    struct batch b = { .tok = tok, .n_row = n, .seq = &seq, .n_seq = 1,
                       .logit_row = (uint32_t[]){ n - 1 }, .n_logit = 1 };
    bench_forward(m, &b);
}

enum { MAX_CORES = 64 };

struct reader {
    const uint64_t *from;
    size_t          n;
    uint64_t        sum;
};

/* Eight sums, so that loads are what limits. */
static void *read_all(void *arg)
{
    struct reader *r = arg;
    uint64_t s[8] = { 0 };
    for (size_t i = 0; i + 8 <= r->n; i += 8)
        for (int j = 0; j < 8; j++)
            s[j] += r->from[i + (size_t)j];
    for (int j = 0; j < 8; j++)
        r->sum += s[j];
    return NULL;
}

struct bench_reader {
    uint64_t *data;
    size_t    bytes;
    int       n;            /* cores */
};

struct bench_reader *bench_reader_new(size_t bytes)
{
    const size_t large = 2 << 20;
    cpu_set_t set;
    struct bench_reader *r = malloc(sizeof *r);
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    *r = (struct bench_reader){ aligned_alloc(large, (bytes + large - 1) / large * large), bytes,
                                n > MAX_CORES ? MAX_CORES : n };
#ifdef MADV_HUGEPAGE
    (void)madvise(r->data, bytes, MADV_HUGEPAGE);
#endif
    memset(r->data, 1, bytes);
    return r;
}

void bench_reader_free(struct bench_reader *r)
{
    free(r->data);
    free(r);
}

double bench_read_rate(struct bench_reader *r)
{
    pthread_t thread[MAX_CORES];
    struct reader part[MAX_CORES];
    size_t each = r->bytes / sizeof *r->data / (size_t)r->n;
    uint64_t t0 = clock_ns();
    for (int i = 0; i < r->n; i++) {
        part[i] = (struct reader){ r->data + each * (size_t)i, each, 0 };
        if (pthread_create(&thread[i], NULL, read_all, &part[i]))
            exit(1);
    }
    for (int i = 0; i < r->n; i++)
        pthread_join(thread[i], NULL);
    return (double)r->bytes * 1e9 / (double)(clock_ns() - t0);
}

double bench_cpu(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int bench_by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
