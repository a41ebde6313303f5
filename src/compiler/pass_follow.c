/* pass_follow.c - the constant text that stands behind a value in its turn (LANGUAGE.md 6.3).
 *
 * It decides where a value may end, so it is part of the meaning and runs before every pass that
 * moves or joins texts: what it finds is what the source says. */
#include <string.h>

#include "compiler/pass.h"

enum { FOLLOW_MAX = 64, LOOK_MAX = 256 };

static uint32_t *block_places(struct comp *c, const struct ir_func *f)
{
    uint32_t *at = comp_alloc(c, (f->n_block + 1) * sizeof *at);
    for (uint32_t i = 0; i < f->n_insn; i++)
        if (f->insn[i].op == IR_BLOCK)
            at[f->insn[i].label] = i;
    return at;
}

static bool is_parting(enum ir_op op)
{
    return (op >= IR_BR_TRUE && op <= IR_BR_NOT_NULL) || op == IR_NEXT || op == IR_STREAM_NEXT ||
           op == IR_JOIN_NEXT || op == IR_RET || op == IR_RAISE;
}

/* Walks the one way that leads on from the value and gathers the texts on its context. */
static void follow(struct comp *c, struct ir_func *f, uint32_t from, const uint32_t *place)
{
    struct gen_site *g = &c->gen[f->insn[from].imm];
    uint32_t chain = f->token[f->insn[from].kout];
    char text[FOLLOW_MAX];
    size_t n_text = 0;
    uint32_t i = from + 1;
    for (uint32_t steps = 0; i < f->n_insn && steps < LOOK_MAX && n_text < FOLLOW_MAX; steps++) {
        const struct ir_insn *n = &f->insn[i];
        if (n->op == IR_BR) {
            i = place[n->label];
            continue;
        }
        bool here = n->kin != IR_NO && f->token[n->kin] == chain;
        if (here && n->op == IR_TEXT) {
            struct slice s = slice_sub(c->konst[n->imm].text, 0, FOLLOW_MAX - n_text);
            memcpy(text + n_text, s.ptr, s.len);
            n_text += s.len;
        } else if (here && n->op == IR_TURN_CLOSE && !n_text) {
            g->next = SITE_NEXT_TURN_END;
            return;
        } else if (here || is_parting(n->op)) {
            break;
        }
        i++;
    }
    if (!n_text)
        return;
    g->next = SITE_NEXT_TEXT;
    g->follow = comp_slice(c, (struct slice){ text, n_text });
}

void pass_follow(struct comp *c, struct ir_func *f, uint32_t index)
{
    (void)index;
    const uint32_t *place = NULL;
    for (uint32_t i = 0; i < f->n_insn; i++) {
        enum ir_op op = f->insn[i].op;
        if (op != IR_GEN && op != IR_SELECT && op != IR_SCORE && op != IR_STREAM_OPEN)
            continue;
        if (!place)
            place = block_places(c, f);
        follow(c, f, i, place);
    }
}
