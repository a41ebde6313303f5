/* decode.c - tokens per second of one sequence or of a batch, beside the rate at which memory can
 * be read.
 *
 *     decode [MODEL [SEQUENCES [RUNS]]]
 *
 * A step reads every weight once, and the keys and values of what came before in each sequence.
 * The ceiling is the read rate of a buffer of the weights' size, measured between the runs; a batch
 * meets it later than one sequence, because products of several rows compute more for each byte.
 * On a machine with other work medians tell what it left over; the best step beside the best
 * reading tells what the program can do. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "measure.h"

enum { RUNS = 9, MAX_RUNS = 99, STEPS = 64, READS = 16, PROMPT = 64, BATCH_MAX = 64 };

struct load {
    struct bench_model m;
    uint32_t           n;                   /* sequences */
    uint32_t           tok[PROMPT + STEPS];
    uint32_t           row[BATCH_MAX], at[BATCH_MAX];
    struct batch_seq   seq[BATCH_MAX];
};

/* One row of each sequence, at position `pos`. */
static void step(struct load *l, uint32_t pos)
{
    uint32_t pages = (PROMPT + STEPS) / l->m.info->page_tokens;
    for (uint32_t i = 0; i < l->n; i++) {
        l->row[i] = (l->tok[pos] + i) % l->m.info->n_vocab;
        l->at[i] = i;
        l->seq[i] = (struct batch_seq){ .row = i, .n_row = 1, .pos = pos,
                                        .page = l->m.page + i * pages };
    }
    struct batch b = { .tok = l->row, .n_row = l->n, .seq = l->seq, .n_seq = l->n,
                       .logit_row = l->at, .n_logit = l->n };
    bench_forward(&l->m, &b);
}

/* Every sequence begins with the prompt, computed once. */
static void begin(struct load *l)
{
    struct bench_model one = l->m;
    for (uint32_t i = 0; i < l->n; i++, one.page += (PROMPT + STEPS) / l->m.info->page_tokens)
        bench_rows(&one, l->tok, PROMPT, 0);
}

/* rate and busy (tokens a second of processor time): medians over the runs. */
static void report(const struct load *l, double rate, double busy, double best, double usual,
                   double most, double busy_read)
{
    const struct backend_info *info = l->m.info;
    double kv = (double)info->kv_bytes / info->n_page / info->page_tokens;
    double bytes = (double)info->weight_bytes + l->n * kv * (PROMPT + STEPS / 2.0);
    printf("decode   %s, %u at once: median %.1f tok/s, %.1f a second of processor time; best step "
           "%.1f\n", info->device, l->n, rate, busy, best);
    printf("         %.1f MB a step; reading: median %.1f GB/s, best %.1f; so at most %.0f, %.0f "
           "tok/s: %.0f %% of the median, %.0f %% best of best, %.0f %% by processor time\n",
           bytes / 1e6, usual / 1e9, most / 1e9, l->n * usual / bytes, l->n * most / bytes,
           100 * rate * bytes / (l->n * usual), 100 * best * bytes / (l->n * most),
           100 * busy * bytes / (l->n * busy_read));
}

int main(int argc, char **argv)
{
    static struct load l;
    int rc = bench_open(argc > 1 ? argv[1] : NULL, &l.m);
    if (rc)
        return rc;
    l.n = argc > 2 ? (uint32_t)atoi(argv[2]) : 1;
    int runs = argc > 3 ? atoi(argv[3]) : RUNS;
    if (!l.n || l.n > BATCH_MAX || runs < 1 || runs > MAX_RUNS) {
        fprintf(stderr, "decode: 1 to %d sequences, 1 to %d runs\n", BATCH_MAX, MAX_RUNS);
        return 2;
    }
    for (uint32_t i = 0; i < PROMPT + STEPS; i++)
        l.tok[i] = i * 7919 % l.m.info->n_vocab;
    double rate[MAX_RUNS], busy[MAX_RUNS], read[MAX_RUNS], busy_read[MAX_RUNS];
    double weights = (double)l.m.info->weight_bytes, best = 0, best_read = 0;
    struct bench_reader *reader = bench_reader_new((size_t)weights);
    for (int run = 0; run < runs; run++) {
        begin(&l);
        double cpu = bench_cpu();
        uint64_t t0 = clock_ns(), before = t0;
        for (uint32_t i = 0; i < STEPS; i++) {
            step(&l, PROMPT + i);
            uint64_t now = clock_ns();
            double one = l.n * 1e9 / (double)(now - before);
            best = one > best ? one : best;
            before = now;
        }
        busy[run] = l.n * STEPS / (bench_cpu() - cpu);
        rate[run] = l.n * STEPS * 1e9 / (double)(before - t0);
        double spent = 0, read_cpu = bench_cpu();
        for (int i = 0; i < READS; i++) {
            double one = bench_read_rate(reader);
            best_read = one > best_read ? one : best_read;
            spent += 1 / one;
        }
        read[run] = READS / spent;
        busy_read[run] = READS * weights / (bench_cpu() - read_cpu);
    }
    bench_reader_free(reader);
    qsort(rate, (size_t)runs, sizeof *rate, bench_by_value);
    qsort(busy, (size_t)runs, sizeof *busy, bench_by_value);
    qsort(read, (size_t)runs, sizeof *read, bench_by_value);
    qsort(busy_read, (size_t)runs, sizeof *busy_read, bench_by_value);
    report(&l, rate[runs / 2], busy[runs / 2], best, read[runs / 2], best_read,
           busy_read[runs / 2]);
    bench_close(&l.m);
    return 0;
}
