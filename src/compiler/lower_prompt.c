/* lower_prompt.c - what appends: the context in force, texts, turns. */
#include <string.h>

#include "compiler/lower.h"

/* ---- the context in force ---- */

void use_ctx(struct low *l, struct span at)
{
    bool lambda = l->ctx_code && strcmp(l->ctx_code, "E0316") == 0;
    bool entered = l->k.chain != IR_NO;     /* a context that was entered is not the one outside */
    if (l->ctx_code && !(lambda && entered)) {
        const char *why = lambda ? "a lambda may not append or generate in the context in force"
                          : strcmp(l->ctx_code,
                                   "E0313") == 0 ? "a constant cannot append or generate"
                          : "no context may be used here";
        uint32_t quiet = l->c->quiet;       /* of a part: said at its call */
        l->c->quiet = l->part_depth ? 0 : quiet;
        struct diag *d = comp_diag(l->c, l->part_depth ? l->part_mod : l->mod, l->ctx_code,
                                   l->part_depth ? l->part_at : at, "%s", why);
        if (d && l->part_depth)
            diag_label(l->c->diags, d, l->mod->source, at, "the part does it here");
        l->c->quiet = quiet;
    }
    if (l->k.chain == IR_NO)
        low_own_ctx(l, at);
    l->f->chain[l->k.chain].used = true;
}

/* Makes the context that `handle` holds the one in force; gives what was. */
struct kctx enter_chain(struct low *l, uint32_t handle, bool own, int role, struct span at)
{
    struct kctx saved = l->k;
    l->k.chain = ir_chain_new(l, handle, own);
    l->f->chain[l->k.chain].used = true;
    l->k.role = role;
    l->k.token = ir_token_new(l, l->k.chain);
    struct ir_insn *i = ir_add(l, IR_KPHI, at);
    i->kout = l->k.token;
    i->imm = i->label = IR_NO;
    return saved;
}

uint32_t ir_set_dst(struct low *l, struct type *t)
{
    uint32_t at = l->f->n_insn - 1;
    uint32_t v = ir_value_new(l, t);
    l->f->insn[at].dst = v;
    return v;
}

/* ---- texts ---- */

bool node_has_hole(const struct node *text)
{
    for (uint32_t i = 0; i < text->u.text.n; i++)
        if (text->u.text.piece[i].kind == PIECE_HOLE)
            return true;
    return false;
}

bool node_appends(const struct node *block)
{
    for (uint32_t i = 0; i + 1 < block->u.list.n; i++) {
        const struct node *n = block->u.list.at[i];
        if (n->kind == AST_STMT_ROLE || n->kind == AST_STMT_EMIT)
            return true;
        if (n->kind == AST_STMT_EXPR &&
            (n->u.inner->kind == AST_EXPR_TEXT || n->u.inner->kind == AST_EXPR_MODEL))
            return true;
    }
    return false;
}

void append_text(struct low *l, struct slice s, struct span at)
{
    if (s.len) {
        uint32_t k = konst_str(l->c, s);
        ir_ctx(l, IR_TEXT, at)->imm = k;
    }
}

struct ex insert_value(struct low *l, const struct node *n)
{
    struct ex e = ex_join(l, lower_any(l, n, BLOCK_VALUE, NULL));
    if (!type_has_text(e.t) && e.t->kind != T_TOKEN) {
        low_diag(l, "E0319", n->span, "%s has no text form", comp_type_text(l->c, e.t));
        return ex_bad(l, n->span);
    }
    return e;
}

void append_value(struct low *l, struct ex e, struct span at)
{
    struct str text = { 0 };
    if (e.k && konst_text(l->c, e.k - 1, &text)) {
        append_text(l, str_slice(&text), at);
    } else {
        uint32_t v = ex_value(l, e);
        ir_args(l, ir_ctx(l, e.t->kind == T_TOKEN ? IR_CONTROL : IR_INSERT, at), &v, 1);
    }
    str_free(&text);
}

void lower_emit(struct low *l, const struct node *n)
{
    const struct node *v = n->u.emit.value;
    if (v->kind == AST_EXPR_TEXT) {
        append_template(l, v);
        return;
    }
    if (v->kind == AST_EXPR_CALL && v->u.call.callee->kind == AST_EXPR_NAME &&
        slice_is(v->u.call.callee->u.name.text, "image")) {
        low_diag(l, "E0113", v->span, "images belong to a later stage");
        return;
    }
    append_value(l, insert_value(l, v), n->span);
}

struct ex text_value(struct low *l, const struct node *text)
{
    struct comp *c = l->c;
    struct type *str = type_plain(T_STR);
    uint32_t n = text->u.text.n;
    struct ex *e = comp_alloc(c, n * sizeof *e + 1);
    bool konst = true;
    for (uint32_t i = 0; i < n; i++) {
        const struct piece *p = &text->u.text.piece[i];
        if (p->kind == PIECE_TEXT) {
            e[i] = ex_konst(c, konst_str(c, p->text), str, p->at);
        } else if (p->kind == PIECE_INSERT) {
            e[i] = insert_value(l, p->expr);
            if (e[i].t->kind == T_TOKEN) {
                low_diag(l, "E0319", p->at, "a token has no text form");
                e[i] = ex_bad(l, p->at);
            }
        } else {
            low_diag(l, "E0308", p->at, "a hole stands in a string statement only");
            return ex_konst(c, konst_str(c, SLICE("")), str, text->span);
        }
        konst &= e[i].k != 0;
    }
    if (konst) {
        struct str s = { 0 };
        for (uint32_t i = 0; i < n && konst; i++)
            konst = konst_text(c, e[i].k - 1, &s);
        struct ex r = ex_konst(c, konst_str(c, str_slice(&s)), str, text->span);
        str_free(&s);
        if (konst)
            return r;
    }
    uint32_t *v = comp_alloc(c, n * sizeof *v + 1);
    for (uint32_t i = 0; i < n; i++)
        v[i] = ex_value(l, e[i]);
    return ex_of(ir_opn(l, IR_FORMAT, str, v, n, 0, text->span), str, text->span);
}

/* ---- turns ---- */

void lower_role(struct low *l, const struct node *n)
{
    if (l->k.role >= 0) {
        if (l->part_depth) {
            uint32_t quiet = l->c->quiet;
            l->c->quiet = 0;
            struct diag *d = comp_diag(l->c, l->part_mod, "E0322", l->part_at,
                                       "this part writes turns and cannot be called inside a turn");
            if (d)
                diag_label(l->c->diags, d, l->mod->source, n->span, "this turn");
            l->c->quiet = quiet;
        } else {
            low_diag(l, "E0321", n->span, "a turn cannot stand inside a turn");
        }
        return;
    }
    ir_ctx(l, IR_TURN_OPEN, n->span)->imm = n->u.role.role;
    struct ctl ctl = { .up = l->ctl, .kind = CTL_ROLE };
    l->ctl = &ctl;
    l->k.role = (int)n->u.role.role;
    const struct node *body = n->u.role.body;
    if (body->kind == AST_EXPR_TEXT) {
        append_template(l, body);
    } else {
        for (uint32_t i = 0; i < body->u.list.n; i++)       /* no scope: names stay visible */
            lower_stmt(l, body->u.list.at[i]);
    }
    l->ctl = ctl.up;
    l->k.role = -1;
    struct span end = { n->span.off + n->span.len - (n->span.len ? 1 : 0), n->span.len ? 1 : 0 };
    if (!l->dead)
        ir_ctx(l, IR_TURN_CLOSE, end);
}
