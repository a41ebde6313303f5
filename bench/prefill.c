/* prefill.c - tokens per second of a prompt of 512, and the operations that stand behind them.
 *
 *     prefill [MODEL]
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "measure.h"

enum { RUNS = 7, PROMPT = 512 };

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
    double rate[RUNS];
    for (uint32_t i = 0; i < PROMPT; i++)
        tok[i] = i * 7919 % m.info->n_vocab;
    for (int run = 0; run < RUNS; run++) {
        uint64_t t0 = clock_ns();
        bench_rows(&m, tok, PROMPT, 0);
        rate[run] = PROMPT * 1e9 / (double)(clock_ns() - t0);
    }
    qsort(rate, RUNS, sizeof *rate, bench_by_value);
    double op = 2 * layer_weights(m.bundle);
    printf("prefill  %s: median %.0f tok/s (worst %.0f, best %.0f of %d runs of %d tokens)\n",
           m.info->device, rate[RUNS / 2], rate[0], rate[RUNS - 1], RUNS, PROMPT);
    printf("         %.3f Gop a token in products of the layers: %.0f Gop/s\n", op / 1e9,
           op * rate[RUNS / 2] / 1e9);
    bench_close(&m);
    return 0;
}
