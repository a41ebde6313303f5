/* test_backend.c - a forward pass is the same bits alone, batched, in chunks, and after a fork.
 *
 * Tiny random models of every family and element type stand in for a file. */
#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/backend/backend.h"
#include "runtime/model/synth.h"
#include "suites.h"

enum { N_TOK = 300, PAGES = N_TOK / 16 + 1, N_PAGE = 4 * PAGES + 1, BATCH = 320 };

struct rig {
    struct str      bytes;
    struct bundle  *bundle;
    struct backend *be;
    uint32_t        n_vocab;
    uint32_t        tok[N_TOK];
    float          *want;       /* [N_TOK, n_vocab] of the whole prompt in one chunk */
    float          *got;
};

static enum status open_rig(struct rig *r, const struct synth_opts *o, struct error *err)
{
    ck_assert_int_eq(synth_gguf(o, &r->bytes, NULL), ST_OK);
    ck_assert_int_eq(bundle_open_memory((uint8_t *)r->bytes.ptr, r->bytes.len, &r->bundle, NULL),
                     ST_OK);
    struct backend_opts opts = { .n_page = N_PAGE, .max_batch_tok = BATCH, .n_thread = 2,
                                 .device = "cpu" };
    return backend_open(r->bundle, &opts, &r->be, err);
}

static void close_rig(struct rig *r)
{
    backend_close(r->be);
    bundle_close(r->bundle);
    str_free(&r->bytes);
    free(r->want);
    free(r->got);
}

/* Rows pos .. pos + n - 1 of the prompt on pages first_page .. */
static void run_chunk(struct rig *r, uint32_t first_page, uint32_t pos, uint32_t n, float *logits)
{
    uint32_t page[PAGES], row[N_TOK];
    for (uint32_t i = 0; i < PAGES; i++)
        page[i] = first_page + i;
    for (uint32_t i = 0; i < n; i++)
        row[i] = i;
    struct batch_seq seq = { .n_row = n, .pos = pos, .page = page };
    struct batch b = { .tok = r->tok + pos, .n_row = n, .seq = &seq, .n_seq = 1,
                       .logit_row = row, .n_logit = n };
    struct error err = { 0 };
    ck_assert_msg(r->be->vt->forward(r->be, &b, logits, &err) == ST_OK, "%s", err.text);
}

static struct rig rig_for(const char *arch, enum dtype t)
{
    struct rig r = { 0 };
    struct error err = { 0 };
    struct synth_opts o = synth_defaults(arch, t, 99);
    ck_assert_msg(open_rig(&r, &o, &err) == ST_OK, "%s", err.text);
    r.n_vocab = r.be->vt->info(r.be)->n_vocab;
    for (uint32_t i = 0; i < N_TOK; i++)
        r.tok[i] = (i * 89 + i / 7) % r.n_vocab;
    r.want = malloc((size_t)N_TOK * r.n_vocab * sizeof *r.want);
    r.got = malloc((size_t)BATCH * r.n_vocab * sizeof *r.got);
    run_chunk(&r, 1, 0, N_TOK, r.want);
    return r;
}

static void check_rows(const struct rig *r, const float *got, uint32_t pos, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        ck_assert_msg(memcmp(got + (size_t)i * r->n_vocab, r->want + (size_t)(pos + i) * r->n_vocab,
                             r->n_vocab * sizeof *got) == 0, "row %u differs", pos + i);
}

static void check_sane(const struct rig *r)
{
    double least = 1e9, most = -1e9;
    for (size_t i = 0; i < (size_t)N_TOK * r->n_vocab; i++) {
        ck_assert(isfinite(r->want[i]));
        least = r->want[i] < least ? r->want[i] : least;
        most = r->want[i] > most ? r->want[i] : most;
    }
    ck_assert(most - least > 1);        /* not flat */
}

static void chunks_of(struct rig *r, uint32_t size)
{
    for (uint32_t pos = 0; pos < N_TOK; pos += size) {
        uint32_t n = N_TOK - pos < size ? N_TOK - pos : size;
        run_chunk(r, 1 + PAGES, pos, n, r->got);
        check_rows(r, r->got, pos, n);
    }
}

START_TEST(chunking_changes_nothing)
{
    static const char *const arch[] = { "llama", "qwen2", "qwen3" };
    struct rig r = rig_for(arch[_i % 3], (enum dtype)(_i / 3));
    check_sane(&r);
    chunks_of(&r, 37);
    chunks_of(&r, 16);
    if (_i % 3 == 0)
        chunks_of(&r, 1);
    close_rig(&r);
}
END_TEST

