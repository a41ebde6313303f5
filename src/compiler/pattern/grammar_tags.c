/* grammar_tags.c - structural tags: free text in which tagged values stand.
 *
 *     free text <tool=  add>{"a": 1}  </tool>  more text
 *               trigger begin  content  end
 *
 * Two forms are read: a flat list,
 *
 *     {"type": "structural_tag", "triggers": ["<tool="],
 *      "structures": [{"begin": "<tool=add>", "schema": {...}, "end": "</tool>"}]}
 *
 * and a tree under "format", whose nodes are the rows below.  Free text ends where the first trigger
 * does: up to there it is one leaf, "a text that ends in the trigger and has no trigger before".  So a
 * trigger that can be read is always one; after it some tag that begins with it must follow.
 *
 * A tag that must come (`at_least_one`) comes first, with no text before it.  Inside a tag, free text
 * holds none of the tag's ends: the first end in it is the end.
 *
 * The JSON becomes items of a grammar, the schemas values of the same rules; what is not known is
 * refused by name, with the pointer to it. */
#include <stdio.h>
#include <string.h>

#include "compiler/pattern/grammar.h"
#include "compiler/pattern/jtree.h"
#include "compiler/pattern/regex.h"

enum { TAGS_NEST_MAX = 64, TAGS_REPEAT_MAX = 4096 };

struct tags {
    struct grammar g;
    uint32_t       flags, nest;
    uint32_t       ends;            /* texts that end the tag around what is read; EXPR_EMPTY: none */
    struct str     path;            /* JSON pointer of what is being read */
};

/* Words that free text may not hold, and what it may not hold besides. */
struct free_text {
    uint32_t words, forbidden;      /* expressions */
};

static struct item *read_format(struct tags *t, const struct jnode *f);

/* ---- members -------------------------------------------------------------------------------- */

static void set_pointer(struct tags *t, struct slice below)
{
    char inner[sizeof t->g.err->pointer];
    if (!t->g.err)
        return;
    snprintf(inner, sizeof inner, "%.*s", (int)below.len, below.ptr);
    snprintf(t->g.err->pointer, sizeof t->g.err->pointer, "%.*s%s", (int)t->path.len,
             t->path.ptr ? t->path.ptr : "", inner);
}

static void *bad(struct tags *t, const char *code, const char *what, struct slice name)
{
    if (t->g.st != ST_OK)
        return NULL;
    t->g.st = error_code(t->g.err, ST_SYNTAX, code, "%s%s%.*s", what, name.len ? " " : "",
                         (int)(name.len > 60 ? 60 : name.len), name.ptr);
    set_pointer(t, SLICE(""));
    return NULL;
}

static size_t enter(struct tags *t, const char *key, uint32_t index)
{
    size_t before = t->path.len;
    if (key)
        str_addf(&t->path, "/%s", key);
    else
        str_addf(&t->path, "/%u", index);
    return before;
}

/* Only these keys, a list with blanks between. */
static bool only(struct tags *t, const struct jnode *f, const char *keys)
{
    for (uint32_t i = 0; i < f->n; i++) {
        struct slice key = f->key[i];
        bool known = false;
        for (const char *k = keys; *k && !known; k += strcspn(k, " "), k += *k == ' ')
            known = strcspn(k, " ") == key.len && memcmp(k, key.ptr, key.len) == 0;
        if (!known)
            bad(t, "E0405", "this kind of tag has no member", key);
        if (!known)
            return false;
    }
    return true;
}

static const struct jnode *member(struct tags *t, const struct jnode *f, const char *key, enum jkind kind)
{
    static const char *const what[] = { "null", "true or false", "a number", "a text", "a list", "an object" };
    const struct jnode *v = jtree_get(f, key);
    char why[80];
    if (v && v->kind == kind)
        return v;
    snprintf(why, sizeof why, "\"%s\" must be %s", key, what[kind]);
    return bad(t, "E0405", why, SLICE(""));
}

