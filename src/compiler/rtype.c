/* rtype.c - static types to run-time types and to constraints (shapes).
 *
 * Equal types have one run-time type: the key is the type's text plus what the text leaves out.
 * Structs get their number before their fields are looked at, so they may contain themselves. */
#include <math.h>
#include <string.h>

#include "base/jsonio.h"
#include "compiler/lower.h"

static const enum rtype_kind kind_of[T_N] = {
    [T_ANY] = RT_ANY, [T_NEVER] = RT_NEVER, [T_NULL] = RT_NULL, [T_BOOL] = RT_BOOL,
    [T_INT] = RT_INT, [T_FLOAT] = RT_FLOAT, [T_STR] = RT_STR, [T_REGEX_STR] = RT_REGEX_STR,
    [T_LIT] = RT_LITERAL, [T_DURATION] = RT_DURATION, [T_REGEX] = RT_REGEX, [T_PATH] = RT_PATH,
    [T_BYTES] = RT_BYTES, [T_RANGE] = RT_RANGE, [T_LIST] = RT_LIST, [T_MAP] = RT_MAP,
    [T_TUPLE] = RT_TUPLE, [T_STRUCT] = RT_STRUCT, [T_ENUM] = RT_ENUM, [T_UNION] = RT_UNION,
    [T_OPT] = RT_OPTIONAL, [T_CALL] = RT_CALL, [T_TOOL] = RT_TOOL, [T_JSON] = RT_JSON,
    [T_SCHEMA] = RT_SCHEMA, [T_GRAMMAR] = RT_GRAMMAR, [T_CONTEXT] = RT_CONTEXT, [T_MARK] = RT_MARK,
    [T_FN] = RT_FN, [T_BRANCHES] = RT_BRANCHES, [T_ERROR] = RT_ERROR, [T_TOKEN] = RT_TOKEN,
    [T_MATCH] = RT_MATCH, [T_META] = RT_META, [T_PARTIAL] = RT_ANY, [T_VAR] = RT_ANY,
};

static void key_text(const struct type *t, struct str *out)
{
    type_text(t, out);
    if (t->kind == T_SCHEMA || t->kind == T_GRAMMAR)
        str_add_slice(out, t->text);
    if (t->kind == T_STRUCT)
        str_addf(out, "#s%p", (void *)t->strct);
    if (t->kind == T_ENUM)
        str_addf(out, "#e%p", (void *)t->enm);
    str_addf(out, "#%u", t->flags);
    for (uint32_t i = 0; i < t->n; i++)
        key_text(t->elem[i], out);
    for (uint32_t i = 0; i < t->n_tool; i++)
        str_addf(out, "#t%p", (void *)t->tool[i]);
}

static void *keep(struct comp *c, uint32_t n, size_t size)
{
    void *p = arena_array(&c->m->arena, n ? n : 1, size);
    if (!p)
        comp_nomem(c);
    return p;
}

static void struct_fields(struct comp *c, const struct type *t, struct rtype *r)
{
    struct sdecl *d = t->strct;
    struct rfield *f = keep(c, d->n, sizeof *f);
    for (uint32_t i = 0; i < d->n; i++) {
        struct sfield *s = &d->field[i];
        f[i] = (struct rfield){ comp_slice(c, s->name), comp_slice(c, s->key), rtype_of(c, s->type),
                                BC_NO_INDEX, BC_NO_INDEX, comp_slice(c, s->check_text), s->done,
                                comp_slice(c, s->doc) };
        if (s->fallback && d->sym) {
            if (s->fallback_func == BC_NO_INDEX)
                s->fallback_func = helper_func(c, d->sym->mod, s->fallback, s->type, "default");
            f[i].fallback = s->fallback_func;
        }
        if (s->check && d->sym) {
            struct type *fn = type_make(&c->arena, T_FN, 2);
            if (!fn)
                comp_nomem(c);
            fn->elem[0] = s->type;
            fn->elem[1] = type_plain(T_BOOL);
            if (s->check_func == BC_NO_INDEX)
                s->check_func = helper_lambda(c, d->sym->mod, s->check, fn, "check");
            if (s->check_func != BC_NO_INDEX)
                c->func[s->check_func]->pure = true;        /* at most `fail`: E0313 */
            f[i].check = s->check_func;
        }
    }
    r->field = f;
    r->n_field = d->n;
}

