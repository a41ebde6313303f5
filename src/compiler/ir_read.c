/* ir_read.c - the printed form of the IR, read back (LANGUAGE.md 15.1).
 *
 * A line is one operation: results, the operation's text, then operands that say by their first
 * character what they are.  What a listing does not show stays empty: spans, types of values that
 * are no inputs, regions.  Tables (constants, sites, functions) are those of the module that the
 * listing was made of; numbers into them are checked.  The result lives in the arena and satisfies
 * ir_verify, or the reading fails with the line. */
#include <string.h>

#include "compiler/ir.h"

enum { MAX_ID = 1 << 20, MAX_ARG = 1 << 16 };

struct read {
    struct slice            text;       /* what is left */
    struct slice            line;       /* ... of the present line */
    uint32_t                number;
    const struct ir_names  *names;
    struct arena           *arena;
    struct error           *err;
    struct ir_func         *f;
    uint32_t                cap_arg;
    uint32_t               *arg;        /* of the present operation */
    uint32_t                n_arg;
};

static enum status bad(struct read *r, const char *what)
{
    return error_set(r->err, ST_SYNTAX, "ir listing, line %u: %s", r->number, what);
}

/* ---- pieces of a line ---- */

static bool next_line(struct read *r)
{
    if (!r->text.len)
        return false;
    size_t n = slice_find(r->text, SLICE("\n"));
    n = n == SIZE_MAX ? r->text.len : n;
    r->line = slice_sub(r->text, 0, n);
    r->text = slice_sub(r->text, n + 1, r->text.len);
    r->number++;
    return true;
}

static void skip(struct read *r, size_t n)
{
    r->line = slice_sub(r->line, n, r->line.len);
}

static void skip_blanks(struct read *r)
{
    while (r->line.len && (r->line.ptr[0] == ' ' || r->line.ptr[0] == ','))
        skip(r, 1);
}

static bool take(struct read *r, const char *text)
{
    if (!slice_starts(r->line, slice_of(text)))
        return false;
    skip(r, strlen(text));
    return true;
}

static bool number(struct read *r, uint32_t *ret)
{
    uint64_t n = 0;
    size_t i = 0;
    for (; i < r->line.len && r->line.ptr[i] >= '0' && r->line.ptr[i] <= '9' && n < UINT32_MAX; i++)
        n = n * 10 + (uint64_t)(r->line.ptr[i] - '0');
    if (!i || n >= UINT32_MAX)
        return false;
    skip(r, i);
    *ret = (uint32_t)n;
    return true;
}

/* A sigil and a number below the limit. */
static bool id(struct read *r, char sigil, uint32_t limit, uint32_t *ret)
{
    struct slice before = r->line;
    if (!r->line.len || r->line.ptr[0] != sigil)
        return false;
    skip(r, 1);
    if (number(r, ret) && *ret < limit)
        return true;
    r->line = before;
    return false;
}

static bool value(struct read *r, uint32_t *ret)
{
    if (id(r, '%', r->f->n_value, ret))
        return true;
    if (!id(r, '@', r->f->n_value, ret))
        return false;
    r->f->value[*ret].is_var = true;
    return true;
}

static struct slice word(struct read *r)
{
    size_t n = 0;
    while (n < r->line.len && r->line.ptr[n] != ' ' && r->line.ptr[n] != ',')
        n++;
    struct slice w = slice_sub(r->line, 0, n);
    skip(r, n);
    return w;
}

/* ---- the head of a function ---- */

/* The largest number behind any of the sigils, + 1, up to the blank line that ends the function. */
static uint32_t count_ids(struct slice text, const char *sigils)
{
    uint32_t most = 0;
    size_t end = slice_find(text, SLICE("\n\n"));
    for (size_t i = 0; i < text.len && i < end; i++) {
        if (!strchr(sigils, text.ptr[i]) || !text.ptr[i])
            continue;
        uint32_t n = 0;
        size_t k = i + 1;
        for (; k < text.len && text.ptr[k] >= '0' && text.ptr[k] <= '9' && n < MAX_ID; k++)
            n = n * 10 + (uint32_t)(text.ptr[k] - '0');
        if (k > i + 1 && n < MAX_ID && n + 1 > most)
            most = n + 1;
    }
    return most;
}

