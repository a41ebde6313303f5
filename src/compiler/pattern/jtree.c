/* jtree.c - a JSON reader without recursion, and comparison of values. */
#include "compiler/pattern/jtree.h"

#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/jsonio.h"
#include "base/utf8.h"
#include "compiler/pattern/num.h"

struct open {                   /* an array or object that is not closed yet */
    struct jnode  *node;
    struct jnode **kid;
    struct slice  *key;
    uint32_t       n, cap, n_key, cap_key;
};

struct reader {
    struct arena *a;
    struct slice  s;
    size_t        at;
    uint32_t      order;
    struct open  *open;
    uint32_t      n_open, cap_open;
    struct error *err;
    enum status   st;
};

static void *bad(struct reader *r, const char *why)
{
    if (r->st == ST_OK)
        r->st = error_at(r->err, ST_SYNTAX, "E0407", (struct span){ (uint32_t)r->at, 1 },
                         "not valid JSON at byte %zu: %s", r->at, why);
    return NULL;
}

static void *nomem(struct reader *r)
{
    if (r->st == ST_OK)
        r->st = error_nomem(r->err);
    return NULL;
}

static int look(const struct reader *r)
{
    return r->at < r->s.len ? (uint8_t)r->s.ptr[r->at] : -1;
}

static void skip(struct reader *r)
{
    for (int c; (c = look(r)) == ' ' || c == '\t' || c == '\n' || c == '\r'; r->at++)
        ;
}

static bool eat(struct reader *r, const char *word)
{
    if (!slice_starts(slice_sub(r->s, r->at, r->s.len), slice_of(word)))
        return false;
    r->at += strlen(word);
    return true;
}

