/* image.c - a module made ready to run: its constants as values, its types with their names.
 *
 * A module is shared by any number of runs on any threads and is never written; what counts
 * references or is made late lives here, once for each run.  A function value keeps its image,
 * so that one from an earlier entry of a prompt loop still finds its code. */
#include "runtime/vm/vm_int.h"

struct image *image_ref(struct image *im)
{
    im->refs++;
    return im;
}

/* A kept value may hold a function, and that one the image: at the end of a run they are let go. */
void image_forget(struct image *im)
{
    for (uint32_t i = 0; im->konst && im->has_konst && i < im->module->n_konst; i++) {
        value_clear(&im->konst[i]);
        im->has_konst[i] = false;
    }
    for (uint32_t i = 0; im->fallback && im->has_fallback && i < im->module->n_func; i++) {
        value_clear(&im->fallback[i]);
        im->has_fallback[i] = false;
    }
}

void image_unref(struct image *im)
{
    if (!im || --im->refs)
        return;
    struct module *m = im->module;
    for (uint32_t i = 0; im->konst && i < m->n_konst; i++)
        value_unref(im->konst[i]);
    for (uint32_t i = 0; im->vtype && i < m->n_rtype; i++)
        vtype_unref(im->vtype[i]);
    for (uint32_t i = 0; im->re && i < m->n_rtype; i++)
        value_unref(im->re[i]);
    for (uint32_t i = 0; im->schema && i < m->n_rtype; i++)
        schema_checker_free(im->schema[i]);
    for (uint32_t i = 0; im->fallback && i < m->n_func; i++)
        value_unref(im->fallback[i]);
    mem_free(im->konst);
    mem_free(im->has_konst);
    mem_free(im->vtype);
    mem_free(im->re);
    mem_free(im->schema);
    mem_free(im->fallback);
    mem_free(im->depth);
    mem_free(im->has_fallback);
    module_unref(m);
    mem_free(im);
}

static enum status fields_vtype(const struct rtype *t, struct vtype **ret)
{
    struct slice *name = mem_calloc(2u * t->n_field + 1u, sizeof *name);
    if (!name)
        return ST_NOMEM;
    for (uint32_t i = 0; i < t->n_field; i++) {
        name[i] = t->field[i].name;
        name[t->n_field + i] = t->field[i].key.len ? t->field[i].key : t->field[i].name;
    }
    enum status st = vtype_new(t->name, t->n_field, name, name + t->n_field, ret);
    mem_free(name);
    return st;
}

static enum status variants_vtype(const struct rtype *t, struct vtype **ret)
{
    struct slice *name = mem_calloc(2u * t->n_variant + 1u, sizeof *name);
    if (!name)
        return ST_NOMEM;
    for (uint32_t i = 0; i < t->n_variant; i++) {
        name[i] = t->variant[i].name;
        name[t->n_variant + i] = t->variant[i].text;
    }
    enum status st = vtype_new(t->name, t->n_variant, name, name + t->n_variant, ret);
    mem_free(name);
    return st;
}

/* ---- how deep values nest ---- */

/* Types without a bound, as json and recursive structs, count as DEPTH_OPEN. */
enum { DEPTH_OPEN = 24, DEPTH_RECORD = 4 };

static uint8_t below(const struct image *im, const struct rtype *t)
{
    uint8_t d = 0;
    for (uint32_t i = 0; i < t->n; i++)
        d = im->depth[t->elem[i]] > d ? im->depth[t->elem[i]] : d;
    for (uint32_t i = 0; i < t->n_field; i++)
        d = im->depth[t->field[i].rtype] > d ? im->depth[t->field[i].rtype] : d;
    for (uint32_t i = 0; i < t->n_tool; i++)
        d = im->depth[t->tool[i].args] > d ? im->depth[t->tool[i].args] : d;
    return d;
}