static uint32_t count_lines(struct slice text)
{
    uint32_t n = 0;
    size_t end = slice_find(text, SLICE("\n\n"));
    for (size_t i = 0; i < text.len && i < end; i++)
        n += text.ptr[i] == '\n';
    return n + 1;
}

static uint32_t flags_of(struct slice what)
{
    static const struct { const char *word; uint32_t flag; } row[] = {
        { "fn", 0 }, { "script", FUNC_SCRIPT }, { "branch", FUNC_BRANCH }, { "lambda",
                                                                             FUNC_LAMBDA },
        { "test", FUNC_TEST }, { "eval", FUNC_EVAL }, { "helper", FUNC_HELPER },
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        if (slice_is(what, row[i].word))
            return row[i].flag;
    return UINT32_MAX;
}

/* The text of a type up to what ends an input; brackets, texts and patterns are whole. */
static struct slice type_piece(struct read *r)
{
    uint32_t depth = 0;
    size_t i = 0;
    for (; i < r->line.len; i++) {
        char c = r->line.ptr[i];
        if (c == '"' || c == '/') {
            for (i++; i < r->line.len && r->line.ptr[i] != c; i++)
                i += r->line.ptr[i] == '\\';
        } else if (!depth && (c == ',' || c == ';' || c == ')')) {
            break;
        }
        depth += c == '(' || c == '[';
        depth -= c == ')' || c == ']';
    }
    struct slice t = slice_sub(r->line, 0, i);
    skip(r, t.len);
    return t;
}

static enum status inputs(struct read *r)
{
    struct ir_func *f = r->f;
    f->input = arena_array(r->arena, f->n_value + 1, sizeof *f->input);
    while (f->input && !take(r, ")")) {
        uint32_t v;
        skip_blanks(r);
        if (take(r, ";")) {
            f->out.n_capture = f->n_input;
            continue;
        }
        if (f->n_input == f->n_value || !value(r, &v) || !take(r, ": "))
            return bad(r, "no input");
        struct type *t = arena_zalloc(r->arena, sizeof *t);
        if (!t)
            return error_nomem(r->err);
        t->kind = T_VAR;
        t->text = type_piece(r);
        f->value[v].type = t;
        f->input[f->n_input++] = v;
    }
    f->out.n_param = f->n_input - f->out.n_capture;
    if (f->input && take(r, " in ") && !value(r, &f->ctx))
        return bad(r, "no context");
    return f->input ? ST_OK : error_nomem(r->err);
}

static bool quoted_name(struct read *r, struct slice *ret)
{
    struct str s = { 0 };
    size_t i = 1;
    for (; i < r->line.len && r->line.ptr[i] != '"'; i++) {
        bool escape = r->line.ptr[i] == '\\' && i + 1 < r->line.len;
        i += escape;
        str_addc(&s, escape && r->line.ptr[i] == 'n' ? '\n' : r->line.ptr[i]);
    }
    skip(r, i + 1);
    *ret = arena_slice(r->arena, str_slice(&s));
    bool ok = !s.failed && ret->ptr;
    str_free(&s);
    return ok;
}

static enum status head(struct read *r)
{
    struct ir_func *f = r->f;
    uint32_t n_line = count_lines(r->text);
    uint32_t flags = flags_of(word(r));
    if (flags == UINT32_MAX || !take(r, " "))
        return bad(r, "no function begins here");
    f->out.flags = flags;
    f->ctx = IR_NO;
    struct slice all = r->line;         /* numbers of inputs count as well */
    all.len = (size_t)(r->text.ptr + r->text.len - all.ptr);
    f->n_value = count_ids(all, "%@");
    f->n_token = count_ids(all, "k");
    f->value = arena_array(r->arena, f->n_value + 1, sizeof *f->value);
    f->token = arena_array(r->arena, f->n_token + 1, sizeof *f->token);
    f->chain = arena_array(r->arena, f->n_token + 1, sizeof *f->chain);
    f->insn = arena_array(r->arena, n_line, sizeof *f->insn);
    if (!f->value || !f->token || !f->chain || !f->insn)
        return error_nomem(r->err);
    f->cap_insn = n_line;
    size_t name = 0;
    if (r->line.len && r->line.ptr[0] == '"') {
        if (!quoted_name(r, &f->out.name))
            return error_nomem(r->err);
    } else {
        name = slice_find(r->line, SLICE("("));
        f->out.name = slice_sub(r->line, 0, name);
        skip(r, name);
    }
    return take(r, "(") ? inputs(r) : bad(r, "no inputs");
}

/* ---- operations ---- */

/* The longest operation that the line begins with. */
static bool op_of(struct read *r, enum ir_op *ret)
{
    size_t best = 0;
    for (uint32_t op = 0; op < IR_N; op++) {
        struct slice t = slice_of(ir_op_text((enum ir_op)op));
        bool ends = r->line.len == t.len || (r->line.len > t.len && (r->line.ptr[t.len] == ' ' ||
                                                                     r->line.ptr[t.len] == ','));
        if (t.len > best && slice_starts(r->line, t) && ends) {
            best = t.len;
            *ret = (enum ir_op)op;
        }
    }
    skip(r, best);
    return best > 0;
}

static enum status results(struct read *r, struct ir_insn *n)
{
    struct slice before = r->line;
    for (uint32_t v; r->line.len;) {
        if (take(r, "= "))
            return ST_OK;
        if (id(r, 'k', r->f->n_token, &v))
            n->kout = v;
        else if (!value(r, &v))
            break;
        else if (n->dst == IR_NO)
            n->dst = v;
        else
            n->dst2 = v;
        skip_blanks(r);
    }
    r->line = before;                   /* no results: the line begins with the operation */
    n->dst = n->dst2 = n->kout = IR_NO;
    return ST_OK;
}

static bool find_word(struct slice w, const char *const *list, uint32_t n, uint32_t *ret)
{
    for (uint32_t i = 0; i < n; i++)
        if (slice_is(w, list[i])) {
            *ret = i;
            return true;
        }
    return false;
}

/* Operands that are a word: a role, a member of a context, a builtin, a numbered function. */
static bool named_operand(struct read *r, struct ir_insn *n)
{
    static const char *const role[] = { "system", "user", "assistant", "tool" };
    static const char *const query[] = { "tokens", "left", "text", "messages", "role", "model" };
    static const char *const native[] = {
#define X(name, text, n) text,
        NATIVE_ROWS(X)
#undef X
    };
    struct slice w;
    switch (n->op) {
    case IR_TURN_OPEN:
        return find_word(word(r), role, 4, &n->imm);
    case IR_QUERY:
        return find_word(word(r), query, 6, &n->imm);
    case IR_NATIVE:
        return find_word(word(r), native, NATIVE_N, &n->imm);
    case IR_CALL: case IR_CALL_DEFERRED: case IR_CLOSURE:
        w = word(r);
        while (w.len && slice_find(w, SLICE(":")) != SIZE_MAX) {
            size_t at = slice_find(w, SLICE(":"));
            w = slice_sub(w, at + 1, w.len);
        }
        struct read inner = { .line = w };
        return number(&inner, &n->imm) && n->imm < r->names->n_func;
    default:
        return false;
    }
}

static bool has_name(enum ir_op op)
{
    return op == IR_TURN_OPEN || op == IR_QUERY || op == IR_NATIVE || op == IR_CALL ||
        op == IR_CALL_DEFERRED ||
           op == IR_CLOSURE;
}

static uint32_t imm_limit(const struct read *r, char sigil)
{
    return sigil == '#' ? r->names->n_konst : sigil == 'g' ? r->names->n_gen : UINT32_MAX;
}

static bool operand(struct read *r, struct ir_insn *n, bool *phi_second)
{
    uint32_t v;
    if (take(r, "-> b"))
        return number(r, &n->label);
    if (n->op == IR_KPHI) {
        if (take(r, "-"))
            v = IR_NO;
        else if (!id(r, 'k', r->f->n_token, &v))
            return false;
        *(*phi_second ? &n->label : &n->imm) = v;
        *phi_second = true;
        return true;
    }
    if (id(r, 'k', r->f->n_token, &v)) {
        n->kin = v;
        return true;
    }
    static const char sigils[] = "#gst";
    for (const char *s = sigils; *s; s++)
        if (id(r, *s, imm_limit(r, *s), &n->imm))
            return true;
    if (number(r, &n->imm))
        return true;
    if (!value(r, &v))
        return false;
    if (n->op == IR_STORE && n->dst == IR_NO) {
        n->dst = v;
        return true;
    }
    if (r->n_arg == r->cap_arg)
        return false;
    r->arg[r->n_arg++] = v;
    return true;
}

static void cut_comment(struct read *r, enum ir_op op)
{
    size_t at = SIZE_MAX;
    if (op == IR_GEN || op == IR_SELECT || op == IR_SCORE || op == IR_STREAM_OPEN)
        at = slice_find(r->line, SLICE(", next="));
    else if (op == IR_CONST || op == IR_TEXT || op == IR_MEMBER)
        at = slice_find(r->line, SLICE("            ; "));
    if (at != SIZE_MAX)
        r->line = slice_sub(r->line, 0, at);
}

static enum status insn(struct read *r)
{
    struct ir_func *f = r->f;
    if (f->n_insn == f->cap_insn)
        return bad(r, "too many operations");
    struct ir_insn *n = &f->insn[f->n_insn++];
    *n = (struct ir_insn){ .dst = IR_NO, .dst2 = IR_NO, .kin = IR_NO, .kout = IR_NO };
    if (take(r, " b")) {
        n->op = IR_BLOCK;
        return number(r, &n->label) && take(r, ":") ? ST_OK : bad(r, "no block");
    }
    if (!take(r, "  "))
        return bad(r, "no operation");
    enum status st = results(r, n);
    if (st != ST_OK || !op_of(r, &n->op))
        return st != ST_OK ? st : bad(r, "no such operation");
    n->imm = n->op == IR_STORE ? BC_NO_INDEX : 0;
    cut_comment(r, n->op);
    bool second = false, named = !has_name(n->op);
    r->n_arg = 0;
    for (skip_blanks(r); r->line.len; skip_blanks(r)) {
        bool token = n->op != IR_NATIVE && n->op != IR_CALL && n->op != IR_CALL_DEFERRED &&
            n->op != IR_CLOSURE &&
                     r->line.ptr[0] == 'k';
        bool ok = named || token ? operand(r, n, &second) : named_operand(r, n);
        named |= !token;
        if (!ok)
            return bad(r, "no such operand");
    }
    n->n_arg = r->n_arg;
    n->arg = r->n_arg ? arena_dup(r->arena, r->arg, r->n_arg * sizeof *r->arg) : NULL;
    return n->n_arg && !n->arg ? error_nomem(r->err) : ST_OK;
}

/* ---- what the listing only implies ---- */

static void chains(struct ir_func *f)
{
    for (uint32_t i = 0; i < f->n_insn; i++) {
        const struct ir_insn *n = &f->insn[i];
        if (n->op == IR_BLOCK && n->label + 1 > f->n_block)
            f->n_block = n->label + 1;
        if (n->kout == IR_NO)
            continue;
        uint32_t from = n->op == IR_KPHI ? n->imm : n->kin;
        if (from == IR_NO && n->op == IR_KPHI && n->label != IR_NO && n->label != n->kout)
            from = n->label;
        if (from != IR_NO) {
            f->token[n->kout] = f->token[from];
            continue;
        }
        f->chain[f->n_chain] = (struct ir_chain){ .handle = n->dst, .own = n->op == IR_CTX_NEW,
                                                  .used = true };
        f->token[n->kout] = f->n_chain++;
    }
}

static enum status function(struct read *r, struct ir_func **ret)
{
    r->f = arena_zalloc(r->arena, sizeof *r->f);
    if (!r->f)
        return error_nomem(r->err);
    enum status st = head(r);
    r->cap_arg = MAX_ARG;
    while (st == ST_OK && next_line(r) && r->line.len)
        st = insn(r);
    if (st != ST_OK)
        return st;
    chains(r->f);
    *ret = r->f;
    return ir_verify(r->f, r->err);
}

enum status ir_read(struct slice text, const struct ir_names *names, struct arena *arena,
                    struct ir_func ***ret,
                    uint32_t *ret_n, struct error *err)
{
    struct read r = { .text = text, .names = names, .arena = arena, .err = err };
    uint32_t n = 0, cap = 1;
    for (size_t i = 1; i < text.len; i++)
        cap += text.ptr[i] == '\n' && text.ptr[i - 1] == '\n';
    struct ir_func **list = arena_array(arena, cap, sizeof *list);
    r.arg = arena_array(arena, MAX_ARG, sizeof *r.arg);
    if (!list || !r.arg)
        return error_nomem(err);
    while (next_line(&r)) {
        if (!r.line.len)
            continue;
        enum status st = n < cap ? function(&r, &list[n++]) : bad(&r, "too many functions");
        if (st != ST_OK)
            return st;
    }
    *ret = list;
    *ret_n = n;
    return ST_OK;
}
