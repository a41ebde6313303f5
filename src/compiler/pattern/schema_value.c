/* schema_value.c - whether a finished JSON value is valid for a schema.
 *
 * Decoding enforces what it can; this looks at a value as a whole, with the plain reading of
 * schema_check.c, for what was left out on request and for values that no decoder made.  A checker
 * belongs to one thread at a time: its tables of expressions grow. */
#include "base/alloc.h"
#include "compiler/pattern/schema_data.h"

struct schema_checker {
    struct pattern p;           /* only its rules are used */
    struct schema  s;
    struct error   err;
};

enum { CHECK_UNITS = 100000000 };

enum status schema_checker_new(struct slice schema, struct schema_checker **ret, struct error *err)
{
    struct schema_checker *c = mem_zalloc(sizeof *c);
    if (!c)
        return error_nomem(err);
    enum status st = rules_init(&c->p.r, SPELL_FLEXIBLE, CHECK_UNITS, err);
    if (st != ST_OK) {
        mem_free(c);
        return st;
    }
    c->s = (struct schema){ .p = &c->p, .r = &c->p.r, .err = &c->err, .flags = SHAPE_RESIDUE };
    schema_open(&c->s, schema);
    if (c->s.st != ST_OK) {
        st = c->s.st;
        if (err)
            *err = c->err;
        schema_checker_free(c);
        return st;
    }
    *ret = c;
    return ST_OK;
}

void schema_checker_free(struct schema_checker *c)
{
    if (!c)
        return;
    schema_free(&c->s);
    rules_free(&c->p.r);
    mem_free(c->p.note);
    mem_free(c);
}

enum status schema_checker_valid(struct schema_checker *c, struct slice json, bool *ret_valid, struct error *err)
{
    struct arena a = { 0 };
    struct jnode *v;
    enum status st = jtree_read(&a, json, &v, err);
    if (st == ST_OK) {
        c->s.st = ST_OK;
        *ret_valid = schema_valid(&c->s, 0, v, 0);
        st = c->s.st == ST_OK ? lower_failed(&c->p, err) : c->s.st;
        if (c->s.st != ST_OK && err)
            *err = c->err;
    }
    arena_free(&a);
    return st;
}
