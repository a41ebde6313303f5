/* api_show.c - views of a module: its prompts and their tokens, prefixes, types, constraints.
 *
 * Whoever reads a prompt must tell what is constant from what is put in and what a model writes:
 * by colour on a terminal, elsewhere by `${...}` and `$[...]`.  Lines of our own begin with "---",
 * "==" or "["; where one follows a text that does not end its line, a backslash says so. */
#include "runtime/api/api_int.h"

#include <string.h>

#include "base/alloc.h"
#include "compiler/show.h"
#include "runtime/tokenizer/tokenizer.h"

/* ---- prompts ---- */

struct painter {
    struct engine *e;           /* or NULL */
    bool           tokens;      /* mark their borders */
    bool           color;
    bool           first;
    struct str    *out;
    struct str     run;         /* constant text that is tokenised together */
    uint32_t       n_tok;       /* of the constant parts of the function */
    char           last;        /* byte of the prompt shown last, marks not counted; 0: none yet */
    enum status    st;
    struct error  *err;
};

static const char *const color_of[] = {
    [SHOW_FUNC] = "1", [SHOW_INSERT] = "36", [SHOW_CONTROL] = "35", [SHOW_GEN] = "32",
    [SHOW_OPEN] = "2", [SHOW_CLOSE] = "2", [SHOW_FLOW] = "33",
};

static void paint(struct painter *p, const char *code, struct slice text)
{
    if (p->color)
        str_addf(p->out, "\033[%sm", code);
    str_add_slice(p->out, text);
    if (p->color)
        str_adds(p->out, "\033[0m");
    p->last = text.len ? text.ptr[text.len - 1] : p->last;
}

/* Where a token ends. */
static void border(struct painter *p)
{
    char last = p->last;
    paint(p, "31", SLICE("|"));
    p->last = last;
}

/* To the beginning of a line; a backslash where the prompt has no newline there. */
static void next_line(struct painter *p)
{
    if (p->out->len && p->out->ptr[p->out->len - 1] != '\n')
        str_adds(p->out, p->last == '\n' ? "\n" : "\\\n");
    p->last = '\n';
}

/* One text with a bar where a token ends. */
static void put_tokens(struct painter *p, struct slice text, bool markup, const char *code)
{
    struct token_list ids = { 0 };
    if (p->st != ST_OK)
        return;
    p->st = engine_encode(p->e, text, markup, &ids, p->err);
    for (uint32_t t = 0; p->st == ST_OK && t < ids.n; t++) {
        struct str piece = { 0 };
        p->st = engine_decode(p->e, &ids.id[t], 1, true, &piece, p->err);
        paint(p, code, str_slice(&piece));
        border(p);
        str_free(&piece);
    }
    p->n_tok += ids.n;
    token_list_free(&ids);
}

/* Constant text is held back until its neighbours are known: they are tokenised together. */
static void flush(struct painter *p)
{
    if (p->run.len && p->tokens)
        put_tokens(p, str_slice(&p->run), false, "0");
    else if (p->run.len)
        paint(p, "0", str_slice(&p->run));
    str_cut(&p->run, 0);
}

static void own_line(struct painter *p, const char *code, const char *before, struct slice text,
                     const char *behind)
{
    struct str line = { 0 };
    next_line(p);
    str_adds(&line, before);
    str_add_slice(&line, text);
    str_adds(&line, behind);
    paint(p, code, str_slice(&line));
    str_addc(p->out, '\n');
    p->last = '\n';
    str_free(&line);
}

static void end_function(struct painter *p)
{
    flush(p);
    if (p->out->len && p->out->ptr[p->out->len - 1] != '\n')
        str_addc(p->out, '\n');
    p->last = '\n';
    if (p->tokens && !p->first)
        str_addf(p->out, "(%u constant token%s)\n", p->n_tok, p->n_tok == 1 ? "" : "s");
    p->n_tok = 0;
}

static void turn(struct painter *p, const struct show_piece *x)
{
    struct slice open, close;
    const char *code = color_of[x->kind];
    flush(p);
    bool known = p->e && x->role != SHOW_NO_ROLE &&
                 engine_role_text(p->e, (enum plan_role)x->role, &open, &close);
    if (known) {
        struct slice text = x->kind == SHOW_OPEN ? open : close;
        if (p->tokens)
            put_tokens(p, text, true, code);
        else
            paint(p, code, text);
    } else if (x->kind == SHOW_OPEN) {
        own_line(p, code, "--- ", x->text, " ---");
    } else if (p->last != '\n') {
        str_addc(p->out, '\n');
        p->last = '\n';
    }
}

