/* constraint.c - builds the constraints of a program once, to say what is wrong with them before
 * anything runs.
 *
 * The patterns are thrown away: the engine builds its own, for the spelling of its model.  A type
 * is built once in a compilation however many sites it has. */
#include <stdio.h>
#include <string.h>

#include "compiler/lower.h"

static struct pattern_source source_of(const struct type *t)
{
    enum pattern_source_kind kind = t->kind == T_REGEX_STR ? PATTERN_REGEX : PATTERN_GRAMMAR;
    return (struct pattern_source){ .kind = kind, .text = t->text, .flags = t->flags };
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

/* ---- what a pattern's compiler says, for a reader of the program ---- */

/* Without the name of the rule ("RX_SYNTAX: ") that tools look for. */
static const char *reason(const char *text)
{
    const char *p = text;
    while ((*p >= 'A' && *p <= 'Z') || *p == '_')
        p++;
    return p > text + 2 && p[0] == ':' && p[1] == ' ' ? p + 2 : text;
}

static const char *known_code(const char *code)
{
    static const char *const codes[] = { "E0401", "E0402", "E0403", "E0404", "E0405",
                                         "E0406", "E0407", "E0408", "E0409" };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (strcmp(code, codes[i]) == 0)
            return codes[i];
    return "E0402";
}

void regex_lint(struct comp *c, const struct mod *m, struct slice text, bool icase, bool dotall,
                struct span at)
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
    comp_diag(c, m, known_code(err.code), where, "%s", reason(err.text));
}

/* A type is judged where it is written, as far as that is known. */
static struct diag *type_diag(struct low *l, const char *code, const struct type *t, struct span at,
                              const char *text)
{
    const struct mod *m = l->mod;
    struct span where = at;
    if (t->kind == T_STRUCT && t->strct->sym) {
        m = t->strct->sym->mod;
        where = t->strct->sym->at;
    } else if (t->at.len) {
        m = t->mod;
        where = t->at;
    }
    struct diag *d = comp_diag(l->c, m, code, where, "%s", text);
    if (d && m == l->mod && where.off != at.off)
        diag_label(l->c->diags, d, m->source, at, "generated here");
    return d;
}

/* "2:7: LARK_PRIORITY: ..." of a grammar speaks of its text. */
static void say_reason(const struct error *err, struct str *out)
{
    unsigned line, col;
    int n = 0;
    if (sscanf(err->text, "%u:%u: %n", &line, &col, &n) == 2 && n)
        str_addf(out, "line %u, column %u of the grammar: %s", line, col, reason(err->text + n));
    else
        str_adds(out, reason(err->text));
    size_t len = strlen(err->pointer);
    if (len && strncmp(err->text, err->pointer, len) != 0)
        str_addf(out, " at %s", err->pointer);
}

static void report(struct low *l, const struct type *t, const struct error *err, struct span at)
{
    struct comp *c = l->c;
    struct str s = { 0 };
    const char *code = known_code(err->code);
    if (strcmp(code, "E0401") == 0)
        str_addf(&s, "no value satisfies %s", comp_type_text(c, t));
    else
        say_reason(err, &s);
    struct diag *d = s.failed ? NULL : type_diag(l, code, t, at, s.ptr);
    if (d && strcmp(code, "E0401") == 0 && t->kind == T_STRUCT)
        diag_note(c->diags, d, "every value of it would hold another one, without end, or a field "
                  "that has none");
    if (d && strcmp(code, "E0408") == 0)
        diag_note(c->diags, d,
                  "`residue: \"check\"` decodes without it and checks the finished value");
    str_free(&s);
}

/* ---- arms of a union that share a text (W0403) ---- */

