/* plan.c - making plans and freeing what comes back: plain data in one arena each.
 *
 * Builders are sticky: a failed allocation marks the arena, and plan_ok tells at the end. */
#include "runtime/engine/plan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "runtime/engine/engine_int.h"

static const char *const role_name[PLAN_N_ROLE] = { "system", "user", "assistant", "tool" };

const char *plan_role_name(enum plan_role role)
{
    return role_name[role];
}

bool plan_role_by_name(const char *name, enum plan_role *ret)
{
    for (int i = 0; i < PLAN_N_ROLE; i++) {
        if (strcmp(name, role_name[i]) == 0) {
            *ret = (enum plan_role)i;
            return true;
        }
    }
    return false;
}

/* The plan lives outside its arena, so that freeing the arena does not free the handle under us. */
struct plan *plan_new(void)
{
    struct plan *p = mem_zalloc(sizeof *p);
    if (p)
        hole_init(&p->hole, HOLE_NONE);
    return p;
}

void plan_free(struct plan *p)
{
    if (!p)
        return;
    arena_free(&p->arena);
    mem_free(p);
}

static struct plan_op *add_op(struct plan *p, enum plan_op_kind kind)
{
    if (p->n_op == p->cap_op) {
        uint32_t cap = p->cap_op ? p->cap_op * 2 : 8;
        struct plan_op *op = arena_array(&p->arena, cap, sizeof *op);
        if (!op)
            return NULL;
        if (p->n_op)
            memcpy(op, p->op, p->n_op * sizeof *op);
        p->op = op;
        p->cap_op = cap;
    }
    struct plan_op *op = &p->op[p->n_op++];
    *op = (struct plan_op){ .kind = kind };
    return op;
}

void plan_text(struct plan *p, enum plan_op_kind kind, struct slice bytes)
{
    struct slice copy = arena_slice(&p->arena, bytes);
    struct plan_op *op = add_op(p, kind);
    if (op)
        op->bytes = copy;
}

void plan_tokens(struct plan *p, const uint32_t *id, uint32_t n)
{
    uint32_t *copy = arena_dup(&p->arena, id, (size_t)n * sizeof *id);
    struct plan_op *op = add_op(p, PLAN_TOKENS);
    if (op) {
        op->id = copy;
        op->n_id = copy ? n : 0;
    }
}

void plan_turn(struct plan *p, enum plan_op_kind kind, enum plan_role role)
{
    struct plan_op *op = add_op(p, kind);
    if (op)
        op->role = role;
}

void plan_seal(struct plan *p)
{
    add_op(p, PLAN_SEAL);
}

bool plan_ok(const struct plan *p)
{
    return !p->arena.failed;
}

void hole_init(struct hole *h, enum hole_kind kind)
{
    *h = (struct hole){
        .kind = kind,
        .constraint = { .kind = PATTERN_REGEX },
        .max = 512,
        .heal = true,
        .force = true,
        .temp = NAN,
        .top_p = NAN,
        .min_p = NAN,
        .repetition_penalty = NAN,
        .top_k = INT32_MIN,
        .use_model_defaults = true,
    };
}

static int by_bytes(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;
    int c = memcmp(x->ptr, y->ptr, x->len < y->len ? x->len : y->len);
    return c ? c : (x->len > y->len) - (x->len < y->len);
}

/* In byte order a path shares the longest beginning with its neighbour. */
uint32_t plan_trie_nodes(const struct slice *path, uint32_t n)
{
    enum { STEP = 4 };
    struct slice *sorted = mem_calloc(n + 1u, sizeof *sorted);
    uint32_t nodes = 0;
    if (!sorted)
        return 0;
    if (n)
        memcpy(sorted, path, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_bytes);
    for (uint32_t i = 0; i < n; i++) {
        size_t same = 0;
        while (i && same < sorted[i].len && same < sorted[i - 1].len &&
               sorted[i].ptr[same] == sorted[i - 1].ptr[same])
            same++;
        nodes += (uint32_t)((sorted[i].len + STEP - 1) / STEP - same / STEP);
    }
    mem_free(sorted);
    return nodes;
}

void plan_result_free(struct plan_result *r)
{
    if (!r)
        return;
    arena_free(&r->arena);
    mem_free(r);
}

const char *finish_name(enum finish f)
{
    switch (f) {
    case FINISH_NONE:     return "none";
    case FINISH_COMPLETE: return "complete";
    case FINISH_EOS:      return "eos";
    case FINISH_TEXT:     return "text";
    case FINISH_STOP:     return "stop";
    case FINISH_CLOSED:   return "closed";
    case FINISH_LENGTH:   return "length";
    }
    return "none";
}
