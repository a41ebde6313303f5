/* lower_check.c - the checks of fields (@check) behind a generation or a parse.
 *
 * A type is looked through once a question: a struct that was seen in this walk has nothing new
 * to say, so recursive types end. */
#include "compiler/lower.h"

static bool has_checks(struct comp *c, const struct type *t)
{
    if (t->kind == T_STRUCT) {
        struct sdecl *d = t->strct;
        if (d->walk == c->walk)
            return false;
        d->walk = c->walk;
        for (uint32_t i = 0; i < d->n; i++)
            if (d->field[i].check || has_checks(c, d->field[i].type))
                return true;
        return false;
    }
    if (t->kind == T_FN)
        return false;
    for (uint32_t i = 0; i < t->n; i++)
        if (has_checks(c, t->elem[i]))
            return true;
    return false;
}

/* Behind the operation that made the value: its @check functions run, and raise Require. */
void check_fields(struct low *l, uint32_t v, const struct type *t, struct span at)
{
    l->c->walk++;
    if (has_checks(l->c, t))
        ir_op1(l, IR_CHECK_FIELDS, NULL, v, rtype_of(l->c, t), at);
}
