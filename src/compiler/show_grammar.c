/* show_grammar.c - the automaton of every constraint of a module, as the engine builds it. */
#include "compiler/show.h"

#include "compiler/pattern/pattern.h"

static bool asks(enum bc_op op)
{
    return op == OP_GEN || op == OP_SELECT || op == OP_SCORE || op == OP_STREAM_OPEN;
}

static enum status show_constraint(const struct module *m, const struct func *f,
                                   const struct gen_site *g, struct str *out, struct error *err)
{
    struct place at = source_place(f->source, g->at.off);
    struct slice type = m->rtype[g->rtype].name, name = g->name.len ? g->name : f->name;
    str_addf(out, "%s== %.*s, %s:%u:%u: %.*s ==\n", out->len ? "\n" : "", (int)name.len, name.ptr,
             f->source->name, at.line, at.col, (int)type.len, type.ptr);
    if (!g->shape || g->options != BC_NONE) {
        str_adds(out, g->options == BC_NONE ? "any text\n" : "one of a list of options\n");
        return ST_OK;
    }
    struct pattern_source src = { .kind = PATTERN_SHAPE, .shape = g->shape,
                                  .spelling = SPELL_SPACED };
    struct pattern *p;
    enum status st = pattern_compile(&src, &p, err);
    if (st != ST_OK)
        return st;
    pattern_dump(p, out);
    pattern_unref(p);
    return ST_OK;
}

enum status show_grammar(const struct module *m, struct str *out, struct error *err)
{
    enum status st = ST_OK;
    for (uint32_t i = 0; i < m->n_func; i++) {
        const struct func *f = &m->func[i];
        for (uint32_t pc = 0; pc < f->n_code && st == ST_OK && !(f->flags & FUNC_TEST); pc++)
            if (asks(f->code[pc].op))
                st = show_constraint(m, f, &m->gen[f->code[pc].c], out, err);
    }
    return st;
}