uint32_t rtype_args(struct comp *c, struct sym *s)
{
    str_cut(&c->tmp, 0);
    str_addf(&c->tmp, "#args%p", (void *)s);
    uint64_t found;
    if (hashmap_get(&c->rtype_text, str_slice(&c->tmp), &found))
        return (uint32_t)found;
    char *key = comp_alloc(c, c->tmp.len + 1);
    memcpy(key, c->tmp.ptr, c->tmp.len);
    uint32_t id = c->n_rtype;
    comp_push(c, &c->rtype, &c->n_rtype, &c->cap_rtype, sizeof(struct rtype));
    if (!hashmap_put(&c->rtype_text, slice_of(key), id))
        comp_nomem(c);
    struct rfield *f = keep(c, s->n_param, sizeof *f);
    struct shape *shape = keep(c, 1, sizeof *shape);
    shape->kind = SHAPE_STRUCT;
    shape->n = s->n_param;
    shape->kid = keep(c, s->n_param, sizeof *shape->kid);
    shape->key = keep(c, s->n_param, sizeof *shape->key);
    bool whole = true;
    for (uint32_t i = 0; i < s->n_param; i++) {
        const char *why;
        struct slice name = comp_slice(c, s->param[i].name);
        f[i] = (struct rfield){ .name = name, .key = name, .rtype = rtype_of(c, s->param[i].type),
                                .fallback = BC_NO_INDEX, .check = BC_NO_INDEX };
        shape->key[i] = name;
        shape->kid[i] = shape_of(c, s->param[i].type, &why);
        whole &= shape->kid[i] != NULL;
    }
    c->rtype[id] = (struct rtype){ .kind = RT_STRUCT, .name = comp_slice(c, s->name), .field = f,
                                   .n_field = s->n_param, .konst = BC_NO_INDEX,
                                   .shape = whole ? shape : NULL };
    return id;
}

static void call_tools(struct comp *c, const struct type *t, struct rtype *r)
{
    struct rtool *tool = keep(c, t->n_tool, sizeof *tool);
    for (uint32_t i = 0; i < t->n_tool; i++) {
        struct sym *s = t->tool[i];
        tool[i].name = comp_slice(c, s->name);
        tool[i].func = s->kind == SYM_FN ? func_of(c, s) : BC_NO_INDEX;
        tool[i].ext = s->kind == SYM_EXTERN ? extern_of(c, s) : BC_NO_INDEX;
        tool[i].args = rtype_args(c, s);
        tool[i].doc = comp_slice(c, s->node->u.decl->doc);
    }
    r->tool = tool;
    r->n_tool = t->n_tool;
}

static uint32_t literal_konst(struct comp *c, const struct type *t)
{
    switch (t->lit) {
    case T_STR: return konst_str(c, t->text);
    case T_INT: return konst_int(c, t->lo);
    case T_BOOL: return konst_bool(c, t->lo);
    default: return konst_float(c, t->flo);
    }
}

static bool deep_refined(const struct type *t)
{
    if (t->refined || t->kind == T_REGEX_STR || t->kind == T_LIT || t->kind == T_SCHEMA)
        return true;
    for (uint32_t i = 0; i < t->n; i++)
        if (deep_refined(t->elem[i]))
            return true;
    return false;
}

static void fill(struct comp *c, const struct type *t, uint32_t id)
{
    struct rtype r = { .kind = kind_of[t->kind], .konst = BC_NO_INDEX };
    struct str name = { 0 };
    type_text(t, &name);
    r.name = comp_slice(c, str_slice(&name));
    str_free(&name);
    r.refined = deep_refined(t);
    r.lo = t->lo;
    r.hi = t->hi;
    if ((t->kind == T_LIST || t->kind == T_MAP || t->kind == T_STR) && !t->refined) {
        r.lo = 0;
        r.hi = -1;
    }
    r.flo = t->kind == T_FLOAT ? t->flo : -INFINITY;
    r.fhi = t->kind == T_FLOAT ? t->fhi : INFINITY;
    r.decimals = t->kind == T_FLOAT ? t->decimals : -1;
    r.flags = t->flags;
    r.text = t->text.len ? comp_slice(c, t->text) : SLICE("");
    if (t->kind == T_LIT)
        r.konst = literal_konst(c, t);
    uint32_t *elem = keep(c, t->n, sizeof *elem);
    for (uint32_t i = 0; i < t->n; i++)
        elem[i] = rtype_of(c, t->elem[i]);
    r.elem = elem;
    r.n = t->n;
    c->rtype[id] = r;           /* structs and calls may come back to it */
    if (t->kind == T_STRUCT)
        struct_fields(c, t, &r);
    if (t->kind == T_CALL)
        call_tools(c, t, &r);
    if (t->kind == T_ENUM) {
        struct rvariant *v = keep(c, t->enm->n, sizeof *v);
        for (uint32_t i = 0; i < t->enm->n; i++)
            v[i] = (struct rvariant){ comp_slice(c, t->enm->variant[i].name),
                                      comp_slice(c, t->enm->variant[i].text) };
        r.variant = v;
        r.n_variant = t->enm->n;
    }
    const char *why;
    r.shape = shape_of(c, t, &why);
    c->rtype[id] = r;
}

