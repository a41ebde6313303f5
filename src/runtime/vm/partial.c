/* partial.c - the value so far of a text that is still being written (LANGUAGE.md 6.4).
 *
 *      {"name": "Ann", "tags": ["a", "b      the text so far
 *      {"name": "Ann", "tags": ["a", "b"]}   closed: what is open ends here
 *
 * The text comes from the automaton of its type, so it is JSON as far as it goes.  One pass finds
 * how much of it can stand and what is open there; the closed text is read as JSON and walked by
 * its type.  Only the last item on each level can be open, so one number says how deep that goes.
 * A text or list that is open is shown so far, any other value only when it is whole. */
#include "runtime/vm/vm_int.h"

#include <string.h>

/* ---- closing ---- */

struct cut {
    char     open[VALUE_MAX_DEPTH];     /* brackets at the place to cut */
    uint32_t n;
    size_t   keep;                      /* bytes that can stand */
    bool     in_text;                   /* a text that is a value is open */
};

static bool is_word(char c)
{
    return c != ',' && c != ':' && c != ' ' && c != '\n' && c != '\t' && c != '\r';
}

/* Where the text that begins behind the quote at `i` ends; ret_safe: what of it can stand when
 * it is not whole (an escape that is cut, or the first half of a pair, cannot). */
static size_t scan_text(struct slice s, size_t i, size_t *ret_safe)
{
    size_t pair = 0;        /* place of a first half whose second is awaited */
    for (i++; i < s.len && s.ptr[i] != '"';) {
        size_t n = s.ptr[i] != '\\' ? 1 : i + 1 < s.len && s.ptr[i + 1] == 'u' ? 6 : 2;
        bool first = n == 6 && i + 3 < s.len && (s.ptr[i + 2] | 32) == 'd' &&
                     strchr("89abAB", s.ptr[i + 3]);
        if (i + n > s.len) {
            *ret_safe = pair ? pair : i;
            return s.len;
        }
        pair = first ? i : 0;
        i += n;
    }
    *ret_safe = pair ? pair : i;
    return i < s.len ? i + 1 : s.len;
}

static bool scan(struct slice s, struct cut *c)
{
    bool key = false;       /* a text here would be a key */
    for (size_t i = 0; i < s.len;) {
        char ch = s.ptr[i];
        if (ch == '{' || ch == '[') {
            if (c->n == VALUE_MAX_DEPTH)
                return false;
            c->open[c->n++] = ch;
            key = ch == '{';
            c->keep = ++i;
        } else if (ch == '}' || ch == ']') {
            if (!c->n)
                return false;
            c->n--;
            key = false;
            c->keep = ++i;
        } else if (ch == '"') {
            size_t safe, end = scan_text(s, i, &safe);
            bool whole = end > i + 1 && s.ptr[end - 1] == '"' && safe == end - 1;
            if (!key) {
                c->in_text = !whole;
                c->keep = whole ? end : safe;
            }
            i = end;
        } else if (is_word(ch)) {
            while (i < s.len && is_word(s.ptr[i]) && s.ptr[i] != '}' && s.ptr[i] != ']')
                i++;
            if (i < s.len)              /* what ends with the text may go on */
                c->keep = i;
        } else {
            key = ch == ',' ? c->n && c->open[c->n - 1] == '{' : ch == ':' ? false : key;
            i++;
        }
    }
    return c->keep || c->in_text;
}

/* ST_NOT_FOUND: nothing has begun yet. */
static enum status read_open(struct slice text, struct value *ret, uint32_t *ret_open)
{
    struct cut c = { .n = 0 };
    struct error err = { 0 };
    struct str closed = { 0 };
    if (!scan(text, &c))
        return ST_NOT_FOUND;
    str_add(&closed, text.ptr, c.keep);
    if (c.in_text)
        str_addc(&closed, '"');
    for (uint32_t i = c.n; i-- > 0;)
        str_addc(&closed, c.open[i] == '{' ? '}' : ']');
    enum status st = closed.failed ? ST_NOMEM : value_parse_json(str_slice(&closed), ret, &err);
    str_free(&closed);
    *ret_open = c.n + c.in_text;
    return st == ST_OK || st == ST_NOMEM ? st : ST_NOT_FOUND;
}

/* ---- by type ---- */

struct walk {
    struct image     *im;
    struct type_fault fault;
};

/* open: how many levels, this one first, are not whole.  ST_NOT_FOUND: nothing to show yet. */
static enum status part(struct walk *w, uint32_t rtype, struct value v, uint32_t open,
                        struct value *ret);

static bool is_structured(const struct module *m, const struct rtype *t)
{
    switch (t->kind) {
    case RT_LIST: case RT_MAP: case RT_TUPLE: case RT_STRUCT: case RT_CALL: case RT_JSON:
    case RT_SCHEMA:
        return true;
    case RT_UNION: case RT_OPTIONAL:
        for (uint32_t i = 0; i < t->n; i++)
            if (is_structured(m, &m->rtype[t->elem[i]]))
                return true;
        return false;
    default:
        return false;
    }
}

static enum status part_field(struct walk *w, const struct rfield *f, struct value map,
                              uint32_t open, struct value *ret)
{
    uint32_t n = value_len(map);
    *ret = value_null();
    for (uint32_t i = 0; i < n; i++) {
        const struct map_entry *e = value_map_entry(map, i);
        if (!slice_eq(value_text(e->key), f->key))
            continue;
        uint32_t inner = i + 1 == n && open ? open - 1 : 0;
        if (inner && f->done)
            return ST_OK;
        enum status st = part(w, f->rtype, e->val, inner, ret);
        if (st == ST_NOT_FOUND)
            *ret = value_null();
        return st == ST_NOT_FOUND ? ST_OK : st;
    }
    return ST_OK;
}

