/* test_exact.c - logits are bit-equal however they come about, on a small random model.
 *
 * Chunks of 1, 37, 512 and 2,048 rows; alone and in a batch of 64 and more beside constrained and choosing
 * neighbours; with no, a partial and a full hit; without a cache; as a fork; after eviction; after
 * retraction.  Every row of logits of every run is compared with every other of the same history
 * (witness.h), and the tokens of one question with its first answer. */
#include <string.h>

#include "base/alloc.h"
#include "drive.h"
#include "runtime/engine/local.h"
#include "runtime/model/synth.h"
#include "witness.h"

enum { N_BATCH = 96, N_OUT = 24, PROMPT = 1200, N_WORD = 11 };

struct lab {
    struct witness     w;
    struct str         file;
    char              *text;        /* the question */
    struct drive       first;       /* its first answer */
    bool               answered;
    uint64_t           n_evicted, n_retracted, n_copied;
};

static char *prose(uint32_t n_byte, uint32_t salt)
{
    static const char *const word[N_WORD] = { "the ", "lamp ", "and ", "sea ", "keeper ", "12 ",
                                              "no ", "yes ", "wind ", "rock, ", "or.\n" };
    struct str s = {0};
    for (uint32_t i = 0; s.len < n_byte; i++)
        str_adds(&s, word[(i * 7 + salt * 13 + i * i * (salt + 1)) % N_WORD]);
    str_cut(&s, n_byte);
    return str_take(&s);
}

static struct engine *open_lab(struct lab *lab, uint32_t chunk, uint32_t n_page, bool no_cache)
{
    struct bundle *b;
    struct backend *be;
    struct engine *e;
    struct error err;
    struct backend_opts bo = { .n_page = n_page, .max_batch_tok = chunk + N_BATCH,
                               .max_seq = N_BATCH, .n_thread = 1, .device = "cpu" };
    struct engine_opts o = { .max_running = N_BATCH, .check_steps = true, .no_cache = no_cache,
                             .step_tokens = chunk };
    REQUIRE(bundle_open_memory((const uint8_t *)lab->file.ptr, lab->file.len, &b, &err) == ST_OK);
    REQUIRE(backend_open(b, &bo, &be, &err) == ST_OK);
    enum status st = local_open_with(&o, b, witness_new(&lab->w, be), &e, &err);
    if (st != ST_OK)
        fprintf(stderr, "open: %s\n", err.text);
    REQUIRE(st == ST_OK);
    return e;
}

static void close_lab(struct lab *lab, struct engine *e)
{
    struct engine_stats st;
    struct error err = {0};
    if (!engine_check(e, &err))
        fprintf(stderr, "check: %s\n", err.text);
    REQUIRE(!err.text[0]);
    engine_stats(e, &st);
    lab->n_evicted += st.evicted_pages;
    lab->n_retracted += st.retracted;
    lab->n_copied += st.copied_pages;
    engine_unref(e);
    REQUIRE(lab->w.n_differ == 0);
}

static struct session *session_of(struct engine *e)
{
    struct session *s;
    struct error err;
    REQUIRE(session_new(e, NULL, &s, &err) == ST_OK);
    return s;
}

static struct plan *question(struct drive *d, const char *text)
{
    struct plan *p = drive_gen(d, text, N_OUT, 5);
    p->hole.logprobs = true;
    p->hole.ignore_eos = true;
    return p;
}

static void check_answer(struct lab *lab, struct drive *d)
{
    drive_wait(d);
    if (!d->ok)
        fprintf(stderr, "question: %s %s\n", d->error.code, d->error.text);
    REQUIRE(d->ok && d->result->n_token);
    if (!lab->answered) {
        lab->first = *d;
        lab->answered = true;
        return;
    }
    REQUIRE(drive_same(lab->first.result, d->result));
    REQUIRE(lab->first.result->logprob == d->result->logprob);
    drive_free(d);
}

static void ask(struct lab *lab, struct engine *e)
{
    struct session *s = session_of(e);
    struct drive d;
    drive_submit(s, question(&d, lab->text));
    check_answer(lab, &d);
    session_drop(s);
}

/* Something else that begins like the question, or not. */
static struct plan *neighbour(struct lab *lab, struct drive *d, uint32_t i)
{
    static const struct slice option[] = { { "sea", 3 }, { "seaside", 7 }, { "rock", 4 } };
    struct str text = {0};
    char *own = prose(20 + i, i);
    str_add(&text, lab->text, i % 4 ? (i * 97) % 300 : 0);
    str_adds(&text, own);
    char *all = str_take(&text);
    struct plan *p = drive_gen(d, all, N_OUT + i % 13, 90 + i);
    if (i % 5 == 1) {
        p->hole.constrained = true;
        p->hole.constraint = (struct pattern_source){ .kind = PATTERN_REGEX,
                                                      .text = SLICE("\\{\"ab\": [0-9]{1,3}\\}") };
        p->hole.max = 40;
        p->hole.logprobs = true;
    } else if (i % 5 == 2) {
        hole_init(&p->hole, HOLE_SELECT);
        p->hole.option = option;
        p->hole.n_option = 3;
        p->hole.key = rng_key_seed(i);
    }
    mem_free(all);
    mem_free(own);
    return p;
}

