/* pass_lint.c - warnings that need the order of work on a context: W0304, W0404, W0405, and W0801.
 *
 * Every context token is given the state the context is in there: fresh, raw text, between the
 * turns of a chat, or inside a turn.  Where ways meet that differ, the state is unknown and nothing
 * is said: a warning here is always about something that happens.
 *
 * It runs behind pass_follow, on the texts as they are written, and changes nothing. */
#include <string.h>

#include "compiler/pass.h"

enum place_state { AT_UNKNOWN, AT_FRESH, AT_RAW, AT_CHAT, AT_TURN };

struct lint {
    struct comp    *c;
    struct ir_func *f;
    uint8_t        *state;      /* [n_token] enum place_state */
    uint32_t       *maker;      /* [n_token] the operation that gives it, or IR_NO */
};

static struct diag *warn(struct lint *l, const char *code, struct span at, const char *text)
{
    struct diag_list *d = l->c->diags;
    for (uint32_t i = 0; i < d->n; i++)     /* a part that is expanded twice */
        if (d->at[i]->at.off == at.off && !strcmp(d->at[i]->code, code) &&
            d->at[i]->source == l->f->out.source)
            return NULL;
    return diag_add(d, code, l->f->out.source, at, "%s", text);
}

/* ---- the state of a context ---- */

static enum place_state entry_state(const struct lint *l, uint32_t token)
{
    const struct ir_func *f = l->f;
    uint32_t handle = f->chain[f->token[token]].handle;
    if (handle == f->ctx)
        return f->entry_state;
    for (uint32_t i = 0; i < f->n_insn; i++)
        if (f->insn[i].dst == handle && f->insn[i].op == IR_SCRATCH && f->insn[i].kout != IR_NO)
            return l->state[f->insn[i].kout];
    return AT_UNKNOWN;
}

static enum place_state phi_state(const struct lint *l, const struct ir_insn *n)
{
    if (n->imm == IR_NO && n->label == IR_NO)
        return entry_state(l, n->kout);
    if (n->imm == IR_NO || n->label == IR_NO)
        return l->state[n->imm == IR_NO ? n->label : n->imm];
    enum place_state a = l->state[n->imm], b = l->state[n->label];
    bool loop = l->maker[n->label] == IR_NO;        /* the way back, not walked yet */
    return loop || a == b ? a : AT_UNKNOWN;
}

static enum place_state after(const struct lint *l, const struct ir_insn *n, enum place_state s)
{
    switch (n->op) {
    case IR_CTX_NEW:
        return AT_FRESH;
    case IR_KPHI:
        return phi_state(l, n);
    case IR_TURN_OPEN:
        return AT_TURN;
    case IR_TURN_CLOSE:
        return AT_CHAT;
    case IR_TEXT: case IR_INSERT: case IR_CONTROL: case IR_GEN: case IR_SELECT: case IR_STREAM_OPEN:
        return s == AT_FRESH ? AT_RAW : s;
    case IR_ROLLBACK: case IR_DROP_TURNS: case IR_JOIN_KEEP:
        return AT_UNKNOWN;
    case IR_JOIN_TEXT:
        return s == AT_FRESH ? AT_UNKNOWN : s;
    default:
        return s;
    }
}

/* ---- raw text in a chat ---- */

static void lint_turns(struct lint *l, const struct ir_insn *n, enum place_state s)
{
    struct diag *d = NULL;
    if ((n->op == IR_TEXT || n->op == IR_INSERT) && s == AT_CHAT) {
        d = warn(l, "W0304", n->at, "this text stands between the turns of a chat");
        if (d)
            diag_note(l->c->diags, d, "put it into a turn: user \"...\"");
    } else if (n->op == IR_TURN_OPEN && s == AT_RAW) {
        d = warn(l, "W0304", n->at, "a turn begins behind raw text, which no model has seen so");
        if (d)
            diag_note(l->c->diags, d, "put the text before it into a turn too");
    }
}

/* ---- where a value ends ---- */

static bool has_arg(const struct gen_site *g, enum site_arg_kind kind)
{
    for (uint32_t i = 0; i < g->n_arg; i++)
        if (g->arg[i].kind == kind)
            return true;
    return false;
}

static bool has_stop(const struct gen_site *g)
{
    return has_arg(g, ARG_STOP) || has_arg(g, ARG_STOP_REGEX) || has_arg(g, ARG_STOP_TOKENS);
}

static bool is_hole(const struct lint *l, const struct gen_site *g)
{
    struct slice text = l->f->out.source->text;
    return g->at.off < text.len && text.ptr[g->at.off] == '$';
}

