/* context.c - contexts: a transcript of what was appended, and the way to a session that has it.
 *
 *      root <-- text <-- open user <-- text <-- close <-- gen     each node knows the one before
 *                                        ^                 ^
 *                                      a mark         tail of this context
 *                                        ^
 *                                      tail of a fork
 *
 * A transcript is a chain of immutable nodes, so a fork, a mark and a snapshot are one reference
 * each, and a rollback is a step back.  What the engine knows is kept apart: a context has a
 * session that has read up to `sent`, or a base (the state at some fork) to take one from, or
 * neither, and then everything is read again - the prefix cache makes that cheap.
 *
 * Only the last node may grow, and only while nobody but its context holds it. */
#include "runtime/vm/vm_int.h"

#include <string.h>

/* ---- nodes ---- */

struct node *node_ref(struct node *n)
{
    n->refs++;
    return n;
}

void node_unref(struct node *n)
{
    while (n && --n->refs == 0) {
        struct node *prev = n->prev;
        str_free(&n->text);
        str_free(&n->ahead);
        mem_free(n->id);
        mem_free(n);
        n = prev;
    }
}

static struct node *node_new(struct node *prev, enum node_kind kind, int role)
{
    struct node *n = mem_zalloc(sizeof *n);
    if (!n)
        return NULL;
    n->refs = 1;
    n->kind = (uint8_t)kind;
    n->role = (int8_t)role;
    n->prev = prev ? node_ref(prev) : NULL;
    n->mode = prev ? prev->mode : MODE_FRESH;
    n->total = prev ? prev->total : 0;
    if (kind == NODE_OPEN || kind == NODE_CLOSE)
        n->mode = MODE_CHAT;
    else if (kind != NODE_ROOT && kind != NODE_SEAL && n->mode == MODE_FRESH)
        n->mode = MODE_RAW;
    return n;
}

static void set_node(struct node **at, struct node *n)
{
    struct node *old = *at;
    *at = n ? node_ref(n) : NULL;
    node_unref(old);
}

/* The nodes behind `from` up to `tail`, oldest first; *ret is freed by the caller. */
uint32_t node_list(const struct node *tail, const struct node *from, const struct node ***ret)
{
    uint32_t n = 0;
    for (const struct node *x = tail; x && x != from; x = x->prev)
        n++;
    *ret = mem_calloc(n + 1u, sizeof **ret);
    if (!*ret)
        return 0;
    uint32_t at = n;
    for (const struct node *x = tail; x && x != from; x = x->prev)
        (*ret)[--at] = x;
    return n;
}

/* ---- life ---- */

struct context *context_of(struct value v)
{
    return (struct context *)v.obj;
}

static void context_destroy(struct obj *o)
{
    struct context *c = (struct context *)o;
    session_drop(c->session);
    node_unref(c->tail);
    node_unref(c->sent);
    base_unref(c->base);
    waitlist_free(&c->idle);
    c->count->n--;
    count_unref(c->count);
    mem_free(c);
}

void count_unref(struct ctx_count *n)
{
    if (n && --n->refs == 0)
        mem_free(n);
}

static enum status context_make(struct ctx_count *count, uint64_t owner, struct context **ret)
{
    if (count->n >= count->max)
        return ST_LIMIT;
    struct context *c = mem_zalloc(sizeof *c);
    if (!c)
        return ST_NOMEM;
    c->hdr.hdr = (struct obj){ .refs = 1, .tag = VAL_CONTEXT };
    c->hdr.destroy = context_destroy;
    c->owner = owner;
    c->count = count;
    count->refs++;
    count->n++;
    *ret = c;
    return ST_OK;
}

enum status context_new(struct run *r, uint64_t owner, struct value *ret)
{
    struct context *c;
    enum status st = context_make(r->live, owner, &c);
    if (st != ST_OK)
        return st;
    *ret = (struct value){ .tag = VAL_CONTEXT, .obj = &c->hdr.hdr };
    c->tail = node_new(NULL, NODE_ROOT, -1);
    if (c->tail)
        return ST_OK;
    value_unref(*ret);
    return ST_NOMEM;
}

