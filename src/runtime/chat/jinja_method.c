/* jinja_method.c - methods of dicts, lists and loops, and where the methods of a value are found.
 *
 * Only what leaves its receiver alone is here: the environment that templates run in forbids the
 * rest ("unsafe"), and so do we, by the same words. */
#include "runtime/chat/jinja.h"

static bool d_items(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    if (!j_list_new(e, J_LIST, ret))
        return false;
    for (uint32_t i = 0; i < self.d->n; i++) {
        struct jval pair;
        if (!j_list_new(e, J_TUPLE, &pair) || !j_list_push(e, pair.l, self.d->at[i].key) ||
            !j_list_push(e, pair.l, self.d->at[i].val) || !j_list_push(e, ret->l, pair))
            return false;
    }
    return true;
}

static bool d_keys(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    if (!j_list_new(e, J_LIST, ret))
        return false;
    for (uint32_t i = 0; i < self.d->n; i++)
        if (!j_list_push(e, ret->l, self.d->at[i].key))
            return false;
    return true;
}

static bool d_values(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    if (!j_list_new(e, J_LIST, ret))
        return false;
    for (uint32_t i = 0; i < self.d->n; i++)
        if (!j_list_push(e, ret->l, self.d->at[i].val))
            return false;
    return true;
}

static bool d_get(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    struct jval *found;
    if (!j_dict_get(e, self.d, arg[0], &found))
        return false;
    *ret = found ? *found : arg[1].kind == J_ABSENT ? j_none() : arg[1];
    return true;
}

static bool d_copy(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    if (!j_dict_new(e, J_DICT, ret))
        return false;
    for (uint32_t i = 0; i < self.d->n; i++)
        if (!j_dict_put(e, ret->d, self.d->at[i].key, self.d->at[i].val))
            return false;
    return true;
}

static bool l_count(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    int64_t n = 0;
    for (uint32_t i = 0; i < self.l->n; i++)
        n += j_equal(self.l->at[i], arg[0]);
    *ret = j_int(n);
    return jstep(e, 1 + self.l->n / 8);
}

static bool l_index(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    for (uint32_t i = 0; i < self.l->n; i++)
        if (j_equal(self.l->at[i], arg[0])) {
            *ret = j_int(i);
            return jstep(e, 1 + i / 8);
        }
    return jfail(e, ST_INVALID, "the value is not in the list");
}

static bool l_copy(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    if (!j_list_new(e, J_LIST, ret))
        return false;
    for (uint32_t i = 0; i < self.l->n; i++)
        if (!j_list_push(e, ret->l, self.l->at[i]))
            return false;
    return true;
}

static bool loop_cycle(struct jeval *e, struct jval self, const struct jargs *args,
                       struct jval *ret)
{
    if (!args->n_pos)
        return jfail(e, ST_INVALID, "no items for cycling given");
    *ret = args->pos[self.loop->index % args->n_pos];
    return true;
}

static bool loop_changed(struct jeval *e, struct jval self, const struct jargs *args,
                         struct jval *ret)
{
    struct jval now;
    if (!j_list_new(e, J_TUPLE, &now))
        return false;
    for (uint32_t i = 0; i < args->n_pos; i++)
        if (!j_list_push(e, now.l, args->pos[i]))
            return false;
    *ret = j_bool(!j_equal(self.loop->changed, now));
    self.loop->changed = now;
    return true;
}

static const struct jfunc dict_methods[] = {
    { "copy", "", d_copy, NULL },
    { "get", "key ?default", d_get, NULL },
    { "items", "", d_items, NULL },
    { "keys", "", d_keys, NULL },
    { "values", "", d_values, NULL },
};

static const struct jfunc list_methods[] = {
    { "copy", "", l_copy, NULL },
    { "count", "value", l_count, NULL },
    { "index", "value", l_index, NULL },
};

static const struct jfunc loop_methods[] = {
    { "changed", NULL, NULL, loop_changed },
    { "cycle", NULL, NULL, loop_cycle },
};

/* Methods that would change their receiver. */
static const char *const unsafe_dict[] = { "clear", "pop", "popitem", "setdefault", "update" };
static const char *const unsafe_list[] = { "append", "clear", "extend", "insert", "pop", "remove",
                                           "reverse", "sort" };

static bool is_one_of(struct slice name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slice_is(name, names[i]))
            return true;
    return false;
}

const struct jfunc *jfunc_find(const struct jfunc *rows, size_t n, struct slice name)
{
    for (size_t i = 0; i < n; i++)
        if (slice_is(name, rows[i].name))
            return &rows[i];
    return NULL;
}

/* Methods of text come from three files. */
static const struct jfunc *find_text_method(struct slice name)
{
    static const struct jfunc format = { "format", NULL, NULL, jtext_format };
    if (slice_is(name, "format"))
        return &format;
    const struct jfunc *f = jfunc_find(jtext_methods, n_jtext_methods, name);
    return f ? f : jfunc_find(jcase_methods, n_jcase_methods, name);
}

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

const struct jfunc *jmethod_find(enum jkind kind, struct slice name, bool *ret_unsafe)
{
    *ret_unsafe = false;
    switch (kind) {
    case J_STR:
        return find_text_method(name);
    case J_DICT:
        *ret_unsafe = is_one_of(name, unsafe_dict, COUNT(unsafe_dict));
        return jfunc_find(dict_methods, COUNT(dict_methods), name);
    case J_LIST:
        *ret_unsafe = is_one_of(name, unsafe_list, COUNT(unsafe_list));
        return jfunc_find(list_methods, COUNT(list_methods), name);
    case J_TUPLE:
        return slice_is(name, "copy") ? NULL : jfunc_find(list_methods, COUNT(list_methods), name);
    case J_LOOP:
        return jfunc_find(loop_methods, COUNT(loop_methods), name);
    default:
        return NULL;
    }
}