static void escaped(struct slice s, struct str *out)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '\n')
            str_adds(out, "\\n");
        else if (s.ptr[i] == '\t')
            str_adds(out, "\\t");
        else if (s.ptr[i] == '"' || s.ptr[i] == '\\' || s.ptr[i] == '$')
            str_addf(out, "\\%c", s.ptr[i]);
        else
            str_addc(out, s.ptr[i]);
    }
}

/* The first line of the text that follows, as an argument. */
static void stop_text(const struct gen_site *g, struct str *out)
{
    size_t n = slice_find(g->follow, SLICE("\n"));
    struct slice line = slice_sub(g->follow, 0, n == 0 ? 1 : n == SIZE_MAX ? g->follow.len : n);
    str_adds(out, "stop: \"");
    escaped(line, out);
    str_addc(out, '"');
}

static void suggest_stop(struct lint *l, struct diag *d, const struct gen_site *g)
{
    struct str stop = { 0 }, edit = { 0 };
    struct slice text = l->f->out.source->text;
    size_t end = (size_t)g->at.off + g->at.len;
    stop_text(g, &stop);
    diag_note(l->c->diags, d, "give it `%.*s`", (int)stop.len, stop.ptr);
    if (g->at.len && end <= text.len && (text.ptr[end - 1] == ']' || text.ptr[end - 1] == ')')) {
        str_adds(&edit, end >= 2 && text.ptr[end - 2] == '(' ? "" : ", ");
        str_add_slice(&edit, str_slice(&stop));
        const char *copy = arena_strdup(l->c->diags->arena, str_slice(&edit));
        if (copy)
            diag_edit(l->c->diags, d, (struct span){ (uint32_t)end - 1, 0 }, copy);
    }
    str_free(&stop);
    str_free(&edit);
}

/* A text that may stop anywhere and go on with anything. */
static void open_text(struct lint *l, const struct gen_site *g)
{
    if (has_stop(g) || (!is_hole(l, g) && has_arg(g, ARG_MAX)))
        return;
    struct str s = { 0 };
    if (g->name.len)
        str_addf(&s, "nothing says where `%.*s` ends: any text may go on", (int)g->name.len,
                 g->name.ptr);
    else
        str_adds(&s, "nothing says where this value ends: any text may go on");
    struct diag *d = s.failed ? NULL : warn(l, "W0404", g->at, s.ptr);
    if (d)
        suggest_stop(l, d, g);
    str_free(&s);
}

/* A constraint whose value may end and may as well go on with what follows. */
static void open_constraint(struct lint *l, const struct gen_site *g)
{
    struct pattern_source src = { .kind = PATTERN_SHAPE, .shape = g->shape };
    struct pattern *p;
    struct error err = { 0 };
    struct str witness = { 0 }, s = { 0 };
    if (has_stop(g) || pattern_compile(&src, &p, &err) != ST_OK)
        return;
    if (pattern_goes_on(p, (uint8_t)g->follow.ptr[0], &witness)) {
        struct str shown = { 0 };
        escaped(slice_sub(g->follow, 0, 1), &shown);
        str_addf(&s, "a value may go on with \"%.*s\", the beginning of the text behind it",
                 (int)shown.len, shown.ptr);
        struct diag *d = s.failed ? NULL : warn(l, "W0404", g->at, s.ptr);
        if (d)
            diag_note(l->c->diags, d,
                      "it goes on, for example behind `%.*s`: change the text or the type",
                      (int)(witness.len < 40 ? witness.len : 40), witness.ptr ? witness.ptr : "");
        str_free(&shown);
    }
    str_free(&witness);
    str_free(&s);
    pattern_unref(p);
}

static void lint_end(struct lint *l, const struct ir_insn *n, enum place_state s)
{
    const struct gen_site *g = &l->c->gen[n->imm];
    bool goes_on = s == AT_TURN || s == AT_RAW || s == AT_FRESH || !g->opens_turn;
    if (g->next != SITE_NEXT_TEXT || !g->follow.len || !goes_on)
        return;
    if (l->c->rtype[g->rtype].kind == RT_STR && (!g->shape || shape_is_bare(g->shape)))
        open_text(l, g);
    else if (g->shape)
        open_constraint(l, g);
}

/* ---- a blank before a hole ---- */

static bool heal_off(const struct lint *l, const struct ir_insn *n)
{
    const struct gen_site *g = &l->c->gen[n->imm];
    for (uint32_t i = 0; i < g->n_arg; i++) {
        if (g->arg[i].kind != ARG_HEAL)
            continue;
        for (uint32_t k = 0; k < l->f->n_insn; k++) {
            const struct ir_insn *m = &l->f->insn[k];
            if (m->dst == n->arg[i] && m->op == IR_CONST)
                return l->c->konst[m->imm].kind == KONST_BOOL && !l->c->konst[m->imm].i;
        }
    }
    return false;
}