static bool flag(struct tags *t, const struct jnode *f, const char *key)
{
    const struct jnode *v = jtree_get(f, key) ? member(t, f, key, J_BOOL) : NULL;
    return v && v->truth;
}

static bool count(struct tags *t, const struct jnode *f, const char *key, uint32_t *ret)
{
    const struct jnode *v = member(t, f, key, J_NUMBER);
    uint32_t n = 0;
    for (size_t i = 0; v && i < v->text.len; i++) {
        char c = v->text.ptr[i];
        if (c < '0' || c > '9' || (n = n * 10 + (uint32_t)(c - '0')) > TAGS_REPEAT_MAX)
            return bad(t, "E0409", "a count must be a whole number of at most 4096:", v->text) != NULL;
    }
    *ret = n;
    return v != NULL;
}

/* A list that holds something. */
static const struct jnode *some(struct tags *t, const struct jnode *f, const char *key)
{
    const struct jnode *v = member(t, f, key, J_ARRAY);
    return v && !v->n ? bad(t, "E0405", "an empty list is no use in", slice_of(key)) : v;
}

/* The union of a list of texts; one text is a list too.  No list: no text. */
static uint32_t words(struct tags *t, const struct jnode *f, const char *key, bool may_be_empty)
{
    const struct jnode *v = jtree_get(f, key);
    uint32_t e = EXPR_EMPTY, n = !v ? 0 : v->kind == J_ARRAY ? v->n : 1;
    for (uint32_t i = 0; i < n && t->g.st == ST_OK; i++) {
        const struct jnode *w = v->kind == J_ARRAY ? v->kid[i] : v;
        if (w->kind != J_STRING)
            bad(t, "E0405", "texts are expected in", slice_of(key));
        else if (!w->text.len && !may_be_empty)
            bad(t, "E0405", "an empty text can be no member of", slice_of(key));
        else
            e = expr_or2(t->g.ex, e, expr_text(t->g.ex, w->text));
    }
    return e;
}

/* ---- free text ------------------------------------------------------------------------------ */

static uint32_t holding(struct tags *t, uint32_t word)
{
    return expr_cat(t->g.ex, EXPR_ALL, expr_cat(t->g.ex, word, EXPR_ALL));
}

static uint32_t allowed(struct tags *t, const struct free_text *x, uint32_t e)
{
    if (x->forbidden == EXPR_EMPTY)
        return e;
    return expr_and2(t->g.ex, e, expr_not(t->g.ex, holding(t, x->forbidden)));
}

/* Free text that holds none of the words. */
static uint32_t without_words(struct tags *t, const struct free_text *x)
{
    if (x->words == EXPR_EMPTY)
        return allowed(t, x, EXPR_ALL);
    return allowed(t, x, expr_not(t->g.ex, holding(t, x->words)));
}

/* Free text up to the end of `word`, the first of the words in it. */
static uint32_t up_to(struct tags *t, const struct free_text *x, uint32_t word)
{
    struct expr_pool *p = t->g.ex;
    uint32_t early = expr_cat(p, EXPR_ALL, expr_cat(p, x->words, expr_cat(p, EXPR_ANY, EXPR_ALL)));
    return allowed(t, x, expr_and2(p, expr_cat(p, EXPR_ALL, word), expr_not(p, early)));
}

/* ---- what a tag holds ----------------------------------------------------------------------- */

static struct item *state_item(struct tags *t, uint32_t state)
{
    struct item *x = grammar_item(&t->g, ITEM_STATE, 0);
    if (x)
        x->x = state;
    return x;
}

static struct item *read_schema(struct tags *t, const struct jnode *schema)
{
    struct rules *r = &t->g.p->r;
    struct str text = { 0 };
    if (schema->kind != J_OBJECT && schema->kind != J_BOOL)
        return bad(t, "E0407", "a JSON Schema is an object, true or false", SLICE(""));
    jtree_write(schema, ",", ":", &text);
    uint32_t value = value_new(r);
    t->g.st = text.failed ? error_nomem(t->g.err)
                          : lower_schema_value(t->g.p, str_slice(&text), t->flags, value, t->g.err);
    str_free(&text);
    if (t->g.st == ST_OK)
        return state_item(t, value_rule(r, value, 0));
    if (t->g.err) {
        char below[sizeof t->g.err->pointer];
        memcpy(below, t->g.err->pointer, sizeof below);
        t->g.err->at = (struct span){ 0, 0 };       /* of the schema's own text */
        set_pointer(t, slice_of(below));
    }
    return NULL;
}

