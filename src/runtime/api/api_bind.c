/* api_bind.c - static prefixes of a module, computed once on an engine and kept there.
 *
 * When a module meets an engine, the constant beginning of every context that the started function
 * can reach goes out as a plan of its own, before any plan of the run; its session is kept, so its
 * pages stay in the prefix cache until everything else has been given up.  A run that comes early
 * shares a prefix that is still being computed, so nobody has to wait; sgl_module_bind does.
 *
 *      module --> pins --> pin (engine, hash of the prefix, session)   counted: by the module,
 *                                                                      and by the open plan
 *
 * A prefix that cannot be computed (a role the model lacks, no pages) is only not there: the run
 * itself says what is wrong.  A pin's session counts as a reference to its engine. */
#include "runtime/api/api_int.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bitset.h"

enum {
    PIN_MIN_BYTE = 64,          /* about a page of tokens: less is never shared */
    PIN_SHARE = 4,              /* at most a quarter of the pool, at two bytes a token */
};

enum pin_state { PIN_FLYING, PIN_READY, PIN_FAILED };

struct pin {
    struct pin     *next;
    struct engine  *engine;     /* the session's reference keeps it */
    struct session *session;
    struct hash128  hash;
    enum pin_state  state;
    uint32_t        n_byte, n_tok;
};

struct api_pins {
    atomic_int      refs;       /* the module, and every open plan */
    pthread_mutex_t lock;
    pthread_cond_t  landed;
    struct pin     *first;
    uint32_t        n_flying;
};

/* ---- life ---- */

struct api_pins *api_pins_new(void)
{
    struct api_pins *p = mem_zalloc(sizeof *p);
    if (!p)
        return NULL;
    atomic_init(&p->refs, 1);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->landed, NULL);
    return p;
}

static void pins_unref(struct api_pins *p)
{
    if (atomic_fetch_sub(&p->refs, 1) != 1)
        return;
    while (p->first) {
        struct pin *next = p->first->next;
        mem_free(p->first);
        p->first = next;
    }
    pthread_cond_destroy(&p->landed);
    pthread_mutex_destroy(&p->lock);
    mem_free(p);
}

void api_pins_free(struct api_pins *p)
{
    if (!p)
        return;
    for (struct pin *x = p->first; x; x = x->next) {
        session_drop(x->session);
        x->session = NULL;
    }
    pins_unref(p);
}

/* ---- which ---- */

static void reach(const struct module *m, uint32_t *set, uint32_t *stack, uint32_t *n,
                  uint32_t func)
{
    if (func >= m->n_func || bitset_has(set, func))
        return;
    bitset_add(set, func);
    stack[(*n)++] = func;
}

static void reach_konst(const struct module *m, uint32_t *set, uint32_t *stack, uint32_t *n,
                        const struct konst *k)
{
    if (k->kind == KONST_FUNC || k->kind == KONST_TOOL)
        reach(m, set, stack, n, k->i < 0 ? BC_NO_INDEX : (uint32_t)k->i);
}

/* A call<...> runs any of its tools. */
static void reach_tools(const struct module *m, uint32_t *set, uint32_t *stack, uint32_t *n)
{
    for (uint32_t t = 0; t < m->n_rtype; t++)
        for (uint32_t i = 0; i < m->rtype[t].n_tool; i++)
            reach(m, set, stack, n, m->rtype[t].tool[i].func);
}

/* Functions that a call of `func` can come to. */
static void reachable(const struct module *m, uint32_t func, uint32_t *set, uint32_t *stack)
{
    uint32_t n = 0;
    reach(m, set, stack, &n, func);
    while (n) {
        const struct func *f = &m->func[stack[--n]];
        for (uint32_t pc = 0; pc < f->n_code; pc++) {
            struct insn i = f->code[pc];
            if (i.op == OP_CALL || i.op == OP_CLOSURE)
                reach(m, set, stack, &n, i.b);
            else if (i.op == OP_FORK)
                reach(m, set, stack, &n, m->fork[i.b].func);
            else if (i.op == OP_CONST)
                reach_konst(m, set, stack, &n, &m->konst[i.b | (uint32_t)i.c << 16]);
            else if (i.op == OP_NATIVE && i.b == NATIVE_CALL_RUN)
                reach_tools(m, set, stack, &n);
        }
    }
}

/* ---- computing ---- */

static struct plan *prefix_plan(const struct module *m, const struct bc_prefix *x)
{
    struct plan *p = plan_new();
    for (uint32_t i = 0; p && i < x->n_op; i++) {
        uint32_t operand = PREFIX_OPERAND(x->op[i]);
        switch ((enum prefix_op)PREFIX_OP(x->op[i])) {
        case PREFIX_TEXT:
            plan_text(p, PLAN_TEXT, m->konst[operand].text);
            break;
        case PREFIX_OPEN:
            plan_turn(p, PLAN_TURN_OPEN, (enum plan_role)operand);
            break;
        case PREFIX_CLOSE:
            plan_turn(p, PLAN_TURN_CLOSE, PLAN_USER);
            break;
        case PREFIX_SEAL:
            plan_seal(p);
            break;
        }
    }
    return p;
}

