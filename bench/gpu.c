/* gpu.c - decoding and prefill on one GPU beside what the GPU reaches in the same run.
 *
 *     gpu MODEL | smollm2-135m | llama-3.1-8b      a file, or a random model of that shape
 *
 * A step of decoding reads every weight once, and the keys and values of each sequence; the bound
 * is those bytes at the rate of a copy.  It is timed in four ways: its logits are copied to the
 * host and nobody looks at them; the host's sampler draws tokens from them; the device draws them;
 * the same with top-p.  Masks allow every other token. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bitset.h"
#include "base/clock.h"
#include "kernels/kernels.h"
#include "measure.h"
#include "runtime/model/synth.h"

enum { MAX_SEQ = 64, PROMPT = 512, STEPS = 32, RUNS = 5, SEQ_PAGES = (PROMPT + STEPS) / 16 + 1 };

static const struct { const char *name; struct synth_opts o; } shapes[] = {
    { "smollm2-135m", { .arch = "llama", .dtype = DT_Q4_1, .seed = 1, .n_layer = 30, .width = 576,
                        .n_head = 9, .n_kv_head = 3, .head_dim = 64, .n_ff = 1536,
                        .context = 2048, .n_vocab = 49152 } },
    { "llama-3.1-8b", { .arch = "llama", .dtype = DT_Q4_0, .seed = 1, .n_layer = 32, .width = 4096,
                        .n_head = 32, .n_kv_head = 8, .head_dim = 128, .n_ff = 14336,
                        .context = 8192, .n_vocab = 128256 } },
};

/* What becomes of the logits of a step. */
static const struct way { const char *name; bool keep, draw; double top_p; } ways[] = {
    { "logits copied", false, false, 1 },
    { "host draws", false, true, 1 },
    { "device draws", true, true, 1 },
    { "device, top-p 0.95", true, true, 0.95 },
};

struct rig {
    struct str                 bytes;
    struct bundle             *bundle;
    struct backend            *be;
    const struct backend_info *info;
    float                     *logits;
    uint32_t                  *mask;
    struct sampler            *sampler;
    double                     copy, product;
};

static void must(enum status st, const struct error *err)
{
    if (st == ST_OK)
        return;
    fprintf(stderr, "%s\n", err->text);
    exit(st == ST_NOT_FOUND || st == ST_UNSUPPORTED ? 77 : 1);
}

static void open_model(struct rig *r, const char *name)
{
    struct error err = { 0 };
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        if (strcmp(shapes[i].name, name) == 0) {
            must(synth_gguf(&shapes[i].o, &r->bytes, &err), &err);
            must(bundle_open_memory((uint8_t *)r->bytes.ptr, r->bytes.len, &r->bundle, &err),
                 &err);
        }
    if (!r->bundle)
        must(bundle_open(name, &r->bundle, &err), &err);
    struct backend_opts o = { .n_page = MAX_SEQ * SEQ_PAGES + 1, .max_seq = MAX_SEQ,
                              .device = "cuda" };
    uint64_t t0 = clock_ns();
    must(backend_open(r->bundle, &o, &r->be, &err), &err);
    r->info = r->be->vt->info(r->be);
    r->logits = malloc((size_t)MAX_SEQ * r->info->n_vocab * sizeof *r->logits);
    r->mask = malloc(bitset_words(r->info->n_vocab) * sizeof *r->mask);
    memset(r->mask, 0x55, bitset_words(r->info->n_vocab) * sizeof *r->mask);
    must(sampler_new(r->info->n_vocab, &r->sampler, &err), &err);
    printf("%s on %s: %.0f MB of weights, loaded in %.1f s\n", name, r->info->device,
           (double)r->info->weight_bytes / 1e6, (double)(clock_ns() - t0) / 1e9);
}

static void draw(struct rig *r, const struct way *way, uint32_t n_seq, uint32_t pos)
{
    struct backend_drawn got[MAX_SEQ];
    struct sampling p = sampling_default;
    struct error err = { 0 };
    p.top_p = way->top_p;
    for (uint32_t i = 0; i < n_seq; i++) {
        struct sample_input in = { .logits = r->logits + (size_t)i * r->info->n_vocab,
                                   .n_vocab = r->info->n_vocab, .mask = r->mask,
                                   .key = rng_key_seed(i), .index = pos };
        must(way->keep ? r->be->vt->draw_add(r->be, i, &p, &in, &err)
                       : sampler_draw(r->sampler, &p, &in, &got[i].id, &err), &err);
    }
    if (way->keep)
        must(r->be->vt->draw_run(r->be, got, &err), &err);
}

