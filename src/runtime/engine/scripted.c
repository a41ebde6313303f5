/* scripted.c - an engine without a model: a callback answers every hole, here and now.
 *
 * It keeps what a program's `.text` would show of each context: raw text, or one line
 * `role: text` a turn.  A token is 4 bytes of data, begun; turns cost nothing.  Submit answers
 * through the sink before it returns, so holes are answered in program order and nothing runs
 * ahead - unless plans are held: then they gather in a list behind a mutex, and whoever drives the
 * test answers them one by one in an order drawn from a seed.  There is no thread here.
 *
 * History is a list of snapshots, one an operation: a mark is an index, rolling back restores. */
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "runtime/engine/engine_int.h"

enum { SCRIPTED_TOKEN_BYTES = 4, SCRIPTED_CONTEXT = 1 << 20 };

/* The transcript after an operation. */
struct snapshot {
    size_t   text_len;
    uint64_t n_byte;        /* data bytes so far: tokens are counted from them */
    bool     in_turn;
    bool     between;       /* a turn was closed and nothing came behind it */
};

struct scripted {
    struct engine base;
    scripted_fn   answer;
    void         *ctx;
    atomic_ullong n_request, n_failed, n_prompt, n_generated, n_fork;

    pthread_mutex_t lock;       /* of what follows */
    bool          hold;
    struct rng_key key;
    uint64_t      n_drawn;
    struct held  *held;
    uint32_t      n_held, cap_held;
};

struct held {
    struct session *session;
    struct plan    *plan;
};

struct scripted_session {
    struct session   base;
    struct str       text;
    struct snapshot *snap;      /* [n_snap], snap[i] after operation i */
    uint32_t         n_snap, cap_snap;
    bool             held;      /* its plan is in the engine's list */
};

static struct scripted *scripted_of(struct engine *e)
{
    return (struct scripted *)e;
}

static struct scripted_session *session_of(struct session *s)
{
    return (struct scripted_session *)s;
}

static struct snapshot now(const struct scripted_session *s)
{
    return s->n_snap ? s->snap[s->n_snap - 1] : (struct snapshot){0};
}

static uint32_t token_count(uint64_t n_byte)
{
    return (uint32_t)((n_byte + SCRIPTED_TOKEN_BYTES - 1) / SCRIPTED_TOKEN_BYTES);
}

static enum status keep(struct scripted_session *s, struct snapshot after, struct error *err)
{
    struct snapshot *slot = array_push(&s->snap, &s->n_snap, &s->cap_snap, sizeof *slot);
    if (!slot || s->text.failed)
        return error_nomem(err);
    after.text_len = s->text.len;
    *slot = after;
    return ST_OK;
}

static enum status append_data(struct scripted_session *s, struct slice bytes, struct error *err)
{
    struct snapshot at = now(s);
    if (at.between && bytes.len)
        str_addc(&s->text, '\n');
    str_add_slice(&s->text, bytes);
    at.between = at.between && !bytes.len;
    at.n_byte += bytes.len;
    return keep(s, at, err);
}

static enum status append_op(struct scripted_session *s, const struct plan_op *op,
                             struct error *err)
{
    struct snapshot at = now(s);

    switch (op->kind) {
    case PLAN_TEXT:
    case PLAN_MARKUP:
        return append_data(s, op->bytes, err);
    case PLAN_TOKENS:
        return error_code(err, ST_UNSUPPORTED, "R0705", "a scripted engine has no token ids");
    case PLAN_CONTROL:
    case PLAN_SEAL:
        return keep(s, at, err);
    case PLAN_TURN_OPEN:
        if (s->text.len)
            str_addc(&s->text, '\n');
        str_addf(&s->text, "%s: ", plan_role_name(op->role));
        at.in_turn = true;
        at.between = false;
        return keep(s, at, err);
    case PLAN_TURN_CLOSE:
        at.in_turn = false;
        at.between = true;
        return keep(s, at, err);
    }
    return error_set(err, ST_INTERNAL, "unknown plan operation %d", (int)op->kind);
}

