/* env.c - what stays between the entries of a prompt loop: names, and one context.
 *
 * The host owns an environment and lends it to one run at a time.  A save before an entry is a
 * copy of the slots and one reference to the transcript, so that undo costs nothing. */
#include "runtime/vm/vm_int.h"

#include "runtime/tokenizer/tokenizer.h"

enum status run_env_new(struct engine *e, struct run_env **ret, struct error *err)
{
    struct run_env *env = mem_zalloc(sizeof *env);
    if (!env)
        return error_nomem(err);
    env->engine = e ? engine_ref(e) : NULL;
    *ret = env;
    return ST_OK;
}

static void save_free(struct env_save *s)
{
    for (uint32_t i = 0; i < s->n_slot; i++)
        value_unref(s->slot[i]);
    mem_free(s->slot);
    node_unref(s->node);
    base_unref(s->base);
}

static struct context *context_in(struct run_env *env)
{
    return env->ctx.tag == VAL_CONTEXT ? context_of(env->ctx) : NULL;
}

void run_env_reset(struct run_env *env)
{
    value_clear(&env->ctx);
    for (uint32_t i = 0; i < env->n_slot; i++)
        value_clear(&env->slot[i]);
    for (uint32_t i = 0; i < env->n_save; i++)
        save_free(&env->save[i]);
    env->n_save = 0;
}

void run_env_free(struct run_env *env)
{
    if (!env)
        return;
    run_env_reset(env);
    mem_free(env->slot);
    mem_free(env->save);
    for (uint32_t i = 0; i < env->n_image; i++)
        image_unref(env->image[i]);
    mem_free(env->image);
    engine_unref(env->engine);
    mem_free(env);
}

enum status run_env_save(struct run_env *env, struct error *err)
{
    struct env_save *s = array_push(&env->save, &env->n_save, &env->cap_save, sizeof *s);
    if (!s)
        return error_nomem(err);
    s->slot = mem_calloc(env->n_slot + 1u, sizeof *s->slot);
    if (!s->slot) {
        env->n_save--;
        return error_nomem(err);
    }
    s->n_slot = env->n_slot;
    for (uint32_t i = 0; i < s->n_slot; i++)
        s->slot[i] = value_ref(env->slot[i]);
    struct context *c = context_in(env);
    if (!c)
        return ST_OK;
    s->node = node_ref(c->tail);
    if (context_snapshot(c, false, &s->base) != ST_OK)
        s->base = NULL;         /* undo then reads everything again */
    return ST_OK;
}

bool run_env_undo(struct run_env *env)
{
    if (!env->n_save)
        return false;
    struct env_save s = env->save[--env->n_save];
    for (uint32_t i = 0; i < env->n_slot; i++)
        value_set_take(&env->slot[i], i < s.n_slot ? value_ref(s.slot[i]) : value_null());
    struct context *c = context_in(env);
    if (c && s.node)
        context_restore(c, s.node, s.base);
    else
        value_clear(&env->ctx);
    save_free(&s);
    return true;
}

static enum status save_copy(const struct env_save *from, struct env_save *ret)
{
    struct value *slot = mem_calloc(from->n_slot + 1u, sizeof *slot);
    if (!slot)
        return ST_NOMEM;
    for (uint32_t i = 0; i < from->n_slot; i++)
        slot[i] = value_ref(from->slot[i]);
    *ret = (struct env_save){ slot, from->n_slot, from->node ? node_ref(from->node) : NULL,
                              from->base ? base_ref(from->base) : NULL };
    return ST_OK;
}

static enum status env_copy(struct run_env *env, struct run_env *to)
{
    to->slot = mem_calloc(env->n_slot + 1u, sizeof *to->slot);
    if (!to->slot)
        return ST_NOMEM;
    for (; to->n_slot < env->n_slot; to->n_slot++)
        to->slot[to->n_slot] = value_ref(env->slot[to->n_slot]);
    for (uint32_t i = 0; i < env->n_image; i++) {
        struct image **im = array_push(&to->image, &to->n_image, &to->cap_image, sizeof *im);
        if (!im)
            return ST_NOMEM;
        *im = image_ref(env->image[i]);
    }
    for (uint32_t i = 0; i < env->n_save; i++) {
        struct env_save *s = array_push(&to->save, &to->n_save, &to->cap_save, sizeof *s);
        if (!s)
            return ST_NOMEM;
        if (save_copy(&env->save[i], s) != ST_OK) {
            to->n_save--;
            return ST_NOMEM;
        }
    }
    struct context *c = context_in(env);
    return c ? context_copy(env->ctx, c->owner, true, &to->ctx) : ST_OK;
}

enum status run_env_fork(struct run_env *env, struct run_env **ret, struct error *err)
{
    struct run_env *to;
    enum status st = run_env_new(env->engine, &to, err);
    if (st != ST_OK)
        return st;
    st = env_copy(env, to);
    if (st != ST_OK) {
        run_env_free(to);
        return error_set(err, st, "the context cannot be copied");
    }
    *ret = to;
    return ST_OK;
}

bool run_env_ok(const struct run_env *env)
{
    return env->ok;
}

static void add_marker(struct run_env *env, const struct node *x, bool markers, struct str *out)
{
    static const char *const names[] = { "system", "user", "assistant", "tool" };
    struct slice open, close;
    int role = x->kind == NODE_OPEN ? x->role : x->prev ? x->prev->role : 0;
    bool model = env->engine && role >= 0 &&
                 engine_role_text(env->engine, (enum plan_role)role, &open, &close);
    if (model && markers)
        str_add_slice(out, x->kind == NODE_OPEN ? open : close);
    else if (x->kind == NODE_OPEN)
        str_addf(out, "%s[%s] ", out->len ? "\n" : "", names[role & 3]);
}

void run_env_prompt(struct run_env *env, bool markers, struct str *out)
{
    struct context *c = context_in(env);
    const struct node **list;
    uint32_t n = c ? node_list(c->tail, NULL, &list) : 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct node *x = list[i];
        if (x->kind == NODE_OPEN || x->kind == NODE_CLOSE)
            add_marker(env, x, markers, out);
        else if (x->kind != NODE_SEAL)
            str_add_slice(out, str_slice(&x->text));
    }
    if (c)
        mem_free(list);
}

/* Generated spans show the ids that the model wrote, the rest is tokenised here as it will be. */
static enum status add_tokens(struct run_env *env, const uint32_t *id, uint32_t n,
                              struct str *out, struct error *err)
{
    enum status st = ST_OK;
    for (uint32_t i = 0; i < n && st == ST_OK; i++) {
        struct str piece = { 0 };
        st = engine_decode(env->engine, &id[i], 1, true, &piece, err);
        str_addf(out, "%u\t", id[i]);
        jsonio_quote(str_slice(&piece), out);
        str_addc(out, '\n');
        str_free(&piece);
    }
    return st;
}

enum status run_env_tokens(struct run_env *env, struct str *out, uint32_t *ret_n,
                           struct error *err)
{
    *ret_n = 0;
    struct context *c = context_in(env);
    if (!c)
        return ST_OK;
    if (!env->engine)
        return error_set(err, ST_UNSUPPORTED, "there is no model, so there are no tokens");
    struct str text = { 0 };
    struct token_list list = { 0 };
    run_env_prompt(env, true, &text);
    enum status st = engine_encode(env->engine, str_slice(&text), true, &list, err);
    if (st == ST_OK)
        st = add_tokens(env, list.id, list.n, out, err);
    if (st == ST_OK)
        *ret_n = list.n;
    token_list_free(&list);
    str_free(&text);
    return st;
}