enum status context_copy(struct value ctx, uint64_t owner, bool seal, struct value *ret)
{
    struct context *c = context_of(ctx), *copy;
    struct ctx_base *b;
    enum status st = context_snapshot(c, seal, &b);
    if (st != ST_OK)
        return st;
    st = context_make(c->count, owner, &copy);
    if (st != ST_OK) {
        base_unref(b);
        return st;
    }
    copy->tail = node_ref(c->tail);
    copy->base = b;
    copy->n_tok = c->n_tok;
    *ret = (struct value){ .tag = VAL_CONTEXT, .obj = &copy->hdr.hdr };
    return ST_OK;
}

/* ---- appending ---- */

enum status context_node(struct context *c, enum node_kind kind, int role, struct node **ret)
{
    struct node *n = node_new(c->tail, kind, role);
    if (!n)
        return ST_NOMEM;
    node_unref(c->tail);
    c->tail = n;
    if (ret)
        *ret = n;
    return ST_OK;
}

enum status context_text(struct context *c, struct slice text)
{
    if (!text.len)
        return ST_OK;
    struct node *n = c->tail;
    if (n->kind != NODE_TEXT || n->refs != 1) {
        enum status st = context_node(c, NODE_TEXT, c->tail->role, &n);
        if (st != ST_OK)
            return st;
    }
    if (n->text.len + text.len > VALUE_MAX_TEXT)
        return ST_LIMIT;
    str_add_slice(&n->text, text);
    n->total += text.len;
    return n->text.failed ? ST_NOMEM : ST_OK;
}

/* What `tail` has behind `from`, appended here: texts as bytes, generated spans with their
 * tokens, turns opened and closed again (join as text, feedback taken out). */
enum status context_append_copy(struct context *c, const struct node *tail,
                                const struct node *from)
{
    const struct node **list;
    uint32_t n = node_list(tail, from, &list);
    if (!list)
        return ST_NOMEM;
    enum status st = ST_OK;
    for (uint32_t i = 0; i < n && st == ST_OK; i++) {
        const struct node *x = list[i];
        if (x->kind == NODE_SEAL || x->kind == NODE_ROOT || x->thought)
            continue;
        if (x->kind == NODE_TEXT || (x->kind == NODE_GEN && (!x->n_id || (i == 0 && x->head)))) {
            st = context_text(c, str_slice(&x->text));
            continue;
        }
        struct node *copy;
        st = context_node(c, (enum node_kind)x->kind, x->role, &copy);
        if (st != ST_OK)
            break;
        str_add_slice(&copy->text, str_slice(&x->text));
        copy->total += x->kind == NODE_GEN ? x->text.len : 0;
        copy->head = x->head;
        copy->cover = x->cover;
        copy->last = x->last;
        str_add_slice(&copy->ahead, str_slice(&x->ahead));
        if (x->n_id) {
            copy->id = mem_calloc(x->n_id, sizeof *copy->id);
            if (!copy->id)
                st = ST_NOMEM;
            else
                memcpy(copy->id, x->id, x->n_id * sizeof *copy->id);
            copy->n_id = x->n_id;
        }
    }
    mem_free(list);
    return st;
}

/* ---- going back ---- */

bool context_has(const struct context *c, const struct node *n)
{
    for (const struct node *x = c->tail; x; x = x->prev)
        if (x == n)
            return true;
    return false;
}

static void drop_session(struct context *c, enum session_end end)
{
    session_drop_as(c->session, end);
    c->session = NULL;
    set_node(&c->sent, NULL);
}

/* Nothing works on it any more: the model's memory of it goes now.  What was said stays in the
 * register, for the message of an error, until the frame ends or needs the place. */
void context_release(struct value *v)
{
    struct context *c = context_of(*v);
    if (v->obj->refs != 1 || c->busy) {
        value_clear(v);
        return;
    }
    drop_session(c, SESSION_LOW);
    base_unref(c->base);
    c->base = NULL;
}

