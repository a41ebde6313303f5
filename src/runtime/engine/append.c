/* append.c - context operations to tokens: joining text, seals, turns.
 *
 * Text operations that follow each other are one text.  The tail (tokens from n_sealed on) is
 * tokenised again together with what is appended, so that borders of statements never show in the
 * tokens.  A seal fixes everything before it.
 *
 * After a value that ended inside a token with known text behind it, that token stays: its last
 * n_ahead bytes are text that the program is about to append.  When it does, they are skipped; when
 * it does anything else, the token is cut. */
#include <string.h>

#include "runtime/engine/local_int.h"

struct append {
    struct job           *job;
    struct local_session *s;
    const struct local   *e;
    struct token_list    *tok;
    struct str            text;     /* waiting to be tokenised behind the tail */
};

void session_bytes(const struct local_session *s, uint32_t from, uint32_t to, struct str *out)
{
    for (uint32_t i = from; i < to; i++)
        str_add_slice(out, tokenizer_bytes(s->engine->tokenizer, s->tl->tok.id[i]));
}

static void seal(struct append *a)
{
    a->s->n_sealed = a->tok->n;
}

static enum status begin_context(struct append *a, struct error *err)
{
    if (a->tok->n || a->s->bare || !tokenizer_adds_bos(a->e->tokenizer))
        return ST_OK;
    if (!token_list_push(a->tok, tokenizer_bos(a->e->tokenizer)))
        return error_nomem(err);
    seal(a);
    return ST_OK;
}

/* Where a vocabulary puts a blank in front of a text: first in a context, and behind a control
 * token.  Text that is split anew has its blank among its bytes already. */
static bool text_starts(const struct append *a)
{
    uint32_t n = a->s->n_sealed;
    return a->tok->n == n && (n == 0 || tokenizer_is_control(a->e->tokenizer, a->tok->id[n - 1]));
}

static enum status flush(struct append *a, struct error *err)
{
    if (!a->text.len && !a->text.failed)
        return ST_OK;
    enum status st = begin_context(a, err);
    if (st != ST_OK)
        return st;

    struct str all = {0};
    session_bytes(a->s, a->s->n_sealed, a->tok->n, &all);
    str_add_slice(&all, str_slice(&a->text));
    bool at_start = text_starts(a);
    a->tok->n = a->s->n_sealed;
    st = all.failed || a->text.failed
             ? error_nomem(err)
             : tokenizer_encode(a->e->tokenizer, str_slice(&all), ENCODE_DATA, at_start, a->tok,
                                err);
    str_free(&all);
    str_cut(&a->text, 0);
    return st;
}

static enum status add_markup(struct append *a, struct slice markup, struct error *err)
{
    enum status st = flush(a, err);
    if (st == ST_OK)
        st = begin_context(a, err);
    seal(a);
    if (st == ST_OK && markup.len)
        st = tokenizer_encode(a->e->tokenizer, markup, ENCODE_MARKUP, text_starts(a), a->tok,
                              err);
    seal(a);
    return st;
}

static enum status add_tokens(struct append *a, const struct plan_op *op, struct error *err)
{
    enum status st = flush(a, err);
    if (st == ST_OK)
        st = begin_context(a, err);
    for (uint32_t i = 0; st == ST_OK && i < op->n_id; i++) {
        if (op->id[i] >= tokenizer_n_vocab(a->e->tokenizer))
            st = error_code(err, ST_INVALID, "R0404", "%u is no token of this model", op->id[i]);
        else if (!token_list_push(a->tok, op->id[i]))
            st = error_nomem(err);
    }
    seal(a);
    return st;
}

static enum status add_control(struct append *a, struct slice name, struct error *err)
{
    uint32_t id = tokenizer_find_control(a->e->tokenizer, name);
    if (id == TOKEN_NONE)
        return error_code(err, ST_NOT_FOUND, "R0103", "the model has no control token \"%.*s\"",
                          (int)(name.len < 64 ? name.len : 64), name.ptr);
    enum status st = flush(a, err);
    if (st == ST_OK)
        st = begin_context(a, err);
    if (st == ST_OK && !token_list_push(a->tok, id))
        st = error_nomem(err);
    seal(a);
    return st;
}

/* ---- turns ---- */

static enum chat_role chat_role_of(enum plan_role role)
{
    static const enum chat_role map[PLAN_N_ROLE] = {
        [PLAN_SYSTEM] = CHAT_SYSTEM, [PLAN_USER] = CHAT_USER,
        [PLAN_ASSISTANT] = CHAT_ASSISTANT, [PLAN_TOOL] = CHAT_TOOL,
    };
    return map[role];
}

/* What stands before the first turn; the BOS that is there already is not written twice. */
static enum status first_turn(struct append *a, const struct chat_markers *m, struct error *err)
{
    if (a->s->turn.started)
        return ST_OK;
    a->s->turn.started = true;
    struct slice start = m->start;
    struct slice bos = chat_bos(a->e->chat);
    bool has_bos = a->tok->n == 1 && a->tok->id[0] == tokenizer_bos(a->e->tokenizer);
    if (has_bos && bos.len && slice_starts(start, bos))
        start = slice_sub(start, bos.len, start.len - bos.len);
    return start.len ? add_markup(a, start, err) : ST_OK;
}

