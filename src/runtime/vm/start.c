/* start.c - a run from its options to its first frame, on the host's thread.
 *
 * Everything that can be wrong with how a program was called is found here: unknown functions,
 * missing or malformed arguments, externs that nobody bound.  Options are copied, so that the
 * host may free its own at once. */
#include "runtime/vm/vm_int.h"

#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { DEFAULT_DEPTH = 256, DEFAULT_STEPS = 10000000, DEFAULT_CONTEXTS = 65536,
       DEFAULT_BRANCHES = 1000000 };

void run_opts_init(struct run_opts *o)
{
    *o = (struct run_opts){ .max_depth = DEFAULT_DEPTH, .max_steps = DEFAULT_STEPS,
                            .max_contexts = DEFAULT_CONTEXTS, .max_branches = DEFAULT_BRANCHES };
}

static const char *const *copy_list(struct arena *a, const char *const *list, uint32_t n)
{
    const char **copy = arena_array(a, n + 1u, sizeof *copy);
    for (uint32_t i = 0; copy && i < n; i++)
        copy[i] = arena_strdup(a, slice_of(list[i]));
    return copy;
}

static enum status copy_opts(struct run *r, const struct run_opts *o, struct error *err)
{
    struct arena *a = &r->arena;
    r->opts = *o;
    if (!r->opts.max_depth)
        r->opts.max_depth = DEFAULT_DEPTH;
    if (!r->opts.max_steps)
        r->opts.max_steps = DEFAULT_STEPS;
    if (!r->opts.max_contexts)
        r->opts.max_contexts = DEFAULT_CONTEXTS;
    if (!r->opts.max_branches)
        r->opts.max_branches = DEFAULT_BRANCHES;
    r->opts.allow_read = copy_list(a, o->allow_read, o->n_allow_read);
    r->opts.allow_write = copy_list(a, o->allow_write, o->n_allow_write);
    r->opts.allow_run = copy_list(a, o->allow_run, o->n_allow_run);
    struct run_setting *set = arena_array(a, o->n_set + 1u, sizeof *set);
    struct run_extern *ext = arena_array(a, o->n_ext + 1u, sizeof *ext);
    for (uint32_t i = 0; set && i < o->n_set; i++) {
        set[i].name = arena_slice(a, o->set[i].name);
        set[i].text = arena_slice(a, o->set[i].text);
    }
    for (uint32_t i = 0; ext && i < o->n_ext; i++) {
        ext[i] = o->ext[i];
        ext[i].name = arena_slice(a, o->ext[i].name);
    }
    r->opts.set = set;
    r->opts.ext = ext;
    return a->failed ? error_nomem(err) : ST_OK;
}

static enum status check_externs(const struct run *r, struct error *err)
{
    const struct module *m = r->image->module;
    const struct func *fn = &m->func[r->opts.func];
    for (uint32_t i = 0; i < m->n_ext && !(fn->flags & (FUNC_TEST | FUNC_EVAL)); i++) {
        const struct bc_extern *e = &m->ext[i];
        bool bound = e->is_cmd;
        for (uint32_t k = 0; k < r->opts.n_ext && !bound; k++)
            bound = slice_eq(r->opts.ext[k].name, e->name);
        if (!bound)
            return error_at(err, ST_NOT_FOUND, "R0102", e->at,
                            "the extern function `%.*s` is not bound", (int)e->name.len,
                            e->name.ptr);
    }
    return ST_OK;
}

/* An argument that is there is checked as far as that goes without running a default. */
static enum status check_arg(struct run *r, const struct bc_param *p, struct value v,
                             struct error *err)
{
    struct type_fault fault;
    struct value x;
    enum status st = type_accept(r->image, p->rtype, v, TYPE_JSON, &x, &fault);
    if (st == ST_OK)
        value_unref(x);
    if (st == ST_INVALID)
        return error_code(err, ST_INVALID, "R0104", "argument `%.*s`: %s", (int)p->name.len,
                          p->name.ptr, fault.text);
    return st == ST_NOMEM ? error_nomem(err) : ST_OK;
}

/* Frames of default functions are put on top of main's, and write into it when they return. */
static enum status push_default(struct task *t, struct frame *main, const struct bc_param *p,
                                uint32_t reg, struct error *err)
{
    struct frame *f = frame_push(t, main->image, p->fallback);
    if (!f)
        return error_nomem(err);
    f->then = THEN_REG;
    f->into = main;
    f->dst = reg;
    f->key = rng_key_step(main->key, KEY_CALL, reg);
    return ST_OK;
}

static enum status first_frame(struct run *r, struct error *err)
{
    const struct func *fn = &r->image->module->func[r->opts.func];
    struct task *t = r->main;
    struct frame *f = frame_push(t, r->image, r->opts.func);
    if (!f)
        return error_nomem(err);
    f->then = THEN_END;
    f->unchecked = fn->n_param > 0;
    f->key = rng_key_seed(r->seed);
    for (uint32_t i = 0; i < fn->n_param; i++) {
        const struct bc_param *p = &fn->param[i];
        struct value v;
        enum status st;
        if (value_map_find(r->args, p->name, &v)) {
            st = check_arg(r, p, v, err);
            if (st == ST_OK)
                f->reg[fn->n_capture + i] = value_ref(v);
        } else if (p->fallback != BC_NO_INDEX) {
            st = push_default(t, f, p, fn->n_capture + i, err);
        } else {
            st = error_code(err, ST_INVALID, "R0104", "argument `%.*s` is missing",
                            (int)p->name.len, p->name.ptr);
        }
        if (st != ST_OK)
            return st;
    }
    for (uint32_t i = 0; r->args.tag == VAL_MAP && i < value_len(r->args); i++) {
        struct slice name = value_text(value_map_entry(r->args, i)->key);
        bool known = false;
        for (uint32_t k = 0; k < fn->n_param && !known; k++)
            known = slice_eq(name, fn->param[k].name);
        if (!known)
            return error_code(err, ST_INVALID, "R0104", "there is no parameter `%.*s`",
                              (int)name.len, name.ptr);
    }
    return ST_OK;
}

