/* jinja_sort.c - the filters that order, group and pick by a key.
 *
 * A key is an item, or what a path such as "a.b.0" leads to from it, with text in lower case unless
 * the case is asked to count.  Sorting is stable, also in reverse. */
#include <string.h>

#include "runtime/chat/jinja.h"

static bool lowered(struct jeval *e, struct jval v, bool case_sensitive, struct jval *ret)
{
    bool unsafe;
    *ret = v;
    if (case_sensitive || v.kind != J_STR)
        return true;
    return jmethod_find(J_STR, SLICE("lower"), &unsafe)->fn(e, v, NULL, ret);
}

struct keyed {
    struct jval key, val;
};

/* Stable: equal keys stay in order, in reverse too. */
static bool merge_sort(struct jeval *e, struct keyed *a, struct keyed *tmp, uint32_t n,
                       bool reverse)
{
    for (uint32_t width = 1; width < n; width *= 2) {
        for (uint32_t lo = 0; lo < n; lo += 2 * width) {
            uint32_t mid = lo + width < n ? lo + width : n;
            uint32_t hi = lo + 2 * width < n ? lo + 2 * width : n;
            uint32_t i = lo, k = mid, out = lo;
            while (i < mid && k < hi) {
                bool right_first;
                const struct keyed *x = reverse ? &a[i] : &a[k], *y = reverse ? &a[k] : &a[i];
                if (!jcompare(e, J_LT, x->key, y->key, &right_first) || !jstep(e, 1))
                    return false;
                tmp[out++] = right_first ? a[k++] : a[i++];
            }
            while (i < mid)
                tmp[out++] = a[i++];
            while (k < hi)
                tmp[out++] = a[k++];
        }
        memcpy(a, tmp, n * sizeof *a);
    }
    return true;
}

/* The keys of "a,b" as a list, or one key. */
static bool sort_key(struct jeval *e, struct jval item, struct jval path, bool case_sensitive,
                     struct jval *ret)
{
    struct jval v, low;
    if (path.kind != J_STR || slice_find(jtext_slice(path.s), SLICE(",")) == SIZE_MAX)
        return jget_path(e, item, path, (struct jval){ 0 }, &v) &&
               lowered(e, v, case_sensitive, ret);
    struct slice rest = jtext_slice(path.s);
    if (!j_list_new(e, J_LIST, ret))
        return false;
    for (bool more = true; more;) {
        size_t comma = slice_find(rest, SLICE(","));
        struct jval part;
        more = comma != SIZE_MAX;
        if (!j_str(e, slice_sub(rest, 0, more ? comma : rest.len), true, &part) ||
            !jget_path(e, item, part, (struct jval){ 0 }, &v) ||
            !lowered(e, v, case_sensitive, &low) || !j_list_push(e, ret->l, low))
            return false;
        rest = slice_sub(rest, comma + 1, rest.len);
    }
    return true;
}

static bool sorted(struct jeval *e, const struct jlist *items, struct jval path,
                   bool case_sensitive, bool reverse, struct keyed **ret)
{
    struct keyed *a = arena_array(e->arena, items->n + 1, sizeof *a);
    struct keyed *tmp = arena_array(e->arena, items->n + 1, sizeof *tmp);
    if (!a || !tmp)
        return jfail(e, ST_NOMEM, "out of memory");
    for (uint32_t i = 0; i < items->n; i++) {
        a[i].val = items->at[i];
        if (!sort_key(e, a[i].val, path, case_sensitive, &a[i].key))
            return false;
    }
    *ret = a;
    return merge_sort(e, a, tmp, items->n, reverse);
}

static bool f_sort(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    struct jlist *items;
    struct keyed *a;
    if (!j_items(e, self, &items) || !j_list_new(e, J_LIST, ret) ||
        !sorted(e, items, arg[2], jflag(arg[1]), jflag(arg[0]), &a))
        return false;
    for (uint32_t i = 0; i < items->n; i++)
        if (!j_list_push(e, ret->l, a[i].val))
            return false;
    return true;
}

