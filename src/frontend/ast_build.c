/* ast_build.c - constructors of lists, leaves, statements, expressions and texts.
 *
 * A node adopts its children: that is where its depth comes from.  Lists grow in the arena by
 * doubling; the halves left behind cost less than the tree itself. */
#include "frontend/ast_build.h"

#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "frontend/literal.h"

void ast_builder_free(struct ast_builder *b)
{
    mem_free(b->depth);
    b->depth = NULL;
}

void ast_too_deep(struct ast_builder *b)
{
    b->too_deep = true;
}

/* ---- nodes */

struct span span_join(struct span a, struct span b)
{
    uint32_t end = b.off + b.len;
    return (struct span){ a.off, end > a.off ? end - a.off : 0 };
}

struct node *node_new(struct ast_builder *b, enum ast_kind kind, struct span span)
{
    struct node *x = arena_zalloc(b->arena, sizeof *x);
    uint16_t *depth = x ? array_push(&b->depth, &b->n_depth, &b->cap_depth, sizeof *depth) : NULL;
    if (!depth) {
        b->arena->failed = true;
        b->nil = (struct node){ .kind = kind, .span = span };
        return &b->nil;
    }
    *depth = 1;
    x->kind = kind;
    x->span = span;
    x->id = b->n_node++;
    return x;
}

void node_adopt(struct ast_builder *b, struct node *parent, const struct node *child)
{
    if (!child || child == &b->nil || parent == &b->nil)
        return;
    uint16_t depth = (uint16_t)(b->depth[child->id] + 1);
    if (depth <= b->depth[parent->id])
        return;
    if (depth > AST_DEPTH_MAX)
        b->too_deep = true;
    else
        b->depth[parent->id] = depth;
}

struct slice ast_text_at(const struct ast_builder *b, struct span at)
{
    return (struct slice){ b->source->text.ptr + at.off, at.len };
}

struct name name_of(struct ast_builder *b, const struct token *t)
{
    if (!t)
        return (struct name){ 0 };
    return (struct name){ ast_text_at(b, t->at), t->at };
}

/* ---- lists */

static void *vec_push(struct ast_builder *b, struct vec **ret, struct vec *v, size_t size)
{
    if (!v)
        v = arena_zalloc(b->arena, sizeof *v);
    if (!v)
        v = &b->nil_vec;
    *ret = v;
    if (v == &b->nil_vec)
        return NULL;
    if (v->n == v->cap) {
        uint32_t cap = v->cap ? v->cap * 2 : 4;
        void *at = arena_alloc(b->arena, cap * size);
        if (!at)
            return NULL;
        if (v->n)
            memcpy(at, v->at, v->n * size);
        v->at = at;
        v->cap = cap;
    }
    void *slot = (char *)v->at + v->n++ * size;
    memset(slot, 0, size);
    return slot;
}

struct vec *vec_node(struct ast_builder *b, struct vec *v, struct node *x)
{
    struct vec *ret = v;
    if (!x && v)
        return v;
    struct node **slot = vec_push(b, &ret, v, sizeof *slot);
    if (slot && x)
        *slot = x;
    else if (slot)
        ret->n--;
    return ret;
}

struct vec *vec_pair(struct ast_builder *b, struct vec *v, struct node *key, struct node *value)
{
    return vec_node(b, vec_node(b, v, key), value);
}

struct vec *vec_name(struct ast_builder *b, struct vec *v, const struct token *name)
{
    struct vec *ret;
    struct name *slot = vec_push(b, &ret, v, sizeof *slot);
    if (slot)
        *slot = name_of(b, name);
    ret->span = v ? span_join(v->span, name->at) : name->at;
    return ret;
}

struct vec *vec_path(struct ast_builder *b, struct vec *v, struct vec *path)
{
    struct vec *ret;
    struct path *slot = vec_push(b, &ret, v, sizeof *slot);
    if (slot)
        *slot = (struct path){ path->at, path->n };
    return ret;
}

struct vec *vec_arg(struct ast_builder *b, struct vec *v, const struct arg *a)
{
    struct vec *ret;
    struct arg *slot = vec_push(b, &ret, v, sizeof *slot);
    if (slot)
        *slot = *a;
    return ret;
}

struct vec *vec_annot(struct ast_builder *b, struct vec *v, struct annot_at a)
{
    struct vec *ret;
    struct annotation *slot = vec_push(b, &ret, v, sizeof *slot);
    if (slot)
        *slot = a.annot;
    ret->span = v ? span_join(v->span, a.annot.at) : a.annot.at;
    if (!ret->doc)
        ret->doc = a.doc;
    return ret;
}

struct vec *vec_param(struct ast_builder *b, struct vec *v, const struct token *name,
                      struct node *type, struct node *fallback)
{
    struct vec *ret;
    struct param *slot = vec_push(b, &ret, v, sizeof *slot);
    if (slot)
        *slot = (struct param){ name_of(b, name), type, fallback };
    return ret;
}