/* Tokens of a value: pieces of 4 bytes, with their places in the text. */
static void cut_tokens(struct plan_result *r)
{
    uint32_t n = token_count(r->text.len);
    r->token = arena_array(&r->arena, n ? n : 1, sizeof *r->token);
    if (!r->token)
        return;
    for (uint32_t i = 0; i < n; i++) {
        size_t off = (size_t)i * SCRIPTED_TOKEN_BYTES;
        size_t left = r->text.len - off;
        r->token[i].text_off = (uint32_t)off;
        r->token[i].text_len = left < SCRIPTED_TOKEN_BYTES ? (uint32_t)left : SCRIPTED_TOKEN_BYTES;
    }
    r->n_token = n;
    r->n_generated = n;
    r->token_text = r->text;
}

static void stream_chunks(struct plan *p, struct slice text)
{
    size_t sent = 0;
    while (sent < text.len) {
        size_t end = sent + SCRIPTED_TOKEN_BYTES;
        end = end < text.len ? end : text.len;
        while (end < text.len && ((unsigned char)text.ptr[end] & 0xc0) == 0x80)
            end++;
        struct plan_event ev = {
            .kind = PLAN_CHUNK,
            .user = p->user,
            .chunk = slice_sub(text, sent, end - sent),
        };
        p->sink(p->sink_ctx, &ev);
        sent = end;
    }
}

static uint32_t best_option(const double *prob, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++) {
        if (prob[i] > prob[best])
            best = i;
    }
    return best;
}

/* select and score: which option the answer means, and the probabilities of all. */
static enum status pick_option(const struct hole *h, const struct scripted_answer *a,
                               struct plan_result *r, struct error *err)
{
    r->prob = arena_array(&r->arena, h->n_option ? h->n_option : 1, sizeof *r->prob);
    if (!r->prob)
        return error_nomem(err);
    r->n_prob = h->n_option;
    if (a->prob)
        memcpy(r->prob, a->prob, h->n_option * sizeof *r->prob);
    if (a->prob && !a->text.len) {
        r->option = best_option(a->prob, h->n_option);
        r->text = arena_slice(&r->arena, h->option[r->option]);
        return ST_OK;
    }
    for (uint32_t i = 0; i < h->n_option; i++) {
        if (!slice_eq(h->option[i], a->text))
            continue;
        r->option = i;
        if (!a->prob)
            r->prob[i] = 1;
        r->text = arena_slice(&r->arena, a->text);
        return ST_OK;
    }
    return error_code(err, ST_FAILED, "R0801", "the mock answer \"%.*s\" is none of the options",
                      (int)(a->text.len < 64 ? a->text.len : 64), a->text.ptr);
}

static enum status answer_hole(struct scripted_session *s, struct plan *p, struct plan_result *r,
                               struct error *err)
{
    struct scripted *e = scripted_of(s->base.engine);
    const struct hole *h = &p->hole;
    struct scripted_answer a = {0};
    struct scripted_hole at = { .hole = h, .context = str_slice(&s->text) };
    enum status st = e->answer(e->ctx, &at, &r->arena, &a, err);
    if (st != ST_OK)
        return st;

    if (h->kind != HOLE_GEN) {
        st = pick_option(h, &a, r, err);
        if (st != ST_OK)
            return st;
        r->finish = FINISH_COMPLETE;
        return h->kind == HOLE_SELECT ? append_data(s, r->text, err) : ST_OK;
    }
    r->text = arena_slice(&r->arena, a.text);
    r->finish = h->constrained ? FINISH_COMPLETE : FINISH_EOS;
    if (h->cut && h->max && token_count(r->text.len) > h->max) {
        r->text = slice_sub(r->text, 0, (size_t)h->max * SCRIPTED_TOKEN_BYTES);
        r->text.len = utf8_whole(r->text);
        r->finish = FINISH_LENGTH;
    }
    cut_tokens(r);
    if (r->arena.failed)
        return error_nomem(err);
    if (h->strict && !h->cut && h->max && r->n_token > h->max)
        return error_code(err, ST_FAILED, "R0401", "the value is not complete after %u tokens",
                          h->max);
    if (h->stream)
        stream_chunks(p, r->text);
    atomic_fetch_add(&e->n_generated, r->n_token);
    return append_data(s, r->text, err);
}