static struct item *read_json_schema(struct tags *t, const struct jnode *f)
{
    const struct jnode *schema = jtree_get(f, "json_schema"), *style = jtree_get(f, "style");
    if (style && (style->kind != J_STRING || !slice_is(style->text, "json")))
        return bad(t, "E0405", "the only style of values is \"json\"", SLICE(""));
    if (!schema)
        return bad(t, "E0405", "\"json_schema\" is missing", SLICE(""));
    size_t before = enter(t, "json_schema", 0);
    struct item *x = read_schema(t, schema);
    str_cut(&t->path, before);
    return x;
}

static struct item *read_regex(struct tags *t, const struct jnode *f)
{
    const struct jnode *v = member(t, f, "pattern", J_STRING);
    uint32_t e;
    if (!v)
        return NULL;
    t->g.st = regex_compile(t->g.ex, v->text, REGEX_GEN, t->flags, &e, t->g.err);
    if (t->g.st == ST_OK)
        return grammar_expr(&t->g, e, 0);
    size_t before = enter(t, "pattern", 0);
    set_pointer(t, SLICE(""));
    str_cut(&t->path, before);
    return NULL;
}

/* A grammar has names of its own; its first node stands for it, freed of the empty text. */
static struct item *read_grammar(struct tags *t, const struct jnode *f)
{
    const struct jnode *v = member(t, f, "grammar", J_STRING);
    struct pattern *p = t->g.p;
    if (!v)
        return NULL;
    t->g.st = lower_grammar(p, v->text, t->g.err);
    if (t->g.st != ST_OK) {
        size_t before = enter(t, "grammar", 0);
        set_pointer(t, SLICE(""));
        str_cut(&t->path, before);
        return NULL;
    }
    struct rule_node *top = rule_node_of(&p->r, p->root);
    bool empty = top->final;
    top->final = false;
    struct item *x = state_item(t, p->root);
    return empty ? grammar_repeat(&t->g, x, 0, 1) : x;
}

static struct item *read_const(struct tags *t, const struct jnode *f)
{
    const struct jnode *v = member(t, f, "value", J_STRING);
    return v ? grammar_expr(&t->g, expr_text(t->g.ex, v->text), 0) : NULL;
}

static uint32_t forbidden(struct tags *t, const struct jnode *f)
{
    return expr_or2(t->g.ex, t->ends, words(t, f, "excludes", false));
}

static struct item *read_any_text(struct tags *t, const struct jnode *f)
{
    struct free_text x = { EXPR_EMPTY, forbidden(t, f) };
    return grammar_expr(&t->g, without_words(t, &x), 0);
}

/* ---- lists and repetitions ------------------------------------------------------------------ */

static struct item *read_elements(struct tags *t, const struct jnode *f, enum item_kind kind)
{
    const struct jnode *v = some(t, f, "elements");
    struct grammar_list l = { 0 };
    size_t before = enter(t, "elements", 0);
    for (uint32_t i = 0; v && i < v->n && t->g.st == ST_OK; i++) {
        size_t outer = enter(t, NULL, i);
        grammar_push(&t->g, &l, read_format(t, v->kid[i]));
        str_cut(&t->path, outer);
    }
    str_cut(&t->path, before);
    return grammar_join(&t->g, kind, &l, 0);
}

static struct item *read_sequence(struct tags *t, const struct jnode *f)
{
    return read_elements(t, f, ITEM_CAT);
}

static struct item *read_or(struct tags *t, const struct jnode *f)
{
    return read_elements(t, f, ITEM_ALT);
}