struct vec *vec_field(struct ast_builder *b, struct vec *v, const struct field *f)
{
    struct vec *ret;
    struct field *slot = vec_push(b, &ret, v, sizeof *slot);
    if (slot && f)
        *slot = *f;
    else if (slot)
        ret->n--;
    return ret;
}

struct vec *vec_variant(struct ast_builder *b, struct vec *v, const struct variant *x)
{
    struct vec *ret;
    struct variant *slot = vec_push(b, &ret, v, sizeof *slot);
    if (slot && x)
        *slot = *x;
    else if (slot)
        ret->n--;
    return ret;
}

struct vec *vec_forker(struct ast_builder *b, struct vec *v, struct node *pat, struct node *list)
{
    struct vec *ret;
    struct forker *slot = vec_push(b, &ret, v, sizeof *slot);
    if (slot)
        *slot = (struct forker){ pat, list };
    return ret;
}

struct vec *vec_catch(struct ast_builder *b, struct vec *v, const struct token *word,
                      const struct token *name, struct node *type, struct node *body)
{
    struct vec *ret;
    struct catch_clause *slot = vec_push(b, &ret, v, sizeof *slot);
    if (slot)
        *slot = (struct catch_clause){ name_of(b, name), type, body,
                                       span_join(word->at, body->span) };
    return ret;
}

struct vec *vec_arm(struct ast_builder *b, struct vec *v, const struct arm *a)
{
    struct vec *ret;
    struct arm *slot = vec_push(b, &ret, v, sizeof *slot);
    if (slot && a)
        *slot = *a;
    else if (slot)
        ret->n--;
    return ret;
}

struct vec *vec_mfield(struct ast_builder *b, struct vec *v, const struct token *name,
                       struct vec *patterns)
{
    struct vec *ret;
    struct mfield *slot = vec_push(b, &ret, v, sizeof *slot);
    if (slot) {
        slot->name = name_of(b, name);
        if (patterns)
            slot->patterns = (struct node_list){ patterns->at, patterns->n };
    }
    return ret;
}

struct vec *vec_piece(struct ast_builder *b, struct vec *v, const struct piece *p)
{
    struct vec *ret;
    struct piece *slot = vec_push(b, &ret, v, sizeof *slot);
    if (slot)
        *slot = *p;
    return ret;
}

struct node_list vec_nodes(struct ast_builder *b, struct node *parent, struct vec *v)
{
    if (!v)
        return (struct node_list){ 0 };
    struct node_list list = { v->at, v->n };
    for (uint32_t i = 0; i < list.n; i++)
        node_adopt(b, parent, list.at[i]);
    return list;
}

void node_adopt_args(struct ast_builder *b, struct node *parent, struct arg_list args)
{
    for (uint32_t i = 0; i < args.n; i++)
        node_adopt(b, parent, args.at[i].value);
}

struct arg_list vec_args(struct ast_builder *b, struct node *parent, struct vec *v)
{
    struct arg_list args = { 0 };
    if (v)
        args = (struct arg_list){ v->at, v->n };
    node_adopt_args(b, parent, args);
    return args;
}

/* ---- leaves */

struct node *ast_plain(struct ast_builder *b, enum ast_kind kind, const struct token *t)
{
    return node_new(b, kind, t->at);
}

/* Constants of other languages, which would only be unknown names later. */
static void foreign_constant(struct ast_builder *b, const struct token *t)
{
    static const char *const word[][2] = {
        { "None", "null" }, { "True", "true" }, { "False", "false" },
    };
    for (size_t i = 0; i < sizeof word / sizeof word[0]; i++)
        if (slice_is(ast_text_at(b, t->at), word[i][0])) {
            struct diag *d = diag_add(b->diags, "E0108", b->source, t->at,
                                      "`%s` is not written so here; write `%s`", word[i][0],
                                      word[i][1]);
            diag_edit(b->diags, d, t->at, word[i][1]);
        }
}

struct node *ast_name(struct ast_builder *b, enum ast_kind kind, const struct token *t)
{
    struct node *x = node_new(b, kind, t->at);
    x->u.name = name_of(b, t);
    if (kind == AST_EXPR_NAME)
        foreign_constant(b, t);
    return x;
}

struct node *ast_bool(struct ast_builder *b, enum ast_kind kind, const struct token *t, bool value)
{
    struct node *x = node_new(b, kind, t->at);
    x->u.bool_value = value;
    return x;
}

static void bad_number(struct ast_builder *b, const struct token *t, const char *why)
{
    if (!(t->flags & TOKEN_OPEN))
        diag_add(b->diags, "E0007", b->source, t->at, "%s", why);
}

/* The magnitude of the smallest int fits only with its minus; ast_unary takes that pair. */
struct node *ast_int(struct ast_builder *b, const struct token *t, const struct token *minus)
{
    struct node *x = node_new(b, AST_EXPR_INT, minus ? span_join(minus->at, t->at) : t->at);
    uint64_t v = 0;
    bool ok = literal_int(ast_text_at(b, t->at), &v);
    bool signed_here = minus || (t->at.off && b->source->text.ptr[t->at.off - 1] == '-');
    if (!ok || v > (uint64_t)INT64_MAX + signed_here)
        bad_number(b, t, "this number does not fit in 64 bits");
    x->u.int_value = minus ? (int64_t)(0 - v) : (int64_t)v;
    return x;
}

