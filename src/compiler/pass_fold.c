/* pass_fold.c - joins neighbouring texts before they are tokenised, and finds the text that
 * follows a value.
 *
 * Two texts are neighbours when nothing between them can fail or be seen: then the context reads
 * the same whether they arrive as one or as two (texts are joined as bytes anyway). */
#include <string.h>

#include "compiler/lower.h"

static bool is_silent(enum ir_op op)
{
    return op == IR_NOP || op == IR_CONST || op == IR_LOAD;
}

static void join_texts(struct comp *c, struct ir_insn *first, struct ir_insn *second)
{
    struct str s = { 0 };
    str_add_slice(&s, c->konst[first->imm].text);
    str_add_slice(&s, c->konst[second->imm].text);
    if (s.failed)
        comp_nomem(c);
    second->imm = konst_str(c, str_slice(&s));
    second->kin = first->kin;
    second->at = (struct span){ first->at.off, second->at.off + second->at.len > first->at.off
                                ? second->at.off + second->at.len - first->at.off : first->at.len };
    first->op = IR_NOP;
    first->kin = first->kout = IR_NO;
    str_free(&s);
}

void pass_fold(struct comp *c, struct ir_func *f)
{
    uint32_t last = IR_NO;
    for (uint32_t i = 0; i < f->n_insn; i++) {
        struct ir_insn *n = &f->insn[i];
        if (n->op == IR_TEXT) {
            if (last != IR_NO && f->insn[last].kout == n->kin)
                join_texts(c, &f->insn[last], n);
            last = i;
        } else if (!is_silent(n->op)) {
            last = IR_NO;
        }
    }
}

/* ---- what follows a value ---- */

enum { FOLLOW_MAX = 64, LOOK_MAX = 256 };

static uint32_t block_at(const struct ir_func *f, uint32_t label)
{
    for (uint32_t i = 0; i < f->n_insn; i++)
        if (f->insn[i].op == IR_BLOCK && f->insn[i].label == label)
            return i;
    return f->n_insn;
}

static void follow(struct comp *c, struct ir_func *f, uint32_t from)
{
    struct gen_site *g = &c->gen[f->insn[from].imm];
    uint32_t chain = f->token[f->insn[from].kout];
    uint32_t i = from + 1;
    for (uint32_t steps = 0; i < f->n_insn && steps < LOOK_MAX; steps++) {
        const struct ir_insn *n = &f->insn[i];
        if (n->op == IR_BR) {
            i = block_at(f, n->label);
            continue;
        }
        bool here = n->kin != IR_NO && f->token[n->kin] == chain;
        if (here && n->op == IR_TEXT) {
            struct slice s = c->konst[n->imm].text;
            g->next = SITE_NEXT_TEXT;
            g->follow = slice_sub(s, 0, FOLLOW_MAX);
            return;
        }
        if (here && n->op == IR_TURN_CLOSE)
            g->next = SITE_NEXT_TURN_END;
        if (here || n->op == IR_RET || n->op == IR_RAISE || (n->op >= IR_BR_TRUE && n->op <= IR_BR_NOT_NULL) ||
            n->op == IR_NEXT || n->op == IR_STREAM_NEXT || n->op == IR_JOIN_NEXT)
            return;
        i++;
    }
}

static bool has_stop(const struct gen_site *g)
{
    for (uint32_t i = 0; i < g->n_arg; i++)
        if (g->arg[i].kind == ARG_STOP || g->arg[i].kind == ARG_STOP_REGEX || g->arg[i].kind == ARG_STOP_TOKENS)
            return true;
    return false;
}

static void ambiguous(struct comp *c, const struct ir_func *f, const struct gen_site *g)
{
    if (c->rtype[g->rtype].kind != RT_STR || has_stop(g) || !g->name.len)
        return;
    struct diag *d = diag_add(c->diags, "W0404", f->out.source, g->at,
                              "nothing says where `%.*s` ends: any text may go on", (int)g->name.len, g->name.ptr);
    size_t n = slice_find(g->follow, SLICE("\n"));
    struct slice line = slice_sub(g->follow, 0, n == 0 ? 1 : n == SIZE_MAX ? g->follow.len : n);
    if (n == 0)
        diag_note(c->diags, d, "give it `stop: \"\\n\"`");
    else
        diag_note(c->diags, d, "give it `stop: \"%.*s\"`", (int)line.len, line.ptr);
}

void pass_follow(struct comp *c, struct ir_func *f)
{
    for (uint32_t i = 0; i < f->n_insn; i++) {
        enum ir_op op = f->insn[i].op;
        if (op != IR_GEN && op != IR_SELECT && op != IR_SCORE && op != IR_STREAM_OPEN)
            continue;
        follow(c, f, i);
        struct gen_site *g = &c->gen[f->insn[i].imm];
        if (op == IR_GEN && g->next == SITE_NEXT_TEXT && !g->opens_turn)
            ambiguous(c, f, g);
    }
}