static void ask_among(struct lab *lab, struct engine *e)
{
    static struct drive d[N_BATCH];
    struct session *s[N_BATCH];
    for (uint32_t i = 0; i < N_BATCH; i++) {
        bool is_question = i == 0 || i == 37;
        s[i] = session_of(e);
        drive_submit(s[i], is_question ? question(&d[i], lab->text) : neighbour(lab, &d[i], i));
    }
    for (uint32_t i = 0; i < N_BATCH; i++) {
        if (i == 0 || i == 37) {
            check_answer(lab, &d[i]);
        } else {
            drive_wait(&d[i]);
            if (!d[i].ok)
                fprintf(stderr, "neighbour %u: %s %s\n", i, d[i].error.code, d[i].error.text);
            REQUIRE(d[i].ok);
            drive_free(&d[i]);
        }
        session_drop(s[i]);
    }
}

/* The first two thirds are there already, and other ways on. */
static void ask_after_half(struct lab *lab, struct engine *e)
{
    struct drive d;
    struct session *s = session_of(e);
    struct str text = {0};
    str_add(&text, lab->text, PROMPT * 2 / 3);
    str_adds(&text, " quite another end");
    char *all = str_take(&text);
    drive_submit(s, question(&d, all));
    drive_wait(&d);
    REQUIRE(d.ok);
    drive_free(&d);
    session_drop(s);
    mem_free(all);
    ask(lab, e);
}

static void ask_forks(struct lab *lab, struct engine *e)
{
    enum { N = 4 };
    struct drive d[N], whole;
    struct error err;
    struct session *s = session_of(e), *b[N];
    struct plan *p = drive_plan(&whole);
    plan_text(p, PLAN_TEXT, (struct slice){ lab->text, PROMPT - 7 });
    drive_submit(s, p);
    for (int i = 0; i < N; i++) {
        if (!i)
            drive_wait(&whole);
        REQUIRE(session_fork(s, &b[i], &err) == ST_OK);
    }
    drive_free(&whole);
    for (int i = 0; i < N; i++)
        drive_submit(b[i], question(&d[i], lab->text + PROMPT - 7));
    for (int i = 0; i < N; i++) {
        check_answer(lab, &d[i]);
        session_drop(b[i]);
    }
    session_drop(s);
}

/* A pool that holds the question and little more: neighbours push it out, or each other. */
static void ask_in_a_small_pool(struct lab *lab, uint32_t chunk)
{
    struct engine *e = open_lab(lab, chunk, PROMPT / 16 + 12, false);
    for (int i = 0; i < 2; i++) {
        ask(lab, e);
        ask_among(lab, e);
    }
    ask(lab, e);
    close_lab(lab, e);
}

/* Answers that outgrow what admission expected of them: the youngest give their pages up. */
static void ask_where_all_grow(struct lab *lab)
{
    enum { N = 8 };
    struct engine *e = open_lab(lab, 37, PROMPT / 16 + 110, false);
    struct drive d[N], q;
    struct session *s[N], *mine;
    for (uint32_t i = 0; i < N; i++) {
        char *own = prose(100, 40 + i);
        s[i] = session_of(e);
        struct plan *p = drive_gen(&d[i], own, 420, 7 + i);
        p->hole.ignore_eos = true;
        drive_submit(s[i], p);
        mem_free(own);
    }
    mine = session_of(e);
    drive_submit(mine, question(&q, lab->text));
    check_answer(lab, &q);
    for (uint32_t i = 0; i < N; i++) {
        drive_wait(&d[i]);
        REQUIRE(d[i].ok);
        drive_free(&d[i]);
        session_drop(s[i]);
    }
    session_drop(mine);
    close_lab(lab, e);
}

int main(int argc, char **argv)
{
    static const uint32_t chunk[] = { 2048, 512, 37, 1 };
    struct lab lab = {0};
    struct error err;
    struct synth_opts so = synth_defaults(argc > 1 ? argv[1] : "llama", DT_Q8_0, 42);
    so.context = 2048;
    REQUIRE(synth_gguf(&so, &lab.file, &err) == ST_OK);
    lab.text = prose(PROMPT, 3);
    for (int i = 0; i < 4; i++) {
        struct engine *e = open_lab(&lab, chunk[i], 1200, false);
        ask(&lab, e);
        ask(&lab, e);
        ask_among(&lab, e);
        ask_forks(&lab, e);
        close_lab(&lab, e);

        e = open_lab(&lab, chunk[i], 1200, false);
        ask_after_half(&lab, e);
        close_lab(&lab, e);

        e = open_lab(&lab, chunk[i], 1200, i < 2);
        ask_among(&lab, e);
        close_lab(&lab, e);
        ask_in_a_small_pool(&lab, chunk[i]);
    }
    ask_where_all_grow(&lab);
    fprintf(stderr, "%llu histories, %llu met again; batches of %u rows and %u sequences; evicted "
            "%llu, copied %llu, retracted %llu\n", (unsigned long long)lab.w.n_new,
            (unsigned long long)lab.w.n_again, lab.w.max_row, lab.w.max_seq,
            (unsigned long long)lab.n_evicted, (unsigned long long)lab.n_copied,
            (unsigned long long)lab.n_retracted);
    REQUIRE(lab.w.n_again > lab.w.n_new && lab.w.max_seq >= 50);
    REQUIRE(lab.n_evicted > 0 && lab.n_copied > 0 && lab.n_retracted > 0);
    drive_free(&lab.first);
    mem_free(lab.text);
    str_free(&lab.file);
    idmap_free(&lab.w.seen);
    printf("6 passed, 0 failed\n");
    return 0;
}
