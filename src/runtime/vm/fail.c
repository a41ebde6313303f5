/* fail.c - errors of the language: values with a kind, a place and the way that led there.
 *
 * An error is a record whose first six fields a program can read; the hidden ones behind them
 * carry the trace and the span for the host's message.  It is built where it arises, since frames
 * are gone when it is caught or shown. */
#include "runtime/vm/vm_int.h"

#include <stdio.h>
#include <string.h>

enum { E_KIND, E_CODE, E_MESSAGE, E_WHERE, E_CONTEXT, E_CAUSE, E_TRACE, E_SOURCE, E_OFF, E_LEN,
       E_TOKENS, E_SHARED, E_GENERATED, E_N };
enum { TRACE_LEVELS = 8 };

struct kind_row {
    const char *code, *kind;
};

/* LANGUAGE.md 16.3: kinds of run-time codes. */
static const struct kind_row kind_rows[] = {
    { "R0201", "Index" },      { "R0202", "Index" },   { "R0203", "Math" },
    { "R0204", "Math" },       { "R0205", "Type" },    { "R0403", "Type" },
    { "R0404", "Type" },       { "R0206", "Parse" },   { "R0405", "Parse" },
    { "R0301", "Fail" },       { "R0303", "Assert" },  { "R0304", "Require" },
    { "R0401", "Truncated" },  { "R0402", "Unsat" },   { "R0501", "Context" },
    { "R0504", "Context" },    { "R0502", "ContextFull" }, { "R0601", "Tool" },
    { "R0602", "Permission" }, { "R0603", "Io" },      { "R0604", "Timeout" },
    { "R0702", "Timeout" },    { "R0701", "Budget" },  { "R0703", "Budget" },
    { "R0704", "Model" },      { "R0705", "Model" },   { "R0706", "Limit" },
    { "R0801", "Mock" },       { "R0802", "Mock" },    { "R0503", "Cancelled" },
};

const char *kind_of_code(const char *code)
{
    for (size_t i = 0; i < sizeof kind_rows / sizeof *kind_rows; i++)
        if (!strcmp(kind_rows[i].code, code))
            return kind_rows[i].kind;
    return "Model";
}

static void add_place(struct str *out, const struct source *src, uint32_t off)
{
    if (!src)
        return;
    struct place p = source_place(src, off);
    str_addf(out, "%s:%u:%u", src->name, p.line, p.col);
}

static struct span span_at(const struct frame *f, uint32_t pc)
{
    if (!f->fn->n_code || !f->fn->span)
        return f->fn->at;
    return f->fn->span[pc < f->fn->n_code ? pc : f->fn->n_code - 1];
}

static struct span frame_span(const struct frame *f)
{
    return span_at(f, f->pc);
}

/* A deferred call belongs to the task that made it. */
static const struct task *caller_task(const struct task *t)
{
    while (t->future && t->future->parent)
        t = t->future->parent;
    return t;
}

/* A branch is known by its number, and by that of every branch around it: "2", or "0.2". */
static void add_branch_path(const struct task *t, struct str *out)
{
    uint32_t path[TRACE_LEVELS], n = 0;
    for (; t && n < TRACE_LEVELS && caller_task(t)->set; t = caller_task(t)->set->parent)
        path[n++] = caller_task(t)->index;
    while (n--)
        str_addf(out, "%u%s", path[n], n ? "." : "");
}

/* The body of a branch goes by the name of the function that forks it. */
static struct slice frame_name(const struct task *t, const struct frame *f)
{
    while ((f->fn->flags & FUNC_BRANCH) && t->set && t->set->parent) {
        f = t->set->frame;
        t = t->set->parent;
    }
    return f->fn->name;
}

static void add_level(const struct task *t, const struct frame *f, uint32_t pc, bool top, struct str *out)
{
    struct slice name = frame_name(t, f);
    bool branch = t->set && !f->up;
    if (top) {
        if (name.len)
            str_addf(out, "in %.*s", (int)name.len, name.ptr);
    } else {
        str_addf(out, "%scalled from %.*s (", out->len ? ", " : "", (int)name.len, name.ptr);
        add_place(out, f->fn->source, span_at(f, pc).off);
    }
    if (branch) {
        str_adds(out, out->len ? ", branch " : "branch ");
        add_branch_path(t, out);
    }
    if (!top)
        str_addc(out, ')');
}

/* The frame around f, in its task or in the one that forked or deferred. */
static const struct frame *next_level(const struct task **t, const struct frame *f, uint32_t *ret_pc)
{
    f = f->up;
    *ret_pc = f ? f->pc : 0;
    while (!f) {
        const struct future *x = (*t)->future;
        if (x && x->frame) {
            *ret_pc = x->pc;
            *t = x->parent;
            return x->frame;
        }
        const struct branches *s = (*t)->set;
        if (!s || !s->parent)
            return NULL;
        f = s->frame->up;               /* the function that forks has been named */
        *ret_pc = f ? f->pc : 0;
        *t = s->parent;
    }
    return f;
}

