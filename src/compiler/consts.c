/* consts.c - the constants of a module: made once, compared, turned into text, fitted to a type.
 *
 * An expression whose operands are constants becomes a constant while it is lowered, so the
 * evaluation of `const`, `data` and of texts needs no machine. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/jsonio.h"
#include "base/utf8.h"
#include "compiler/lower.h"

uint32_t konst_add(struct comp *c, struct konst k)
{
    uint32_t id = c->n_konst;
    struct konst *slot = comp_push(c, &c->konst, &c->n_konst, &c->cap_konst, sizeof *slot);
    *slot = k;
    return id;
}

/* Scalars are shared under a key that spells kind and value. */
static uint32_t shared(struct comp *c, const char *kind, const void *data, size_t len,
                       struct konst k)
{
    str_cut(&c->tmp, 0);
    str_adds(&c->tmp, kind);
    str_add(&c->tmp, data, len);
    uint64_t found;
    if (hashmap_get(&c->konst_text, str_slice(&c->tmp), &found))
        return (uint32_t)found;
    if (c->tmp.failed)
        comp_nomem(c);
    char *key = comp_alloc(c, c->tmp.len + 1);
    memcpy(key, c->tmp.ptr, c->tmp.len);
    uint32_t id = konst_add(c, k);
    if (!hashmap_put(&c->konst_text, (struct slice){ key, c->tmp.len }, id))
        comp_nomem(c);
    return id;
}

uint32_t konst_null(struct comp *c)
{
    return shared(c, "n", "", 0, (struct konst){ .kind = KONST_NULL });
}

uint32_t konst_bool(struct comp *c, bool b)
{
    return shared(c, "b", &b, 1, (struct konst){ .kind = KONST_BOOL, .i = b });
}

uint32_t konst_int(struct comp *c, int64_t i)
{
    return shared(c, "i", &i, sizeof i, (struct konst){ .kind = KONST_INT, .i = i });
}

uint32_t konst_float(struct comp *c, double f)
{
    return shared(c, "f", &f, sizeof f, (struct konst){ .kind = KONST_FLOAT, .f = f });
}

uint32_t konst_str(struct comp *c, struct slice s)
{
    struct slice copy = comp_slice(c, s);
    return shared(c, "s", copy.ptr, copy.len, (struct konst){ .kind = KONST_STR, .text = copy });
}

uint32_t konst_items(struct comp *c, enum konst_kind kind, uint32_t rtype, const uint32_t *item,
                     uint32_t n)
{
    uint32_t words = kind == KONST_MAP ? 2 * n : n;
    uint32_t *copy = words ? arena_array(&c->m->arena, words, sizeof *copy) : NULL;
    if (words && !copy)
        comp_nomem(c);
    if (words)
        memcpy(copy, item, words * sizeof *copy);
    return konst_add(c, (struct konst){ .kind = kind, .rtype = rtype, .item = copy, .n = n });
}

/* The order of the keys does not matter. */
static bool maps_equal(const struct comp *c, const struct konst *x, const struct konst *y)
{
    for (uint32_t i = 0; i < x->n; i++) {
        uint32_t k = 0;
        while (k < y->n && !konst_equal(c, x->item[2 * i], y->item[2 * k]))
            k++;
        if (k == y->n || !konst_equal(c, x->item[2 * i + 1], y->item[2 * k + 1]))
            return false;
    }
    return true;
}

bool konst_equal(const struct comp *c, uint32_t a, uint32_t b)
{
    if (a == b)
        return true;
    const struct konst *x = &c->konst[a], *y = &c->konst[b];
    if (x->kind == KONST_INT && y->kind == KONST_FLOAT)
        return (double)x->i == y->f;
    if (x->kind == KONST_FLOAT && y->kind == KONST_INT)
        return x->f == (double)y->i;
    if (x->kind != y->kind || x->n != y->n)
        return false;
    switch (x->kind) {
    case KONST_FLOAT:
        return x->f == y->f;
    case KONST_STR:
    case KONST_REGEX:
        return slice_eq(x->text, y->text) && x->flags == y->flags;
    case KONST_MAP:
        return maps_equal(c, x, y);
    case KONST_LIST: case KONST_TUPLE: case KONST_STRUCT:
        for (uint32_t i = 0; i < x->n; i++)
            if (!konst_equal(c, x->item[i], y->item[i]))
                return false;
        return true;
    default:
        return x->i == y->i && x->rtype == y->rtype;
    }
}