struct node *ast_float(struct ast_builder *b, const struct token *t, const struct token *minus)
{
    struct node *x = node_new(b, AST_EXPR_FLOAT, minus ? span_join(minus->at, t->at) : t->at);
    double v = 0;
    if (!literal_float(ast_text_at(b, t->at), &v))
        bad_number(b, t, "this number is too large for a float");
    x->u.float_value = minus ? -v : v;
    return x;
}

struct node *ast_duration(struct ast_builder *b, const struct token *t)
{
    struct node *x = node_new(b, AST_EXPR_DURATION, t->at);
    if (!literal_duration(ast_text_at(b, t->at), &x->u.int_value))
        bad_number(b, t, "this duration is malformed or too long");
    return x;
}

struct node *ast_regex(struct ast_builder *b, enum ast_kind kind, const struct token *t)
{
    struct node *x = node_new(b, kind, t->at);
    struct slice s = ast_text_at(b, t->at);
    size_t end = s.len;
    if (t->flags & TOKEN_OPEN)
        return x;
    while (s.ptr[end - 1] != '/') {
        end--;
        x->u.regex.icase |= s.ptr[end] == 'i';
        x->u.regex.dotall |= s.ptr[end] == 's';
    }
    x->u.regex.text = slice_sub(s, 1, end - 2);
    return x;
}

static struct literal_text literal_of(struct ast_builder *b, uint32_t flags)
{
    return (struct literal_text){ .arena = b->arena, .source = b->source, .diags = b->diags,
                                  .flags = flags };
}

static struct slice plain_text(struct ast_builder *b, const struct token *t)
{
    struct literal_text lit = literal_of(b, t->flags);
    literal_begin(&lit, t->at);
    return literal_piece(&lit, literal_inside(b->source, t->at, t->flags), true, true);
}

struct node *ast_str_lit(struct ast_builder *b, enum ast_kind kind, const struct token *t)
{
    struct node *x = node_new(b, kind, t->at);
    x->u.str_lit = plain_text(b, t);
    return x;
}

struct node *ast_num_lit(struct ast_builder *b, enum ast_kind kind, struct node *number)
{
    struct node *x = node_new(b, kind, number->span);
    x->u.num_lit.number = number;
    node_adopt(b, x, number);
    return x;
}

/* ---- texts */

struct node *ast_text_plain(struct ast_builder *b, const struct token *t)
{
    struct node *x = node_new(b, AST_EXPR_TEXT, t->at);
    struct piece p = { .kind = PIECE_TEXT, .text = plain_text(b, t),
                       .at = literal_inside(b->source, t->at, t->flags) };
    struct vec *v = vec_piece(b, NULL, &p);
    x->u.text.piece = v->at;
    x->u.text.n = v->n;
    x->u.text.block = t->flags & TOKEN_BLOCK;
    x->u.text.raw = t->flags & TOKEN_RAW;
    return x;
}

/* Decodes the pieces, and drops those of text that are empty. */
struct node *ast_text(struct ast_builder *b, const struct token *start, struct vec *pieces,
                      const struct token *end)
{
    struct node *x = node_new(b, AST_EXPR_TEXT, span_join(start->at, end->at));
    bool cut_off = end->at.len == 0;
    struct literal_text lit = literal_of(b, start->flags | (cut_off ? TOKEN_OPEN : 0));
    struct piece *p = pieces->at;
    uint32_t n = 0;

    literal_begin(&lit, x->span);
    for (uint32_t i = 0; i < pieces->n; i++) {
        if (p[i].kind == PIECE_TEXT) {
            p[i].text = literal_piece(&lit, p[i].at, i == 0, i + 1 == pieces->n);
            if (!p[i].text.len)
                continue;
        }
        node_adopt(b, x, p[i].expr);
        node_adopt(b, x, p[i].type);
        node_adopt_args(b, x, p[i].args);
        p[n++] = p[i];
    }
    x->u.text.piece = p;
    x->u.text.n = n;
    x->u.text.block = start->flags & TOKEN_BLOCK;
    return x;
}

struct piece ast_piece_text(struct ast_builder *b, const struct token *t)
{
    (void)b;
    return (struct piece){ .kind = PIECE_TEXT, .at = t->at };
}

struct piece ast_piece_insert(struct ast_builder *b, const struct token *start, struct node *value,
                              const struct token *end)
{
    (void)b;
    return (struct piece){ .kind = PIECE_INSERT, .at = span_join(start->at, end->at),
                           .expr = value };
}

struct piece ast_piece_hole(struct ast_builder *b, const struct token *start,
                            const struct token *name, struct node *type, struct vec *args,
                            const struct token *end)
{
    struct piece p = { .kind = PIECE_HOLE, .at = span_join(start->at, end->at),
                       .name = name_of(b, name), .type = type };
    if (args)
        p.args = (struct arg_list){ args->at, args->n };
    return p;
}