static uint8_t depth_now(const struct image *im, const struct rtype *t)
{
    switch (t->kind) {
    case RT_LIST: case RT_MAP: case RT_TUPLE: case RT_STRUCT: case RT_CALL:
        return (uint8_t)(below(im, t) + 1);
    case RT_UNION: case RT_OPTIONAL:
        return below(im, t);
    case RT_ANY: case RT_JSON: case RT_SCHEMA:
        return DEPTH_OPEN;
    case RT_ERROR: case RT_MATCH: case RT_META: case RT_TOKEN:
        return DEPTH_RECORD;
    default:
        return 0;
    }
}

static void find_depths(struct image *im)
{
    bool more = true;
    for (int round = 0; round < DEPTH_OPEN && more; round++) {
        more = false;
        for (uint32_t i = 0; i < im->module->n_rtype; i++) {
            uint8_t d = depth_now(im, &im->module->rtype[i]);
            d = d < DEPTH_OPEN ? d : DEPTH_OPEN;
            more = more || d != im->depth[i];
            im->depth[i] = d;
        }
    }
}

enum status image_new(struct module *m, struct image **ret)
{
    struct image *im = mem_zalloc(sizeof *im);
    if (!im)
        return ST_NOMEM;
    im->refs = 1;
    im->module = module_ref(m);
    im->konst = mem_calloc(m->n_konst + 1u, sizeof *im->konst);
    im->has_konst = mem_calloc(m->n_konst + 1u, sizeof *im->has_konst);
    im->vtype = mem_calloc(m->n_rtype + 1u, sizeof *im->vtype);
    im->re = mem_calloc(m->n_rtype + 1u, sizeof *im->re);
    im->schema = mem_calloc(m->n_rtype + 1u, sizeof *im->schema);
    im->fallback = mem_calloc(m->n_func + 1u, sizeof *im->fallback);
    im->has_fallback = mem_calloc(m->n_func + 1u, sizeof *im->has_fallback);
    im->depth = mem_calloc(m->n_rtype + 1u, sizeof *im->depth);
    enum status st = ST_OK;
    if (!im->konst || !im->has_konst || !im->vtype || !im->re || !im->schema || !im->fallback ||
        !im->has_fallback || !im->depth)
        st = ST_NOMEM;
    else
        find_depths(im);
    for (uint32_t i = 0; i < m->n_rtype && st == ST_OK; i++) {
        const struct rtype *t = &m->rtype[i];
        if (t->kind == RT_STRUCT)
            st = fields_vtype(t, &im->vtype[i]);
        else if (t->kind == RT_ENUM)
            st = variants_vtype(t, &im->vtype[i]);
    }
    if (st != ST_OK) {
        image_unref(im);
        return st;
    }
    *ret = im;
    return ST_OK;
}

/* ---- constants ---- */

/* Constants refer to constants with smaller numbers only (the verifier sees to it), and nest no
 * deeper than values may, so this may recurse. */
static enum status konst_make(struct image *im, const struct konst *k, struct value *ret);

static enum status konst_items(struct image *im, const struct konst *k, struct value *ret)
{
    enum status st = value_list(k->n, ret);
    for (uint32_t i = 0; i < k->n && st == ST_OK; i++) {
        struct value x;
        st = image_konst(im, k->item[i], &x);
        if (st == ST_OK)
            st = value_list_push_take(ret, x);
        if (st != ST_OK)
            value_unref(*ret);
    }
    if (st == ST_OK && k->kind == KONST_TUPLE) {
        ret->tag = VAL_TUPLE;
        ret->obj->tag = VAL_TUPLE;
    }
    return st;
}

static enum status konst_map(struct image *im, const struct konst *k, struct value *ret)
{
    enum status st = value_map(ret);
    for (uint32_t i = 0; i < k->n && st == ST_OK; i++) {
        struct value key, x;
        st = image_konst(im, k->item[2 * i], &key);
        if (st == ST_OK) {
            st = image_konst(im, k->item[2 * i + 1], &x);
            if (st == ST_OK)
                st = value_map_put_take(ret, key, x);
            else
                value_unref(key);
        }
        if (st != ST_OK)
            value_unref(*ret);
    }
    return st;
}

