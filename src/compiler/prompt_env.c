/* prompt_env.c - the names of a prompt loop outside of a compilation: copies, and lists to complete
 * from.
 *
 * What was declared is kept as text, so its names are read from its tokens. */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "compiler/lower.h"
#include "frontend/lexer.h"

enum status compile_env_copy(const struct compile_env *env, struct compile_env **ret,
                             struct error *err)
{
    struct compile_env *copy;
    enum status st = compile_env_new(&copy, err);
    if (st != ST_OK)
        return st;
    for (uint32_t i = 0; i < env->n && st == ST_OK; i++) {
        struct env_name *to = array_push(&copy->name, &copy->n, &copy->cap, sizeof *to);
        if (!to) {
            st = error_nomem(err);
            break;
        }
        *to = env->name[i];
        to->name = arena_slice(&copy->arena, env->name[i].name);
        to->type_text = arena_slice(&copy->arena, env->name[i].type_text);
    }
    copy->n_slot = env->n_slot;
    str_add_slice(&copy->decls, str_slice(&env->decls));
    if (st == ST_OK && (copy->arena.failed || copy->decls.failed))
        st = error_nomem(err);
    if (st == ST_OK)
        *ret = copy;
    else
        compile_env_free(copy);
    return st;
}

static bool declares(uint32_t code)
{
    return code == TK_FN || code == TK_PART || code == TK_STRUCT || code == TK_ENUM ||
           code == TK_TYPE || code == TK_CONST;
}

/* `fn NAME`, `struct NAME`; of an import the last name of its line. */
static enum status declared_names(const struct compile_env *env,
                                  void (*fn)(void *ctx, struct slice name), void *ctx)
{
    struct arena arena = { 0 };
    struct source *src;
    struct error err;
    struct lexer lx;
    struct token t;
    enum status st = source_new(&arena, "<earlier>", str_slice(&env->decls), &src, &err);
    if (st != ST_OK)
        return st;
    lexer_init(&lx, src, NULL);
    bool next = false, import = false;
    struct slice last = { NULL, 0 };
    do {
        if (!lexer_next(&lx, &t)) {
            st = ST_NOMEM;
            break;
        }
        struct slice text = slice_sub(src->text, t.at.off, t.at.len);
        if (import && (t.code == TK_NL || !t.code) && last.len)
            fn(ctx, last);
        import = (import || t.code == TK_IMPORT) && t.code != TK_NL;
        if (t.code == TK_NAME && import)
            last = text;
        if (t.code == TK_NAME && next && lx.n_nest == 0)
            fn(ctx, text);
        next = declares(t.code);
    } while (t.code);
    lexer_free(&lx);
    arena_free(&arena);
    return st;
}

enum status compile_env_names(const struct compile_env *env, bool member,
                              void (*name)(void *ctx, struct slice name), void *ctx)
{
    library_each(member, name, ctx);
    if (member)
        return ST_OK;
    for (uint32_t i = 0; i < env->n; i++)
        name(ctx, env->name[i].name);
    return env->decls.len ? declared_names(env, name, ctx) : ST_OK;
}
