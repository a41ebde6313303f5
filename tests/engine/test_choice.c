/* test_choice.c - the known answers of select and score, from a model whose logits are known.
 *
 *      It is a --.-- " cat" -.-- (end -2.6)          cat        -0.9
 *          -0.9  |     -1.2  `-- "s" (end -0.1)      cats       -0.9 -1.2
 *                |-- " dog" ---- "s" (end -0.2)      dogs       -1.0 -1.6
 *                `-- " w" - "x" - "y" - "z" (-0.05)  wxyz       -2.0 -0.2 -0.1 -0.1
 *
 * The device gives each row behind these histories just these log-probabilities and leaves the rest
 * of the mass to a letter that begins nothing.  Expected numbers are worked out by hand from the
 * language's rules; rows that the device computed are counted. */
#include <math.h>
#include <string.h>

#include "fake_engine.h"
#include "fake_model.h"
#include "runtime/tokenizer/tokenizer.h"

enum { N_OPTION = 4 };

/* Ids of the tokens that stand in the picture, by letters: C " cat", D " dog", W " w". */
static const char letters[] = "CDWsxyzq,";
static const char *const token_text[] = { " cat", " dog", " w", "s", "x", "y", "z", "q", "," };
enum { N_LETTER = sizeof token_text / sizeof *token_text };

/* What may follow `path`.  `end` is the mass of what ends an option: the share `turn` of it ends the
 * turn, the rest is a comma. */
struct known_row {
    const char *path;
    const char *next;
    double      lp[3];
    double      end, turn;
};

static const struct known_row in_context[] = {
    { "", "CDW", { -0.9, -1.0, -2.0 }, 0, 0 },
    { "C", "s", { -1.2 }, -2.6, 0.25 },
    { "Cs", "", { 0 }, -0.1, 0.5 },
    { "D", "s", { -1.6 }, 0, 0 },
    { "Ds", "", { 0 }, -0.2, 0.75 },
    { "W", "x", { -0.2 }, 0, 0 },
    { "Wx", "y", { -0.1 }, 0, 0 },
    { "Wxy", "z", { -0.1 }, 0, 0 },
    { "Wxyz", "", { 0 }, -0.05, 0.9 },
    { "C,", "s", { -0.3 }, 0, 0 },          /* " cat,s": a comma leads on there */
    { "C,s", "", { 0 }, -0.4, 1 },
    { NULL, NULL, { 0 }, 0, 0 },
};
static const struct known_row alone[] = {
    { "C", "s", { -0.5 }, 0, 0 },
    { "D", "s", { -3.0 }, 0, 0 },
    { "W", "x", { -0.3 }, 0, 0 },
    { "Wx", "y", { -0.2 }, 0, 0 },
    { "Wxy", "z", { -0.2 }, 0, 0 },
    { NULL, NULL, { 0 }, 0, 0 },
};
static const struct known_row tie[] = {
    { "", "CD", { -1.0, -1.0 }, 0, 0 },
    { "C", "s", { -1.0 }, -0.9, 0.5 },
    { "D", "s", { -1.0 }, -0.9, 0.5 },
    { NULL, NULL, { 0 }, 0, 0 },
};

struct known {
    uint32_t                id[N_LETTER];   /* set before the first plan */
    uint32_t                n_vocab;
    const struct known_row *in_context;
};

static double *place(const struct known *k, double *p, char letter)
{
    return &p[k->id[strchr(letters, letter) - letters]];
}

static void fill_row(const struct known *k, const struct known_row *row, float *out)
{
    double p[1024] = { 0 }, rest = 1;
    REQUIRE(k->n_vocab <= 1024);
    for (int i = 0; row->next[i]; i++)
        *place(k, p, row->next[i]) += exp(row->lp[i]);
    if (row->end < 0) {
        p[FAKE_IM_END] = exp(row->end) * row->turn;
        *place(k, p, ',') += exp(row->end) * (1 - row->turn);
    }
    for (uint32_t id = 0; id < k->n_vocab; id++)
        rest -= p[id];
    *place(k, p, 'q') += rest;
    for (uint32_t id = 0; id < k->n_vocab; id++)
        out[id] = p[id] > 0 ? (float)log(p[id]) : -80.0f;
}

