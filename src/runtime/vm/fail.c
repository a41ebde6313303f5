/* fail.c - errors of the language: values with a kind, a place and the way that led there.
 *
 * An error is a record whose first six fields a program can read; the hidden ones behind them
 * carry the trace and the span for the host's message.  It is built where it arises, since frames
 * are gone when it is caught or shown. */
#include "runtime/vm/vm_int.h"

#include <stdio.h>
#include <string.h>

enum { E_KIND, E_CODE, E_MESSAGE, E_WHERE, E_CONTEXT, E_CAUSE, E_TRACE, E_SOURCE, E_OFF, E_LEN,
       E_TOKENS, E_N };
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
    { "R0801", "Mock" },       { "R0802", "Mock" },
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

static struct span frame_span(const struct frame *f)
{
    if (!f->fn->n_code || !f->fn->span)
        return f->fn->at;
    return f->fn->span[f->pc < f->fn->n_code ? f->pc : f->fn->n_code - 1];
}

/* "in even, called from all_or_nothing (errors_tour.sgl:60:28)" */
static void add_trace(const struct task *t, struct str *out)
{
    uint32_t level = 0;
    for (const struct frame *f = t->top; f && level < TRACE_LEVELS; f = f->up, level++) {
        if (level == 0) {
            if (f->fn->name.len)
                str_addf(out, "in %.*s", (int)f->fn->name.len, f->fn->name.ptr);
            continue;
        }
        str_addf(out, "%scalled from %.*s (", out->len ? ", " : "", (int)f->fn->name.len,
                 f->fn->name.ptr);
        add_place(out, f->fn->source, frame_span(f).off);
        str_addc(out, ')');
    }
}

static const struct context *nearest_context(const struct task *t)
{
    for (const struct frame *f = t->top; f; f = f->up)
        for (uint32_t i = f->fn->n_reg; i-- > 0;)
            if (f->reg[i].tag == VAL_CONTEXT)
                return context_of(f->reg[i]);
    return NULL;
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
    if (t->set)
        str_addf(&where, ", branch %u", t->index);
    const struct context *c = nearest_context(t);
    if (c) {
        context_last_lines(c->tail, &lines);
        field[E_TOKENS] = value_int(c->n_tok);
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
        SLICE("_tokens"),
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

struct slice error_kind(struct value e)
{
    return e.tag == VAL_ERROR ? value_text(value_field(e, E_KIND)) : SLICE("Limit");
}

struct slice error_code_of(struct value e)
{
    return e.tag == VAL_ERROR ? value_text(value_field(e, E_CODE)) : SLICE("R0706");
}

/* An error that leaves a branch says which one it was. */
void error_add_branch(struct task *t, struct value *error, uint32_t index)
{
    if (error->tag != VAL_ERROR)
        return;
    struct str trace = { 0 };
    str_add_slice(&trace, value_text(value_field(*error, E_TRACE)));
    str_addf(&trace, "%sbranch %u", trace.len ? ", " : "", index);
    if (t->top && t->top->fn->name.len)
        str_addf(&trace, " of %.*s", (int)t->top->fn->name.len, t->top->fn->name.ptr);
    struct value v;
    if (put_text(&v, &trace) == ST_OK)
        value_struct_put_take(error, E_TRACE, v);
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
    return f;
}

void failure_free(struct run_failure *f)
{
    if (!f)
        return;
    arena_free(&f->arena);
    mem_free(f);
}
