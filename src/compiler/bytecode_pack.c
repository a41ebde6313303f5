/* bytecode_pack.c - the rows of every table, and the two walks over them. */
#include "compiler/bytecode_pack.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/hashmap.h"

/* ---- rows ---- */

enum row_kind {
    ROW_BOOL, ROW_U8, ROW_U16, ROW_U32, ROW_64,     /* as wide as in memory; enums are 32 bits */
    ROW_TEXT,                               /* struct slice */
    ROW_SOURCE, ROW_SHAPE,                  /* pointers into the module's own lists, by number */
    ROW_U16S, ROW_U32S, ROW_SPANS, ROW_CODE,        /* arrays of numbers; `count` is read before */
    ROW_ITEMS,                              /* of a constant: a map has two for each entry */
    ROW_STRUCTS,                            /* array of structs with rows of their own */
};

struct rows;

struct row {
    const char        *name;
    enum row_kind      kind;
    uint32_t           off, size;
    uint32_t           count;               /* offset of the array's length, a uint32_t */
    const struct rows *of;                  /* STRUCTS */
};

struct rows {
    const char       *name;
    const struct row *row;
    uint32_t          n;
    uint32_t          size;
};

#define FIELD(type, field, kind) \
    { #field, ROW_##kind, offsetof(type, field), sizeof(((type *)0)->field), 0, NULL }
#define ARRAY(type, field, len, kind) { #field, ROW_##kind, offsetof(type, field), 0, offsetof(type, len), NULL }
#define STRUCTS(type, field, len, rows) { #field, ROW_STRUCTS, offsetof(type, field), 0, offsetof(type, len), &rows }
/* The size says that somebody added a field: it needs a row. */
#define ROWS(type, list, bytes) { #type, list, sizeof list / sizeof list[0], sizeof(type) }; \
    _Static_assert(sizeof(type) == (bytes), "a new field of " #type " needs a row here")

static const struct row konst_row[] = {
    FIELD(struct konst, kind, U32), FIELD(struct konst, rtype, U32), FIELD(struct konst, i, 64),
    FIELD(struct konst, f, 64), FIELD(struct konst, text, TEXT), FIELD(struct konst, flags, U32),
    FIELD(struct konst, n, U32), ARRAY(struct konst, item, n, ITEMS),
};
static const struct rows konst_rows = ROWS(struct konst, konst_row, 64);

static const struct row rfield_row[] = {
    FIELD(struct rfield, name, TEXT), FIELD(struct rfield, key, TEXT),
        FIELD(struct rfield, rtype, U32),
    FIELD(struct rfield, fallback, U32), FIELD(struct rfield, check, U32),
    FIELD(struct rfield, check_text, TEXT),
    FIELD(struct rfield, done, BOOL), FIELD(struct rfield, doc, TEXT),
};
static const struct rows rfield_rows = ROWS(struct rfield, rfield_row, 88);

static const struct row rvariant_row[] = {
    FIELD(struct rvariant, name, TEXT), FIELD(struct rvariant, text, TEXT),
};
static const struct rows rvariant_rows = ROWS(struct rvariant, rvariant_row, 32);

static const struct row rtool_row[] = {
    FIELD(struct rtool, name, TEXT), FIELD(struct rtool, func, U32), FIELD(struct rtool, ext, U32),
    FIELD(struct rtool, args, U32), FIELD(struct rtool, doc, TEXT),
};
static const struct rows rtool_rows = ROWS(struct rtool, rtool_row, 48);

static const struct row rtype_row[] = {
    FIELD(struct rtype, kind, U32), FIELD(struct rtype, name, TEXT),
        FIELD(struct rtype, shape, SHAPE),
    FIELD(struct rtype, refined, BOOL), FIELD(struct rtype, lo, 64), FIELD(struct rtype, hi, 64),
    FIELD(struct rtype, flo, 64), FIELD(struct rtype, fhi, 64), FIELD(struct rtype, decimals, U32),
    FIELD(struct rtype, flags, U32), FIELD(struct rtype, text, TEXT),
    FIELD(struct rtype, konst, U32),
    FIELD(struct rtype, n, U32), ARRAY(struct rtype, elem, n, U32S),
    FIELD(struct rtype, n_field, U32), STRUCTS(struct rtype, field, n_field, rfield_rows),
    FIELD(struct rtype, n_variant, U32), STRUCTS(struct rtype, variant, n_variant, rvariant_rows),
    FIELD(struct rtype, n_tool, U32), STRUCTS(struct rtype, tool, n_tool, rtool_rows),
};
static const struct rows rtype_rows = ROWS(struct rtype, rtype_row, 168);

static const struct row arg_row[] = {
    FIELD(struct site_arg, kind, U32), FIELD(struct site_arg, reg, U16),
};
static const struct rows arg_rows = ROWS(struct site_arg, arg_row, 8);

static const struct row gen_row[] = {
    FIELD(struct gen_site, name, TEXT), FIELD(struct gen_site, rtype, U32),
        FIELD(struct gen_site, shape, SHAPE),
    FIELD(struct gen_site, next, U32), FIELD(struct gen_site, follow, TEXT),
    FIELD(struct gen_site, by, U8),
    FIELD(struct gen_site, options, U16), FIELD(struct gen_site, meta, U16),
    FIELD(struct gen_site, needs_logprob, BOOL), FIELD(struct gen_site, opens_turn, BOOL),
    FIELD(struct gen_site, n_arg, U32), STRUCTS(struct gen_site, arg, n_arg, arg_rows),
    FIELD(struct gen_site, ordinal, U32), FIELD(struct gen_site, max, U32),
    FIELD(struct gen_site, max_at.off, U32),
    FIELD(struct gen_site, max_at.len, U32), FIELD(struct gen_site, at.off, U32),
    FIELD(struct gen_site, at.len, U32),
};
static const struct rows gen_rows = ROWS(struct gen_site, gen_row, 104);

static const struct row fork_row[] = {
    FIELD(struct fork_site, func, U32), FIELD(struct fork_site, n_capture, U32),
    ARRAY(struct fork_site, capture, n_capture, U16S), FIELD(struct fork_site, n_forker, U32),
    FIELD(struct fork_site, uses_ctx, BOOL), FIELD(struct fork_site, ctx, U16),
    FIELD(struct fork_site, race, BOOL),
    FIELD(struct fork_site, keep, BOOL), FIELD(struct fork_site, parallel, U16),
    FIELD(struct fork_site, rtype, U32), FIELD(struct fork_site, ordinal, U32),
    FIELD(struct fork_site, at.off, U32), FIELD(struct fork_site, at.len, U32),
};
static const struct rows fork_rows = ROWS(struct fork_site, fork_row, 48);

static const struct row scope_row[] = {
    FIELD(struct scope_site, kind, U32), FIELD(struct scope_site, n_arg, U32),
    STRUCTS(struct scope_site, arg, n_arg, arg_rows), FIELD(struct scope_site, value, U16),
    FIELD(struct scope_site, stub_func, U32), FIELD(struct scope_site, stub_ext, U32),
    FIELD(struct scope_site, at.off, U32), FIELD(struct scope_site, at.len, U32),
};
static const struct rows scope_rows = ROWS(struct scope_site, scope_row, 40);

static const struct row attempt_row[] = {
    FIELD(struct attempt_site, n_arg, U32), STRUCTS(struct attempt_site, arg, n_arg, arg_rows),
    FIELD(struct attempt_site, ctx, U16), FIELD(struct attempt_site, n_restore, U32),
    ARRAY(struct attempt_site, restore, n_restore, U16S), FIELD(struct attempt_site, ordinal, U32),
    FIELD(struct attempt_site, at.off, U32), FIELD(struct attempt_site, at.len, U32),
};
static const struct rows attempt_rows = ROWS(struct attempt_site, attempt_row, 40);

static const struct row param_row[] = {
    FIELD(struct bc_param, name, TEXT), FIELD(struct bc_param, rtype, U32),
    FIELD(struct bc_param, fallback, U32), FIELD(struct bc_param, doc, TEXT),
};
static const struct rows param_rows = ROWS(struct bc_param, param_row, 40);

static const struct row ext_row[] = {
    FIELD(struct bc_extern, name, TEXT), FIELD(struct bc_extern, n_param, U32),
    STRUCTS(struct bc_extern, param, n_param, param_rows), FIELD(struct bc_extern, result, U32),
    FIELD(struct bc_extern, pure, BOOL), FIELD(struct bc_extern, idempotent, BOOL),
    FIELD(struct bc_extern, is_cmd, BOOL), FIELD(struct bc_extern, cmd_argv, U32),
    FIELD(struct bc_extern, cmd_stdin, U32), FIELD(struct bc_extern, timeout_ms, 64),
    FIELD(struct bc_extern, doc, TEXT), FIELD(struct bc_extern, source, SOURCE),
    FIELD(struct bc_extern, at.off, U32), FIELD(struct bc_extern, at.len, U32),
};
static const struct rows ext_rows = ROWS(struct bc_extern, ext_row, 88);

static const struct row func_row[] = {
    FIELD(struct func, name, TEXT), FIELD(struct func, source, SOURCE),
    FIELD(struct func, at.off, U32), FIELD(struct func, at.len, U32),
    FIELD(struct func, flags, U32), FIELD(struct func, effects, U32),
    FIELD(struct func, n_param, U32), STRUCTS(struct func, param, n_param, param_rows),
    FIELD(struct func, n_capture, U32), FIELD(struct func, n_reg, U32),
    FIELD(struct func, ctx, U16),
    FIELD(struct func, result, U32), FIELD(struct func, n_code, U32),
    ARRAY(struct func, code, n_code, CODE),
    ARRAY(struct func, span, n_code, SPANS), ARRAY(struct func, ordinal, n_code, U32S),
    FIELD(struct func, doc, TEXT), FIELD(struct func, runs, U32),
    FIELD(struct func, pass, 64), FIELD(struct func, seed, 64), FIELD(struct func, timeout_ms, 64),
};
static const struct rows func_rows = ROWS(struct func, func_row, 152);

static const struct row shape_row[] = {         /* its kids are written by number behind it */
    FIELD(struct shape, kind, U32), FIELD(struct shape, flags, U32), FIELD(struct shape, lo, 64),
    FIELD(struct shape, hi, 64), FIELD(struct shape, flo, 64), FIELD(struct shape, fhi, 64),
    FIELD(struct shape, decimals, U32), FIELD(struct shape, text, TEXT),
};
static const struct rows shape_rows = ROWS(struct shape, shape_row, 80);

static const struct row prefix_row[] = {
    FIELD(struct bc_prefix, func, U32), FIELD(struct bc_prefix, n_byte, U32),
    FIELD(struct bc_prefix, n_op, U32), ARRAY(struct bc_prefix, op, n_op, U32S),
    FIELD(struct bc_prefix, hash.lo, 64), FIELD(struct bc_prefix, hash.hi, 64),
};
static const struct rows prefix_rows = ROWS(struct bc_prefix, prefix_row, 40);

static const struct row module_row[] = {
    FIELD(struct module, n_konst, U32), STRUCTS(struct module, konst, n_konst, konst_rows),
    FIELD(struct module, n_rtype, U32), STRUCTS(struct module, rtype, n_rtype, rtype_rows),
    FIELD(struct module, n_gen, U32), STRUCTS(struct module, gen, n_gen, gen_rows),
    FIELD(struct module, n_fork, U32), STRUCTS(struct module, fork, n_fork, fork_rows),
    FIELD(struct module, n_scope, U32), STRUCTS(struct module, scope, n_scope, scope_rows),
    FIELD(struct module, n_attempt, U32), STRUCTS(struct module, attempt, n_attempt, attempt_rows),
    FIELD(struct module, n_ext, U32), STRUCTS(struct module, ext, n_ext, ext_rows),
    FIELD(struct module, n_prefix, U32), STRUCTS(struct module, prefix, n_prefix, prefix_rows),
    FIELD(struct module, n_func, U32), STRUCTS(struct module, func, n_func, func_rows),
    FIELD(struct module, main_func, U32), FIELD(struct module, n_env, U32),
    FIELD(struct module, hash.lo, 64), FIELD(struct module, hash.hi, 64),
};
static const struct rows module_rows = ROWS(struct module, module_row, 224);

static uint32_t count_of(const void *obj, const struct row *r)
{
    uint32_t n;
    memcpy(&n, (const char *)obj + r->count, sizeof n);
    if (r->kind == ROW_ITEMS && ((const struct konst *)obj)->kind == KONST_MAP)
        return n > UINT32_MAX / 2 ? UINT32_MAX : 2 * n;
    return n;
}

/* Bytes of one element of an array of numbers. */
static uint32_t width_of(const struct row *r)
{
    return r->kind == ROW_U16S ? 2 : r->kind == ROW_U32S || r->kind == ROW_ITEMS ? 4 : 8;
}

static uint64_t rows_hash(const struct rows *rows, uint64_t h)
{
    h = hash_combine(h, rows->size);
    for (uint32_t i = 0; i < rows->n; i++) {
        const struct row *r = &rows->row[i];
        h = hash_combine(h, hash_bytes(r->name, strlen(r->name)));
        h = hash_combine(h, (uint64_t)r->kind << 32 | r->off);
        if (r->of)
            h = rows_hash(r->of, h);
    }
    return h;
}

uint64_t pack_fingerprint(void)
{
    static const char *const text[] = {
#define X(name, operands, sentence) #name " " operands,
        BYTECODE_OPS(X)
#undef X
#define X(name, text, n_arg) #name,
        NATIVE_ROWS(X)
#undef X
    };
    uint64_t h = rows_hash(&module_rows, rows_hash(&shape_rows, SHAPE_N));
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++)
        h = hash_combine(h, hash_bytes(text[i], strlen(text[i])));
    return h;
}

/* ---- writing ---- */

struct packer {
    const struct module *m;
    struct str          *out;
    const struct shape **shape;
    uint32_t             n_shape, cap_shape;
    struct idmap         number;            /* of a shape, by address */
    bool                 failed;
};

static void put(struct packer *p, const void *data, size_t len)
{
    str_add(p->out, data, len);
}

static void put_u32(struct packer *p, uint32_t x)
{
    put(p, &x, sizeof x);
}

static void put_text(struct packer *p, struct slice s)
{
    put_u32(p, (uint32_t)s.len);
    put(p, s.ptr, s.len);
}

static void note_shape(struct packer *p, const struct shape *s)
{
    uint64_t known;
    if (!s || p->failed || idmap_get(&p->number, (uintptr_t)s, &known))
        return;
    const struct shape **at = array_push(&p->shape, &p->n_shape, &p->cap_shape, sizeof *at);
    p->failed = !at || !idmap_put(&p->number, (uintptr_t)s, p->n_shape);
    if (at)
        *at = s;
}

static uint32_t shape_number(const struct packer *p, const struct shape *s)
{
    uint64_t n = 0;
    return s && idmap_get(&p->number, (uintptr_t)s, &n) ? (uint32_t)n : 0;
}

static uint32_t source_number(const struct module *m, const struct source *s)
{
    for (uint32_t i = 0; i < m->n_source; i++)
        if (m->source[i] == s)
            return i;
    return 0;
}

static void put_rows(struct packer *p, const struct rows *rows, const void *obj)
{
    for (uint32_t i = 0; i < rows->n; i++) {
        const struct row *r = &rows->row[i];
        const char *at = (const char *)obj + r->off;
        const void *ptr;
        switch (r->kind) {
        case ROW_BOOL: case ROW_U8: case ROW_U16: case ROW_U32: case ROW_64:
            put(p, at, r->size);
            break;
        case ROW_TEXT:
            put_text(p, *(const struct slice *)(const void *)at);
            break;
        case ROW_SOURCE:
            memcpy(&ptr, at, sizeof ptr);
            put_u32(p, source_number(p->m, ptr));
            break;
        case ROW_SHAPE:
            memcpy(&ptr, at, sizeof ptr);
            put_u32(p, shape_number(p, ptr));
            break;
        case ROW_STRUCTS:
            memcpy(&ptr, at, sizeof ptr);
            for (uint32_t k = 0, n = count_of(obj, r); k < n; k++)
                put_rows(p, r->of, (const char *)ptr + (size_t)k * r->of->size);
            break;
        default:
            memcpy(&ptr, at, sizeof ptr);
            put(p, ptr, (size_t)count_of(obj, r) * width_of(r));
        }
    }
}

/* Shapes first, by number: the list grows while their kids are noted. */
static void put_shapes(struct packer *p)
{
    const struct module *m = p->m;
    for (uint32_t i = 0; i < m->n_rtype; i++)
        note_shape(p, m->rtype[i].shape);
    for (uint32_t i = 0; i < m->n_gen; i++)
        note_shape(p, m->gen[i].shape);
    for (uint32_t i = 0; i < p->n_shape && !p->failed; i++)
        for (uint32_t k = 0; p->shape[i]->kid && k < p->shape[i]->n; k++)
            note_shape(p, p->shape[i]->kid[k]);
    put_u32(p, p->n_shape);
    for (uint32_t i = 0; i < p->n_shape && !p->failed; i++) {
        const struct shape *s = p->shape[i];
        put_rows(p, &shape_rows, s);
        put_u32(p, s->kid ? s->n : 0);
        for (uint32_t k = 0; s->kid && k < s->n; k++)
            put_u32(p, shape_number(p, s->kid[k]));
        put_u32(p, s->key ? s->n : 0);
        for (uint32_t k = 0; s->key && k < s->n; k++)
            put_text(p, s->key[k]);
    }
}

enum status module_pack(const struct module *m, struct str *out, struct error *err)
{
    struct packer p = { .m = m, .out = out };
    put_u32(&p, m->n_source);
    for (uint32_t i = 0; i < m->n_source; i++) {
        put_text(&p, slice_of(m->source[i]->name));
        put_text(&p, m->source[i]->text);
    }
    put_shapes(&p);
    put_rows(&p, &module_rows, m);
    bool failed = p.failed || out->failed;
    mem_free(p.shape);
    idmap_free(&p.number);
    return failed ? error_nomem(err) : ST_OK;
}

/* ---- reading ---- */

struct unpacker {
    struct slice   in;
    size_t         at;
    struct module *m;
    struct shape  *shape;
    uint32_t       n_shape;
    bool           bad;             /* the bytes end too early, or a number is out of its range */
};

static bool take(struct unpacker *u, void *to, size_t len)
{
    if (u->bad || len > u->in.len - u->at) {
        u->bad = true;
        memset(to, 0, len);
        return false;
    }
    memcpy(to, u->in.ptr + u->at, len);
    u->at += len;
    return true;
}

static uint32_t take_u32(struct unpacker *u)
{
    uint32_t x;
    take(u, &x, sizeof x);
    return x;
}

static struct slice take_text(struct unpacker *u)
{
    uint32_t len = take_u32(u);
    if (u->bad || len > u->in.len - u->at) {
        u->bad = true;
        return (struct slice){ "", 0 };
    }
    u->at += len;
    return arena_slice(&u->m->arena, (struct slice){ u->in.ptr + u->at - len, len });
}

/* Memory for n elements that take at least `least` bytes of the input each. */
static void *room(struct unpacker *u, uint32_t n, size_t size, size_t least)
{
    if (u->bad || n > (u->in.len - u->at) / least) {
        u->bad = true;
        return NULL;
    }
    return n ? arena_array(&u->m->arena, n, size) : NULL;
}

static void *take_numbers(struct unpacker *u, const void *obj, const struct row *r)
{
    uint32_t n = count_of(obj, r), width = width_of(r);
    void *p = room(u, n, width, width);
    if (p)
        take(u, p, (size_t)n * width);
    return p;
}

static void take_rows(struct unpacker *u, const struct rows *rows, void *obj);

static void *take_structs(struct unpacker *u, const void *obj, const struct row *r)
{
    uint32_t n = count_of(obj, r);
    char *p = room(u, n, r->of->size, 4);
    for (uint32_t k = 0; p && k < n && !u->bad; k++)
        take_rows(u, r->of, p + (size_t)k * r->of->size);
    return p;
}

static const void *take_pointer(struct unpacker *u, enum row_kind kind)
{
    uint32_t n = take_u32(u);
    if (kind == ROW_SOURCE) {
        u->bad |= n >= u->m->n_source;
        return u->bad ? NULL : u->m->source[n];
    }
    u->bad |= n > u->n_shape;
    return u->bad || !n ? NULL : &u->shape[n - 1];
}

static void take_rows(struct unpacker *u, const struct rows *rows, void *obj)
{
    for (uint32_t i = 0; i < rows->n && !u->bad; i++) {
        const struct row *r = &rows->row[i];
        char *at = (char *)obj + r->off;
        const void *ptr;
        uint8_t flag;
        switch (r->kind) {
        case ROW_BOOL:      /* one that is neither 0 nor 1 would be undefined */
            take(u, &flag, 1);
            u->bad |= flag > 1;
            *(bool *)at = flag == 1;
            break;
        case ROW_U8: case ROW_U16: case ROW_U32: case ROW_64:
            take(u, at, r->size);
            break;
        case ROW_TEXT:
            *(struct slice *)(void *)at = take_text(u);
            break;
        case ROW_SOURCE: case ROW_SHAPE:
            ptr = take_pointer(u, r->kind);
            memcpy(at, &ptr, sizeof ptr);
            break;
        case ROW_STRUCTS:
            ptr = take_structs(u, obj, r);
            memcpy(at, &ptr, sizeof ptr);
            break;
        default:
            ptr = take_numbers(u, obj, r);
            memcpy(at, &ptr, sizeof ptr);
        }
    }
}

static void take_shape(struct unpacker *u, struct shape *s)
{
    take_rows(u, &shape_rows, s);
    uint32_t n_kid = take_u32(u);
    s->kid = room(u, n_kid, sizeof *s->kid, 4);
    for (uint32_t k = 0; s->kid && k < n_kid; k++)
        s->kid[k] = (struct shape *)take_pointer(u, ROW_SHAPE);
    uint32_t n_key = take_u32(u);
    s->key = room(u, n_key, sizeof *s->key, 4);
    for (uint32_t k = 0; s->key && k < n_key; k++)
        s->key[k] = take_text(u);
    s->n = n_kid > n_key ? n_kid : n_key;
    u->bad |= (n_kid && n_kid != s->n) || (n_key && n_key != s->n);
}

/* What every reader of shapes takes for granted (shape.h). */
static bool shape_is_whole(const struct shape *s)
{
    if (s->kind >= SHAPE_N)
        return false;
    uint32_t want = s->kind == SHAPE_LIST ||
                    s->kind == SHAPE_REF ? 1 : s->kind == SHAPE_MAP ? 2 : 0;
    bool keyed = s->kind == SHAPE_STRUCT || s->kind == SHAPE_CALL || s->kind == SHAPE_ENUM;
    bool kids = want || s->kind == SHAPE_STRUCT || s->kind == SHAPE_CALL || s->kind == SHAPE_OR ||
                s->kind == SHAPE_TUPLE;
    if (s->n && ((kids && !s->kid) || (keyed && !s->key)))
        return false;
    for (uint32_t k = 0; s->kid && k < s->n; k++)
        if (!s->kid[k])
            return false;
    return s->n >= want;
}

/* Shapes hang together without a cycle except through REF, and not deeper than types can. */
static bool shapes_are_sound(const struct unpacker *u)
{
    enum { DEPTH_MAX = 256 };
    struct { const struct shape *s; uint32_t kid; } stack[DEPTH_MAX];
    uint8_t *color = mem_calloc(u->n_shape + 1u, 1);        /* 1: on the way down, 2: done */
    bool good = color != NULL;
    for (uint32_t i = 0; good && i < u->n_shape; i++) {
        uint32_t depth = 0;
        if (!color[i])
            stack[depth++].s = &u->shape[i], stack[0].kid = 0, color[i] = 1;
        while (good && depth) {
            const struct shape *s = stack[depth - 1].s;
            if (!s->kid || s->kind == SHAPE_REF || stack[depth - 1].kid == s->n) {
                color[s - u->shape] = 2;
                depth--;
                continue;
            }
            const struct shape *kid = s->kid[stack[depth - 1].kid++];
            uint8_t *c = &color[kid - u->shape];
            good = *c != 1 && (*c == 2 || depth < DEPTH_MAX);
            if (good && !*c)
                stack[depth].s = kid, stack[depth].kid = 0, depth++, *c = 1;
        }
    }
    mem_free(color);
    return good;
}

static void take_sources(struct unpacker *u)
{
    struct module *m = u->m;
    uint32_t n = take_u32(u);
    const struct source **list = room(u, n, sizeof *list, 8);
    for (uint32_t i = 0; list && i < n && !u->bad; i++) {
        struct slice name = take_text(u), text = take_text(u);
        struct source *s;
        u->bad |= u->bad || source_new(&m->arena, name.ptr, text, &s, NULL) != ST_OK;
        list[i] = u->bad ? NULL : s;
    }
    u->bad |= !n;
    m->source = list;
    m->n_source = u->bad ? 0 : n;
}

static void take_shapes(struct unpacker *u)
{
    uint32_t n = take_u32(u);
    u->shape = room(u, n, sizeof *u->shape, 8);
    u->n_shape = u->shape ? n : 0;
    for (uint32_t i = 0; i < u->n_shape && !u->bad; i++)
        take_shape(u, &u->shape[i]);
    for (uint32_t i = 0; i < u->n_shape && !u->bad; i++)
        u->bad |= !shape_is_whole(&u->shape[i]);
    u->bad |= u->bad || !shapes_are_sound(u);
}

enum status module_unpack(struct slice bytes, struct module **ret, struct error *err)
{
    struct module *m = mem_zalloc(sizeof *m);
    if (!m)
        return error_nomem(err);
    atomic_init(&m->refs, 1);
    struct unpacker u = { .in = bytes, .m = m };
    take_sources(&u);
    if (!u.bad)
        take_shapes(&u);
    if (!u.bad)
        take_rows(&u, &module_rows, m);
    enum status st = ST_OK;
    if (m->arena.failed)
        st = error_nomem(err);
    else if (u.bad || u.at != bytes.len)
        st = error_set(err, ST_SYNTAX, "the compiled program is cut off or damaged");
    else
        st = bytecode_verify(m, err);
    if (st != ST_OK) {
        module_unref(m);
        return st;
    }
    *ret = m;
    return ST_OK;
}