static enum status run_plan(struct scripted_session *s, struct plan *p, struct plan_result *r,
                            struct error *err)
{
    struct scripted *e = scripted_of(s->base.engine);
    uint32_t before = token_count(now(s).n_byte);
    for (uint32_t i = 0; i < p->n_op; i++) {
        enum status st = append_op(s, &p->op[i], err);
        if (st != ST_OK)
            return st;
    }
    r->n_prompt = token_count(now(s).n_byte);
    r->stop_token = TOKEN_NONE;
    atomic_fetch_add(&e->n_prompt, r->n_prompt - before);
    if (p->hole.kind != HOLE_NONE) {
        enum status st = answer_hole(s, p, r, err);
        if (st != ST_OK)
            return st;
    }
    r->n_tok = token_count(now(s).n_byte);
    r->n_charged = r->n_tok - before;
    if (p->hole.n_option)           /* the chosen one is a path of the trie, and counted there */
        r->n_charged = r->n_prompt - before + plan_trie_nodes(p->hole.option, p->hole.n_option);
    return r->arena.failed ? error_nomem(err) : ST_OK;
}

/* Takes the plan. */
static void answer_plan(struct scripted_session *s, struct plan *p)
{
    struct scripted *e = scripted_of(s->base.engine);
    struct plan_event ev = { .kind = PLAN_FAILED, .user = p->user };

    struct plan_result *r = mem_zalloc(sizeof *r);
    enum status st = r ? run_plan(s, p, r, &ev.error) : error_nomem(&ev.error);
    if (st == ST_OK) {
        ev.kind = PLAN_DONE;
        ev.result = r;
    } else {
        atomic_fetch_add(&e->n_failed, 1);
        plan_result_free(r);
    }
    p->sink(p->sink_ctx, &ev);
    plan_free(p);
}

/* False: plans are not held, or there is no memory for it. */
static bool hold_plan(struct scripted *e, struct session *s, struct plan *p)
{
    pthread_mutex_lock(&e->lock);
    struct held *h = e->hold ? array_push(&e->held, &e->n_held, &e->cap_held, sizeof *h) : NULL;
    if (h) {
        *h = (struct held){ s, p };
        session_of(s)->held = true;
    }
    pthread_mutex_unlock(&e->lock);
    return h != NULL;
}

static enum status scripted_submit(struct session *base, struct plan *p, struct error *err)
{
    struct scripted *e = scripted_of(base->engine);
    (void)err;
    atomic_fetch_add(&e->n_request, 1);
    if (!hold_plan(e, base, p))
        answer_plan(session_of(base), p);
    return ST_OK;
}

/* Out of the list, by number. */
static struct held take_held(struct scripted *e, uint32_t i)
{
    struct held h = e->held[i];
    session_of(h.session)->held = false;
    e->held[i] = e->held[--e->n_held];
    return h;
}

static void scripted_cancel(struct session *s)
{
    struct scripted *e = scripted_of(s->engine);
    struct plan *p = NULL;
    pthread_mutex_lock(&e->lock);
    for (uint32_t i = 0; session_of(s)->held && !p; i++)
        if (e->held[i].session == s)
            p = take_held(e, i).plan;
    pthread_mutex_unlock(&e->lock);
    if (!p)
        return;         /* answered already */
    struct plan_event ev = { .kind = PLAN_FAILED, .user = p->user };
    error_set(&ev.error, ST_CANCELLED, "cancelled");
    p->sink(p->sink_ctx, &ev);
    plan_free(p);
}

void engine_scripted_hold(struct engine *base, uint64_t seed)
{
    struct scripted *e = scripted_of(base);
    pthread_mutex_lock(&e->lock);
    e->hold = true;
    e->key = rng_key_seed(seed);
    e->n_drawn = 0;
    pthread_mutex_unlock(&e->lock);
}

uint32_t engine_scripted_held(struct engine *base)
{
    struct scripted *e = scripted_of(base);
    pthread_mutex_lock(&e->lock);
    uint32_t n = e->n_held;
    pthread_mutex_unlock(&e->lock);
    return n;
}

bool engine_scripted_release(struct engine *base)
{
    struct scripted *e = scripted_of(base);
    struct held h = { 0 };
    pthread_mutex_lock(&e->lock);       /* to the end: nobody drops the session meanwhile */
    if (e->n_held)
        h = take_held(e, (uint32_t)(rng_u64(e->key, e->n_drawn++) % e->n_held));
    if (h.plan)
        answer_plan(session_of(h.session), h.plan);
    pthread_mutex_unlock(&e->lock);
    return h.plan != NULL;
}