uint32_t rtype_of(struct comp *c, const struct type *t)
{
    struct str key = { 0 };
    key_text(t, &key);
    uint64_t found;
    if (hashmap_get(&c->rtype_text, str_slice(&key), &found)) {
        str_free(&key);
        return (uint32_t)found;
    }
    char *copy = comp_alloc(c, key.len + 1);
    memcpy(copy, key.ptr, key.len);
    str_free(&key);
    uint32_t id = c->n_rtype;
    comp_push(c, &c->rtype, &c->n_rtype, &c->cap_rtype, sizeof(struct rtype));
    if (!hashmap_put(&c->rtype_text, slice_of(copy), id))
        comp_nomem(c);
    if (id >= BC_NONE)
        comp_diag(c, c->main_mod, "R0706", (struct span){ 0, 0 }, "too many types in one module");
    fill(c, t, id);
    return id;
}

/* ---- shapes ---- */

enum { LIST_MAX = 1024, MAP_MAX = 256 };

static struct shape *new_shape(struct comp *c, enum shape_kind kind, uint32_t n)
{
    struct shape *s = keep(c, 1, sizeof *s);
    s->kind = kind;
    s->hi = SHAPE_NO_MAX;
    s->decimals = -1;
    s->n = n;
    if (n && kind != SHAPE_ENUM)
        s->kid = keep(c, n, sizeof *s->kid);
    if (n && (kind == SHAPE_ENUM || kind == SHAPE_STRUCT || kind == SHAPE_CALL))
        s->key = keep(c, n, sizeof *s->key);
    return s;
}

static bool kids(struct comp *c, struct shape *s, const struct type *t, const char **ret_why)
{
    for (uint32_t i = 0; i < t->n; i++) {
        s->kid[i] = shape_of(c, t->elem[i], ret_why);
        if (!s->kid[i])
            return false;
    }
    return true;
}

static struct shape *struct_shape(struct comp *c, struct sdecl *d, const char **ret_why)
{
    if (d->shape_open) {
        struct shape *r = new_shape(c, SHAPE_REF, 1);
        r->kid[0] = d->shape;
        return r;
    }
    if (d->shape)
        return d->shape;
    struct shape *s = new_shape(c, SHAPE_STRUCT, d->n);
    d->shape = s;
    d->shape_open = true;
    bool ok = true;
    for (uint32_t i = 0; i < d->n && ok; i++) {
        s->key[i] = comp_slice(c, d->field[i].key);
        s->kid[i] = shape_of(c, d->field[i].type, ret_why);
        ok = s->kid[i] != NULL;
    }
    d->shape_open = false;
    if (!ok)
        d->shape = NULL;
    return d->shape;
}

static struct shape *literal_shape(struct comp *c, const struct type *t)
{
    struct shape *s = new_shape(c, t->lit == T_STR ? SHAPE_TEXT : SHAPE_NUMBER, 0);
    struct str text = { 0 };
    konst_text(c, literal_konst(c, t), &text);
    s->text = comp_slice(c, str_slice(&text));
    str_free(&text);
    return s;
}

static struct shape *number_shape(struct comp *c, const struct type *t)
{
    struct shape *s = new_shape(c, t->kind == T_INT ? SHAPE_INT : SHAPE_FLOAT, 0);
    s->lo = t->lo;
    s->hi = t->hi;
    s->flo = t->flo;
    s->fhi = t->fhi;
    s->decimals = t->decimals;
    if (t->kind == T_FLOAT)
        s->flags = (isinf(t->flo) ? SHAPE_OPEN_LO : 0) | (isinf(t->fhi) ? SHAPE_OPEN_HI : 0);
    return s;
}

static struct shape *text_shape(struct comp *c, enum shape_kind kind, const struct type *t)
{
    struct shape *s = new_shape(c, kind, 0);
    s->text = comp_slice(c, t->text);
    s->flags = t->flags;
    return s;
}