/* The path is what stands from the first " cat", " dog" or " w" on. */
static void known_logits(const void *ctx, const uint32_t *tok, uint32_t n_tok, float *out)
{
    const struct known *k = ctx;
    char path[8] = "";
    uint32_t from = 0, len = 0;
    while (from < n_tok && tok[from] != k->id[0] && tok[from] != k->id[1] && tok[from] != k->id[2])
        from++;
    for (uint32_t i = from; i < n_tok && len + 1 < sizeof path; i++)
        for (int l = 0; l < N_LETTER; l++)
            if (tok[i] == k->id[l])
                path[len++] = letters[l];
    path[len] = '\0';
    const struct known_row *row = from == 0 ? alone : k->in_context;
    while (row->path && strcmp(row->path, path) != 0)
        row++;
    if (row->path) {
        fill_row(k, row, out);
        return;
    }
    for (uint32_t id = 0; id < k->n_vocab; id++)
        out[id] = 0;                            /* nobody asks what stands here */
}

/* ---- asking ---- */

struct bench {
    struct known    known;
    struct engine  *e;
    struct backend *device;
};

static uint32_t only_token(struct engine *e, const char *text)
{
    struct token_list tok = { 0 };
    struct error err;
    REQUIRE(engine_encode(e, slice_of(text), false, &tok, &err) == ST_OK);
    REQUIRE(tok.n == 1);
    uint32_t id = tok.id[0];
    token_list_free(&tok);
    return id;
}

static void open_known(struct bench *b, const struct fake_opts *like)
{
    struct fake_opts f = *like;
    memset(b, 0, sizeof *b);
    b->known.in_context = in_context;
    f.known = known_logits;
    f.known_ctx = &b->known;
    b->e = fake_engine_open(&f, NULL, &b->device);
    b->known.n_vocab = engine_info(b->e)->n_vocab;
    for (int l = 0; l < N_LETTER; l++)
        b->known.id[l] = only_token(b->e, token_text[l]);
}

static void close_known(struct bench *b)
{
    fake_check_idle(b->e);
    engine_unref(b->e);
}

static const struct slice animal[N_OPTION] = {
    { " cat", 4 }, { " cats", 5 }, { " dogs", 5 }, { " wxyz", 5 },
};

struct question {
    enum hole_kind      kind;
    enum select_by      by;
    enum hole_next      next;
    const char         *context;        /* NULL: "It is a" */
    const struct slice *option;         /* NULL: animal */
    uint32_t            n_option;
    double              temp;           /* 0: 1 */
    uint64_t            seed;
};

/* In session s; returns rows that the device computed for it. */
static uint32_t ask(struct bench *b, struct session *s, const struct question *q, struct drive *d)
{
    uint64_t before = fake_backend_rows(b->device);
    struct plan *p = drive_plan(d);
    plan_text(p, PLAN_TEXT, slice_of(q->context ? q->context : "It is a"));
    hole_init(&p->hole, q->kind);
    p->hole.option = q->option ? q->option : animal;
    p->hole.n_option = q->option ? q->n_option : N_OPTION;
    p->hole.by = q->by;
    p->hole.next = q->next;
    p->hole.follow = q->next == NEXT_TEXT ? SLICE(", he") : (struct slice){ 0 };
    p->hole.temp = q->temp > 0 ? q->temp : 1;
    p->hole.key = rng_key_seed(q->seed);
    drive_submit(s, p);
    drive_wait(d);
    if (!d->ok)
        fprintf(stderr, "choice: %s %s\n", d->error.code, d->error.text);
    REQUIRE(d->ok);
    return (uint32_t)(fake_backend_rows(b->device) - before);
}

static void expect(struct bench *b, const struct question *q, uint32_t chosen, const double *prob)
{
    struct drive d;
    struct session *s = fake_session(b->e);
    ask(b, s, q, &d);
    if (q->kind == HOLE_SELECT)
        REQUIRE(d.result->option == chosen);
    for (uint32_t i = 0; prob && i < d.result->n_prob; i++) {
        if (fabs(d.result->prob[i] - prob[i]) > 1e-6)
            fprintf(stderr, "by %d, option %u: %.9f, by hand %.9f\n", q->by, i, d.result->prob[i],
                    prob[i]);
        REQUIRE(fabs(d.result->prob[i] - prob[i]) <= 1e-6);
    }
    drive_free(&d);
    session_drop(s);
}

