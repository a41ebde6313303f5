/* order.c - see order.h.
 *
 * Everything that is compared is computed once a sort and kept in the request, so a comparison
 * needs no context and a sort of a thousand requests stays far below the time of a step.
 *
 * Tenants have virtual counters, compared in quanta, so that a tenant is not switched at every
 * token.  One that comes back is lifted to the least of those that are active: having been away is
 * no credit. */
#include "runtime/sched/order.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hashmap.h"
#include "runtime/sched/lengths.h"

enum {
    MAX_WAIT_MS = 10000,
    LIKELY_TOKENS = 128,        /* of an answer, while none was seen */
    LEAST_TOKENS = 64,
    MAX_PASSES = 256,
    MAX_JUMPS = 8,              /* requests that may be admitted before one that did not fit */
    LPM_AGING = 64,             /* tokens of match that a round is worth */
    SHARE_QUANTUM = 8192,       /* charged tokens below which tenants count as equal */
    WEIGHT_ONE = 1000,
    MAX_TENANTS = 1024,         /* remembered; more share the first place */
};

struct tenant {
    uint64_t id;
    uint64_t charged;           /* tokens, divided by its weight */
    uint64_t rest;              /* of that division */
    uint32_t weight;            /* thousandths; as its last request said */
    uint32_t n_request;         /* that wait or run */
    struct lengths answers;     /* of those that ended well */
};

struct order {
    struct order_opts opts;
    uint64_t          max_wait_ns;
    double            step_ns, token_ns;    /* moving means of a step and of a prompt token */
    struct tenant    *tenant;               /* [MAX_TENANTS] */
    uint32_t          n_tenant;
    struct idmap      by_id;
};

static const struct {
    const char     *name;
    enum order_kind kind;
} names[] = {
    { "hrrn", ORDER_HRRN }, { "fcfs", ORDER_FCFS }, { "lpm", ORDER_LPM },
    { "dfs", ORDER_DFS },   { "random", ORDER_RANDOM },
};

bool order_named(const char *name, enum order_kind *ret)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i].name) != 0)
            continue;
        *ret = names[i].kind;
        return true;
    }
    return false;
}

enum status order_new(const struct order_opts *opts, struct order **ret, struct error *err)
{
    struct order *o = mem_zalloc(sizeof *o);
    if (!o)
        return error_nomem(err);
    o->opts = *opts;
    if (!o->opts.max_passes)
        o->opts.max_passes = MAX_PASSES;
    o->max_wait_ns = (uint64_t)(opts->max_wait_ms ? opts->max_wait_ms : MAX_WAIT_MS) * 1000000u;
    o->step_ns = 5e6;           /* until steps were measured */
    o->token_ns = 5e5;
    o->tenant = mem_calloc(MAX_TENANTS, sizeof *o->tenant);
    if (!o->tenant) {
        order_free(o);
        return error_nomem(err);
    }
    *ret = o;
    return ST_OK;
}

void order_free(struct order *o)
{
    if (!o)
        return;
    idmap_free(&o->by_id);
    mem_free(o->tenant);
    mem_free(o);
}

/* ---- tenants ---- */

/* A place for one more: a new one, or that of who is away and was charged least. */
static struct tenant *place(struct order *o)
{
    if (o->n_tenant < MAX_TENANTS)
        return &o->tenant[o->n_tenant++];
    struct tenant *best = NULL;
    for (uint32_t i = 0; i < MAX_TENANTS; i++) {
        struct tenant *t = &o->tenant[i];
        if (!t->n_request && (!best || t->charged < best->charged))
            best = t;
    }
    if (best)
        idmap_del(&o->by_id, best->id);
    return best;
}

static uint64_t least_active(const struct order *o)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < o->n_tenant; i++) {
        if (o->tenant[i].n_request && o->tenant[i].charged < least)
            least = o->tenant[i].charged;
    }
    return least == UINT64_MAX ? 0 : least;
}

void order_join(struct order *o, struct request *r)
{
    uint64_t at;
    struct tenant *t = NULL;
    if (idmap_get(&o->by_id, r->tenant, &at))
        t = &o->tenant[at];
    else if ((t = place(o)) != NULL) {
        *t = (struct tenant){ .id = r->tenant };
        idmap_put(&o->by_id, r->tenant, (uint64_t)(t - o->tenant));
    } else {
        t = &o->tenant[0];
    }
    if (!t->n_request) {
        uint64_t least = least_active(o);
        t->charged = t->charged > least ? t->charged : least;
    }
    t->weight = r->weight ? r->weight : WEIGHT_ONE;
    t->n_request++;
    r->tenant_at = (uint32_t)(t - o->tenant);
    r->joined = true;
}

void order_leave(struct order *o, struct request *r)
{
    if (!r->joined)
        return;
    r->joined = false;
    o->tenant[r->tenant_at].n_request--;
}

void order_charge(struct order *o, const struct request *r, uint32_t n_prompt, uint32_t n_generated)
{
    struct tenant *t = &o->tenant[r->tenant_at];
    t->rest += (uint64_t)WEIGHT_ONE * (n_prompt + 2u * n_generated);
    t->charged += t->rest / t->weight;
    t->rest %= t->weight;
}

