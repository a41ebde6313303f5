/* ast_decl.c - constructors of the module, its declarations, types and match patterns.
 *
 * A doc comment hangs on the first token of what it describes; it is cut out of the source here,
 * without its slashes. */
#include <string.h>

#include "frontend/ast_build.h"
#include "frontend/literal.h"


/* The lines of a range that begin with ///, without it and one blank, joined by newlines. */
static struct slice doc_text(struct ast_builder *b, uint32_t doc)
{
    if (!doc || !b->lexer)
        return (struct slice){ 0 };
    struct doc_range r = b->lexer->doc[doc - 1];
    struct slice rest = { b->source->text.ptr + r.from, r.to - r.from };
    struct str out = { 0 };
    while (rest.len) {
        size_t n = slice_find(rest, SLICE("\n"));
        struct slice line = slice_trim(slice_sub(rest, 0, n));
        rest = n < rest.len ? slice_sub(rest, n + 1, rest.len) : (struct slice){ 0 };
        if (!slice_starts(line, SLICE("///")))
            continue;
        line = slice_sub(line, 3, line.len);
        if (line.len && line.ptr[0] == ' ')
            line = slice_sub(line, 1, line.len);
        if (out.len)
            str_addc(&out, '\n');
        str_add_slice(&out, line);
    }
    struct slice kept = arena_slice(b->arena, str_slice(&out));
    if (out.failed)
        b->arena->failed = true;
    str_free(&out);
    return kept;
}

/* ---- the module */

void ast_module(struct ast_builder *b, const struct token *begin, struct vec *items)
{
    struct span all = { begin->at.off, (uint32_t)b->source->text.len - begin->at.off };
    struct node *x = node_new(b, AST_MODULE, all);
    x->u.list = vec_nodes(b, x, items);
    b->module = x;
}

struct annot_at ast_annot(struct ast_builder *b, const struct token *at, const struct token *name,
                          struct vec *args, const struct token *end)
{
    struct annot_at a = { .doc = at->doc };
    a.annot.name = name_of(b, name);
    a.annot.at = span_join(at->at, end ? end->at : name->at);
    if (args)
        a.annot.args = (struct arg_list){ args->at, args->n };
    return a;
}

struct node *ast_annotate(struct ast_builder *b, struct vec *annots, struct node *decl)
{
    struct decl *d = decl->u.decl;
    d->annot = annots->at;
    d->n_annot = annots->n;
    if (!d->doc.len)
        d->doc = doc_text(b, annots->doc);
    decl->span = span_join(annots->span, decl->span);
    for (uint32_t i = 0; i < d->n_annot; i++)
        node_adopt_args(b, decl, d->annot[i].args);
    return decl;
}

/* ---- declarations */

static struct node *decl_new(struct ast_builder *b, enum ast_kind kind, const struct token *word,
                             struct span end)
{
    struct node *x = node_new(b, kind, span_join(word->at, end));
    x->u.decl = arena_zalloc(b->arena, sizeof *x->u.decl);
    if (!x->u.decl) {
        b->nil_decl = (struct decl){ 0 };
        x->u.decl = &b->nil_decl;
    }
    x->u.decl->doc = doc_text(b, word->doc);
    return x;
}

struct node *ast_import(struct ast_builder *b, const struct token *word, struct vec *path,
                        const struct token *as)
{
    struct node *x = decl_new(b, AST_DECL_IMPORT, word, as ? as->at : path->span);
    struct decl *d = x->u.decl;
    d->u.import.path = (struct path){ path->at, path->n };
    d->u.import.has_as = as != NULL;
    if (as)
        d->name = name_of(b, as);
    else if (path->n)
        d->name = d->u.import.path.at[path->n - 1];
    return x;
}

static struct slice plain_text(struct ast_builder *b, const struct token *t)
{
    struct literal_text lit = { .arena = b->arena, .source = b->source, .diags = b->diags,
                                .flags = t->flags };
    literal_begin(&lit, t->at);
    return literal_piece(&lit, literal_inside(b->source, t->at, t->flags), true, true);
}

struct node *ast_import_file(struct ast_builder *b, const struct token *word,
                             const struct token *file, const struct token *as)
{
    struct node *x = decl_new(b, AST_DECL_IMPORT, word, as->at);
    struct decl *d = x->u.decl;
    d->name = name_of(b, as);
    d->u.import.is_file = true;
    d->u.import.has_as = true;
    d->u.import.file = plain_text(b, file);
    return x;
}

static void adopt_params(struct ast_builder *b, struct node *x, const struct param *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        node_adopt(b, x, p[i].type);
        node_adopt(b, x, p[i].fallback);
    }
}

