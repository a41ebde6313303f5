/* decode.c - tokens per second of one sequence, beside the rate at which memory can be read.
 *
 *     decode [MODEL]
 *
 * A token reads every weight once, and the keys and values of what came before.  The ceiling is
 * the read rate of a buffer of that size, measured in the same run. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "measure.h"

enum { RUNS = 7, STEPS = 64, PROMPT = 64 };

int main(int argc, char **argv)
{
    struct bench_model m;
    int rc = bench_open(argc > 1 ? argv[1] : NULL, &m);
    if (rc)
        return rc;
    uint32_t tok[PROMPT + STEPS];
    double rate[RUNS];
    for (uint32_t i = 0; i < PROMPT + STEPS; i++)
        tok[i] = i * 7919 % m.info->n_vocab;
    double kv = (double)m.info->kv_bytes / m.info->n_page / m.info->page_tokens;
    double bytes = (double)m.info->weight_bytes + kv * (PROMPT + STEPS / 2.0);
    for (int run = 0; run < RUNS; run++) {
        bench_rows(&m, tok, PROMPT, 0);
        uint64_t t0 = clock_ns();
        for (uint32_t i = 0; i < STEPS; i++)
            bench_rows(&m, tok + PROMPT + i, 1, PROMPT + i);
        rate[run] = STEPS * 1e9 / (double)(clock_ns() - t0);
    }
    double read = bench_read_rate((size_t)bytes);
    qsort(rate, RUNS, sizeof *rate, bench_by_value);
    printf("decode   %s: median %.1f tok/s (worst %.1f, best %.1f of %d runs)\n", m.info->device,
           rate[RUNS / 2], rate[0], rate[RUNS - 1], RUNS);
    printf("         %.1f MB a token; reads at %.1f GB/s, so at most %.0f tok/s: %.0f %%\n",
           bytes / 1e6, read / 1e9, read / bytes, 100 * rate[RUNS / 2] * bytes / read);
    bench_close(&m);
    return 0;
}