static enum status part_struct(struct walk *w, uint32_t rtype, const struct rtype *t,
                               struct value v, uint32_t open, struct value *ret)
{
    struct value *field = mem_calloc(t->n_field + 1u, sizeof *field);
    enum status st = field ? ST_OK : ST_NOMEM;
    uint32_t done = 0;
    for (; st == ST_OK && done < t->n_field; done++) {
        st = part_field(w, &t->field[done], v, open, &field[done]);
        if (st != ST_OK)
            break;
    }
    if (st == ST_OK)
        st = value_struct_take(w->im->vtype[rtype], field, ret);
    else
        for (uint32_t i = 0; i < done; i++)
            value_unref(field[i]);
    mem_free(field);
    return st;
}

static enum status part_list(struct walk *w, const struct rtype *t, struct value v, uint32_t open,
                             struct value *ret)
{
    uint32_t n = value_len(v);
    enum status st = value_list(n, ret);
    for (uint32_t i = 0; i < n && st == ST_OK; i++) {
        struct value x;
        st = part(w, t->elem[0], value_at(v, i), i + 1 == n && open ? open - 1 : 0, &x);
        if (st == ST_NOT_FOUND) {
            st = ST_OK;
            continue;
        }
        if (st == ST_OK)
            st = value_list_push_take(ret, x);
        if (st != ST_OK)
            value_unref(*ret);
    }
    return st;
}

static enum status part_map(struct walk *w, const struct rtype *t, struct value v, uint32_t open,
                            struct value *ret)
{
    uint32_t n = value_len(v);
    enum status st = value_map(ret);
    for (uint32_t i = 0; i < n && st == ST_OK; i++) {
        const struct map_entry *e = value_map_entry(v, i);
        struct value k, x;
        st = part(w, t->elem[1], e->val, i + 1 == n && open ? open - 1 : 0, &x);
        if (st == ST_NOT_FOUND) {
            st = ST_OK;
            continue;
        }
        if (st == ST_OK) {
            st = type_read(w->im, t->elem[0], value_text(e->key), &k, &w->fault);
            if (st == ST_OK)
                st = value_map_put_take(ret, k, x);
            else
                value_unref(x);
        }
        if (st != ST_OK)
            value_unref(*ret);
    }
    return st;
}

static enum status part_tuple(struct walk *w, const struct rtype *t, struct value v, uint32_t open,
                              struct value *ret)
{
    uint32_t n = value_len(v), done = 0;
    struct value *item = mem_calloc(t->n + 1u, sizeof *item);
    enum status st = item ? ST_OK : ST_NOMEM;
    for (; st == ST_OK && done < t->n; done++) {
        if (done >= n)
            continue;
        st = part(w, t->elem[done], value_at(v, done), done + 1 == n && open ? open - 1 : 0,
                  &item[done]);
        if (st == ST_NOT_FOUND) {
            item[done] = value_null();
            st = ST_OK;
        }
        if (st != ST_OK)
            break;
    }
    if (st == ST_OK)
        st = value_tuple_take(item, t->n, ret);
    else
        for (uint32_t i = 0; i < done; i++)
            value_unref(item[i]);
    mem_free(item);
    return st;
}

static enum status part(struct walk *w, uint32_t rtype, struct value v, uint32_t open,
                        struct value *ret)
{
    const struct module *m = w->im->module;
    const struct rtype *t = &m->rtype[rtype];
    switch (t->kind) {
    case RT_STRUCT:
        return v.tag == VAL_MAP ? part_struct(w, rtype, t, v, open, ret) : ST_NOT_FOUND;
    case RT_LIST:
        return v.tag == VAL_LIST ? part_list(w, t, v, open, ret) : ST_NOT_FOUND;
    case RT_MAP:
        return v.tag == VAL_MAP ? part_map(w, t, v, open, ret) : ST_NOT_FOUND;
    case RT_TUPLE:
        return v.tag == VAL_LIST ? part_tuple(w, t, v, open, ret) : ST_NOT_FOUND;
    case RT_STR: case RT_REGEX_STR: case RT_GRAMMAR:
        *ret = value_ref(v);
        return v.tag == VAL_STR ? ST_OK : ST_NOT_FOUND;
    case RT_OPTIONAL:
        if (v.tag != VAL_NULL)
            return part(w, t->elem[0], v, open, ret);
        *ret = value_null();
        return ST_OK;
    default:
        break;
    }
    if (is_structured(m, t))
        return open && v.tag == VAL_STR && t->kind == RT_UNION ? ST_NOT_FOUND : json_like(v, ret);
    enum status st = open ? ST_NOT_FOUND
                          : type_accept(w->im, rtype, v, TYPE_JSON, ret, &w->fault);
    return st == ST_INVALID || st == ST_PENDING ? ST_NOT_FOUND : st;
}

enum status partial_read(struct image *im, uint32_t rtype, struct slice text, bool whole,
                         struct value *ret)
{
    struct walk w = { .im = im };
    struct value v;
    uint32_t open;
    if (type_is_bare(im->module, rtype))
        return whole ? type_read(im, rtype, text, ret, &w.fault) : ST_NOT_FOUND;
    enum status st = read_open(text, &v, &open);
    if (st != ST_OK)
        return st;
    st = part(&w, rtype, v, whole ? 0 : open, ret);
    value_unref(v);
    return st;
}