/* Windows, caps, norms behind, layers without rotation, fused tensors. */
START_TEST(chunking_of_other_families)
{
    static const char *const arch[] = { "smollm3", "phi3", "gemma2", "gemma3" };
    static const enum dtype type[] = { DT_F16, DT_Q8_0, DT_Q6_K };
    struct rig r = rig_for(arch[_i / 3], type[_i % 3]);
    check_sane(&r);
    chunks_of(&r, 37);
    if (_i % 3 == 0)
        chunks_of(&r, 1);
    close_rig(&r);
}
END_TEST

/* What lies before a window is not seen: other tokens there change nothing behind two windows. */
START_TEST(windows_end)
{
    struct rig r = rig_for("phi3", DT_F32);
    struct rig y = rig_for("llama", DT_F32);
    for (uint32_t i = 0; i < 100; i++)
        r.tok[i] = y.tok[i] = (i * 7 + 3) % r.n_vocab;
    run_chunk(&r, 1 + PAGES, 0, N_TOK, r.got);
    run_chunk(&y, 1 + PAGES, 0, N_TOK, y.got);
    size_t n = r.n_vocab * sizeof *r.got, at = (size_t)(99 + 2 * 40 - 2) * r.n_vocab;
    ck_assert(memcmp(r.got + at, r.want + at, n) != 0);     /* two layers reach 78 tokens back */
    for (uint32_t i = 99 + 2 * 40 - 1; i < N_TOK; i++)
        check_rows(&r, r.got + (size_t)i * r.n_vocab, i, 1);
    at = (size_t)(N_TOK - 1) * r.n_vocab;
    ck_assert(memcmp(y.got + at, y.want + at, n) != 0);     /* without a window all is seen */
    close_rig(&r);
    close_rig(&y);
}
END_TEST

/* A decode row, a chunk that shares the decode row's full pages, and another sequence at once. */
START_TEST(neighbours_change_nothing)
{
    struct rig r = rig_for("llama", DT_Q4_1);
    uint32_t mine[PAGES], shared[PAGES], other[PAGES], row[BATCH], tok[BATCH];
    for (uint32_t i = 0; i < PAGES; i++) {
        mine[i] = 1 + i;
        shared[i] = i < 4 ? 1 + i : 1 + PAGES + i;
        other[i] = 1 + 2 * PAGES + i;
    }
    struct batch_seq seq[] = {
        { .row = 0, .n_row = 1, .pos = N_TOK - 1, .page = mine },
        { .row = 1, .n_row = 101, .pos = 64, .page = shared },
        { .row = 102, .n_row = 90, .pos = 0, .page = other },
    };
    uint32_t n = 0;
    for (int s = 0; s < 3; s++)
        for (uint32_t i = 0; i < seq[s].n_row; i++, n++) {
            tok[n] = r.tok[seq[s].pos + i];
            row[n] = n;
        }
    struct batch b = { .tok = tok, .n_row = n, .seq = seq, .n_seq = 3, .logit_row = row,
                       .n_logit = n };
    ck_assert_int_eq(r.be->vt->forward(r.be, &b, r.got, NULL), ST_OK);
    for (int s = 0; s < 3; s++)
        check_rows(&r, r.got + (size_t)seq[s].row * r.n_vocab, seq[s].pos, seq[s].n_row);
    close_rig(&r);
}
END_TEST

START_TEST(copied_page_goes_on)
{
    struct rig r = rig_for("llama", DT_Q8_0);
    uint32_t page[PAGES];
    for (uint32_t i = 0; i < PAGES; i++)
        page[i] = i < 6 ? 1 + i : 1 + PAGES + i;        /* six whole pages shared, */
    r.be->vt->copy_page(r.be, page[6], 1 + 6, 5);       /* five tokens of the seventh copied */
    struct batch_seq seq = { .n_row = 40, .pos = 6 * 16 + 5, .page = page };
    uint32_t row[40];
    for (uint32_t i = 0; i < 40; i++)
        row[i] = i;
    struct batch b = { .tok = r.tok + seq.pos, .n_row = 40, .seq = &seq, .n_seq = 1,
                       .logit_row = row, .n_logit = 40 };
    ck_assert_int_eq(r.be->vt->forward(r.be, &b, r.got, NULL), ST_OK);
    check_rows(&r, r.got, seq.pos, 40);
    close_rig(&r);
}
END_TEST