/* ---- the tests ---- */

static const double joint[] = { 0.104814107, 0.384594053, 0.211069691, 0.299522149 };

static void test_known_answers(const struct fake_opts *like)
{
    static const double mean[] = { 0.257673064, 0.221781261, 0.172723420, 0.347822255 };
    static const double pmi[] = { 0.148868204, 0.164524810, 0.447224801, 0.239382186 };
    static const double first[] = { 1, 0, 0, 0 };
    struct bench b;
    open_known(&b, like);
    for (int kind = HOLE_SELECT; kind <= HOLE_SCORE; kind++) {
        enum hole_kind k = (enum hole_kind)kind;
        expect(&b, &(struct question){ .kind = k, .by = BY_JOINT }, 1, joint);
        expect(&b, &(struct question){ .kind = k, .by = BY_MEAN }, 3, mean);
        expect(&b, &(struct question){ .kind = k, .by = BY_PMI }, 2, pmi);
    }
    expect(&b, &(struct question){ .kind = HOLE_SELECT, .by = BY_GREEDY }, 0, first);
    close_known(&b);
}

/* What decides the end: known text behind, the end of the turn, or the classes of tokens. */
static void test_ends(void)
{
    static const double turn[] = { 0.040539343, 0.297501750, 0.244908634, 0.417050273 };
    static const double text[] = { 0.222297861, 0.543784534, 0.149217640, 0.084699964 };
    static const struct slice longer[] = { { " cat", 4 }, { " cat,s", 6 } };
    static const double leads[] = { 0.401646, 0.598354 };   /* 0.25 : 0.75 exp(-0.7) */
    struct bench b;
    open_known(&b, &fake_plain);
    expect(&b, &(struct question){ .kind = HOLE_SELECT, .next = NEXT_TURN_END }, 3, turn);
    expect(&b, &(struct question){ .kind = HOLE_SELECT, .next = NEXT_TEXT }, 1, text);
    expect(&b, &(struct question){ .kind = HOLE_SELECT, .option = longer, .n_option = 2 }, 1,
           leads);
    close_known(&b);
}

static void test_ties(void)
{
    static const struct slice both[] = { { " cat", 4 }, { " dog", 4 } };
    static const struct slice turned[] = { { " dog", 4 }, { " cat", 4 } };
    static const double half[] = { 0.5, 0.5 };
    struct bench b;
    open_known(&b, &fake_plain);
    b.known.in_context = tie;
    for (int by = BY_JOINT; by <= BY_MEAN; by++) {
        struct question q = { .kind = HOLE_SELECT, .by = (enum select_by)by, .option = both,
                              .n_option = 2 };
        expect(&b, &q, 0, half);
        q.option = turned;
        expect(&b, &q, 0, half);
    }
    close_known(&b);
}

/* A draw takes the first option at which the sum of probabilities passes the number drawn. */
static void test_draws(void)
{
    static const struct {
        double temp, prob[N_OPTION];
    } at[] = {
        { 0.5, { 0.037474085, 0.504541262, 0.151964908, 0.306019745 } },
        { 1, { 0.104814107, 0.384594053, 0.211069691, 0.299522149 } },
        { 2, { 0.165973252, 0.317928540, 0.235527256, 0.280570952 } },
    };
    struct bench b;
    uint32_t n[N_OPTION] = { 0 };
    open_known(&b, &fake_plain);
    for (int t = 0; t < 3; t++) {
        for (uint64_t seed = 0; seed < 100; seed++) {
            double u = rng_unit(rng_key_seed(seed), 0), sum = 0;
            uint32_t chosen = N_OPTION - 1;
            bool near = false;
            for (uint32_t i = N_OPTION; i-- > 0;) {
                sum = 0;
                for (uint32_t k = 0; k <= i; k++)
                    sum += at[t].prob[k];
                near = near || fabs(u - sum) < 1e-6;
                chosen = u < sum ? i : chosen;
            }
            if (near)
                continue;           /* nearer than the digits above */
            n[chosen]++;
            expect(&b, &(struct question){ .kind = HOLE_SELECT, .by = BY_SAMPLE, .seed = seed,
                                           .temp = at[t].temp },
                   chosen, at[t].prob);
        }
    }
    REQUIRE(n[0] && n[1] && n[2] && n[3]);
    expect(&b, &(struct question){ .kind = HOLE_SELECT, .by = BY_SAMPLE, .temp = 1e-9 }, 1, joint);
    close_known(&b);
}

