/* measure.c - opens the model of a bench and measures the ceiling beside it. */
#include "measure.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

double bench_read_rate(size_t bytes)
{
    enum { ROUNDS = 9, MAX_CORES = 64 };
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    n = n > MAX_CORES ? MAX_CORES : n;
    uint64_t *data = malloc(bytes), best = UINT64_MAX;
    if (!data)
        return 0;
    memset(data, 1, bytes);
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t thread[MAX_CORES];
        struct reader part[MAX_CORES];
        size_t each = bytes / sizeof *data / (size_t)n;
        uint64_t t0 = clock_ns();
        for (int i = 0; i < n; i++) {
            part[i] = (struct reader){ data + each * (size_t)i, each, 0 };
            if (pthread_create(&thread[i], NULL, read_all, &part[i]))
                exit(1);
        }
        for (int i = 0; i < n; i++)
            pthread_join(thread[i], NULL);
        uint64_t ns = clock_ns() - t0;
        best = ns < best ? ns : best;
    }
    free(data);
    return (double)bytes * 1e9 / (double)best;
}

int bench_by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}
