/* instance.c - reordering and writing of values for the conformance runners. */
#include "instance.h"

#include <stdlib.h>
#include <string.h>

#include "base/jsonio.h"
#include "compiler/pattern/num.h"

enum { VIEW_MAX = 64, NEST_MAX = 200 };

/* Schemas that apply to one value. */
struct view {
    const struct jnode *s[VIEW_MAX];
    uint32_t            n;
};

static const struct jnode *follow(const struct jnode *root, struct slice ref)
{
    const struct jnode *j = root;
    char part[256];
    if (!ref.len || ref.ptr[0] != '#')
        return NULL;
    for (size_t at = 1; j && at < ref.len;) {
        size_t n = 0;
        for (at++; at < ref.len && ref.ptr[at] != '/' && n + 1 < sizeof part; at++) {
            char c = ref.ptr[at];
            if (c == '~' && at + 1 < ref.len)
                c = ref.ptr[++at] == '1' ? '/' : '~';
            if (c == '%' && at + 2 < ref.len) {
                char hex[3] = { ref.ptr[at + 1], ref.ptr[at + 2], 0 };
                c = (char)strtol(hex, NULL, 16);
                at += 2;
            }
            part[n++] = c;
        }
        part[n] = 0;
        if (j->kind == J_ARRAY)
            j = (uint32_t)atoi(part) < j->n ? j->kid[atoi(part)] : NULL;
        else
            j = jtree_find(j, (struct slice){ part, n });
    }
    return j;
}

static bool has_type(const struct jnode *t, const struct jnode *x)
{
    static const char *const name[] = { "null", "boolean", "number", "string", "array", "object" };
    if (t->kind == J_STRING)
        return slice_is(t->text, name[x->kind]) || (x->kind == J_NUMBER && slice_is(t->text, "integer"));
    for (uint32_t i = 0; i < t->n; i++)
        if (has_type(t->kid[i], x))
            return true;
    return t->kind != J_ARRAY;
}

/* Whether the value may belong to the arm, by what is seen from outside: type, required keys, listed
 * values, closed objects.  Wrong guesses cost an "order-only", never a verdict. */
static bool plausible(const struct jnode *root, const struct jnode *s, const struct jnode *x, int nest)
{
    if (!s || s->kind != J_OBJECT || nest > 6)
        return true;
    const struct jnode *j = jtree_get(s, "$ref");
    if (j && j->kind == J_STRING && !plausible(root, follow(root, j->text), x, nest + 1))
        return false;
    if ((j = jtree_get(s, "type")) && !has_type(j, x))
        return false;
    if ((j = jtree_get(s, "const")) && !jtree_equal(j, x))
        return false;
    bool listed = !(j = jtree_get(s, "enum"));
    for (uint32_t i = 0; j && i < j->n; i++)
        listed |= jtree_equal(j->kid[i], x);
    if (!listed)
        return false;
    j = jtree_get(s, "required");
    for (uint32_t i = 0; x->kind == J_OBJECT && j && j->kind == J_ARRAY && i < j->n; i++)
        if (!jtree_find(x, j->kid[i]->text))
            return false;
    const struct jnode *p = jtree_get(s, "properties"), *more = jtree_get(s, "additionalProperties");
    for (uint32_t i = 0; x->kind == J_OBJECT && i < x->n; i++) {
        const struct jnode *kid = p ? jtree_find(p, x->key[i]) : NULL;
        if (kid && !plausible(root, kid, x->kid[i], nest + 1))
            return false;
        if (!kid && more && more->kind == J_BOOL && !more->truth && !jtree_get(s, "patternProperties"))
            return false;
    }
    const struct jnode *items = jtree_get(s, "items");
    for (uint32_t i = 0; x->kind == J_ARRAY && items && items->kind == J_OBJECT && i < x->n; i++)
        if (!plausible(root, items, x->kid[i], nest + 1))
            return false;
    static const char *const list[] = { "anyOf", "oneOf" };
    for (int k = 0; k < 2; k++) {
        bool any = !(j = jtree_get(s, list[k]));
        for (uint32_t i = 0; j && i < j->n; i++)
            any |= plausible(root, j->kid[i], x, nest + 1);
        if (!any)
            return false;
    }
    j = jtree_get(s, "allOf");
    for (uint32_t i = 0; j && i < j->n; i++)
        if (!plausible(root, j->kid[i], x, nest + 1))
            return false;
    return true;
}

static void view_add(struct view *v, const struct jnode *root, const struct jnode *s, const struct jnode *x)
{
    static const char *const list[] = { "allOf", "anyOf", "oneOf" };
    static const char *const one[] = { "if", "then", "else" };
    for (uint32_t i = 0; i < v->n; i++)
        if (v->s[i] == s)
            return;
    if (!s || s->kind != J_OBJECT || v->n == VIEW_MAX)
        return;
    v->s[v->n++] = s;
    const struct jnode *ref = jtree_get(s, "$ref");
    if (ref && ref->kind == J_STRING)
        view_add(v, root, follow(root, ref->text), x);
    for (int k = 0; k < 3; k++) {
        const struct jnode *l = jtree_get(s, list[k]);
        for (uint32_t i = 0; l && l->kind == J_ARRAY && i < l->n; i++)
            if (!k || plausible(root, l->kid[i], x, 0))
                view_add(v, root, l->kid[i], x);
        view_add(v, root, jtree_get(s, one[k]), x);
    }
    static const char *const needs[] = { "dependencies", "dependentSchemas" };
    for (int k = 0; k < 2; k++) {
        const struct jnode *d = jtree_get(s, needs[k]);
        for (uint32_t i = 0; d && d->kind == J_OBJECT && i < d->n; i++)
            view_add(v, root, d->kid[i], x);
    }
}