static void float_text(double f, struct str *out)
{
    size_t at = out->len;
    str_add_double(out, f);
    for (size_t i = at; i < out->len; i++)
        if (out->ptr[i] == '.' || out->ptr[i] == 'e' || out->ptr[i] == 'E')
            return;
    str_adds(out, ".0");
}

static void duration_text(int64_t ms, struct str *out)
{
    if (ms % 1000 == 0)
        str_addf(out, "%llds", (long long)(ms / 1000));
    else
        str_addf(out, "%lldms", (long long)ms);
}

void konst_json(struct comp *c, uint32_t k, struct str *out)
{
    const struct konst *x = &c->konst[k];
    switch (x->kind) {
    case KONST_STR:
        jsonio_quote(x->text, out);
        break;
    case KONST_ENUM:
        jsonio_quote(c->rtype[x->rtype].variant[x->i].text, out);
        break;
    case KONST_DURATION:
        str_addc(out, '"');
        duration_text(x->i, out);
        str_addc(out, '"');
        break;
    case KONST_LIST:
    case KONST_TUPLE:
        str_addc(out, '[');
        for (uint32_t i = 0; i < x->n; i++) {
            str_adds(out, i ? ", " : "");
            konst_json(c, c->konst[k].item[i], out);
        }
        str_addc(out, ']');
        break;
    case KONST_MAP:
        str_addc(out, '{');
        for (uint32_t i = 0; i < x->n; i++) {
            struct str key = { 0 };
            str_adds(out, i ? ", " : "");
            konst_text(c, x->item[2 * i], &key);
            jsonio_quote(str_slice(&key), out);
            str_free(&key);
            str_adds(out, ": ");
            konst_json(c, x->item[2 * i + 1], out);
        }
        str_addc(out, '}');
        break;
    case KONST_STRUCT:
        str_addc(out, '{');
        for (uint32_t i = 0; i < x->n; i++) {
            str_adds(out, i ? ", " : "");
            jsonio_quote(c->rtype[x->rtype].field[i].key, out);
            str_adds(out, ": ");
            konst_json(c, x->item[i], out);
        }
        str_addc(out, '}');
        break;
    default:
        konst_text(c, k, out);
        break;
    }
}

bool konst_text(struct comp *c, uint32_t k, struct str *out)
{
    const struct konst *x = &c->konst[k];
    switch (x->kind) {
    case KONST_NULL: str_adds(out, "null"); return true;
    case KONST_BOOL: str_adds(out, x->i ? "true" : "false"); return true;
    case KONST_INT: str_addf(out, "%lld", (long long)x->i); return true;
    case KONST_FLOAT: float_text(x->f, out); return true;
    case KONST_STR: str_add_slice(out, x->text); return true;
    case KONST_DURATION: duration_text(x->i, out); return true;
    case KONST_ENUM: str_add_slice(out, c->rtype[x->rtype].variant[x->i].text); return true;
    case KONST_LIST: case KONST_TUPLE: case KONST_MAP: case KONST_STRUCT:
        konst_json(c, k, out);
        return true;
    default:
        return false;
    }
}

/* ---- a constant where a type is wanted ---- */

static bool fit_items(struct comp *c, uint32_t k, const struct type *t, uint32_t *ret,
                      const char **ret_why)
{
    uint32_t n = c->konst[k].n, stride = c->konst[k].kind == KONST_MAP ? 2 : 1;
    uint32_t *item = comp_alloc(c, (size_t)n * stride * sizeof *item + 1);
    for (uint32_t i = 0; i < n * stride; i++) {
        const struct type *et = t->kind == T_MAP ? t->elem[i % 2] : t->kind == T_TUPLE ? t->elem[i] : t->elem[0];
        if (!konst_fit(c, c->konst[k].item[i], et, &item[i], ret_why))
            return false;
    }
    if (t->refined && ((int64_t)n < t->lo || (t->hi >= 0 && (int64_t)n > t->hi))) {
        *ret_why = "wrong number of elements";
        return false;
    }
    *ret = konst_items(c, c->konst[k].kind, 0, item, n);
    return true;
}

static bool fit_str(struct comp *c, uint32_t k, const struct type *t, const char **ret_why)
{
    struct slice s = c->konst[k].text;
    size_t n = utf8_count(s);
    if (!t->refined)
        return true;
    if ((int64_t)n < t->lo || (t->hi >= 0 && (int64_t)n > t->hi)) {
        *ret_why = "wrong length";
        return false;
    }
    if ((t->flags & SHAPE_NO_LINES) && memchr(s.ptr, '\n', s.len)) {
        *ret_why = "has a newline";
        return false;
    }
    return true;
}