/* "in even, called from all_or_nothing (errors_tour.sgl:60:28, branch 2)" */
static void add_trace(const struct task *t, struct str *out)
{
    const struct frame *f = t->top;
    uint32_t pc = f ? f->pc : 0;
    for (uint32_t level = 0; f && level < TRACE_LEVELS; level++) {
        add_level(t, f, pc, level == 0, out);
        f = next_level(&t, f, &pc);
    }
}

/* The register that an instruction takes for the context in force, or BC_NONE. */
static uint16_t context_operand(const struct insn *i)
{
    static const char *const operands[OP_N] = {
#define X(name, operands, sentence) operands,
        BYTECODE_OPS(X)
#undef X
    };
    if (i->op == OP_CTX_ENTER)
        return i->a;
    const char *at = strstr(operands[i->op], ":ctx");
    return !at ? BC_NONE : at[-1] == 'a' ? i->a : at[-1] == 'b' ? i->b : i->c;
}

/* The context in force: the one that the code worked on last, else any that the frame holds. */
static const struct context *frame_context(const struct frame *f)
{
    for (uint32_t pc = f->pc < f->fn->n_code ? f->pc + 1 : f->fn->n_code; pc-- > 0;) {
        uint16_t reg = context_operand(&f->fn->code[pc]);
        if (reg < f->fn->n_reg && f->reg[reg].tag == VAL_CONTEXT)
            return context_of(f->reg[reg]);
    }
    for (uint32_t i = f->fn->n_reg; i-- > 0;)
        if (f->reg[i].tag == VAL_CONTEXT)
            return context_of(f->reg[i]);
    return NULL;
}

static const struct context *nearest_context(const struct task *t)
{
    const struct context *c = NULL;
    for (const struct frame *f = t->top; f && !c; f = f->up)
        c = frame_context(f);
    if (!c && t->set && t->ctx.tag == VAL_CONTEXT)
        c = context_of(t->ctx);
    return c;
}

