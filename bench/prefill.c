/* prefill.c - tokens per second of a prompt of 512, and the operations that stand behind them.
 *
 *     prefill [MODEL [RUNS]]
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "measure.h"

enum { RUNS = 7, MAX_RUNS = 99, PROMPT = 512 };

/* Weights of the layers: two operations each for a token.  Norms and the like do not count. */
static double layer_weights(const struct bundle *b)
{
    double n = 0;
    for (uint32_t i = 0; i < bundle_n_tensor(b); i++) {
        const struct bundle_tensor *t = bundle_tensor_at(b, i);
        if (t->n_dim == 2 && slice_starts(t->name, SLICE("blk.")))
            n += (double)t->dim[0] * (double)t->dim[1];
    }
    return n;
}

int main(int argc, char **argv)
{
    struct bench_model m;
    int rc = bench_open(argc > 1 ? argv[1] : NULL, &m);
    if (rc)
        return rc;
    uint32_t tok[PROMPT];
    int runs = argc > 2 ? atoi(argv[2]) : RUNS;
    if (runs < 1 || runs > MAX_RUNS) {
        fprintf(stderr, "prefill: 1 to %d runs\n", MAX_RUNS);
        return 2;
    }
    double rate[MAX_RUNS], busy[MAX_RUNS];
    for (uint32_t i = 0; i < PROMPT; i++)
        tok[i] = i * 7919 % m.info->n_vocab;
    for (int run = 0; run < runs; run++) {
        double cpu = bench_cpu();
        uint64_t t0 = clock_ns();
        bench_rows(&m, tok, PROMPT, 0);
        busy[run] = PROMPT / (bench_cpu() - cpu);
        rate[run] = PROMPT * 1e9 / (double)(clock_ns() - t0);
    }
    qsort(rate, (size_t)runs, sizeof *rate, bench_by_value);
    qsort(busy, (size_t)runs, sizeof *busy, bench_by_value);
    double op = 2 * layer_weights(m.bundle);
    printf("prefill  %s: median %.1f tok/s, %.1f a second of processor time (worst %.0f, best %.0f "
           "of %d runs of %d tokens)\n", m.info->device, rate[runs / 2], busy[runs / 2], rate[0],
           rate[runs - 1], runs, PROMPT);
    printf("         %.3f Gop a token in products of the layers: %.0f Gop/s\n", op / 1e9,
           op * rate[runs / 2] / 1e9);
    bench_close(&m);
    return 0;
}