static enum status turn_open(struct append *a, enum plan_role role, struct error *err)
{
    const struct chat_markers *m = a->e->chat ? chat_markers(a->e->chat) : NULL;
    enum chat_role cr = chat_role_of(role);
    if (!m)
        return error_code(err, ST_UNSUPPORTED, "R0704", "the model has no chat template, and so no "
                          "role \"%s\"; it continues plain text", plan_role_name(role));
    bool fold = cr == CHAT_SYSTEM && m->system_in_user;
    if (!m->has[cr] && !fold)
        return error_code(err, ST_UNSUPPORTED, "R0704", "the model's template has no role \"%s\"",
                          plan_role_name(role));

    enum status st = add_markup(a, (struct slice){0}, err);
    if (st == ST_OK)
        st = first_turn(a, m, err);
    if (st == ST_OK && a->s->turn.folded && cr != CHAT_USER && !fold)
        st = add_markup(a, m->close[CHAT_USER], err);
    bool goes_on = a->s->turn.folded && (cr == CHAT_USER || fold);
    if (st == ST_OK && !goes_on)
        st = add_markup(a, m->open[fold ? CHAT_USER : cr], err);
    a->s->turn.folded = false;
    a->s->turn.open = (uint8_t)(role + 1);
    return st;
}

static enum status turn_close(struct append *a, struct error *err)
{
    if (!a->s->turn.open)
        return error_set(err, ST_STATE, "no turn is open");
    const struct chat_markers *m = chat_markers(a->e->chat);
    enum chat_role cr = chat_role_of((enum plan_role)(a->s->turn.open - 1));
    a->s->turn.open = 0;
    if (cr == CHAT_SYSTEM && m->system_in_user) {
        a->s->turn.folded = true;
        return add_markup(a, m->system_separator, err);
    }
    return add_markup(a, m->close[cr], err);
}

/* ---- text that the context has already ---- */

enum status append_settle(struct local_session *s, struct error *err)
{
    if (!s->n_ahead)
        return ST_OK;
    struct token_list *tok = &s->tl->tok;
    struct slice bytes = tokenizer_bytes(s->engine->tokenizer, tok->id[tok->n - 1]);
    struct slice kept = slice_sub(bytes, 0, bytes.len - s->n_ahead);
    tok->n--;
    s->n_sealed = tok->n;
    s->n_ahead = 0;
    return tokenizer_encode(s->engine->tokenizer, kept, ENCODE_DATA, false, tok, err);
}

static enum status add_text(struct append *a, struct slice bytes, struct error *err)
{
    struct local_session *s = a->s;
    if (s->n_ahead && bytes.len) {
        struct slice last = tokenizer_bytes(a->e->tokenizer, a->tok->id[a->tok->n - 1]);
        struct slice ahead = slice_sub(last, last.len - s->n_ahead, s->n_ahead);
        size_t n = bytes.len < ahead.len ? bytes.len : ahead.len;
        if (memcmp(bytes.ptr, ahead.ptr, n) == 0) {
            s->n_ahead -= (uint32_t)n;
            bytes = slice_sub(bytes, n, bytes.len - n);
        } else {
            enum status st = append_settle(s, err);
            if (st != ST_OK)
                return st;
        }
    }
    str_add_slice(&a->text, bytes);
    return ST_OK;
}

static enum status append_op(struct append *a, const struct plan_op *op, struct error *err)
{
    if (op->kind != PLAN_TEXT && a->s->n_ahead) {
        enum status st = append_settle(a->s, err);
        if (st != ST_OK)
            return st;
    }
    switch (op->kind) {
    case PLAN_TEXT:
        return add_text(a, op->bytes, err);
    case PLAN_MARKUP:
        return add_markup(a, op->bytes, err);
    case PLAN_TOKENS:
        return add_tokens(a, op, err);
    case PLAN_CONTROL:
        return add_control(a, op->bytes, err);
    case PLAN_TURN_OPEN:
        return turn_open(a, op->role, err);
    case PLAN_TURN_CLOSE:
        return turn_close(a, err);
    case PLAN_SEAL: {
        enum status st = flush(a, err);
        if (a->tok->n > 4 && a->s->n_sealed < a->tok->n - 4)
            a->s->n_sealed = a->tok->n - 4;
        return st;
    }
    }
    return error_set(err, ST_INTERNAL, "unknown plan operation %d", (int)op->kind);
}

enum status append_ops(struct job *job, struct error *err)
{
    const struct plan *p = job->plan;
    struct append a = { .job = job, .s = job->s, .e = job->s->engine, .tok = &job->s->tl->tok };
    enum status st = ST_OK;
    for (uint32_t i = 0; st == ST_OK && i < p->n_op; i++)
        st = append_op(&a, &p->op[i], err);
    if (st == ST_OK)
        st = flush(&a, err);
    if (st == ST_OK && p->hole.kind != HOLE_NONE)
        st = append_settle(job->s, err);
    str_free(&a.text);
    return st;
}