static void lint_blank(struct lint *l, const struct ir_insn *n)
{
    if (n->kin == IR_NO || l->maker[n->kin] == IR_NO || l->f->insn[l->maker[n->kin]].op != IR_TEXT)
        return;
    const struct ir_insn *before = &l->f->insn[l->maker[n->kin]];
    struct slice s = l->c->konst[before->imm].text;
    if (!s.len || (s.ptr[s.len - 1] != ' ' && s.ptr[s.len - 1] != '\t') || !heal_off(l, n))
        return;
    struct diag *d = warn(l, "W0405", l->c->gen[n->imm].at,
                          "the text before this value ends in a blank, and healing is off");
    if (d)
        diag_note(l->c->diags, d,
                  "most tokens begin with their blank: leave it out, or leave `heal` on");
}

/* ---- tests ---- */

static bool asserts(const struct ir_insn *n)
{
    if (n->op == IR_NATIVE)
        return n->imm == NATIVE_ASSERT || n->imm == NATIVE_REQUIRE || n->imm == NATIVE_FAIL;
    return n->op == IR_ASSERT_CMP || n->op == IR_RAISE;
}

/* Whether the function, or one of the program that it calls, asserts anything. */
static bool has_assertion(struct comp *c, uint32_t from)
{
    uint8_t *seen = comp_alloc(c, c->n_func);
    uint32_t *list = comp_alloc(c, c->n_func * sizeof *list), n = 0;
    list[n++] = from;
    seen[from] = 1;
    for (uint32_t k = 0; k < n; k++) {
        const struct ir_func *f = c->func[list[k]];
        if (slice_find(f->out.name, SLICE("_assert_error")) != SIZE_MAX)
            return true;
        if (f->out.source != c->main_mod->source)
            continue;
        for (uint32_t i = 0; i < f->n_insn; i++)
            if (asserts(&f->insn[i]))
                return true;
        for (uint32_t i = 0; i < f->n_callee; i++)
            if (!seen[f->callee[i]]) {
                seen[f->callee[i]] = 1;
                list[n++] = f->callee[i];
            }
    }
    return false;
}

static bool is_std(const struct comp *c, const struct ir_func *f)
{
    for (uint32_t i = 0; i < c->n_mod; i++)
        if (c->mod[i]->source == f->out.source)
            return c->mod[i]->is_std;
    return true;
}

/* `test "name"` */
static struct span head_of(const struct ir_func *f)
{
    struct slice s = slice_sub(f->out.source->text, f->out.at.off, f->out.at.len);
    size_t open = slice_find(s, SLICE("\"")), n = open + 1;
    if (open == SIZE_MAX)
        return f->out.at;
    while (n < s.len && s.ptr[n] != '"')
        n += s.ptr[n] == '\\' ? 2 : 1;
    return (struct span){ f->out.at.off, (uint32_t)(n < s.len ? n + 1 : s.len) };
}

void pass_lint(struct comp *c, struct ir_func *f, uint32_t index)
{
    if (is_std(c, f))
        return;
    struct lint l = { .c = c, .f = f, .state = comp_alloc(c, f->n_token) };
    l.maker = comp_alloc(c, f->n_token * sizeof *l.maker);
    for (uint32_t i = 0; i < f->n_token; i++)
        l.maker[i] = IR_NO;
    for (uint32_t i = 0; i < f->n_insn; i++) {
        const struct ir_insn *n = &f->insn[i];
        enum place_state s = n->kin == IR_NO ? AT_UNKNOWN : (enum place_state)l.state[n->kin];
        if (n->kout != IR_NO) {
            l.maker[n->kout] = i;
            l.state[n->kout] = (uint8_t)after(&l, n, s);
        }
        lint_turns(&l, n, s);
        if (n->op == IR_FORK)
            c->func[c->fork[n->imm].func]->entry_state = (uint8_t)s;
        if (n->op == IR_GEN || n->op == IR_STREAM_OPEN)
            lint_end(&l, n, s);
        if (n->op == IR_GEN || n->op == IR_SELECT || n->op == IR_SCORE || n->op == IR_STREAM_OPEN)
            lint_blank(&l, n);
    }
    if ((f->out.flags & FUNC_TEST) && !has_assertion(c, index))
        warn(&l, "W0801", head_of(f), "this test asserts nothing");
}