START_TEST(levels_agree)
{
    static const char *const level[] = { "scalar", "avx2", "avxvnni", "avx512" };
    static const char *const arch[] = { "qwen3", "smollm3", "gemma2", "gemma3" };
    float *first = NULL;
    for (size_t i = 0; i < sizeof level / sizeof *level; i++) {
        struct rig r = { 0 };
        struct synth_opts o = synth_defaults(arch[_i], DT_Q6_K, 5);
        struct error err = { 0 };
        setenv("SGL_CPU_LEVEL", level[i], 1);
        enum status st = open_rig(&r, &o, &err);
        if (st == ST_OK) {
            r.n_vocab = r.be->vt->info(r.be)->n_vocab;
            for (uint32_t j = 0; j < N_TOK; j++)
                r.tok[j] = j * 31 % r.n_vocab;
            size_t n = (size_t)N_TOK * r.n_vocab * sizeof(float);
            r.got = malloc(n);
            run_chunk(&r, 1, 0, N_TOK, r.got);
            if (first) {
                ck_assert(memcmp(first, r.got, n) == 0);
            } else {
                first = r.got;
                r.got = NULL;
            }
        } else {
            ck_assert_int_eq(st, ST_UNSUPPORTED);
        }
        close_rig(&r);
    }
    unsetenv("SGL_CPU_LEVEL");
    ck_assert_ptr_nonnull(first);
    free(first);
}
END_TEST

START_TEST(refusals)
{
    struct rig r = rig_for("llama", DT_F16);
    uint32_t page[40] = { 1, 2, N_PAGE }, tok[2] = { 1, r.n_vocab }, row[2] = { 0, 7 };
    struct batch_seq seq = { .n_row = 1, .pos = 0, .page = page };
    struct batch b = { .tok = tok, .n_row = 1, .seq = &seq, .n_seq = 1, .logit_row = row,
                       .n_logit = 1 };
    struct error err = { 0 };
    ck_assert_int_eq(r.be->vt->forward(r.be, &b, r.got, &err), ST_OK);
    seq.pos = 512;
    ck_assert_int_eq(r.be->vt->forward(r.be, &b, r.got, &err), ST_LIMIT);
    seq.pos = 32;
    ck_assert_int_eq(r.be->vt->forward(r.be, &b, r.got, &err), ST_INTERNAL);    /* page 2 */
    seq.pos = 0;
    b.tok = tok + 1;
    ck_assert_int_eq(r.be->vt->forward(r.be, &b, r.got, &err), ST_INVALID);
    b.tok = tok;
    b.logit_row = row + 1;
    ck_assert_int_eq(r.be->vt->forward(r.be, &b, r.got, &err), ST_INTERNAL);
    close_rig(&r);

    struct rig x = { 0 };
    struct synth_opts o = synth_defaults("mamba", DT_F32, 1);
    ck_assert_int_eq(open_rig(&x, &o, &err), ST_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.text, "mamba"));
    close_rig(&x);

    struct backend *be = NULL;
    struct rig y = rig_for("llama", DT_F32);
    struct backend_opts opts = { .device = "tpu" };
    ck_assert_int_eq(backend_open(y.bundle, &opts, &be, &err), ST_UNSUPPORTED);
    opts.device = "cuda:one";
    ck_assert_int_eq(backend_open(y.bundle, &opts, &be, &err), ST_INVALID);
    opts.device = "cuda:200";       /* no build, no driver or no such GPU */
    enum status st = backend_open(y.bundle, &opts, &be, &err);
    ck_assert(st == ST_UNSUPPORTED || st == ST_NOT_FOUND);
    opts = (struct backend_opts){ .device = "auto", .n_page = N_PAGE };
    ck_assert_int_eq(backend_open(y.bundle, &opts, &be, &err), ST_OK);
    ck_assert_ptr_nonnull(strpbrk(be->vt->info(be)->device, "("));
    backend_close(be);
    close_rig(&y);
}
END_TEST

Suite *suite_backend(void)
{
    Suite *s = suite_create("backend");
    TCase *t = tcase_create("cpu");
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, chunking_changes_nothing, 0, 3 * DT_N);
    tcase_add_test(t, neighbours_change_nothing);
    tcase_add_test(t, copied_page_goes_on);
    tcase_add_loop_test(t, chunking_of_other_families, 0, 12);
    tcase_add_test(t, windows_end);
    tcase_add_loop_test(t, levels_agree, 0, 4);
    tcase_add_test(t, refusals);
    suite_add_tcase(s, t);
    return s;
}
