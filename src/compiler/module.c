/* module.c - reads the files of a compilation, finds imports, notes what each file declares. */
#include "compiler/module.h"

#include <string.h>

#include "base/embed.h"
#include "compiler/lower.h"
#include "frontend/parser.h"

enum { IMPORT_DEPTH_MAX = 64 };

/* The table is made from the files of stdlib/ when sgl is built. */
extern const struct embed_file stdlib_files[];
extern const size_t n_stdlib_files;

struct sym *module_find(const struct mod *m, struct slice name)
{
    uint64_t found;
    return hashmap_get(&m->name, name, &found) ? (struct sym *)(uintptr_t)found : NULL;
}

static struct mod *module_parse(struct comp *c, const char *name, struct slice text, bool is_std,
                                struct slice prefix);

/* A file has one name, however it was reached: without `//`, `/./` and `x/../`. */
static struct slice file_key(struct comp *c, const char *name)
{
    char *out = arena_strdup(&c->arena, slice_of(name));
    if (!out)
        comp_nomem(c);
    size_t n = 0;
    for (const char *p = out; *p;) {
        size_t len = strcspn(p, "/");
        const char *next = p + len + (p[len] == '/');
        size_t at = n && out[n - 1] == '/' ? n - 1 : n;         /* end of the part before */
        size_t up = at;
        while (up && out[up - 1] != '/')
            up--;
        bool above = at - up == 2 && !memcmp(out + up, "..", 2);
        bool back = len == 2 && !memcmp(p, "..", 2) && at > up && !above;
        if (back) {
            n = up;
        } else if (!((len == 0 && n) || (len == 1 && *p == '.'))) {
            memmove(out + n, p, (size_t)(next - p));
            n += (size_t)(next - p);
        }
        p = next;
    }
    return (struct slice){ out, n };
}

static struct sym *declare(struct comp *c, struct mod *m, const struct node *n, enum sym_kind kind,
                           struct name name)
{
    struct sym *old = module_find(m, name.text);
    if (old && name.text.len && !c->earlier_open) {
        struct diag *d = comp_diag(c, m, "E0202", name.at, "`%.*s` is declared twice",
                                   (int)name.text.len, name.text.ptr);
        if (d)
            diag_label(c->diags, d, m->source, old->at, "first declared here");
        return NULL;
    }
    static const char *const reserved[] = { "gen", "select", "score", "parse" };
    for (int i = 0; i < 4; i++)
        if (!m->is_std && (kind == SYM_FN || kind == SYM_PART || kind == SYM_EXTERN) &&
            slice_is(name.text, reserved[i]))
            comp_diag(c, m, "E0205", name.at,
                      "`%s` cannot be declared: it is a form of the language",
                      reserved[i]);
    struct sym *s = comp_alloc(c, sizeof *s);
    s->kind = kind;
    s->name = name.text;
    s->at = name.at;
    s->mod = m;
    s->node = n;
    *(struct sym **)comp_push(c, &m->sym, &m->n_sym, &m->cap_sym, sizeof s) = s;
    if (!hashmap_put(&m->name, s->name, (uintptr_t)s))
        comp_nomem(c);
    return s;
}

static struct slice import_file(struct comp *c, const struct decl *d)
{
    if (d->u.import.is_file)
        return d->u.import.file;
    struct str s = { 0 };
    for (uint32_t i = 0; i < d->u.import.path.n; i++) {
        str_adds(&s, i ? "/" : "");
        str_add_slice(&s, d->u.import.path.at[i].text);
    }
    str_adds(&s, ".sgl");
    struct slice r = { arena_strdup(&c->arena, str_slice(&s)), s.len };
    str_free(&s);
    if (!r.ptr)
        comp_nomem(c);
    return r;
}

/* What names the file in an import: its path, or the string. */
static struct span import_at(const struct mod *m, const struct node *n)
{
    const struct decl *d = n->u.decl;
    if (!d->u.import.is_file) {
        const struct path *p = &d->u.import.path;
        struct span last = p->at[p->n - 1].at;
        return (struct span){ p->at[0].at.off, last.off + last.len - p->at[0].at.off };
    }
    struct slice text = slice_sub(m->source->text, n->span.off, n->span.len);
    size_t open = slice_find(text, SLICE("\"")),
           end = slice_find(slice_sub(text, open + 1, text.len), SLICE("\""));
    return open == SIZE_MAX || end == SIZE_MAX ? n->span
           : (struct span){ n->span.off + (uint32_t)open, (uint32_t)end + 2 };
}

static struct mod *load_file(struct comp *c, struct mod *from, const struct decl *d, struct span at)
{
    const struct loader *ld = &c->opts->loader;
    struct slice file = import_file(c, d), text;
    const char *name = NULL;
    struct error err = { 0 };
    if (!ld->load || ld->load(ld->ctx, &c->arena, from->source->name, file, &name, &text,
                              &err) != ST_OK) {
        comp_diag(c, from, "E0209", at, "cannot import `%.*s`: %s", (int)file.len, file.ptr,
                  ld->load ? err.text : "there are no files here");
        return NULL;
    }
    uint64_t found;
    if (hashmap_get(&c->mod_name, file_key(c, name), &found)) {
        struct mod *m = (struct mod *)(uintptr_t)found;
        if (m->loading) {
            comp_diag(c, from, "E0210", at, "`%.*s` imports this file again", (int)file.len,
                      file.ptr);
            return NULL;
        }
        return m;
    }
    return module_parse(c, name, text, false, d->name.text);
}