static enum status scripted_new(struct engine *e, const struct session_opts *opts,
                                struct session **ret, struct error *err)
{
    (void)e;
    (void)opts;
    struct scripted_session *s = mem_zalloc(sizeof *s);
    if (!s)
        return error_nomem(err);
    *ret = &s->base;
    return ST_OK;
}

static void scripted_drop(struct session *base, enum session_end end)
{
    (void)end;
    struct scripted_session *s = session_of(base);
    if (base->engine)
        scripted_cancel(base);
    str_free(&s->text);
    mem_free(s->snap);
    mem_free(s);
}

static enum status scripted_fork(struct session *base, struct session **ret, struct error *err)
{
    struct scripted_session *from = session_of(base);
    struct scripted_session *s = mem_zalloc(sizeof *s);
    if (!s)
        return error_nomem(err);
    str_add_slice(&s->text, str_slice(&from->text));
    if (s->text.failed || !array_reserve(&s->snap, &s->cap_snap, from->n_snap, sizeof *s->snap)) {
        scripted_drop(&s->base, SESSION_KEEP);
        return error_nomem(err);
    }
    if (from->n_snap)
        memcpy(s->snap, from->snap, from->n_snap * sizeof *s->snap);
    s->n_snap = from->n_snap;
    atomic_fetch_add(&scripted_of(base->engine)->n_fork, 1);
    *ret = &s->base;
    return ST_OK;
}

static enum status scripted_mark(struct session *base, struct session_mark *ret, struct error *err)
{
    (void)err;
    struct scripted_session *s = session_of(base);
    *ret = (struct session_mark){ .n_tok = token_count(now(s).n_byte), .n_op = s->n_snap };
    return ST_OK;
}

static enum status scripted_rollback(struct session *base, const struct session_mark *m,
                                     struct error *err)
{
    struct scripted_session *s = session_of(base);
    if (m->n_op > s->n_snap)
        return error_code(err, ST_INVALID, "R0504", "the mark lies behind the end of the context");
    s->n_snap = m->n_op;
    str_cut(&s->text, now(s).text_len);
    return ST_OK;
}

static uint32_t scripted_n_tok(const struct session *base)
{
    return token_count(now((const struct scripted_session *)base).n_byte);
}

static enum status no_tokens(struct error *err)
{
    return error_set(err, ST_UNSUPPORTED, "a scripted engine has no tokenizer");
}

static enum status scripted_encode(struct engine *e, struct slice text, bool markup,
                                   struct token_list *ret, struct error *err)
{
    (void)e, (void)text, (void)markup, (void)ret;
    return no_tokens(err);
}

static enum status scripted_decode(struct engine *e, const uint32_t *id, uint32_t n, bool control,
                                   struct str *ret, struct error *err)
{
    (void)e, (void)id, (void)n, (void)control, (void)ret;
    return no_tokens(err);
}

static enum status message_role(const json_t *m, size_t i, enum plan_role *ret, struct error *err)
{
    const char *role = json_string_value(json_object_get(m, "role"));
    if (!role || !plan_role_by_name(role, ret))
        return error_set(err, ST_INVALID,
                         "message %zu has no role of system, user, assistant, tool",
                         i);
    return ST_OK;
}

static enum status scripted_chat(struct engine *e, const json_t *messages, const json_t *tools,
                                 const json_t *vars, bool add_generation_prompt, struct plan *into,
                                 struct error *err)
{
    (void)e, (void)tools, (void)vars;
    for (size_t i = 0; i < json_array_size(messages); i++) {
        const json_t *m = json_array_get(messages, i);
        struct str text = {0};
        enum plan_role role = PLAN_USER;
        enum status st = message_role(m, i, &role, err);
        if (st == ST_OK)
            st = engine_message_text(m, &text, err);
        if (st == ST_OK) {
            plan_turn(into, PLAN_TURN_OPEN, role);
            plan_text(into, PLAN_TEXT, str_slice(&text));
            plan_turn(into, PLAN_TURN_CLOSE, role);
        }
        str_free(&text);
        if (st != ST_OK)
            return st;
    }
    if (add_generation_prompt)
        plan_turn(into, PLAN_TURN_OPEN, PLAN_ASSISTANT);
    return plan_ok(into) ? ST_OK : error_nomem(err);
}