static enum status keep_image(struct run_env *env, struct image *im, struct error *err)
{
    struct image **slot = array_push(&env->image, &env->n_image, &env->cap_image, sizeof *slot);
    if (!slot)
        return error_nomem(err);
    *slot = image_ref(im);
    return ST_OK;
}

static enum status run_fill(struct run *r, const struct run_opts *o, struct error *err)
{
    enum status st = copy_opts(r, o, err);
    if (st != ST_OK)
        return st;
    if (o->func >= o->module->n_func)
        return error_set(err, ST_NOT_FOUND, "the program has no function to run");
    const struct func *fn = &o->module->func[o->func];
    r->seed = o->has_seed ? o->seed
        : fn->flags & (FUNC_TEST | FUNC_EVAL) ? (uint64_t)fn->seed : rng_fresh_seed() >> 1;
    r->live = mem_zalloc(sizeof *r->live);
    if (!r->live || image_new(o->module, &r->image) != ST_OK)
        return error_nomem(err);
    *r->live = (struct ctx_count){ .refs = 1, .max = r->opts.max_contexts };
    if (o->env) {
        o->env->ok = false;
        st = keep_image(o->env, r->image, err);
    }
    if (st == ST_OK)
        st = check_externs(r, err);
    if (st == ST_OK)
        st = settings_root(r, err);
    if (st != ST_OK)
        return st;
    if (fn->timeout_ms && (fn->flags & (FUNC_TEST | FUNC_EVAL)) && !r->root->deadline_ms) {
        r->opts.budget_ms = fn->timeout_ms;
        settings_unref(r->root);
        r->root = NULL;
        st = settings_root(r, err);
    }
    if (st != ST_OK)
        return st;
    r->main = task_new(r, r->root);
    return r->main ? first_frame(r, err) : error_nomem(err);
}

/* Before the machine has it: everything is freed here. */
static void run_discard(struct run *r)
{
    while (r->task)
        task_free(r->task);
    settings_unref(r->root);
    image_unref(r->image);
    value_unref(r->args);
    vtype_unref(r->t_error);
    count_unref(r->live);
    engine_unref(r->engine);
    if (r->fd >= 0)
        close(r->fd);
    pthread_cond_destroy(&r->more);
    pthread_mutex_destroy(&r->lock);
    arena_free(&r->arena);
    mem_free(r);
}

static void init_lock(struct run *r)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&r->more, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&r->lock, NULL);
}

enum status run_start(struct vm *vm, const struct run_opts *o, struct run **ret,
                      struct error *err)
{
    struct run *r = mem_zalloc(sizeof *r);
    struct run_post *p = mem_zalloc(sizeof *p);
    if (!r || !p) {
        mem_free(r);
        mem_free(p);
        value_unref(o->args);
        return error_nomem(err);
    }
    init_lock(r);
    r->vm = vm;
    r->args = o->args;
    r->env = o->env;
    r->engine = o->engine ? engine_ref(o->engine) : NULL;
    r->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum status st = r->fd < 0 ? error_set(err, ST_FAILED, "eventfd failed")
                               : run_fill(r, o, err);
    if (st != ST_OK) {
        mem_free(p);
        run_discard(r);
        return st;
    }
    p->post.kind = POST_START;
    p->run = r;
    *ret = r;
    vm_post(vm, &p->post);
    return ST_OK;
}

/* ---- arguments and results as text ---- */

static bool takes_verbatim(const struct module *m, uint32_t rtype)
{
    enum rtype_kind k = m->rtype[rtype].kind;
    if (k == RT_OPTIONAL)
        return takes_verbatim(m, m->rtype[rtype].elem[0]);
    return k == RT_STR || k == RT_PATH || k == RT_REGEX_STR || k == RT_ANY || k == RT_GRAMMAR;
}

enum status run_arg_from_text(const struct module *m, uint32_t rtype, struct slice text,
                              struct value *ret, struct error *err)
{
    if (takes_verbatim(m, rtype) || m->rtype[rtype].kind == RT_ENUM)
        return value_str(text, ret) == ST_OK ? ST_OK : error_nomem(err);
    struct image *im;
    struct type_fault fault;
    if (image_new((struct module *)m, &im) != ST_OK)
        return error_nomem(err);
    struct value v;
    enum status st = type_read(im, rtype, slice_trim(text), &v, &fault);
    if (st == ST_OK) {
        st = json_like(v, ret);         /* plain data: the run has an image of its own */
        value_unref(v);
    } else if (st == ST_PENDING) {
        st = value_parse_json(text, ret, err);
    }
    image_unref(im);
    if (st == ST_INVALID || st == ST_SYNTAX)
        return error_code(err, ST_INVALID, "R0104", "%s", fault.text);
    return st == ST_NOMEM ? error_nomem(err) : st;
}

bool run_result_text(struct value v, bool json, struct str *out)
{
    if (json)
        return value_json(v, JSONIO_SPACED, out);
    return v.tag == VAL_NULL || value_format(v, out);
}