static bool f_dictsort(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    /* case_sensitive by reverse */
    struct jval items;
    struct keyed *a;
    bool unsafe;
    if (self.kind != J_DICT)
        return jfail(e, ST_INVALID, "dictsort needs a dict, not %s", j_type(self));
    bool by_value = arg[1].kind == J_STR && slice_is(jtext_slice(arg[1].s), "value");
    if (!jmethod_find(J_DICT, SLICE("items"), &unsafe)->fn(e, self, NULL, &items) ||
        !j_list_new(e, J_LIST, ret) ||
        !sorted(e, items.l, j_int(by_value), jflag(arg[0]), jflag(arg[2]), &a))
        return false;
    for (uint32_t i = 0; i < items.l->n; i++)
        if (!j_list_push(e, ret->l, a[i].val))
            return false;
    return true;
}

static bool f_unique(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    struct jlist *items;
    struct jval seen;
    if (!j_items(e, self, &items) || !j_list_new(e, J_LIST, ret) || !j_list_new(e, J_LIST, &seen))
        return false;
    for (uint32_t i = 0; i < items->n; i++) {
        struct jval key;
        bool have;
        if (!sort_key(e, items->at[i], arg[1], jflag(arg[0]), &key) ||
            !jcompare(e, J_IN, key, seen, &have))
            return false;
        if (!have && (!j_list_push(e, seen.l, key) || !j_list_push(e, ret->l, items->at[i])))
            return false;
    }
    return true;
}

static bool f_groupby(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    /* attribute default case_sensitive */
    struct jlist *items;
    struct jval group = { 0 }, last = { 0 };
    struct keyed *a;
    if (!j_items(e, self, &items) || !j_list_new(e, J_LIST, ret) ||
        !sorted(e, items, arg[0], jflag(arg[2]), false, &a))
        return false;
    for (uint32_t i = 0; i < items->n; i++) {
        if (i == 0 || !j_equal(a[i].key, last)) {
            struct jval pair, name;
            last = a[i].key;
            if (!jget_path(e, a[i].val, arg[0], (struct jval){ 0 }, &name) ||
                !j_list_new(e, J_TUPLE, &pair) || !j_list_new(e, J_LIST, &group) ||
                !j_list_push(e, pair.l, name) || !j_list_push(e, pair.l, group) ||
                !j_list_push(e, ret->l, pair))
                return false;
        }
        if (!j_list_push(e, group.l, a[i].val))
            return false;
    }
    return true;
}

static bool extreme(struct jeval *e, struct jval self, struct jval *arg, enum jop op,
                    struct jval *ret)
{
    struct jlist *items;
    struct jval best = { 0 }, key;
    if (!j_items(e, self, &items))
        return false;
    *ret = j_undef("No aggregated item, sequence was empty.");
    for (uint32_t i = 0; i < items->n; i++) {
        bool better = i == 0;
        if (!sort_key(e, items->at[i], arg[1], jflag(arg[0]), &key) ||
            (i && !jcompare(e, op, key, best, &better)))
            return false;
        if (better) {
            best = key;
            *ret = items->at[i];
        }
    }
    return true;
}

static bool f_min(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    return extreme(e, self, arg, J_LT, ret);
}

static bool f_max(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    return extreme(e, self, arg, J_GT, ret);
}

const struct jfunc jsort_filters[] = {
    { "dictsort", "?case_sensitive ?by ?reverse", f_dictsort, NULL },
    { "groupby", "attribute ?default ?case_sensitive", f_groupby, NULL },
    { "max", "?case_sensitive ?attribute", f_max, NULL },
    { "min", "?case_sensitive ?attribute", f_min, NULL },
    { "sort", "?reverse ?case_sensitive ?attribute", f_sort, NULL },
    { "unique", "?case_sensitive ?attribute", f_unique, NULL },
};
const size_t n_jsort_filters = sizeof jsort_filters / sizeof *jsort_filters;