static struct item *read_repeated(struct tags *t, const struct jnode *f, uint32_t lo, uint32_t hi)
{
    const struct jnode *v = member(t, f, "content", J_OBJECT);
    size_t before = enter(t, "content", 0);
    struct item *x = v ? read_format(t, v) : NULL;
    str_cut(&t->path, before);
    return grammar_repeat(&t->g, x, lo, hi);
}

static struct item *read_optional(struct tags *t, const struct jnode *f)
{
    return read_repeated(t, f, 0, 1);
}

static struct item *read_star(struct tags *t, const struct jnode *f)
{
    return read_repeated(t, f, 0, EXPR_INF);
}

static struct item *read_plus(struct tags *t, const struct jnode *f)
{
    return read_repeated(t, f, 1, EXPR_INF);
}

/* Without "max", or with -1, there is no upper bound. */
static struct item *read_repeat(struct tags *t, const struct jnode *f)
{
    const struct jnode *max = jtree_get(f, "max");
    bool bounded = max && !(max->kind == J_NUMBER && slice_is(max->text, "-1"));
    uint32_t lo = 0, hi = EXPR_INF;
    if (!count(t, f, "min", &lo) || (bounded && !count(t, f, "max", &hi)))
        return NULL;
    if (hi < lo)
        return bad(t, "E0409", "\"max\" is below \"min\"", SLICE(""));
    return read_repeated(t, f, lo, hi);
}

/* ---- tags ----------------------------------------------------------------------------------- */

/* Content and end of a tag.  Content that is free text ends with the first end in it. */
static struct item *read_inside(struct tags *t, const struct jnode *tag)
{
    const struct jnode *schema = jtree_get(tag, "schema"), *content = jtree_get(tag, "content");
    struct grammar_list l = { 0 };
    if (!schema == !content)
        return bad(t, "E0405", "a tag has either \"content\" or \"schema\"", SLICE(""));
    const struct jnode *list = jtree_get(tag, "end");
    if (!list)
        return bad(t, "E0405", "\"end\" is missing", SLICE(""));
    if (list->kind == J_ARRAY && !some(t, tag, "end"))
        return NULL;
    uint32_t end = words(t, tag, "end", true), outer = t->ends;

    t->ends = expr_nullable(t->g.ex, end) ? EXPR_EMPTY : end;
    size_t before = enter(t, schema ? "schema" : "content", 0);
    const struct jnode *type = content && content->kind == J_OBJECT ? jtree_get(content, "type") : NULL;
    struct item *x;
    if (type && type->kind == J_STRING && slice_is(type->text, "any_text") && t->ends != EXPR_EMPTY) {
        only(t, content, "type excludes");
        struct free_text free = { end, words(t, content, "excludes", false) };
        x = grammar_expr(&t->g, up_to(t, &free, end), 0);
    } else {
        grammar_push(&t->g, &l, schema ? read_schema(t, schema) : read_format(t, content));
        grammar_push(&t->g, &l, grammar_expr(&t->g, end, 0));
        x = grammar_join(&t->g, ITEM_CAT, &l, 0);
    }
    str_cut(&t->path, before);
    t->ends = outer;
    return x;
}

/* A tag of which the first `skip` bytes were read already. */
static struct item *read_rest(struct tags *t, const struct jnode *tag, size_t skip)
{
    struct grammar_list l = { 0 };
    const struct jnode *begin = member(t, tag, "begin", J_STRING);
    if (!begin)
        return NULL;
    struct slice rest = slice_sub(begin->text, skip, begin->text.len);
    grammar_push(&t->g, &l, grammar_expr(&t->g, expr_text(t->g.ex, rest), 0));
    grammar_push(&t->g, &l, read_inside(t, tag));
    return grammar_join(&t->g, ITEM_CAT, &l, 0);
}

static struct item *read_tag(struct tags *t, const struct jnode *f)
{
    return read_rest(t, f, 0);
}