/* Every node of the trie is one row at most, the context is read once, and asking again computes its
 * last token alone, whose logits are needed. */
static void test_rows(const struct fake_opts *like)
{
    static const uint32_t row[] = {
        [BY_JOINT] = 8, [BY_SAMPLE] = 8,    /* the ends count: every node */
        [BY_MEAN] = 5, [BY_GREEDY] = 5,     /* the nodes before the last of each option */
        [BY_PMI] = 10,                      /* these twice */
    };
    struct bench b;
    for (int by = BY_JOINT; by <= BY_SAMPLE; by++) {
        struct question q = { .kind = by == BY_GREEDY ? HOLE_SELECT : HOLE_SCORE,
                              .by = (enum select_by)by };
        struct drive d;
        open_known(&b, like);
        struct session *s = fake_session(b.e);
        uint32_t n = ask(&b, s, &q, &d);
        uint32_t n_context = d.result->n_prompt;
        REQUIRE(n == n_context + row[by]);
        drive_free(&d);
        if (q.kind == HOLE_SCORE) {
            REQUIRE(session_n_tok(s) == n_context);         /* score appends nothing */
            q.context = "";
            n = ask(&b, s, &q, &d);
            REQUIRE(n == 1 + row[by]);
            drive_free(&d);
        }
        session_drop(s);
        close_known(&b);
    }
}

/* The chosen path stays: what follows is computed alone. */
static void test_stays(void)
{
    struct bench b;
    struct drive d, after;
    open_known(&b, &fake_plain);
    struct session *s = fake_session(b.e);
    ask(&b, s, &(struct question){ .kind = HOLE_SELECT }, &d);
    uint32_t n_tok = session_n_tok(s);
    REQUIRE(n_tok == d.result->n_prompt + 2);               /* " cat" "s" */
    uint64_t before = fake_backend_rows(b.device);
    struct plan *p = drive_plan(&after);
    plan_text(p, PLAN_TEXT, SLICE(", q"));
    p->prefill = true;
    drive_submit(s, p);
    drive_wait(&after);
    REQUIRE(after.ok);
    REQUIRE(fake_backend_rows(b.device) - before == session_n_tok(s) - n_tok);
    drive_free(&d);
    drive_free(&after);
    session_drop(s);
    close_known(&b);
}

/* A blank before the options is taken back: the same tokens, the same numbers to the bit. */
static void test_boundary(void)
{
    static const struct slice bare[] = { { "cat", 3 }, { "cats", 4 }, { "dogs", 4 }, { "wxyz", 4 } };
    struct bench b;
    struct drive x, y;
    open_known(&b, &fake_plain);
    for (int by = BY_JOINT; by <= BY_SAMPLE; by++) {
        struct session *s = fake_session(b.e), *t = fake_session(b.e);
        struct question q = { .kind = HOLE_SELECT, .by = (enum select_by)by, .seed = 5 };
        ask(&b, s, &q, &x);
        q.context = "It is a ";
        q.option = bare;
        q.n_option = N_OPTION;
        ask(&b, t, &q, &y);
        REQUIRE(x.result->option == y.result->option);
        REQUIRE(memcmp(x.result->prob, y.result->prob, N_OPTION * sizeof(double)) == 0);
        drive_free(&x);
        drive_free(&y);
        session_drop(s);
        session_drop(t);
    }
    close_known(&b);
}

int main(void)
{
    static const struct fake_opts small = { .context = 256, .page_tokens = 4, .n_page = 40,
                                            .max_batch_tok = 3, .max_seq = 2,
                                            .end_token = FAKE_IM_END };
    test_known_answers(&fake_plain);
    test_known_answers(&small);
    test_ends();
    test_ties();
    test_draws();
    test_rows(&fake_plain);
    test_rows(&small);
    test_stays();
    test_boundary();
    printf("9 passed, 0 failed\n");
    return 0;
}