static uint32_t context_generated(const struct context *c)
{
    uint64_t n = 0;
    for (const struct node *x = c->tail; x; x = x->prev)
        if (x->kind == NODE_GEN)
            n += x->n_id ? x->n_id : (x->text.len + 3) / 4;
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static enum status put_text(struct value *at, struct str *text)
{
    enum status st = text->failed ? ST_NOMEM : value_str(str_slice(text), at);
    str_free(text);
    return st;
}

static void fill_place(struct task *t, struct value *field, struct span at)
{
    struct str where = { 0 }, trace = { 0 }, lines = { 0 };
    const struct frame *f = t->top;
    if (f) {
        add_place(&where, f->fn->source, at.off);
        add_trace(t, &trace);
        field[E_SOURCE] = value_int((int64_t)(intptr_t)f->fn->source);
        field[E_OFF] = value_int(at.off);
        field[E_LEN] = value_int(at.len);
    }
    if (caller_task(t)->set) {
        str_adds(&where, where.len ? ", branch " : "branch ");
        add_branch_path(t, &where);
    }
    const struct context *c = nearest_context(t);
    if (c) {
        context_last_lines(c->tail, &lines);
        field[E_TOKENS] = value_int(c->n_tok);
        field[E_SHARED] = value_int(c->n_shared);
        field[E_GENERATED] = value_int(context_generated(c));
    }
    put_text(&field[E_WHERE], &where);
    put_text(&field[E_TRACE], &trace);
    put_text(&field[E_CONTEXT], &lines);
}

static enum status error_type(struct run *r)
{
    if (r->t_error)
        return ST_OK;
    const struct slice names[E_N] = {
        SLICE("kind"), SLICE("code"), SLICE("message"), SLICE("where"), SLICE("context"),
        SLICE("cause"), SLICE("_trace"), SLICE("_source"), SLICE("_off"), SLICE("_len"),
        SLICE("_tokens"), SLICE("_shared"), SLICE("_generated"),
    };
    return vtype_new(SLICE("error"), E_N, names, NULL, &r->t_error);
}

enum status error_value(struct task *t, const char *code, struct slice kind, struct slice text,
                        struct value cause, struct value *ret)
{
    struct value field[E_N] = { 0 };
    enum status st = error_type(t->run);
    if (st != ST_OK)
        return st;
    st = value_str(kind, &field[E_KIND]);
    if (st == ST_OK)
        st = value_str(slice_of(code), &field[E_CODE]);
    if (st == ST_OK)
        st = value_str(text, &field[E_MESSAGE]);
    field[E_CAUSE] = value_ref(cause);
    if (t->top)
        fill_place(t, field, frame_span(t->top));
    if (st != ST_OK) {
        for (int i = 0; i < E_N; i++)
            value_unref(field[i]);
        return st;
    }
    return value_record_take(VAL_ERROR, t->run->t_error, field, ret);
}

enum step task_raise(struct task *t, struct value error)
{
    value_set_take(&t->error, error);
    return STEP_FAIL;
}

enum step task_fail_kind(struct task *t, const char *code, struct slice kind, struct slice text)
{
    struct value e = value_null();
    error_value(t, code, kind, text, value_null(), &e);    /* without memory the error is bare */
    return task_raise(t, e);
}

enum step task_fail(struct task *t, const char *code, const char *fmt, ...)
{
    struct str text = { 0 };
    va_list ap;
    va_start(ap, fmt);
    str_addv(&text, fmt, ap);
    va_end(ap);
    enum step s = task_fail_kind(t, code, slice_of(kind_of_code(code)), str_slice(&text));
    str_free(&text);
    return s;
}

enum step task_fail_status(struct task *t, enum status st)
{
    if (st == ST_LIMIT)
        return task_fail(t, "R0706", "a value is too long or nests too deep");
    if (st == ST_NOMEM)
        return task_fail(t, "R0706", "out of memory");
    return task_fail(t, "R0705", "%s", status_text(st));
}

enum step task_fail_error(struct task *t, const struct error *err)
{
    const char *code = err->code[0] ? err->code : "R0705";
    return task_fail(t, code, "%s", err->text);
}

enum step task_raise_cancelled(struct task *t)
{
    value_clear(&t->error);
    return STEP_FAIL;
}

enum step context_step(struct task *t, enum status st)
{
    if (st == ST_LIMIT)
        return task_fail(t, "R0706", "more than %u contexts are live", t->run->opts.max_contexts);
    return step_of(t, st);
}

struct slice error_kind(struct value e)
{
    return e.tag == VAL_ERROR ? value_text(value_field(e, E_KIND)) : SLICE("Limit");
}

struct slice error_code_of(struct value e)
{
    return e.tag == VAL_ERROR ? value_text(value_field(e, E_CODE)) : SLICE("R0706");
}

/* ---- for the host ---- */

static enum status failure_status(const struct run *r, struct slice kind)
{
    if (r->cancelling)
        return ST_CANCELLED;
    if (slice_is(kind, "Timeout") || slice_is(kind, "Budget"))
        return ST_TIMEOUT;
    return ST_FAILED;
}

struct run_failure *failure_of(struct run *r, struct value error)
{
    struct run_failure *f = mem_zalloc(sizeof *f);
    if (!f)
        return NULL;
    f->status = r->cancelling ? ST_CANCELLED : ST_FAILED;
    if (error.tag != VAL_ERROR) {
        f->kind = r->cancelling ? SLICE("Cancelled") : SLICE("Limit");
        f->message = r->cancelling ? SLICE("cancelled") : SLICE("out of memory");
        snprintf(f->code, sizeof f->code, "%s", r->cancelling ? "R0503" : "R0706");
        return f;
    }
    f->kind = arena_slice(&f->arena, error_kind(error));
    f->status = failure_status(r, f->kind);
    struct slice code = error_code_of(error);
    snprintf(f->code, sizeof f->code, "%.*s", (int)code.len, code.ptr);
    f->message = arena_slice(&f->arena, value_text(value_field(error, E_MESSAGE)));
    f->where = arena_slice(&f->arena, value_text(value_field(error, E_TRACE)));
    f->context = arena_slice(&f->arena, value_text(value_field(error, E_CONTEXT)));
    if (value_field(error, E_SOURCE).tag == VAL_INT) {
        f->source = (const struct source *)(intptr_t)value_field(error, E_SOURCE).i;
        f->at.off = (uint32_t)value_field(error, E_OFF).i;
        f->at.len = (uint32_t)value_field(error, E_LEN).i;
    }
    if (value_field(error, E_TOKENS).tag == VAL_INT)
        f->n_tok = (uint32_t)value_field(error, E_TOKENS).i;
    if (value_field(error, E_SHARED).tag == VAL_INT)
        f->n_shared = (uint32_t)value_field(error, E_SHARED).i;
    if (value_field(error, E_GENERATED).tag == VAL_INT)
        f->n_generated = (uint32_t)value_field(error, E_GENERATED).i;
    return f;
}

void failure_free(struct run_failure *f)
{
    if (!f)
        return;
    arena_free(&f->arena);
    mem_free(f);
}