struct mod *module_load_std(struct comp *c, const char *name)
{
    struct slice key = comp_printf(c, "std.%s", name);
    uint64_t found;
    if (hashmap_get(&c->mod_name, key, &found))
        return (struct mod *)(uintptr_t)found;
    for (size_t i = 0; i < n_stdlib_files; i++)
        if (stdlib_files[i].name && strcmp(stdlib_files[i].name, name) == 0)
            return module_parse(c, key.ptr,
                                (struct slice){ stdlib_files[i].text, stdlib_files[i].len },
                                true, strcmp(name, "prelude") == 0 ? SLICE("") : slice_sub(key, 4, key.len));
    return NULL;
}

static void import(struct comp *c, struct mod *m, const struct node *n)
{
    const struct decl *d = n->u.decl;
    struct mod *target = NULL;
    const struct path *p = &d->u.import.path;
    if (!d->u.import.is_file && p->n == 2 && slice_is(p->at[0].text, "std")) {
        char name[64] = { 0 };
        size_t len = p->at[1].text.len < sizeof name ? p->at[1].text.len : sizeof name - 1;
        memcpy(name, p->at[1].text.ptr, len);
        target = module_load_std(c, name);
        if (!target)
            comp_diag(c, m, "E0209", import_at(m, n), "there is no module `std.%s`", name);
    } else {
        target = load_file(c, m, d, import_at(m, n));
    }
    struct sym *s = declare(c, m, n, SYM_IMPORT, d->name);
    if (s) {
        s->target = target;
        s->state = SYM_DONE;
    }
}

static void declare_node(struct comp *c, struct mod *m, const struct node *n)
{
    const struct decl *d = n->u.decl;
    switch (n->kind) {
    case AST_DECL_IMPORT:
        import(c, m, n);
        return;
    case AST_DECL_FN:
        declare(c, m, n, d->u.fn.is_part ? SYM_PART : SYM_FN, d->name);
        m->has_main |= !d->u.fn.is_part && slice_is(d->name.text, "main");
        return;
    case AST_DECL_EXTERN:
        declare(c, m, n, SYM_EXTERN, d->name);
        return;
    case AST_DECL_STRUCT:
        declare(c, m, n, SYM_STRUCT, d->name);
        return;
    case AST_DECL_ENUM:
        declare(c, m, n, SYM_ENUM, d->name);
        return;
    case AST_DECL_TYPE:
        declare(c, m, n, SYM_ALIAS, d->name);
        return;
    case AST_DECL_CONST:
        declare(c, m, n, SYM_CONST, d->name);
        return;
    case AST_DECL_TEST:
    case AST_DECL_EVAL:
        return;
    default:
        m->has_statement = true;
    }
}

static struct mod *module_parse(struct comp *c, const char *name, struct slice text, bool is_std,
                                struct slice prefix)
{
    if (c->n_mod >= IMPORT_DEPTH_MAX * 4)
        return NULL;
    struct source *src;
    struct error err = { 0 };
    if (source_new(c->diags->arena, name, text, &src, &err) != ST_OK) {
        if (err.status == ST_NOMEM)
            comp_nomem(c);
        return NULL;
    }
    struct mod *m = comp_alloc(c, sizeof *m);
    m->source = src;
    m->is_std = is_std;
    m->prefix = prefix;
    m->loading = true;
    m->index = c->n_mod;
    *(struct mod **)comp_push(c, &c->mod, &c->n_mod, &c->cap_mod, sizeof m) = m;
    if (!hashmap_put(&c->mod_name, file_key(c, src->name), (uintptr_t)m))
        comp_nomem(c);

    struct parse_result parsed = { 0 };
    uint32_t errors = c->diags->n_error;
    enum status st = parse_module(&c->arena, src, c->diags, &parsed, &err);
    if (st == ST_NOMEM)
        comp_nomem(c);
    if (st != ST_OK) {
        comp_diag(c, m, "E0103", (struct span){ 0, 0 }, "%s", err.text);
        return NULL;
    }
    c->unparsed |= c->diags->n_error > errors;
    m->ast = parsed.module;
    for (uint32_t i = 0; i < m->ast->u.list.n; i++)
        if (m->ast->u.list.at[i])
            declare_node(c, m, m->ast->u.list.at[i]);
    m->loading = false;
    return m;
}

/* Earlier entries of a prompt loop: their declarations, and the types of their names, are a file
 * of their own, whose names the entry sees unless it declares them again. */
static struct mod *load_earlier(struct comp *c)
{
    const struct compile_env *env = c->opts->env;
    struct str text = { 0 };
    str_add_slice(&text, str_slice(&env->decls));
    for (uint32_t i = 0; i < env->n; i++)
        str_addf(&text, "type _env_%u = %.*s\n", i, (int)env->name[i].type_text.len,
                 env->name[i].type_text.ptr);
    char *copy = arena_strdup(&c->arena, str_slice(&text));
    size_t len = text.len;
    str_free(&text);
    if (!copy)
        comp_nomem(c);
    c->earlier_open = true;
    struct mod *m = module_parse(c, "<earlier>", (struct slice){ copy, len }, false, SLICE(""));
    c->earlier_open = false;
    return m;
}

struct mod *module_load_main(struct comp *c)
{
    struct mod *earlier = c->opts->env ? load_earlier(c) : NULL;
    struct mod *m = module_parse(c, c->opts->name ? c->opts->name : "<text>", c->opts->text, false,
                                 SLICE(""));
    for (uint32_t i = 0; m && earlier && i < earlier->n_sym; i++) {
        struct sym *s = earlier->sym[i];
        if (!module_find(m, s->name) && module_find(earlier, s->name) == s &&
            !hashmap_put(&m->name, s->name, (uintptr_t)s))
            comp_nomem(c);
    }
    return m;
}