struct node *ast_fn(struct ast_builder *b, bool is_part, const struct token *word,
                    const struct token *name, struct vec *params, struct node *result,
                    struct node *body)
{
    struct node *x = decl_new(b, AST_DECL_FN, word, body->span);
    struct decl *d = x->u.decl;
    d->name = name_of(b, name);
    d->u.fn.is_part = is_part;
    if (params) {
        d->u.fn.param = params->at;
        d->u.fn.n = params->n;
    }
    d->u.fn.result = result;
    d->u.fn.body = body;
    adopt_params(b, x, d->u.fn.param, d->u.fn.n);
    node_adopt(b, x, result);
    node_adopt(b, x, body);
    return x;
}

struct node *ast_extern(struct ast_builder *b, const struct token *word, const struct token *name,
                        struct vec *params, const struct token *end, struct node *result,
                        struct node *binding)
{
    struct span last = binding ? binding->span : result ? result->span : end->at;
    struct node *x = decl_new(b, AST_DECL_EXTERN, word, last);
    struct decl *d = x->u.decl;
    d->name = name_of(b, name);
    if (params) {
        d->u.ext.param = params->at;
        d->u.ext.n = params->n;
    }
    d->u.ext.result = result;
    d->u.ext.binding = binding;
    adopt_params(b, x, d->u.ext.param, d->u.ext.n);
    node_adopt(b, x, result);
    node_adopt(b, x, binding);
    return x;
}

struct node *ast_struct(struct ast_builder *b, const struct token *word, const struct token *name,
                        struct vec *fields, const struct token *end)
{
    struct node *x = decl_new(b, AST_DECL_STRUCT, word, end->at);
    struct decl *d = x->u.decl;
    d->name = name_of(b, name);
    if (fields) {
        d->u.strct.field = fields->at;
        d->u.strct.n = fields->n;
    }
    for (uint32_t i = 0; i < d->u.strct.n; i++) {
        const struct field *f = &d->u.strct.field[i];
        node_adopt(b, x, f->type);
        node_adopt(b, x, f->fallback);
        for (uint32_t k = 0; k < f->n_annot; k++)
            node_adopt_args(b, x, f->annot[k].args);
    }
    return x;
}

struct node *ast_enum(struct ast_builder *b, const struct token *word, const struct token *name,
                      struct vec *variants, const struct token *end)
{
    struct node *x = decl_new(b, AST_DECL_ENUM, word, end->at);
    x->u.decl->name = name_of(b, name);
    x->u.decl->u.enm.variant = variants->at;
    x->u.decl->u.enm.n = variants->n;
    return x;
}

struct node *ast_alias(struct ast_builder *b, const struct token *word, const struct token *name,
                       struct node *type)
{
    struct node *x = decl_new(b, AST_DECL_TYPE, word, type->span);
    x->u.decl->name = name_of(b, name);
    x->u.decl->u.alias.type = type;
    node_adopt(b, x, type);
    return x;
}

struct node *ast_const(struct ast_builder *b, const struct token *word, const struct token *name,
                       struct node *type, struct node *value)
{
    struct node *x = decl_new(b, AST_DECL_CONST, word, value->span);
    x->u.decl->name = name_of(b, name);
    x->u.decl->u.konst.type = type;
    x->u.decl->u.konst.value = value;
    node_adopt(b, x, type);
    node_adopt(b, x, value);
    return x;
}

struct node *ast_test(struct ast_builder *b, const struct token *word, const struct token *text,
                      struct vec *args, struct node *body)
{
    struct node *x = decl_new(b, AST_DECL_TEST, word, body->span);
    x->u.decl->name = (struct name){ plain_text(b, text), text->at };
    x->u.decl->u.test.args = vec_args(b, x, args);
    x->u.decl->u.test.body = body;
    node_adopt(b, x, body);
    return x;
}

struct node *ast_eval(struct ast_builder *b, const struct token *word, const struct token *text,
                      struct vec *args, struct node *pat, struct node *list, struct node *body)
{
    struct node *x = decl_new(b, AST_DECL_EVAL, word, body->span);
    struct decl *d = x->u.decl;
    d->name = (struct name){ plain_text(b, text), text->at };
    d->u.eval.args = vec_args(b, x, args);
    d->u.eval.pattern = pat;
    d->u.eval.list = list;
    d->u.eval.body = body;
    node_adopt(b, x, pat);
    node_adopt(b, x, list);
    node_adopt(b, x, body);
    return x;
}

struct field *ast_field(struct ast_builder *b, struct vec *annots, const struct token *name,
                        struct node *type, struct node *fallback)
{
    struct field *f = arena_zalloc(b->arena, sizeof *f);
    if (!f)
        return NULL;
    f->name = name_of(b, name);
    f->type = type;
    f->fallback = fallback;
    f->doc = doc_text(b, name->doc);
    if (annots) {
        f->annot = annots->at;
        f->n_annot = annots->n;
        if (!f->doc.len)
            f->doc = doc_text(b, annots->doc);
    }
    return f;
}