static bool fit_union(struct comp *c, uint32_t k, const struct type *t, uint32_t *ret,
                      const char **ret_why)
{
    for (uint32_t i = 0; i < t->n; i++)
        if (konst_fit(c, k, t->elem[i], ret, ret_why))
            return true;
    return false;
}

static bool fit_number(struct comp *c, uint32_t k, const struct type *t, uint32_t *ret)
{
    const struct konst *x = &c->konst[k];
    if (t->kind == T_INT)
        return x->kind == KONST_INT && x->i >= t->lo && x->i <= t->hi;
    double f = x->kind == KONST_INT ? (double)x->i : x->f;
    if (x->kind != KONST_INT && x->kind != KONST_FLOAT)
        return false;
    if (f < t->flo || f > t->fhi)
        return false;
    if (t->decimals >= 0) {
        char text[64];
        snprintf(text, sizeof text, "%.*f", (int)t->decimals, f);
        double back;
        if (sscanf(text, "%lf", &back) != 1 || back != f)
            return false;
    }
    *ret = konst_float(c, f);
    return true;
}

static bool fit_lit(struct comp *c, uint32_t k, const struct type *t)
{
    const struct konst *x = &c->konst[k];
    switch (t->lit) {
    case T_STR: return x->kind == KONST_STR && slice_eq(x->text, t->text);
    case T_INT: return x->kind == KONST_INT && x->i == t->lo;
    case T_BOOL: return x->kind == KONST_BOOL && x->i == t->lo;
    default: return x->kind == KONST_FLOAT ? x->f == t->flo
                    : x->kind == KONST_INT && (double)x->i == t->flo;
    }
}

static bool fit_enum(struct comp *c, uint32_t k, const struct type *t, uint32_t *ret)
{
    const struct konst *x = &c->konst[k];
    uint32_t rt = rtype_of(c, t);
    x = &c->konst[k];
    if (x->kind == KONST_ENUM)
        return x->rtype == rt;
    if (x->kind != KONST_STR)
        return false;
    for (uint32_t i = 0; i < t->enm->n; i++)
        if (slice_eq(t->enm->variant[i].text, x->text)) {
            *ret = konst_add(c, (struct konst){ .kind = KONST_ENUM, .rtype = rt, .i = i });
            return true;
        }
    return false;
}

bool konst_fit(struct comp *c, uint32_t k, const struct type *t, uint32_t *ret,
               const char **ret_why)
{
    enum konst_kind kind = c->konst[k].kind;
    *ret = k;
    *ret_why = "value outside the type";
    switch (t->kind) {
    case T_INT: case T_FLOAT:
        return fit_number(c, k, t, ret);
    case T_STR:
        return kind == KONST_STR && fit_str(c, k, t, ret_why);
    case T_LIT:
        return fit_lit(c, k, t);
    case T_REGEX_STR: case T_GRAMMAR:
        return kind == KONST_STR && pattern_has(c, t, c->konst[k].text);
    case T_ENUM:
        return fit_enum(c, k, t, ret);
    case T_UNION:
        return fit_union(c, k, t, ret, ret_why);
    case T_OPT:
        return kind == KONST_NULL || konst_fit(c, k, t->elem[0], ret, ret_why);
    case T_LIST:
        return kind == KONST_LIST && fit_items(c, k, t, ret, ret_why);
    case T_MAP:
        return kind == KONST_MAP && fit_items(c, k, t, ret, ret_why);
    case T_TUPLE:
        return kind == KONST_TUPLE && c->konst[k].n == t->n && fit_items(c, k, t, ret, ret_why);
    case T_BOOL:
        return kind == KONST_BOOL;
    case T_NULL:
        return kind == KONST_NULL;
    case T_PATH:
        return kind == KONST_STR;
    case T_DURATION:
        return kind == KONST_DURATION;
    case T_REGEX:
        return kind == KONST_REGEX;
    case T_TOOL:
        return kind == KONST_TOOL;
    case T_FN:
        return kind == KONST_FUNC;      /* what it takes and gives is a matter of types */
    case T_STRUCT:
        return kind == KONST_STRUCT && c->konst[k].rtype == rtype_of(c, t);
    case T_ANY: case T_JSON:
        return true;
    default:
        return false;
    }
}

/* ---- data files ---- */