/* An arm as it is spelled inside its union: bare, or as the one element of a JSON array. */
static struct pattern *arm_pattern(struct comp *c, const struct type *t, bool bare)
{
    const char *why;
    struct shape *s = shape_of(c, t, &why), *kid = s;
    struct shape wrap = { .kind = SHAPE_TUPLE, .n = 1, .kid = &kid };
    struct pattern_source src = { .kind = PATTERN_SHAPE, .shape = bare ? s : &wrap };
    struct pattern *p = NULL;
    struct error err = { 0 };
    if (s && pattern_compile(&src, &p, &err) == ST_NOMEM)
        comp_nomem(c);
    return p;
}

static bool arms_overlap(struct low *l, const struct type *t, uint32_t i, uint32_t k, bool bare,
                         struct span at)
{
    struct comp *c = l->c;
    const struct type *a = t->elem[i], *b = t->elem[k];
    struct pattern *pa = arm_pattern(c, a, bare), *pb = arm_pattern(c, b, bare);
    struct str text = { 0 };
    bool found = pa && pb && pattern_common(pa, pb, &text);
    pattern_unref(pa);
    pattern_unref(pb);
    if (found) {
        struct slice s = str_slice(&text);
        if (!bare && s.len >= 2)
            s = slice_sub(s, 1, s.len - 2);         /* without the brackets */
        struct str say = { 0 };
        str_addf(&say, "%s and %s overlap", comp_type_text(c, a), comp_type_text(c, b));
        struct diag *d = say.failed ? NULL : type_diag(l, "W0403", t, at, say.ptr);
        str_free(&say);
        if (d)
            diag_note(c->diags, d, "`%.*s` is both, and is read as the first",
                      (int)(s.len < 60 ? s.len : 60), s.ptr ? s.ptr : "");
    }
    str_free(&text);
    return found;
}

static void warn_overlap(struct low *l, const struct type *t, struct span at, uint32_t depth)
{
    const char *why;
    if (depth > TYPE_DEPTH_MAX)
        return;
    if (t->kind == T_UNION) {
        const struct shape *s = shape_of(l->c, t, &why);
        bool bare = depth == 0 && s && shape_is_bare(s);
        for (uint32_t i = 0; i < t->n; i++)
            for (uint32_t k = i + 1; k < t->n; k++)
                if (arms_overlap(l, t, i, k, bare, at))
                    return;
    }
    bool inside = t->kind != T_UNION && t->kind != T_OPT;
    for (uint32_t i = 0; i < t->n && t->kind != T_FN; i++)
        warn_overlap(l, t->elem[i], at, depth + inside);
    if (t->kind == T_STRUCT && !t->strct->overlap_done) {
        t->strct->overlap_done = true;
        for (uint32_t i = 0; i < t->strct->n; i++)
            warn_overlap(l, t->strct->field[i].type, at, depth + 1);
    }
}

void constraint_check(struct low *l, const struct type *t, const struct shape *shape,
                      struct span at)
{
    struct comp *c = l->c;
    bool plain_float = t->kind == T_FLOAT && t->decimals < 0;
    if (t->kind == T_INT || plain_float || t->kind == T_BOOL || t->kind == T_ENUM ||
        t->kind == T_STR)
        return;                 /* never empty or large */
    if (t->kind == T_CALL && !t->n_tool)
        return;                 /* said where it is written */
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
    bool syntax = strcmp(err.code, "E0402") == 0 || strcmp(err.code, "E0403") == 0 ||
                  strcmp(err.code, "E0404") == 0;
    if (st != ST_OK && syntax && c->diags->n_error)
        return;                 /* said at the place in the regex */
    if (st != ST_OK) {
        report(l, t, &err, at);
        return;
    }
    for (uint32_t i = 0; i < pattern_n_note(p); i++) {
        const struct pattern_note *n = pattern_note(p, i);
        struct str say = { 0 };
        str_addf(&say, "%s%s%s", n->text, n->pointer[0] ? " at " : "", n->pointer);
        if (!say.failed)
            type_diag(l, "W0408", t, at, say.ptr);
        str_free(&say);
    }
    pattern_unref(p);
    warn_overlap(l, t, at, 0);
}