struct variant *ast_variant(struct ast_builder *b, const struct token *name,
                            const struct token *text)
{
    struct variant *v = arena_zalloc(b->arena, sizeof *v);
    if (!v)
        return NULL;
    v->name = name_of(b, name);
    v->doc = doc_text(b, name->doc);
    v->has_text = text != NULL;
    if (text)
        v->text = plain_text(b, text);
    return v;
}

/* ---- types */

struct node *ast_type_union(struct ast_builder *b, struct vec *types)
{
    struct node **arm = types->at;
    if (!types->n)
        return &b->nil;
    if (types->n == 1)
        return arm[0];
    struct node *x = node_new(b, AST_TYPE_UNION,
                              span_join(arm[0]->span, arm[types->n - 1]->span));
    x->u.list = vec_nodes(b, x, types);
    return x;
}

struct node *ast_type_optional(struct ast_builder *b, struct node *type, const struct token *mark)
{
    struct node *x = node_new(b, AST_TYPE_OPTIONAL, span_join(type->span, mark->at));
    x->u.inner = type;
    node_adopt(b, x, type);
    return x;
}

struct node *ast_type_name(struct ast_builder *b, struct vec *path, struct vec *args,
                           struct node *index, const struct token *end)
{
    struct node *x = node_new(b, AST_TYPE_NAME, end ? span_join(path->span, end->at) : path->span);
    x->u.tname.path = (struct path){ path->at, path->n };
    x->u.tname.args = vec_args(b, x, args);
    x->u.tname.index = index;
    node_adopt(b, x, index);
    return x;
}

struct node *ast_type_list(struct ast_builder *b, const struct token *start, struct node *elem,
                           struct vec *args, const struct token *end)
{
    struct node *x = node_new(b, AST_TYPE_LIST, span_join(start->at, end->at));
    x->u.tlist.elem = elem;
    x->u.tlist.args = vec_args(b, x, args);
    node_adopt(b, x, elem);
    return x;
}

struct node *ast_type_map(struct ast_builder *b, const struct token *start, struct node *key,
                          struct node *value, struct vec *args, const struct token *end)
{
    struct node *x = node_new(b, AST_TYPE_MAP, span_join(start->at, end->at));
    x->u.tmap.key = key;
    x->u.tmap.value = value;
    x->u.tmap.args = vec_args(b, x, args);
    node_adopt(b, x, key);
    node_adopt(b, x, value);
    return x;
}

struct node *ast_type_call(struct ast_builder *b, const struct token *start, struct vec *tools,
                           const struct token *end)
{
    struct node *x = node_new(b, AST_TYPE_CALL, span_join(start->at, end->at));
    x->u.tcall.tool = tools->at;
    x->u.tcall.n = tools->n;
    return x;
}

/* One type in parentheses is that type. */
struct node *ast_type_tuple(struct ast_builder *b, const struct token *start, struct vec *types,
                            const struct token *end)
{
    if (types->n == 1)
        return ((struct node **)types->at)[0];
    struct node *x = node_new(b, AST_TYPE_TUPLE, span_join(start->at, end->at));
    x->u.list = vec_nodes(b, x, types);
    return x;
}

struct node *ast_type_fn(struct ast_builder *b, const struct token *start, struct vec *params,
                         const struct token *end, struct node *result)
{
    struct node *x = node_new(b, AST_TYPE_FN,
                              span_join(start->at, result ? result->span : end->at));
    x->u.tfn.params = vec_nodes(b, x, params);
    x->u.tfn.result = result;
    node_adopt(b, x, result);
    return x;
}

/* ---- match patterns */

struct node *ast_mpat_range(struct ast_builder *b, struct node *lo, struct node *hi)
{
    struct node *x = node_new(b, AST_MPAT_RANGE, span_join(lo->span, hi->span));
    x->u.range.lo = lo;
    x->u.range.hi = hi;
    node_adopt(b, x, lo);
    node_adopt(b, x, hi);
    return x;
}

struct node *ast_mpat_path(struct ast_builder *b, struct vec *path, struct vec *fields,
                           const struct token *end)
{
    struct node *x = node_new(b, AST_MPAT_PATH, end ? span_join(path->span, end->at) : path->span);
    x->u.mpath.path = (struct path){ path->at, path->n };
    x->u.mpath.has_fields = end != NULL;
    if (fields) {
        x->u.mpath.field = fields->at;
        x->u.mpath.n = fields->n;
    }
    return x;
}
