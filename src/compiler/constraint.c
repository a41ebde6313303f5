/* constraint.c - builds the constraints of a program once, to say what is wrong with them before
 * anything runs.
 *
 * The patterns are thrown away: the engine builds its own, for the spelling of its model.  A type
 * is built once in a compilation however many sites it has. */
#include <string.h>

#include "compiler/lower.h"

static struct pattern_source source_of(const struct type *t)
{
    return (struct pattern_source){ .kind = t->kind == T_REGEX_STR ? PATTERN_REGEX : PATTERN_GRAMMAR,
                                    .text = t->text, .flags = t->flags };
}

bool pattern_has(struct comp *c, const struct type *t, struct slice text)
{
    struct pattern_source src = source_of(t);
    struct pattern *p;
    struct error err = { 0 };
    size_t at;
    enum status st = pattern_compile(&src, &p, &err);
    if (st == ST_NOMEM)
        comp_nomem(c);
    if (st != ST_OK)
        return true;            /* reported where the type is written */
    bool ok = pattern_accepts(p, text, &at);
    pattern_unref(p);
    return ok;
}

void regex_lint(struct comp *c, const struct mod *m, struct slice text, bool icase, bool dotall, struct span at)
{
    struct str out = { 0 };
    struct error err = { 0 };
    uint32_t flags = (icase ? SHAPE_ICASE : 0) | (dotall ? SHAPE_DOTALL : 0);
    enum status st = regex_to_pcre(text, flags, &out, &err);
    str_free(&out);
    if (st == ST_NOMEM)
        comp_nomem(c);
    if (st == ST_OK)
        return;
    struct span where = at;
    if (err.at.off < text.len) {            /* the text begins behind the `/` */
        where.off = at.off + 1 + err.at.off;
        where.len = err.at.len ? err.at.len : 1;
    }
    const char *code = strcmp(err.code, "E0404") == 0 ? "E0404" : "E0403";
    comp_diag(c, m, code, where, "%s", err.text);
}

static const char *known_code(const char *code)
{
    static const char *const codes[] = { "E0401", "E0402", "E0403", "E0404", "E0405", "E0406", "E0407", "E0408",
                                         "E0409" };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strcmp(code, codes[i]) == 0)
            return codes[i];
    return "E0402";
}

static void report(struct low *l, const struct type *t, const struct error *err, struct span at)
{
    struct comp *c = l->c;
    struct diag *d = low_diag(l, known_code(err->code), at, "%s: %s%s%s", comp_type_text(c, t), err->text,
                              err->pointer[0] ? " at " : "", err->pointer);
    if (d && strcmp(err->code, "E0401") == 0)
        diag_note(c->diags, d, "no text belongs to this type");
}

void constraint_check(struct low *l, const struct type *t, const struct shape *shape, struct span at)
{
    struct comp *c = l->c;
    if (t->kind == T_INT || t->kind == T_FLOAT || t->kind == T_BOOL || t->kind == T_ENUM || t->kind == T_STR)
        return;                 /* never empty or large */
    struct slice key = comp_printf(c, "%u", rtype_of(c, t));
    uint64_t seen;
    if (hashmap_get(&c->checked, key, &seen))
        return;
    if (!hashmap_put(&c->checked, key, 1))
        comp_nomem(c);
    struct pattern_source src = { .kind = PATTERN_SHAPE, .shape = shape };
    struct pattern *p;
    struct error err = { 0 };
    enum status st = pattern_compile(&src, &p, &err);
    if (st == ST_NOMEM)
        comp_nomem(c);
    if (st == ST_UNSUPPORTED && !err.code[0])
        return;
    bool syntax = strcmp(err.code, "E0403") == 0 || strcmp(err.code, "E0404") == 0;
    if (st != ST_OK && syntax && c->diags->n_error)
        return;                 /* said at the place in the regex */
    if (st != ST_OK) {
        report(l, t, &err, at);
        return;
    }
    for (uint32_t i = 0; i < pattern_n_note(p); i++) {
        const struct pattern_note *n = pattern_note(p, i);
        low_diag(l, "W0408", at, "%s%s%s", n->text, n->pointer[0] ? " at " : "", n->pointer);
    }
    pattern_unref(p);
}