static enum status konst_struct(struct image *im, const struct konst *k, struct value *ret)
{
    struct vtype *type = im->vtype[k->rtype];
    if (!type || type->n != k->n)
        return ST_INVALID;
    struct value *field = mem_calloc(k->n + 1u, sizeof *field);
    enum status st = field ? ST_OK : ST_NOMEM;
    uint32_t done = 0;
    while (st == ST_OK && done < k->n) {
        st = image_konst(im, k->item[done], &field[done]);
        if (st == ST_OK)
            done++;
    }
    if (st == ST_OK) {
        st = value_struct_take(type, field, ret);
    } else {
        for (uint32_t i = 0; i < done; i++)
            value_unref(field[i]);
    }
    mem_free(field);
    return st;
}

static void fn_destroy(struct obj *o)
{
    struct fn_value *f = (struct fn_value *)o;
    for (uint32_t i = 0; i < f->n; i++)
        value_unref(f->capture[i]);
    image_unref(f->image);
    mem_free(f);
}

static enum status fn_make(struct image *im, uint32_t func, const struct value *capture,
                           struct value *ret)
{
    uint32_t n = im->module->func[func].n_capture;
    struct fn_value *f = mem_zalloc(sizeof *f + n * sizeof(struct value));
    if (!f)
        return ST_NOMEM;
    f->hdr.hdr = (struct obj){ .refs = 1, .tag = VAL_FN, .depth = 1 };
    f->hdr.destroy = fn_destroy;
    f->image = image_ref(im);
    f->func = func;
    f->n = n;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t d = capture[i].tag >= VAL_STR ? capture[i].obj->depth + 1u : 1u;
        if (d > f->hdr.hdr.depth)
            f->hdr.hdr.depth = (uint16_t)d;
        f->capture[i] = value_ref(capture[i]);
    }
    *ret = (struct value){ .tag = VAL_FN, .obj = &f->hdr.hdr };
    if (f->hdr.hdr.depth > VALUE_MAX_DEPTH) {
        value_clear(ret);
        return ST_LIMIT;
    }
    return ST_OK;
}

enum step fn_new(struct task *t, struct image *im, uint32_t func, const struct value *capture,
                 struct value *ret)
{
    return step_of(t, fn_make(im, func, capture, ret));
}

static enum status konst_make(struct image *im, const struct konst *k, struct value *ret)
{
    switch (k->kind) {
    case KONST_NULL:
        *ret = value_null();
        return ST_OK;
    case KONST_BOOL:
        *ret = value_bool(k->i != 0);
        return ST_OK;
    case KONST_INT:
        *ret = value_int(k->i);
        return ST_OK;
    case KONST_FLOAT:
        *ret = value_float(k->f);
        return ST_OK;
    case KONST_DURATION:
        *ret = value_duration(k->i);
        return ST_OK;
    case KONST_STR:
        return value_str(k->text, ret);
    case KONST_REGEX:
        return value_regex(k->text, k->flags, ret);
    case KONST_ENUM:
        if (!im->vtype[k->rtype])
            return ST_INVALID;
        *ret = value_enum(im->vtype[k->rtype], (uint32_t)k->i);
        return ST_OK;
    case KONST_LIST:
    case KONST_TUPLE:
        return konst_items(im, k, ret);
    case KONST_MAP:
        return konst_map(im, k, ret);
    case KONST_STRUCT:
        return konst_struct(im, k, ret);
    case KONST_FUNC:
        return fn_make(im, (uint32_t)k->i, NULL, ret);
    case KONST_TOOL:
        if (k->text.len)
            return value_str(k->text, ret);
        *ret = k->i < 0 ? value_tool(true, -1 - k->i) : value_tool(false, k->i);
        return ST_OK;
    }
    return ST_INVALID;
}

/* A function value holds its image, so a kept one would keep the image for ever: those are made
 * anew each time. */
enum status image_konst(struct image *im, uint32_t k, struct value *ret)
{
    const struct konst *c = &im->module->konst[k];
    if (c->kind == KONST_FUNC)
        return konst_make(im, c, ret);
    if (!im->has_konst[k]) {
        enum status st = konst_make(im, c, &im->konst[k]);
        if (st != ST_OK)
            return st;
        im->has_konst[k] = true;
    }
    *ret = value_ref(im->konst[k]);
    return ST_OK;
}