/* The tags of a list that begin with `trigger`, behind it. */
static struct item *read_tags(struct tags *t, const struct jnode *list, const char *key, struct slice trigger)
{
    struct grammar_list l = { 0 };
    size_t before = enter(t, key, 0);
    for (uint32_t i = 0; i < list->n && t->g.st == ST_OK; i++) {
        size_t outer = enter(t, NULL, i);
        const struct jnode *tag = list->kid[i], *begin = NULL;
        if (tag->kind != J_OBJECT)
            bad(t, "E0405", "a tag is an object", SLICE(""));
        else if (only(t, tag, "type begin content schema end"))
            begin = member(t, tag, "begin", J_STRING);
        if (begin && slice_starts(begin->text, trigger))
            grammar_push(&t->g, &l, read_rest(t, tag, trigger.len));
        str_cut(&t->path, outer);
    }
    str_cut(&t->path, before);
    return grammar_join(&t->g, ITEM_ALT, &l, 0);
}

/* Every tag needs a trigger: it could never be read otherwise. */
static void check_triggers(struct tags *t, const struct jnode *list, const struct jnode *triggers)
{
    for (uint32_t i = 0; i < list->n && t->g.st == ST_OK; i++) {
        const struct jnode *begin = list->kid[i]->kind == J_OBJECT ? jtree_get(list->kid[i], "begin") : NULL;
        bool found = !begin || begin->kind != J_STRING;     /* told where the tag is read */
        for (uint32_t k = 0; k < triggers->n && !found; k++)
            found = slice_starts(begin->text, triggers->kid[k]->text);
        if (!found)
            bad(t, "E0405", "no trigger begins the tag", begin->text);
    }
}

/* Free text up to a trigger, and the rest of a tag that begins with it. */
static struct item *read_triggers(struct tags *t, const struct jnode *list, const char *key,
                                  const struct jnode *triggers, const struct free_text *x)
{
    struct grammar *g = &t->g;
    struct grammar_list ways = { 0 };
    for (uint32_t i = 0; i < triggers->n && g->st == ST_OK; i++) {
        struct slice trigger = triggers->kid[i]->text;
        struct grammar_list l = { 0 };
        grammar_push(g, &l, grammar_expr(g, up_to(t, x, expr_text(g->ex, trigger)), 0));
        grammar_push(g, &l, read_tags(t, list, key, trigger));
        grammar_push(g, &ways, grammar_join(g, ITEM_CAT, &l, 0));
    }
    return grammar_join(g, ITEM_ALT, &ways, 0);
}

static struct item *read_dispatch(struct tags *t, const struct jnode *f, const char *key)
{
    struct grammar *g = &t->g;
    const struct jnode *list = some(t, f, key), *triggers = list ? some(t, f, "triggers") : NULL;
    if (!triggers)
        return NULL;
    bool first = flag(t, f, "at_least_one"), single = flag(t, f, "stop_after_first");
    struct free_text x = { words(t, f, "triggers", false), forbidden(t, f) };
    if (g->st == ST_OK)
        check_triggers(t, list, triggers);

    struct grammar_list all = { 0 }, rest = { 0 };
    struct item *must = first ? read_tags(t, list, key, SLICE("")) : NULL;
    if (first && single)
        return must;
    struct item *one = read_triggers(t, list, key, triggers, &x);
    grammar_push(g, &rest, single ? one : grammar_repeat(g, one, 0, EXPR_INF));
    grammar_push(g, &rest, grammar_expr(g, without_words(t, &x), 0));
    if (first)
        grammar_push(g, &all, must);
    grammar_push(g, &all, grammar_join(g, single ? ITEM_ALT : ITEM_CAT, &rest, 0));
    return grammar_join(g, ITEM_CAT, &all, 0);
}

static struct item *read_triggered(struct tags *t, const struct jnode *f)
{
    return read_dispatch(t, f, "tags");
}