/* The tail becomes `n`.  A session, or a base, that has read beyond it is of no use any more. */
void context_set_tail(struct context *c, struct node *n)
{
    set_node(&c->tail, n);
    if (c->session && !context_has(c, c->sent))
        drop_session(c, SESSION_KEEP);
    while (c->base && !context_has(c, c->base->node)) {
        struct ctx_base *from = c->base->from ? base_ref(c->base->from) : NULL;
        base_unref(c->base);
        c->base = from;
    }
}

void context_restore(struct context *c, struct node *n, struct ctx_base *b)
{
    drop_session(c, SESSION_KEEP);
    set_node(&c->tail, n);
    struct ctx_base *old = c->base;
    c->base = b ? base_ref(b) : NULL;
    base_unref(old);
}

static bool keeps_turn(const struct node *open, bool keep_system)
{
    return keep_system && open->role == PLAN_SYSTEM;
}

enum status context_drop_turns(struct context *c, int64_t oldest, bool keep_system)
{
    const struct node **list;
    uint32_t n = node_list(c->tail, NULL, &list);
    struct node *root = list ? node_new(NULL, NODE_ROOT, -1) : NULL;
    if (!root) {
        mem_free(list);
        return ST_NOMEM;
    }
    struct node *tail = node_ref(c->tail);
    context_restore(c, root, NULL);
    node_unref(root);
    enum status st = ST_OK;
    bool dropping = false;
    for (uint32_t i = 0; i < n && st == ST_OK; i++) {
        const struct node *x = list[i];
        if (x->kind == NODE_OPEN && !keeps_turn(x, keep_system) && oldest > 0) {
            dropping = true;
            oldest--;
        }
        if (!dropping)
            st = context_append_copy(c, x, x->prev);
        if (x->kind == NODE_CLOSE)
            dropping = false;
    }
    mem_free(list);
    node_unref(tail);
    return st;
}

/* ---- bases ---- */

struct ctx_base *base_ref(struct ctx_base *b)
{
    b->refs++;
    return b;
}

void base_unref(struct ctx_base *b)
{
    while (b && --b->refs == 0) {
        struct ctx_base *from = b->from;
        session_drop(b->session);
        node_unref(b->sent);
        node_unref(b->node);
        settings_unref(b->settings);
        waitlist_free(&b->waiters);
        mem_free(b);
        b = from;
    }
}

/* The present state becomes a base: the context and its copies each take a session from it when
 * they first need one, so the text up to here is read once. */
enum status context_snapshot(struct context *c, bool seal, struct ctx_base **ret)
{
    if (seal && c->tail->kind == NODE_TEXT) {
        enum status st = context_node(c, NODE_SEAL, c->tail->role, NULL);
        if (st != ST_OK)
            return st;
    }
    if (!c->session && c->base && c->base->node == c->tail) {
        *ret = base_ref(c->base);
        return ST_OK;
    }
    struct ctx_base *b = mem_zalloc(sizeof *b);
    if (!b)
        return ST_NOMEM;
    b->refs = 2;
    b->node = node_ref(c->tail);
    b->session = c->session;
    b->sent = c->sent;
    b->from = c->base;
    c->session = NULL;
    c->sent = NULL;
    c->base = b;
    *ret = b;
    return ST_OK;
}

/* ---- marks and members ---- */

static void mark_destroy(struct obj *o)
{
    struct mark *m = (struct mark *)o;
    node_unref(m->node);
    mem_free(m);
}

enum status mark_new(struct context *c, struct value *ret)
{
    struct mark *m = mem_zalloc(sizeof *m);
    if (!m)
        return ST_NOMEM;
    m->hdr.hdr = (struct obj){ .refs = 1, .tag = VAL_MARK };
    m->hdr.destroy = mark_destroy;
    m->node = node_ref(c->tail);
    *ret = (struct value){ .tag = VAL_MARK, .obj = &m->hdr.hdr };
    return ST_OK;
}