void order_note_answer(struct order *o, const struct request *r)
{
    lengths_note(&o->tenant[r->tenant_at].answers, r->n_value);
}

uint32_t order_likely_tokens(const struct order *o, const struct request *r)
{
    uint32_t high = lengths_high(&o->tenant[r->tenant_at].answers);
    uint32_t all = !high ? LIKELY_TOKENS : high > LEAST_TOKENS ? high : LEAST_TOKENS;
    return all > r->n_value + LEAST_TOKENS ? all - r->n_value : LEAST_TOKENS;
}

/* ---- service ---- */

void order_measure(struct order *o, uint64_t ns, uint32_t n_row, bool has_prompt)
{
    o->step_ns += ((double)ns - o->step_ns) / 16;
    if (has_prompt && n_row)
        o->token_ns += ((double)ns / n_row - o->token_ns) / 16;
}

/* Time over service, or whatever else the order goes by; greatest first. */
static double rank_of(const struct order *o, const struct request *r, uint64_t now_ns)
{
    double waited = now_ns > r->submit_ns ? (double)(now_ns - r->submit_ns) : 0;
    uint32_t n_todo = r->tl->tok.n - r->n_found;
    double service = o->step_ns + n_todo * o->token_ns;
    switch (o->opts.kind) {
    case ORDER_HRRN:
        return (waited + service) / service;
    case ORDER_LPM:
        return (double)r->n_found + (double)LPM_AGING * r->n_pass;
    case ORDER_RANDOM:
        return (double)(hash_u64(r->arrival) >> 11);
    case ORDER_DFS:
        return r->n_alike;
    case ORDER_FCFS:
        break;
    }
    return 0;
}

/* ---- comparing ---- */

static int by_text(const struct request *a, const struct request *b)
{
    if (a->tl->ns.hi != b->tl->ns.hi)
        return a->tl->ns.hi < b->tl->ns.hi ? -1 : 1;
    if (a->tl->ns.lo != b->tl->ns.lo)
        return a->tl->ns.lo < b->tl->ns.lo ? -1 : 1;
    uint32_t n = a->n_found < b->n_found ? a->n_found : b->n_found;
    for (uint32_t i = 0; i < n; i++) {
        if (a->tl->tok.id[i] != b->tl->tok.id[i])
            return a->tl->tok.id[i] < b->tl->tok.id[i] ? -1 : 1;
    }
    return (a->n_found > n) - (b->n_found > n);
}

static int by_arrival(const struct request *a, const struct request *b)
{
    return a->arrival < b->arrival ? -1 : a->arrival > b->arrival;
}

static int compare(const void *x, const void *y)
{
    const struct request *a = *(struct request *const *)x;
    const struct request *b = *(struct request *const *)y;
    if (a->overdue != b->overdue)
        return a->overdue ? -1 : 1;
    if (a->overdue)
        return by_arrival(a, b);
    if (a->priority != b->priority)
        return a->priority > b->priority ? -1 : 1;
    if (a->share != b->share)
        return a->share < b->share ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank > b->rank ? -1 : 1;
    int c = a->by_text ? by_text(a, b) : 0;
    return c ? c : by_arrival(a, b);
}

static int compare_text(const void *x, const void *y)
{
    const struct request *a = *(struct request *const *)x;
    const struct request *b = *(struct request *const *)y;
    int c = by_text(a, b);
    return c ? c : by_arrival(a, b);
}

/* Neighbours in the order of their texts that begin with the same token are one subtree. */
static void weigh_subtrees(struct request **r, uint32_t n)
{
    qsort(r, n, sizeof *r, compare_text);
    for (uint32_t from = 0; from < n;) {
        uint32_t to = from + 1;
        while (to < n && r[from]->n_found && r[to]->n_found &&
               memcmp(&r[to]->tl->ns, &r[from]->tl->ns, sizeof r[to]->tl->ns) == 0 &&
               r[to]->tl->tok.id[0] == r[from]->tl->tok.id[0])
            to++;
        for (uint32_t i = from; i < to; i++)
            r[i]->n_alike = to - from;
        from = to;
    }
}

void order_sort(struct order *o, struct request **r, uint32_t n, uint64_t now_ns)
{
    if (o->opts.kind == ORDER_DFS)
        weigh_subtrees(r, n);
    for (uint32_t i = 0; i < n; i++) {
        struct request *x = r[i];
        x->overdue = now_ns > x->submit_ns + o->max_wait_ns || x->n_pass >= o->opts.max_passes ||
                     x->n_jumped >= MAX_JUMPS;
        x->share = o->tenant[x->tenant_at].charged / SHARE_QUANTUM;
        x->rank = rank_of(o, x, now_ns);
        x->by_text = o->opts.kind != ORDER_FCFS && o->opts.kind != ORDER_RANDOM;
    }
    qsort(r, n, sizeof *r, compare);
}
