/* pass_fold.c - joins neighbouring texts, and inserted constants, before they are tokenised.
 *
 * Two texts are neighbours when nothing between them can fail or be seen: then the context reads
 * the same whether they arrive as one or as two (texts are joined as bytes anyway). */
#include <string.h>

#include "compiler/pass.h"

static bool is_silent(const struct ir_insn *n)
{
    return n->op == IR_NOP || n->op == IR_CONST || n->op == IR_LOAD ||
           (n->op == IR_STORE && n->imm == BC_NO_INDEX);
}

/* Texts gather in `run` until something comes between; then the last of them holds them all. */
struct fold {
    struct comp    *c;
    struct ir_func *f;
    struct str      run;
    uint32_t        first, last, n;
};

static void run_end(struct fold *r)
{
    if (r->n > 1) {
        struct ir_insn *first = &r->f->insn[r->first], *last = &r->f->insn[r->last];
        if (r->run.failed)
            comp_nomem(r->c);
        last->imm = konst_str(r->c, str_slice(&r->run));
        last->kin = first->kin;
        uint32_t end = last->at.off + last->at.len;
        last->at = (struct span){ first->at.off, end > first->at.off ? end - first->at.off
                                  : first->at.len };
        for (uint32_t i = r->first; i < r->last; i++)
            if (r->f->insn[i].op == IR_TEXT)
                r->f->insn[i] = (struct ir_insn){ .op = IR_NOP, .dst = IR_NO, .dst2 = IR_NO,
                                                  .kin = IR_NO,
                                                  .kout = IR_NO, .at = r->f->insn[i].at };
    }
    r->n = 0;
    str_cut(&r->run, 0);
}

static void run_add(struct fold *r, uint32_t i)
{
    const struct ir_insn *n = &r->f->insn[i];
    if (r->n && r->f->insn[r->last].kout != n->kin)
        run_end(r);
    if (!r->n++)
        r->first = i;
    r->last = i;
    str_add_slice(&r->run, r->c->konst[n->imm].text);
}

/* Inserting a constant appends its text form. */
static void fold_insert(struct comp *c, struct ir_func *f, struct ir_insn *n, const uint32_t *konst)
{
    uint32_t v = n->arg[0];
    struct str text = { 0 };
    if (!konst[v] || f->value[v].is_var || !konst_text(c, konst[v] - 1, &text)) {
        str_free(&text);
        return;
    }
    if (text.failed)
        comp_nomem(c);
    n->op = IR_TEXT;
    n->imm = konst_str(c, str_slice(&text));
    n->n_arg = 0;
    str_free(&text);
}

void pass_fold(struct comp *c, struct ir_func *f, uint32_t index)
{
    (void)index;
    struct fold run = { .c = c, .f = f };
    uint32_t *konst = comp_alloc(c, (f->n_value + 1) * sizeof *konst);      /* of a value, + 1 */
    for (uint32_t i = 0; i < f->n_insn; i++) {
        struct ir_insn *n = &f->insn[i];
        if (n->op == IR_CONST)
            konst[n->dst] = n->imm + 1;
        if (n->op == IR_INSERT)
            fold_insert(c, f, n, konst);
        if (n->op == IR_TEXT)
            run_add(&run, i);
        else if (!is_silent(n))
            run_end(&run);
    }
    run_end(&run);
    str_free(&run.run);
}