static bool from_json(struct low *l, const json_t *j, const struct type *t, uint32_t *ret,
                      struct str *why);

static bool struct_from_json(struct low *l, const json_t *j, const struct type *t, uint32_t *ret,
                             struct str *why)
{
    struct comp *c = l->c;
    struct sdecl *d = t->strct;
    uint32_t *item = comp_alloc(c, d->n * sizeof *item + 1);
    for (uint32_t i = 0; i < d->n; i++) {
        char *key = comp_alloc(c, d->field[i].key.len + 1);
        memcpy(key, d->field[i].key.ptr, d->field[i].key.len);
        const json_t *v = json_object_get(j, key);
        if (v) {
            if (!from_json(l, v, d->field[i].type, &item[i], why))
                return false;
            continue;
        }
        if (d->field[i].fallback) {
            struct ex e = lower_to(l, d->field[i].fallback, d->field[i].type);
            if (e.k) {
                item[i] = e.k - 1;
                continue;
            }
        } else if (d->field[i].type->kind == T_OPT) {
            item[i] = konst_null(c);
            continue;
        }
        str_addf(why, "field `%s` is missing", key);
        return false;
    }
    *ret = konst_items(c, KONST_STRUCT, rtype_of(c, t), item, d->n);
    return true;
}

static bool array_from_json(struct low *l, const json_t *j, const struct type *t, uint32_t *ret,
                            struct str *why)
{
    size_t n = json_array_size(j);
    uint32_t *item = comp_alloc(l->c, n * sizeof *item + 1);
    for (size_t i = 0; i < n; i++) {
        const struct type *et = !t ? NULL : t->kind == T_TUPLE ? t->elem[i] : t->elem[0];
        if (!from_json(l, json_array_get(j, i), et, &item[i], why))
            return false;
    }
    *ret = konst_items(l->c, t && t->kind == T_TUPLE ? KONST_TUPLE : KONST_LIST, 0, item, (uint32_t)n);
    return true;
}

static bool object_from_json(struct low *l, json_t *j, const struct type *t, uint32_t *ret,
                             struct str *why)
{
    uint32_t n = (uint32_t)json_object_size(j), i = 0;
    uint32_t *item = comp_alloc(l->c, 2 * n * sizeof *item + 1);
    const char *key;
    json_t *v;
    json_object_foreach(j, key, v) {
        item[2 * i] = konst_str(l->c, slice_of(key));
        if (!from_json(l, v, t ? t->elem[1] : NULL, &item[2 * i + 1], why))
            return false;
        i++;
    }
    *ret = konst_items(l->c, KONST_MAP, 0, item, n);
    return true;
}

static uint32_t scalar_from_json(struct comp *c, const json_t *j)
{
    switch (json_typeof(j)) {
    case JSON_STRING:
        return konst_str(c, (struct slice){ json_string_value(j), json_string_length(j) });
    case JSON_INTEGER:
        return konst_int(c, json_integer_value(j));
    case JSON_REAL:
        return konst_float(c, json_real_value(j));
    case JSON_TRUE:
    case JSON_FALSE:
        return konst_bool(c, json_is_true(j));
    default:
        return konst_null(c);
    }
}

/* t NULL or json: whatever the file holds. */
static bool from_json(struct low *l, const json_t *j, const struct type *t, uint32_t *ret,
                      struct str *why)
{
    struct comp *c = l->c;
    if (t && (t->kind == T_JSON || t->kind == T_ANY))
        t = NULL;
    if (t && t->kind == T_OPT) {
        if (json_is_null(j)) {
            *ret = konst_null(c);
            return true;
        }
        return from_json(l, j, t->elem[0], ret, why);
    }
    if (t && t->kind == T_UNION) {
        for (uint32_t i = 0; i < t->n; i++) {
            str_cut(why, 0);
            if (from_json(l, j, t->elem[i], ret, why))
                return true;
        }
        return false;
    }
    bool shape_ok = !t || (json_is_object(j) ? t->kind == T_STRUCT || t->kind == T_MAP
                           : json_is_array(j) ? t->kind == T_LIST || t->kind == T_TUPLE : true);
    if (shape_ok && json_is_object(j))
        return t && t->kind == T_STRUCT ? struct_from_json(l, j, t, ret, why)
                                        : object_from_json(l, (json_t *)j, t, ret, why);
    if (shape_ok && json_is_array(j) && !(t && t->kind == T_TUPLE && t->n != json_array_size(j)))
        return array_from_json(l, j, t, ret, why);
    const char *reason;
    if (shape_ok && !json_is_array(j)) {
        uint32_t k = scalar_from_json(c, j);
        if (!t) {
            *ret = k;
            return true;
        }
        if (konst_fit(c, k, t, ret, &reason))
            return true;
    }
    struct str text = { 0 };
    jsonio_dump(j, JSONIO_SPACED, &text);
    str_addf(why, "%.60s is not %s", text.ptr ? text.ptr : "?", comp_type_text(c, t));
    str_free(&text);
    return false;
}