static struct item *read_separated(struct tags *t, const struct jnode *f)
{
    struct grammar *g = &t->g;
    const struct jnode *list = some(t, f, "tags"), *between = list ? member(t, f, "separator", J_STRING) : NULL;
    if (!between)
        return NULL;
    bool first = flag(t, f, "at_least_one");
    struct item *one = read_tags(t, list, "tags", SLICE(""));
    if (flag(t, f, "stop_after_first"))
        return grammar_repeat(g, one, first, 1);
    struct grammar_list more = { 0 }, all = { 0 };
    grammar_push(g, &more, grammar_expr(g, expr_text(g->ex, between->text), 0));
    grammar_push(g, &more, one);
    grammar_push(g, &all, one);
    grammar_push(g, &all, grammar_repeat(g, grammar_join(g, ITEM_CAT, &more, 0), 0, EXPR_INF));
    return grammar_repeat(g, grammar_join(g, ITEM_CAT, &all, 0), first, 1);
}

/* ---- the tree ------------------------------------------------------------------------------- */

static const struct format {
    const char   *type, *keys;
    struct item *(*read)(struct tags *t, const struct jnode *f);
} formats[] = {
    { "const_string", "type value", read_const },
    { "json_schema", "type json_schema style", read_json_schema },
    { "regex", "type pattern", read_regex },
    { "grammar", "type grammar", read_grammar },
    { "any_text", "type excludes", read_any_text },
    { "sequence", "type elements", read_sequence },
    { "or", "type elements", read_or },
    { "optional", "type content", read_optional },
    { "star", "type content", read_star },
    { "plus", "type content", read_plus },
    { "repeat", "type content min max", read_repeat },
    { "tag", "type begin content schema end", read_tag },
    { "triggered_tags", "type triggers tags at_least_one stop_after_first excludes", read_triggered },
    { "tags_with_separator", "type tags separator at_least_one stop_after_first", read_separated },
};

static struct item *read_format(struct tags *t, const struct jnode *f)
{
    struct item *x = NULL;
    const struct jnode *type = f->kind == J_OBJECT ? member(t, f, "type", J_STRING) : NULL;
    if (!type)
        return bad(t, "E0405", "a format is an object with a \"type\"", SLICE(""));
    if (++t->nest > TAGS_NEST_MAX)
        return bad(t, "E0402", "formats are nested too deep", SLICE(""));
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (!slice_is(type->text, formats[i].type))
            continue;
        if (only(t, f, formats[i].keys))
            x = formats[i].read(t, f);
        t->nest--;
        return x;
    }
    return bad(t, "E0405", "formats of this type are not supported:", type->text);
}

static struct item *read_whole(struct tags *t, const struct jnode *f)
{
    if (f->kind != J_OBJECT)
        return bad(t, "E0405", "a structural tag is an object", SLICE(""));
    const struct jnode *format = jtree_get(f, "format"), *type = jtree_get(f, "type");
    if (type && (type->kind != J_STRING || !slice_is(type->text, "structural_tag")))
        return bad(t, "E0405", "\"type\" must be \"structural_tag\"", SLICE(""));
    if (!format)
        return only(t, f, "type structures triggers at_least_one stop_after_first")
               ? read_dispatch(t, f, "structures") : NULL;
    if (!only(t, f, "type format"))
        return NULL;
    enter(t, "format", 0);
    return read_format(t, format);
}

enum status lower_tags(struct pattern *p, struct slice text, uint32_t flags, struct error *err)
{
    struct tags t = { .g = { .p = p, .ex = &p->r.t.ex, .text = text, .err = err }, .flags = flags,
                      .ends = EXPR_EMPTY };
    struct grammar *g = &t.g;
    struct arena a = { 0 };
    struct jnode *f = NULL;
    g->st = jtree_read(&a, text, &f, err);
    if (g->st == ST_OK) {
        uint32_t root = grammar_rule(g, SLICE("root"), 0);
        struct item *body = read_whole(&t, f);
        if (g->st == ST_OK && !body)
            g->st = error_nomem(err);
        if (g->st == ST_OK)
            g->rule[root].body = body;
        grammar_lower(g, root);
    }
    grammar_free(g);
    str_free(&t.path);
    arena_free(&a);
    return g->st;
}