/* n_seq sequences from `first` on, each n rows from pos on; logits of each one's last row. */
static void step(struct rig *r, const struct way *way, uint32_t first, uint32_t n_seq, uint32_t n,
                 uint32_t pos)
{
    uint32_t tok[PROMPT], page[MAX_SEQ][SEQ_PAGES], last[MAX_SEQ];
    struct batch_seq seq[MAX_SEQ];
    struct error err = { 0 };
    for (uint32_t s = 0; s < n_seq; s++) {
        for (uint32_t i = 0; i < SEQ_PAGES; i++)
            page[s][i] = 1 + (first + s) * SEQ_PAGES + i;
        for (uint32_t i = 0; i < n; i++)
            tok[s * n + i] = (pos + i + s * 31) * 7919 % r->info->n_vocab;
        seq[s] = (struct batch_seq){ .row = s * n, .n_row = n, .pos = pos, .page = page[s] };
        last[s] = s * n + n - 1;
    }
    struct batch b = { .tok = tok, .n_row = n_seq * n, .seq = seq, .n_seq = n_seq,
                       .logit_row = last, .n_logit = n_seq, .keep = way->keep };
    must(r->be->vt->forward(r->be, &b, r->logits, &err), &err);
    if (way->draw)
        draw(r, way, n_seq, pos);
}

static void decode(struct rig *r, const struct way *way, uint32_t n_seq)
{
    double rate[RUNS], kv = (double)r->info->kv_bytes / r->info->n_page / r->info->page_tokens;
    double bytes = (double)r->info->weight_bytes + n_seq * kv * (PROMPT + STEPS / 2.0);
    for (int run = 0; run <= RUNS; run++) {
        uint64_t t0 = clock_ns();
        for (uint32_t i = 0; i < STEPS; i++)
            step(r, way, 0, n_seq, 1, PROMPT + i);
        rate[run ? run - 1 : 0] = (double)n_seq * STEPS * 1e9 / (double)(clock_ns() - t0);
    }
    qsort(rate, RUNS, sizeof *rate, bench_by_value);
    double most = n_seq * r->copy / bytes;
    printf("decode  batch %2u, %-18s: median %9.1f tok/s (%.1f .. %.1f), %.1f MB a step, at most "
           "%.0f: %.1f %%\n", n_seq, way->name, rate[RUNS / 2], rate[0], rate[RUNS - 1],
           bytes / 1e6, most, 100 * rate[RUNS / 2] / most);
}

static void prefill(struct rig *r)
{
    double rate[RUNS];
    for (int run = 0; run <= RUNS; run++) {
        uint64_t t0 = clock_ns();
        step(r, &ways[0], 0, 1, PROMPT, 0);
        rate[run ? run - 1 : 0] = PROMPT * 1e9 / (double)(clock_ns() - t0);
    }
    qsort(rate, RUNS, sizeof *rate, bench_by_value);
    double flop = (double)r->info->weight_bytes;        /* two bytes and two operations a weight */
    printf("prefill %u tokens: median %.0f tok/s (%.0f .. %.0f), at most %.0f: %.1f %%\n", PROMPT,
           rate[RUNS / 2], rate[0], rate[RUNS - 1], r->product / flop,
           100 * rate[RUNS / 2] * flop / r->product);
}

int main(int argc, char **argv)
{
    struct rig r = { 0 };
    struct error err = { 0 };
    if (argc != 2) {
        fprintf(stderr, "usage: gpu MODEL | smollm2-135m | llama-3.1-8b\n");
        return 2;
    }
    open_model(&r, argv[1]);
    must(cuda_ceilings(0, &r.copy, &r.product, &err), &err);
    printf("copy %.2f TB/s, bf16 product %.0f TFLOP/s\n", r.copy / 1e12, r.product / 1e12);
    prefill(&r);
    for (uint32_t s = 0; s < MAX_SEQ; s++)      /* every sequence has its prompt */
        step(&r, &ways[0], s, 1, PROMPT, 0);
    for (uint32_t n = 1; n <= MAX_SEQ; n = n == 1 ? 16 : n * 4)
        for (size_t w = 0; w < sizeof ways / sizeof *ways; w++)
            decode(&r, &ways[w], n);
    backend_close(r.be);
    bundle_close(r.bundle);
    str_free(&r.bytes);
    sampler_free(r.sampler);
    free(r.logits);
    free(r.mask);
    return 0;
}