static struct shape *sequence_shape(struct comp *c, const struct type *t, const char **ret_why)
{
    struct shape *s = new_shape(c, t->kind == T_LIST ? SHAPE_LIST : SHAPE_MAP, t->n);
    s->lo = t->refined ? t->lo : 0;
    s->hi = t->refined && t->hi >= 0 ? t->hi : t->kind == T_LIST ? LIST_MAX : MAP_MAX;
    return kids(c, s, t, ret_why) ? s : NULL;
}

static struct shape *enum_shape(struct comp *c, const struct edecl *d)
{
    struct shape *s = new_shape(c, SHAPE_ENUM, d->n);
    for (uint32_t i = 0; i < d->n; i++)
        s->key[i] = comp_slice(c, d->variant[i].text);
    return s;
}

static struct shape *call_shape(struct comp *c, const struct type *t, const char **ret_why)
{
    struct shape *s = new_shape(c, SHAPE_CALL, t->n_tool);
    for (uint32_t i = 0; i < t->n_tool; i++) {
        uint32_t args = rtype_args(c, t->tool[i]);
        s->key[i] = comp_slice(c, t->tool[i]->name);
        s->kid[i] = (struct shape *)c->rtype[args].shape;
        if (!s->kid[i]) {
            *ret_why = "a parameter of a tool cannot be generated";
            return NULL;
        }
    }
    return s;
}

struct shape *shape_of(struct comp *c, const struct type *t, const char **ret_why)
{
    struct shape *s;
    switch (t->kind) {
    case T_STR:
        s = new_shape(c, SHAPE_STR, 0);
        s->lo = t->refined ? t->lo : 0;
        s->hi = t->refined ? t->hi : SHAPE_NO_MAX;
        s->flags = t->flags;
        return s;
    case T_REGEX_STR:
        return text_shape(c, SHAPE_REGEX, t);
    case T_SCHEMA:
        return text_shape(c, SHAPE_SCHEMA, t);
    case T_GRAMMAR:
        return text_shape(c, SHAPE_GRAMMAR, t);
    case T_INT:
    case T_FLOAT:
        return number_shape(c, t);
    case T_BOOL:
        return new_shape(c, SHAPE_BOOL, 0);
    case T_NULL:
        return new_shape(c, SHAPE_NULL, 0);
    case T_LIT:
        return literal_shape(c, t);
    case T_ENUM:
        return enum_shape(c, t->enm);
    case T_UNION:
        s = new_shape(c, SHAPE_OR, t->n);
        return kids(c, s, t, ret_why) ? s : NULL;
    case T_OPT:
        s = new_shape(c, SHAPE_OR, 2);
        s->kid[0] = shape_of(c, t->elem[0], ret_why);
        s->kid[1] = new_shape(c, SHAPE_NULL, 0);
        return s->kid[0] ? s : NULL;
    case T_LIST:
    case T_MAP:
        return sequence_shape(c, t, ret_why);
    case T_TUPLE:
        s = new_shape(c, SHAPE_TUPLE, t->n);
        return kids(c, s, t, ret_why) ? s : NULL;
    case T_STRUCT:
        return struct_shape(c, t->strct, ret_why);
    case T_CALL:
        return call_shape(c, t, ret_why);
    default:
        *ret_why = "it has no text form that a model could write";
        return NULL;
    }
}

/* ---- JSON Schema of a type, and the description of tools ---- */

static void quote_pair(const char *key, struct slice text, struct str *out)
{
    str_addf(out, "\"%s\": ", key);
    jsonio_quote(text, out);
}

static void object_schema(struct comp *c, const struct sdecl *d, struct str *out)
{
    str_adds(out, "{\"type\": \"object\", \"properties\": {");
    for (uint32_t i = 0; i < d->n; i++) {
        str_adds(out, i ? ", " : "");
        jsonio_quote(d->field[i].key, out);
        str_adds(out, ": ");
        schema_text(c, d->field[i].type, out);
        if (d->field[i].doc.len && out->len && out->ptr[out->len - 1] == '}') {
            str_cut(out, out->len - 1);
            if (out->ptr[out->len - 1] != '{')
                str_adds(out, ", ");
            quote_pair("description", d->field[i].doc, out);
            str_addc(out, '}');
        }
    }
    str_adds(out, "}, \"required\": [");
    for (uint32_t i = 0; i < d->n; i++) {
        str_adds(out, i ? ", " : "");
        jsonio_quote(d->field[i].key, out);
    }
    str_adds(out, "], \"additionalProperties\": false}");
}