static struct jnode *reorder(struct arena *a, const struct jnode *root, const struct view *v,
                             const struct jnode *x, int nest);

static void add_key(const struct jnode *x, struct slice name, uint32_t *order, uint32_t *n)
{
    for (uint32_t i = 0; i < x->n; i++) {
        if (!slice_eq(x->key[i], name))
            continue;
        for (uint32_t k = 0; k < *n; k++)
            if (order[k] == i)
                return;
        order[(*n)++] = i;
    }
}

static void key_order(const struct view *v, const struct jnode *x, uint32_t *order)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < v->n; i++) {
        const struct jnode *p = jtree_get(v->s[i], "properties");
        for (uint32_t k = 0; p && p->kind == J_OBJECT && k < p->n; k++)
            add_key(x, p->key[k], order, &n);
    }
    for (uint32_t i = 0; i < v->n; i++) {
        const struct jnode *r = jtree_get(v->s[i], "required");
        for (uint32_t k = 0; r && r->kind == J_ARRAY && k < r->n; k++)
            if (r->kid[k]->kind == J_STRING)
                add_key(x, r->kid[k]->text, order, &n);
    }
    for (uint32_t i = 0; i < x->n; i++)
        add_key(x, x->key[i], order, &n);
}

static struct jnode *reorder_object(struct arena *a, const struct jnode *root, const struct view *v,
                                    const struct jnode *x, int nest)
{
    struct jnode *y = arena_dup(a, x, sizeof *x);
    uint32_t *order = arena_array(a, x->n + 1ul, sizeof *order);
    y->kid = arena_array(a, x->n + 1ul, sizeof *y->kid);
    y->key = arena_array(a, x->n + 1ul, sizeof *y->key);
    key_order(v, x, order);
    for (uint32_t i = 0; i < x->n; i++) {
        struct view kid = { 0 };
        uint32_t k = order[i];
        for (uint32_t m = 0; m < v->n; m++) {
            const struct jnode *p = jtree_find(jtree_get(v->s[m], "properties"), x->key[k]);
            view_add(&kid, root, p, x->kid[k]);
            if (!p)
                view_add(&kid, root, jtree_get(v->s[m], "additionalProperties"), x->kid[k]);
            const struct jnode *pats = jtree_get(v->s[m], "patternProperties");
            for (uint32_t q = 0; pats && pats->kind == J_OBJECT && q < pats->n; q++)
                view_add(&kid, root, pats->kid[q], x->kid[k]);
        }
        y->key[i] = x->key[k];
        y->kid[i] = reorder(a, root, &kid, x->kid[k], nest + 1);
    }
    return y;
}

static struct jnode *reorder(struct arena *a, const struct jnode *root, const struct view *v,
                             const struct jnode *x, int nest)
{
    if (nest > NEST_MAX || (x->kind != J_OBJECT && x->kind != J_ARRAY))
        return arena_dup(a, x, sizeof *x);
    if (x->kind == J_OBJECT)
        return reorder_object(a, root, v, x, nest);
    struct jnode *y = arena_dup(a, x, sizeof *x);
    y->kid = arena_array(a, x->n + 1ul, sizeof *y->kid);
    for (uint32_t i = 0; i < x->n; i++) {
        struct view kid = { 0 };
        for (uint32_t m = 0; m < v->n; m++) {
            const struct jnode *items = jtree_get(v->s[m], "items"), *pre = jtree_get(v->s[m], "prefixItems");
            if (pre && pre->kind == J_ARRAY && i < pre->n)
                view_add(&kid, root, pre->kid[i], x->kid[i]);
            else if (items && items->kind == J_ARRAY)
                view_add(&kid, root, i < items->n ? items->kid[i] : jtree_get(v->s[m], "additionalItems"),
                         x->kid[i]);
            else
                view_add(&kid, root, items, x->kid[i]);
            view_add(&kid, root, jtree_get(v->s[m], "contains"), x->kid[i]);
        }
        y->kid[i] = reorder(a, root, &kid, x->kid[i], nest + 1);
    }
    return y;
}

struct jnode *instance_reorder(struct arena *a, const struct jnode *schema, const struct jnode *value)
{
    struct view v = { 0 };
    view_add(&v, schema, schema, value);
    return reorder(a, schema, &v, value, 0);
}

void instance_write(const struct jnode *j, bool plain, struct str *out)
{
    struct decimal d;
    if (j->kind == J_NUMBER && plain && decimal_read(j->text, &d) && d.exp < 400) {
        decimal_write(&d, out);
        return;
    }
    if (j->kind != J_ARRAY && j->kind != J_OBJECT) {
        jtree_write(j, "", "", out);
        return;
    }
    str_addc(out, j->kind == J_ARRAY ? '[' : '{');
    for (uint32_t i = 0; i < j->n; i++) {
        if (i)
            str_adds(out, ", ");
        if (j->kind == J_OBJECT) {
            jsonio_quote(j->key[i], out);
            str_adds(out, ": ");
        }
        instance_write(j->kid[i], plain, out);
    }
    str_addc(out, j->kind == J_ARRAY ? ']' : '}');
}