/* On a thread of the engine. */
static void on_event(void *ctx, struct plan_event *ev)
{
    struct api_pins *p = ctx;
    struct pin *pin = ev->user;
    if (ev->kind == PLAN_CHUNK)
        return;
    pthread_mutex_lock(&p->lock);
    pin->state = ev->kind == PLAN_DONE ? PIN_READY : PIN_FAILED;
    pin->n_tok = ev->result ? ev->result->n_tok : 0;
    p->n_flying--;
    pthread_cond_broadcast(&p->landed);
    pthread_mutex_unlock(&p->lock);
    plan_result_free(ev->result);
    pins_unref(p);
}

/* With the lock held; gives it up while the engine is called. */
static void pin_start(struct api_pins *p, const struct module *m, struct engine *e,
                      const struct bc_prefix *x,
                      int32_t priority)
{
    struct session_opts opts = { .pin = SESSION_PINNED_SOFT };
    struct error err;
    struct pin *pin = mem_zalloc(sizeof *pin);
    struct plan *plan = prefix_plan(m, x);
    if (!pin || !plan || session_new(e, &opts, &pin->session, &err) != ST_OK) {
        if (plan)
            plan_free(plan);
        mem_free(pin);
        return;
    }
    pin->engine = e;
    pin->hash = x->hash;
    pin->n_byte = x->n_byte;
    pin->next = p->first;
    p->first = pin;
    plan->prefill = true;
    plan->priority = priority;
    plan->sink = on_event;
    plan->sink_ctx = p;
    plan->user = pin;
    atomic_fetch_add(&p->refs, 1);
    p->n_flying++;
    pthread_mutex_unlock(&p->lock);
    enum status st = session_submit(pin->session, plan, &err);
    pthread_mutex_lock(&p->lock);
    if (st != ST_OK) {          /* refused at once: no event will come */
        pin->state = PIN_FAILED;
        p->n_flying--;
        atomic_fetch_sub(&p->refs, 1);
    }
}

static const struct pin *pin_find(const struct api_pins *p, const struct engine *e,
                                  struct hash128 hash)
{
    for (const struct pin *x = p->first; x; x = x->next)
        if (x->engine == e && x->hash.lo == hash.lo && x->hash.hi == hash.hi)
            return x;
    return NULL;
}

static uint64_t pinned_bytes(const struct api_pins *p, const struct engine *e)
{
    uint64_t n = 0;
    for (const struct pin *x = p->first; x; x = x->next)
        n += x->engine == e && x->state != PIN_FAILED ? x->n_byte : 0;
    return n;
}

static void bind_prefixes(struct api_pins *p, const struct module *m, struct engine *e,
                          const uint32_t *set,
                          int32_t priority)
{
    uint64_t room = (uint64_t)engine_info(e)->pool_tokens / PIN_SHARE * 2;
    pthread_mutex_lock(&p->lock);
    for (uint32_t i = 0; i < m->n_prefix; i++) {
        const struct bc_prefix *x = &m->prefix[i];
        bool test = (m->func[x->func].flags & (FUNC_TEST | FUNC_EVAL)) != 0;
        if (x->n_byte < PIN_MIN_BYTE || (set ? !bitset_has(set, x->func) : test) || pin_find(p, e,
                x->hash) ||
            pinned_bytes(p, e) + x->n_byte > room)
            continue;
        pin_start(p, m, e, x, priority);
    }
    pthread_mutex_unlock(&p->lock);
}

void api_bind(sgl_module *module, struct engine *e, uint32_t func)
{
    const struct module *m = module->m;
    if (!e || !module->pins || !m->n_prefix || !engine_info(e)->can_tokens ||
        !engine_info(e)->can_fork)
        return;
    uint32_t *set = mem_calloc(bitset_words(m->n_func) + 1, sizeof *set);
    uint32_t *stack = mem_calloc(m->n_func + 1u, sizeof *stack);
    if (set && stack) {
        reachable(m, func, set, stack);
        bind_prefixes(module->pins, m, e, set, -1);
    }
    mem_free(set);
    mem_free(stack);
}

sgl_status sgl_module_bind(sgl_module *module, sgl_engine *engine, size_t *ret_tokens,
                           sgl_error *err)
{
    struct api_pins *p = module->pins;
    const struct engine_info *info = engine_info(engine->e);
    size_t n = 0;
    if (!p)
        return api_nomem(err);
    if (info->can_tokens && info->can_fork)
        bind_prefixes(p, module->m, engine->e, NULL, 0);
    pthread_mutex_lock(&p->lock);
    while (p->n_flying)
        pthread_cond_wait(&p->landed, &p->lock);
    for (const struct pin *x = p->first; x; x = x->next)
        n += x->engine == engine->e && x->state == PIN_READY ? x->n_tok : 0;
    pthread_mutex_unlock(&p->lock);
    if (ret_tokens)
        *ret_tokens = n;
    return SGL_OK;
}