static void length_schema(const struct type *t, const char *lo, const char *hi, struct str *out)
{
    if (t->refined && t->lo)
        str_addf(out, ", \"%s\": %lld", lo, (long long)t->lo);
    if (t->refined && t->hi >= 0)
        str_addf(out, ", \"%s\": %lld", hi, (long long)t->hi);
}

static void list_schema(struct comp *c, const char *head, struct type **t, uint32_t n,
                        struct str *out)
{
    str_adds(out, head);
    for (uint32_t i = 0; i < n; i++) {
        str_adds(out, i ? ", " : "");
        schema_text(c, t[i], out);
    }
    str_addc(out, ']');
}

static void number_schema(const struct type *t, struct str *out)
{
    str_addf(out, "{\"type\": \"%s\"", t->kind == T_INT ? "integer" : "number");
    if (t->kind == T_INT && t->lo != INT64_MIN)
        str_addf(out, ", \"minimum\": %lld", (long long)t->lo);
    if (t->kind == T_INT && t->hi != INT64_MAX)
        str_addf(out, ", \"maximum\": %lld", (long long)t->hi);
    if (t->kind == T_FLOAT && !isinf(t->flo)) {
        str_adds(out, ", \"minimum\": ");
        str_add_double(out, t->flo);
    }
    if (t->kind == T_FLOAT && !isinf(t->fhi)) {
        str_adds(out, ", \"maximum\": ");
        str_add_double(out, t->fhi);
    }
    str_addc(out, '}');
}

void schema_text(struct comp *c, const struct type *t, struct str *out)
{
    switch (t->kind) {
    case T_STR: case T_PATH:
        str_adds(out, "{\"type\": \"string\"");
        length_schema(t, "minLength", "maxLength", out);
        str_addc(out, '}');
        break;
    case T_REGEX_STR: {
        struct str p = { 0 };
        str_addf(&p, "^(?:%.*s)$", (int)t->text.len, t->text.ptr);
        str_adds(out, "{\"type\": \"string\", ");
        quote_pair("pattern", str_slice(&p), out);
        str_addc(out, '}');
        str_free(&p);
        break;
    }
    case T_INT: case T_FLOAT:
        number_schema(t, out);
        break;
    case T_BOOL:
        str_adds(out, "{\"type\": \"boolean\"}");
        break;
    case T_NULL:
        str_adds(out, "{\"type\": \"null\"}");
        break;
    case T_LIT:
        str_adds(out, "{\"const\": ");
        konst_json(c, literal_konst(c, t), out);
        str_addc(out, '}');
        break;
    case T_ENUM:
        str_adds(out, "{\"type\": \"string\", \"enum\": [");
        for (uint32_t i = 0; i < t->enm->n; i++) {
            str_adds(out, i ? ", " : "");
            jsonio_quote(t->enm->variant[i].text, out);
        }
        str_adds(out, "]}");
        break;
    case T_LIST:
        str_adds(out, "{\"type\": \"array\", \"items\": ");
        schema_text(c, t->elem[0], out);
        length_schema(t, "minItems", "maxItems", out);
        str_addc(out, '}');
        break;
    case T_MAP:
        str_adds(out, "{\"type\": \"object\", \"additionalProperties\": ");
        schema_text(c, t->elem[1], out);
        length_schema(t, "minProperties", "maxProperties", out);
        str_addc(out, '}');
        break;
    case T_TUPLE:
        list_schema(c, "{\"type\": \"array\", \"prefixItems\": [", t->elem, t->n, out);
        str_addf(out, ", \"minItems\": %u, \"maxItems\": %u}", t->n, t->n);
        break;
    case T_UNION:
        list_schema(c, "{\"anyOf\": [", t->elem, t->n, out);
        str_addc(out, '}');
        break;
    case T_OPT:
        list_schema(c, "{\"anyOf\": [", t->elem, 1, out);
        str_cut(out, out->len - 1);
        str_adds(out, ", {\"type\": \"null\"}]}");
        break;
    case T_STRUCT:
        if (t->strct->shape_open) {
            str_adds(out, "{\"type\": \"object\"}");
            break;
        }
        t->strct->shape_open = true;
        object_schema(c, t->strct, out);
        t->strct->shape_open = false;
        break;
    case T_SCHEMA:
        str_add_slice(out, t->text);
        break;
    default:
        str_adds(out, "{}");
        break;
    }
}