static bool has_text(const struct node *n)
{
    return n->kind == NODE_TEXT || n->kind == NODE_GEN;
}

void context_since(const struct node *tail, const struct node *from, struct str *out)
{
    const struct node **list;
    uint32_t n = node_list(tail, from, &list);
    for (uint32_t i = 0; list && i < n; i++)
        if (has_text(list[i]))
            str_add_slice(out, str_slice(&list[i]->text));
    mem_free(list);
}

static const char *const role_names[] = { "system", "user", "assistant", "tool" };

void context_show(const struct node *tail, struct str *out)
{
    const struct node **list;
    uint32_t n = node_list(tail, NULL, &list);
    bool fresh_line = true;
    for (uint32_t i = 0; list && i < n; i++) {
        const struct node *x = list[i];
        if (x->kind == NODE_OPEN) {
            if (out->len && !fresh_line)
                str_addc(out, '\n');
            str_addf(out, "%s: ", role_names[x->role & 3]);
            fresh_line = false;
        } else if (x->kind == NODE_CLOSE) {
            fresh_line = false;
        } else if (has_text(x) && x->text.len) {
            if (i && list[i - 1]->kind == NODE_CLOSE)
                str_addc(out, '\n');
            str_add_slice(out, str_slice(&x->text));
            fresh_line = false;
        }
    }
    mem_free(list);
}

/* At most three lines of at most 160 bytes: enough to see where a program was. */
void context_last_lines(const struct node *tail, struct str *out)
{
    enum { LINES = 3, LINE_BYTES = 160 };
    struct str all = { 0 };
    context_show(tail, &all);
    size_t at = all.len;
    for (int lines = 0; at > 0; at--)
        if (all.ptr[at - 1] == '\n' && ++lines == LINES)
            break;
    while (at < all.len) {
        struct slice rest = slice_sub(str_slice(&all), at, all.len - at);
        size_t end = slice_find(rest, SLICE("\n"));
        struct slice line = end == SIZE_MAX ? rest : slice_sub(rest, 0, end);
        at += line.len + 1;
        size_t cut = line.len > LINE_BYTES ? LINE_BYTES : line.len;
        while (cut < line.len && ((unsigned char)line.ptr[cut] & 0xc0) == 0x80)
            cut--;
        str_add(out, line.ptr, cut);
        str_adds(out, cut < line.len ? "...\n" : "\n");
    }
    str_free(&all);
}

static enum status add_message(struct run *r, int role, struct str *text, struct value *list)
{
    struct value field[2] = { value_null(), value_null() };
    const struct slice names[] = { SLICE("role"), SLICE("text") };
    enum status st = ST_OK;
    if (!r->t_msg)
        st = vtype_new(SLICE("Msg"), 2, names, NULL, &r->t_msg);
    if (st == ST_OK)
        st = value_str(slice_of(role < 0 ? "" : role_names[role & 3]), &field[0]);
    if (st == ST_OK)
        st = value_str(str_slice(text), &field[1]);
    struct value m;
    if (st == ST_OK)
        st = value_struct_take(r->t_msg, field, &m);
    else
        value_unref(field[0]);
    return st == ST_OK ? value_list_push_take(list, m) : st;
}

enum status context_messages(struct run *r, const struct node *tail, struct value *ret)
{
    const struct node **list;
    uint32_t n = node_list(tail, NULL, &list);
    enum status st = list ? value_list(0, ret) : ST_NOMEM;
    struct str text = { 0 };
    int role = -1;
    for (uint32_t i = 0; st == ST_OK && i < n; i++) {
        const struct node *x = list[i];
        if (has_text(x))
            str_add_slice(&text, str_slice(&x->text));
        bool ends = i + 1 == n || list[i + 1]->kind == NODE_OPEN || x->kind == NODE_CLOSE;
        if (x->kind == NODE_OPEN) {
            role = x->role;
            if (i + 1 < n)
                continue;
        }
        if (ends && (role >= 0 || text.len)) {
            st = add_message(r, role, &text, ret);
            if (st != ST_OK)
                value_unref(*ret);
            str_cut(&text, 0);
            role = -1;
        }
    }
    str_free(&text);
    mem_free(list);
    return st;
}