static enum status scripted_chat_text(struct engine *e, const json_t *messages,
                                      const json_t *tools, const json_t *vars,
                                      bool add_generation_prompt, struct str *ret,
                                      struct error *err)
{
    (void)e, (void)tools, (void)vars;
    for (size_t i = 0; i < json_array_size(messages); i++) {
        const json_t *m = json_array_get(messages, i);
        enum plan_role role;
        enum status st = message_role(m, i, &role, err);
        if (st != ST_OK)
            return st;
        str_addf(ret, "%s: ", plan_role_name(role));
        st = engine_message_text(m, ret, err);
        if (st != ST_OK)
            return st;
        str_addc(ret, '\n');
    }
    if (add_generation_prompt)
        str_adds(ret, "assistant: ");
    return ret->failed ? error_nomem(err) : ST_OK;
}

static enum status scripted_check_constraint(struct engine *e, const struct pattern_source *src,
                                             uint32_t *ret_min_tokens, struct error *err)
{
    (void)e;
    struct pattern *pattern;
    enum status st = pattern_compile(src, &pattern, err);
    if (st != ST_OK)
        return st;
    struct str shortest = {0};
    st = pattern_shortest(pattern, &shortest, err);
    if (st == ST_OK)
        *ret_min_tokens = token_count(shortest.len);
    str_free(&shortest);
    pattern_unref(pattern);
    return st;
}

static bool scripted_role_text(struct engine *e, enum plan_role role, struct slice *ret_open,
                               struct slice *ret_close)
{
    static const char *const open[PLAN_N_ROLE] = { "system: ", "user: ", "assistant: ", "tool: " };
    (void)e;
    *ret_open = slice_of(open[role]);
    *ret_close = SLICE("\n");
    return true;
}

static void scripted_stats(struct engine *base, struct engine_stats *ret)
{
    struct scripted *e = scripted_of(base);
    ret->requests = atomic_load(&e->n_request);
    ret->failed = atomic_load(&e->n_failed);
    ret->prompt_tokens = atomic_load(&e->n_prompt);
    ret->generated_tokens = atomic_load(&e->n_generated);
    ret->forked_sessions = atomic_load(&e->n_fork);
}

static bool scripted_check(struct engine *e, struct error *err)
{
    (void)e, (void)err;
    return true;
}

static enum status scripted_flush(struct engine *e, struct error *err)
{
    (void)e, (void)err;     /* it keeps nothing */
    return ST_OK;
}

static void scripted_close(struct engine *base)
{
    struct scripted *e = scripted_of(base);
    pthread_mutex_destroy(&e->lock);
    mem_free(e->held);
    mem_free(e);
}

static const struct engine_vtable scripted_vtable = {
    .close = scripted_close,
    .stats = scripted_stats,
    .check = scripted_check,
    .flush = scripted_flush,
    .session_new = scripted_new,
    .session_fork = scripted_fork,
    .session_drop = scripted_drop,
    .session_mark = scripted_mark,
    .session_rollback = scripted_rollback,
    .session_n_tok = scripted_n_tok,
    .session_submit = scripted_submit,
    .session_cancel = scripted_cancel,
    .encode = scripted_encode,
    .decode = scripted_decode,
    .chat = scripted_chat,
    .chat_text = scripted_chat_text,
    .check_constraint = scripted_check_constraint,
    .role_text = scripted_role_text,
};

enum status engine_open_scripted(scripted_fn answer, void *ctx, struct engine **ret,
                                 struct error *err)
{
    struct scripted *e = mem_zalloc(sizeof *e);
    if (!e)
        return error_nomem(err);
    e->base.vt = &scripted_vtable;
    atomic_init(&e->base.n_ref, 1);
    pthread_mutex_init(&e->lock, NULL);
    e->answer = answer;
    e->ctx = ctx;
    e->base.info = (struct engine_info){
        .kind = "scripted",
        .model = "mock",
        .arch = "none",
        .device = "none",
        .context = SCRIPTED_CONTEXT,
        .can_score = true,
        .can_fork = true,
        .can_constrain = true,
        .has_role = { true, true, true, true },
        .spelling = SPELL_SPACED,
    };
    *ret = &e->base;
    return ST_OK;
}