static void on_piece(void *ctx, const struct show_piece *x)
{
    struct painter *p = ctx;
    switch (x->kind) {
    case SHOW_FUNC:
        end_function(p);
        str_adds(p->out, p->first ? "" : "\n");
        p->first = false;
        own_line(p, color_of[x->kind], "== ", x->text, " ==");
        break;
    case SHOW_TEXT:
        str_add_slice(&p->run, x->text);
        break;
    case SHOW_INSERT:
    case SHOW_CONTROL:
    case SHOW_GEN:
        flush(p);
        paint(p, color_of[x->kind], x->text);
        break;
    case SHOW_OPEN:
    case SHOW_CLOSE:
        turn(p, x);
        break;
    case SHOW_FLOW:
        flush(p);
        own_line(p, color_of[x->kind], "[", x->text, "]");
        break;
    }
}

static enum status show_prompts(const struct module *m, struct engine *e, bool tokens, bool color,
                                struct str *out, struct error *err)
{
    struct painter p = { .e = e, .tokens = tokens, .color = color, .first = true, .out = out,
                         .err = err };
    enum status st = show_walk(m, on_piece, &p);
    end_function(&p);
    if (p.run.failed || st == ST_NOMEM)
        st = error_nomem(err);
    str_free(&p.run);
    return st == ST_OK ? p.st : st;
}

/* ---- prefixes ---- */

/* Tokens of a prefix as if its texts stood alone; role markers as the model writes them. */
static enum status prefix_tokens(const struct module *m, const struct bc_prefix *p,
                                 struct engine *e, uint32_t *ret, struct error *err)
{
    enum status st = ST_OK;
    struct slice close = { "", 0 };
    for (uint32_t i = 0; i < p->n_op && st == ST_OK; i++) {
        uint32_t op = PREFIX_OP(p->op[i]), operand = PREFIX_OPERAND(p->op[i]);
        struct slice piece = op == PREFIX_TEXT ? m->konst[operand].text : close;
        if (op == PREFIX_SEAL ||
            (op == PREFIX_OPEN && !engine_role_text(e, (enum plan_role)operand, &piece, &close)))
            continue;
        struct token_list ids = { 0 };
        st = engine_encode(e, piece, op != PREFIX_TEXT, &ids, err);
        *ret += ids.n;
        token_list_free(&ids);
    }
    return st;
}

static enum status show_prefixes(const struct module *m, struct engine *e, bool color,
                                 struct str *out, struct error *err)
{
    enum status st = ST_OK;
    uint32_t *n_tok = e ? mem_calloc(m->n_prefix + 1u, sizeof *n_tok) : NULL;
    for (uint32_t i = 0; n_tok && i < m->n_prefix && st == ST_OK; i++)
        st = prefix_tokens(m, &m->prefix[i], e, &n_tok[i], err);
    if (st == ST_OK)
        show_prefix(m, n_tok, color, out);
    mem_free(n_tok);
    return st;
}

/* ---- the door ---- */

sgl_status sgl_module_show(sgl_module *module, sgl_show what, bool color, sgl_engine *engine,
                           char **ret_text, sgl_error *err)
{
    struct str out = { 0 };
    struct error why = { 0 };
    struct engine *e = engine ? engine->e : NULL;
    enum status st = ST_OK;
    switch (what) {
    case SGL_SHOW_PROMPT:
        st = show_prompts(module->m, e, false, color, &out, &why);
        break;
    case SGL_SHOW_TOKENS:
        if (!e)
            return api_fail(err, ST_INVALID, NULL, "tokens are shown for an engine's tokenizer");
        st = show_prompts(module->m, e, true, color, &out, &why);
        break;
    case SGL_SHOW_IR:
        if (!module->ir.ptr)
            return api_fail(err, ST_STATE, NULL, "the module was compiled without keep_ir");
        str_add_slice(&out, str_slice(&module->ir));
        break;
    case SGL_SHOW_BYTECODE:
        bytecode_dump(module->m, &out);
        break;
    case SGL_SHOW_PREFIX:
        st = show_prefixes(module->m, e, color, &out, &why);
        break;
    case SGL_SHOW_COST:
        if (!module->cost.ptr)
            return api_fail(err, ST_STATE, NULL, "the module was compiled without cost");
        str_add_slice(&out, str_slice(&module->cost));
        break;
    case SGL_SHOW_SCHEMA:
        show_schema(module->m, &out);
        break;
    case SGL_SHOW_GRAMMAR:
        st = show_grammar(module->m, &out, &why);
        break;
    default:
        return api_fail(err, ST_INVALID, NULL, "no such view of a module: %d", (int)what);
    }
    if (st != ST_OK) {
        str_free(&out);
        return api_error(st, &why, err);
    }
    return api_take_text(&out, ret_text, NULL, err);
}