static bool csv_cell(struct slice text, size_t *at, struct str *out)
{
    bool quote = *at < text.len && text.ptr[*at] == '"';
    if (quote)
        ++*at;
    for (; *at < text.len; ++*at) {
        char ch = text.ptr[*at];
        if (quote && ch == '"') {
            if (*at + 1 < text.len && text.ptr[*at + 1] == '"')
                ++*at;
            else {
                quote = false;
                continue;
            }
        } else if (!quote && (ch == ',' || ch == '\n')) {
            break;
        }
        str_addc(out, ch);
    }
    return *at < text.len && text.ptr[*at] == ',';
}

/* The first line names the columns; rows become objects of texts. */
static json_t *csv_load(struct slice text)
{
    json_t *rows = json_array(), *head = json_array();
    size_t at = 0;
    for (bool first = true; at < text.len; first = false) {
        json_t *row = json_object();
        bool more = true;
        for (size_t col = 0; more; col++) {
            struct str cell = { 0 };
            more = csv_cell(text, &at, &cell);
            if (more)
                at++;
            json_t *v = json_stringn(cell.ptr ? cell.ptr : "", cell.len);
            str_free(&cell);
            if (first)
                json_array_append_new(head, v);
            else if (col < json_array_size(head))
                json_object_set_new(row, json_string_value(json_array_get(head, col)), v);
            else
                json_decref(v);
        }
        at++;
        if (first)
            json_decref(row);
        else
            json_array_append_new(rows, row);
    }
    json_decref(head);
    return rows;
}

static json_t *lines_load(struct slice text, struct error *err)
{
    json_t *rows = json_array();
    size_t at = 0;
    while (at < text.len) {
        size_t end = at;
        while (end < text.len && text.ptr[end] != '\n')
            end++;
        struct slice line = slice_trim(slice_sub(text, at, end - at));
        at = end + 1;
        json_t *v;
        if (!line.len)
            continue;
        if (jsonio_load(line, NULL, &v, err) != ST_OK) {
            json_decref(rows);
            return NULL;
        }
        json_array_append_new(rows, v);
    }
    return rows;
}

static json_t *data_load(struct slice file, struct slice text, struct error *err)
{
    json_t *j = NULL;
    if (slice_ends(file, SLICE(".jsonl")))
        return lines_load(text, err);
    if (slice_ends(file, SLICE(".csv")))
        return csv_load(text);
    return jsonio_load(text, NULL, &j, err) == ST_OK ? j : NULL;
}

bool konst_data(struct low *l, struct slice file, const struct type *want, struct span at,
                struct ex *ret)
{
    struct comp *c = l->c;
    const char *name;
    struct slice text;
    struct error err = { 0 };
    const struct loader *ld = &c->opts->loader;
    if (!ld->load || ld->load(ld->ctx, &c->arena, l->mod->source->name, file, &name, &text,
                              &err) != ST_OK) {
        low_diag(l, "E0317", at, "cannot read `%.*s`: %s", (int)file.len, file.ptr,
                 ld->load ? err.text : "no files here");
        return false;
    }
    struct type *t = want ? (struct type *)want : type_plain(T_JSON);
    if (slice_ends(file, SLICE(".txt"))) {
        *ret = ex_konst(c, konst_str(c, text), type_plain(T_STR), at);
        return true;
    }
    json_t *j = data_load(file, text, &err);
    if (!j) {
        low_diag(l, "E0317", at, "`%.*s` cannot be read: %s", (int)file.len, file.ptr, err.text);
        return false;
    }
    struct str why = { 0 };
    uint32_t k;
    bool ok = from_json(l, j, t, &k, &why);
    json_decref(j);
    if (!ok)
        low_diag(l, "E0317", at, "`%.*s` does not fit %s: %s", (int)file.len, file.ptr,
                 comp_type_text(c, t), why.ptr ? why.ptr : "");
    str_free(&why);
    if (ok)
        *ret = ex_konst(c, k, t, at);
    return ok;
}