static int hex4(struct reader *r)
{
    int v = 0;
    for (int i = 0; i < 4; i++, r->at++) {
        int c = look(r);
        int d = c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
        if (c < 0 || d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

static bool read_escape(struct reader *r, struct str *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    int c = look(r);
    const char *k = c > 0 ? strchr(from, c) : NULL;
    r->at++;
    if (k) {
        str_addc(out, to[k - from]);
        return true;
    }
    int v = c == 'u' ? hex4(r) : -1;
    if (v >= 0xd800 && v < 0xdc00) {
        int low = eat(r, "\\u") ? hex4(r) : -1;
        v = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((v - 0xd800) << 10) + (low - 0xdc00) : -1;
    } else if (v >= 0xdc00 && v < 0xe000) {
        v = -1;
    }
    if (v < 0)
        return false;
    str_add_cp(out, (uint32_t)v);
    return true;
}

/* Bytes up to the next quote, escape or control byte. */
static size_t plain_run(const struct reader *r)
{
    size_t i = r->at;
    while (i < r->s.len && (uint8_t)r->s.ptr[i] >= 0x20 && r->s.ptr[i] != '"' && r->s.ptr[i] != '\\')
        i++;
    return i - r->at;
}

static bool read_string(struct reader *r, struct slice *ret)
{
    struct str out = { 0 };
    bool ok = true;
    r->at++;
    size_t run = plain_run(r);
    struct slice all = slice_sub(r->s, r->at, run);
    if (r->at + run < r->s.len && r->s.ptr[r->at + run] == '"' && utf8_valid(all)) {
        r->at += run + 1;
        *ret = arena_slice(r->a, all);
        return ret->ptr || nomem(r);
    }
    for (int c; (c = look(r)) != '"' && ok;) {
        if (c < 0x20) {
            ok = false;
        } else if (c == '\\') {
            r->at++;
            ok = read_escape(r, &out);
        } else {
            run = plain_run(r);
            str_add(&out, r->s.ptr + r->at, run);
            r->at += run;
        }
    }
    if (!ok || !utf8_valid(str_slice(&out))) {
        bad(r, "a string that is not valid");
    } else {
        r->at++;
        *ret = arena_slice(r->a, str_slice(&out));
        if (!ret->ptr || out.failed)
            nomem(r);
    }
    str_free(&out);
    return r->st == ST_OK;
}

static bool digits(struct reader *r)
{
    size_t from = r->at;
    while (look(r) >= '0' && look(r) <= '9')
        r->at++;
    return r->at > from;
}

static bool read_number(struct reader *r, struct slice *ret)
{
    size_t from = r->at;
    eat(r, "-");
    bool ok = look(r) == '0' ? (r->at++, true) : digits(r);
    if (ok && eat(r, "."))
        ok = digits(r);
    if (ok && (look(r) | 32) == 'e' && look(r) > 0) {
        r->at++;
        if (look(r) == '+' || look(r) == '-')
            r->at++;
        ok = digits(r);
    }
    if (!ok) {
        bad(r, "a number that is not valid");
        return false;
    }
    *ret = slice_sub(r->s, from, r->at - from);
    *ret = arena_slice(r->a, *ret);
    return ret->ptr || nomem(r);
}

static bool push_open(struct reader *r, struct jnode *x)
{
    if (r->n_open >= JTREE_NEST_MAX)
        return bad(r, "nested too deep");
    struct open *o = array_push(&r->open, &r->n_open, &r->cap_open, sizeof *o);
    if (!o)
        return nomem(r);
    o->node = x;
    return true;
}

/* A scalar, or the start of an array or object. */
static struct jnode *read_value(struct reader *r)
{
    struct jnode *x = arena_zalloc(r->a, sizeof *x);
    if (!x)
        return nomem(r);
    x->order = r->order++;
    int c = look(r);
    if (c == '"') {
        x->kind = J_STRING;
        return read_string(r, &x->text) ? x : NULL;
    }
    if (c == '-' || (c >= '0' && c <= '9')) {
        x->kind = J_NUMBER;
        return read_number(r, &x->text) ? x : NULL;
    }
    if (c == '[' || c == '{') {
        x->kind = c == '[' ? J_ARRAY : J_OBJECT;
        r->at++;
        return push_open(r, x) ? x : NULL;
    }
    x->kind = J_BOOL;
    x->truth = eat(r, "true");
    if (x->truth || eat(r, "false"))
        return x;
    x->kind = J_NULL;
    return eat(r, "null") ? x : bad(r, "a value is expected");
}

static bool read_key(struct reader *r, struct open *o)
{
    struct slice key;
    skip(r);
    if (look(r) != '"')
        return bad(r, "a key is expected");
    if (!read_string(r, &key))
        return false;
    skip(r);
    if (!eat(r, ":"))
        return bad(r, "a colon is expected");
    struct slice *slot = array_push(&o->key, &o->n_key, &o->cap_key, sizeof *slot);
    if (!slot)
        return nomem(r);
    *slot = key;
    return true;
}

/* Any order in which equal keys are neighbours. */
static int by_key(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return memcmp(x->ptr, y->ptr, x->len);
}

enum { FEW_KEYS = 12 };

static bool distinct_keys(struct reader *r, const struct open *o)
{
    if (o->n_key <= FEW_KEYS) {
        bool twice = false;
        for (uint32_t i = 1; i < o->n_key; i++)
            for (uint32_t j = 0; j < i; j++)
                twice |= slice_eq(o->key[i], o->key[j]);
        return !twice || bad(r, "a key is repeated");
    }
    struct slice *k = mem_alloc(o->n_key * sizeof *k);
    if (!k)
        return nomem(r);
    memcpy(k, o->key, o->n_key * sizeof *k);
    qsort(k, o->n_key, sizeof *k, by_key);
    bool ok = true;
    for (uint32_t i = 1; i < o->n_key; i++)
        ok &= !slice_eq(k[i - 1], k[i]);
    mem_free(k);
    return ok || bad(r, "a key is repeated");
}

static bool close_top(struct reader *r)
{
    struct open *o = &r->open[r->n_open - 1];
    struct jnode *x = o->node;
    bool ok = distinct_keys(r, o);
    x->n = o->n;
    if (x->n) {
        x->kid = arena_dup(r->a, o->kid, o->n * sizeof *o->kid);
        x->key = o->n_key ? arena_dup(r->a, o->key, o->n_key * sizeof *o->key) : NULL;
        if (!x->kid || (o->n_key && !x->key))
            ok = nomem(r);
    }
    mem_free(o->kid);
    mem_free(o->key);
    r->n_open--;
    return ok;
}

/* Goes on until the value that was begun at the outermost level is whole. */
static struct jnode *read_all(struct reader *r)
{
    struct jnode *root = NULL;
    for (bool first = true; r->st == ST_OK; first = false) {
        skip(r);
        struct open *o = r->n_open ? &r->open[r->n_open - 1] : NULL;
        if (!o && !first)
            return root;
        if (o) {
            bool object = o->node->kind == J_OBJECT;
            if (eat(r, object ? "}" : "]")) {
                if (!close_top(r))
                    return NULL;
                continue;
            }
            if (o->n && !eat(r, ","))
                return bad(r, "a comma is expected");
            if (object && !read_key(r, o))
                return NULL;
            skip(r);
        }
        uint32_t level = r->n_open;
        struct jnode *x = read_value(r);
        if (!x)
            return NULL;
        if (!level) {
            root = x;
            continue;
        }
        o = &r->open[level - 1];
        struct jnode **slot = array_push(&o->kid, &o->n, &o->cap, sizeof *slot);
        if (!slot)
            return nomem(r);
        *slot = x;
    }
    return NULL;
}

enum status jtree_read(struct arena *a, struct slice text, struct jnode **ret, struct error *err)
{
    struct reader r = { .a = a, .s = text, .err = err };
    if (text.len > JTREE_TEXT_MAX)
        return error_code(err, ST_LIMIT, "E0402", "the schema is over 8 MiB");
    struct jnode *x = read_all(&r);
    skip(&r);
    if (x && r.at < text.len)
        bad(&r, "something stands behind the value");
    while (r.n_open) {
        struct open *o = &r.open[--r.n_open];
        mem_free(o->kid);
        mem_free(o->key);
    }
    mem_free(r.open);
    if (r.st == ST_OK)
        *ret = x;
    return r.st;
}

const struct jnode *jtree_find(const struct jnode *o, struct slice key)
{
    if (!o || o->kind != J_OBJECT)
        return NULL;
    for (uint32_t i = 0; i < o->n; i++)
        if (slice_eq(o->key[i], key))
            return o->kid[i];
    return NULL;
}

const struct jnode *jtree_get(const struct jnode *o, const char *key)
{
    return jtree_find(o, slice_of(key));
}

/* The depth of a tree is at most JTREE_NEST_MAX, so recursion is bounded here and below. */
bool jtree_equal(const struct jnode *a, const struct jnode *b)
{
    struct decimal x, y;
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case J_NULL:
        return true;
    case J_BOOL:
        return a->truth == b->truth;
    case J_NUMBER:
        if (!decimal_read(a->text, &x) || !decimal_read(b->text, &y))
            return slice_eq(a->text, b->text);
        return decimal_cmp(&x, &y) == 0;
    case J_STRING:
        return slice_eq(a->text, b->text);
    default:
        break;
    }
    if (a->n != b->n)
        return false;
    for (uint32_t i = 0; i < a->n; i++) {
        const struct jnode *other = a->kind == J_ARRAY ? b->kid[i] : jtree_find(b, a->key[i]);
        if (!other || !jtree_equal(a->kid[i], other))
            return false;
    }
    return true;
}

void jtree_write(const struct jnode *j, const char *comma, const char *colon, struct str *out)
{
    switch (j->kind) {
    case J_NULL:
        str_adds(out, "null");
        return;
    case J_BOOL:
        str_adds(out, j->truth ? "true" : "false");
        return;
    case J_NUMBER:
        str_add_slice(out, j->text);
        return;
    case J_STRING:
        jsonio_quote(j->text, out);
        return;
    default:
        break;
    }
    str_addc(out, j->kind == J_ARRAY ? '[' : '{');
    for (uint32_t i = 0; i < j->n; i++) {
        if (i)
            str_adds(out, comma);
        if (j->kind == J_OBJECT) {
            jsonio_quote(j->key[i], out);
            str_adds(out, colon);
        }
        jtree_write(j->kid[i], comma, colon, out);
    }
    str_addc(out, j->kind == J_ARRAY ? ']' : '}');
}