/* Contexts inside a value change hands with it: a branch's result belongs to the parent. */
void context_own(struct value v, uint64_t owner)
{
    switch ((enum value_tag)v.tag) {
    case VAL_CONTEXT:
        context_of(v)->owner = owner;
        return;
    case VAL_LIST:
    case VAL_TUPLE:
        for (uint32_t i = 0; i < value_len(v); i++)
            context_own(value_at(v, i), owner);
        return;
    case VAL_MAP:
        for (uint32_t i = 0; i < value_len(v); i++)
            context_own(value_map_entry(v, i)->val, owner);
        return;
    case VAL_STRUCT:
        for (uint32_t i = 0; i < value_vtype(v)->n; i++)
            context_own(value_field(v, i), owner);
        return;
    default:
        return;
    }
}

/* ---- members of a context ---- */

static enum step query_tokens(struct task *t, struct context *c, bool left, struct value *ret)
{
    struct frame *f = t->top;
    if (mock_find(t) || !t->run->engine) {
        int64_t n = (int64_t)((c->tail->total + 3) / 4);
        *ret = value_int(left ? INT32_MAX - n : n);
        return STEP_NEXT;
    }
    if (f->stage == STAGE_BEGIN) {
        enum step s = planner_session(t, c);
        if (s != STEP_NEXT)
            return s;
        struct plan *p = plan_new();
        if (!p)
            return task_fail_status(t, ST_NOMEM);
        f->stage = STAGE_ASKED;
        s = planner_submit(t, c, p, WAIT_GEN, NULL, NULL);
        if (s != STEP_WAIT)
            return s;
    }
    if (!t->wait || !t->wait->done)
        return STEP_WAIT;
    if (t->wait->ev.kind == PLAN_FAILED) {
        enum step s = wait_failed(t, t->wait);
        wait_drop(t);
        return s;
    }
    int64_t n = t->wait->ev.result->n_tok;
    enum step s = settings_spent(t);
    wait_drop(t);
    *ret = value_int(left ? (int64_t)engine_info(t->run->engine)->context - n : n);
    return s;
}

static enum step query_text(struct task *t, struct context *c, struct value *ret)
{
    struct str text = { 0 };
    context_show(c->tail, &text);
    enum status st = text.failed ? ST_NOMEM : value_str(str_slice(&text), ret);
    str_free(&text);
    return step_of(t, st);
}

enum step op_query(struct task *t, struct insn in)
{
    static const char *const roles[] = { "system", "user", "assistant", "tool" };
    struct frame *f = t->top;
    struct context *c = context_of(f->reg[in.b]);
    struct value v = value_null();
    enum step s = STEP_NEXT;
    if (c->busy && !t->wait) {
        wait_on(&c->idle, t);
        return STEP_WAIT;
    }
    switch ((enum ctx_query)in.c) {
    case QUERY_TOKENS:
    case QUERY_LEFT:
        s = query_tokens(t, c, in.c == QUERY_LEFT, &v);
        break;
    case QUERY_TEXT:
        s = query_text(t, c, &v);
        break;
    case QUERY_MESSAGES:
        s = step_of(t, context_messages(t->run, c->tail, &v));
        break;
    case QUERY_ROLE:
        if (c->tail->role >= 0)
            s = step_of(t, value_str(slice_of(roles[c->tail->role & 3]), &v));
        break;
    case QUERY_MODEL: {
        const char *name = t->run->engine ? engine_info(t->run->engine)->model : "mock";
        s = step_of(t, value_str(slice_of(name), &v));
        break;
    }
    }
    if (s == STEP_NEXT)
        value_set_take(&f->reg[in.a], v);
    return s;
}
