/* poly.c - polynomials with whole coefficients that only grow. */
#include "compiler/poly.h"

#include <string.h>

/* ---- numbers ---- */

static uint64_t sum(uint64_t a, uint64_t b)
{
    uint64_t r;
    return __builtin_add_overflow(a, b, &r) ? UINT64_MAX : r;
}

static uint64_t product(uint64_t a, uint64_t b)
{
    uint64_t r;
    return __builtin_mul_overflow(a, b, &r) ? UINT64_MAX : r;
}

/* ---- terms ---- */

struct terms {
    struct poly_term at[POLY_MAX_TERM];
    uint32_t         n;
    bool             full;
};

static int compare(const struct poly_term *x, const struct poly_term *y)
{
    if (x->n_var != y->n_var)
        return x->n_var < y->n_var ? -1 : 1;
    return memcmp(x->var, y->var, x->n_var * sizeof *x->var);
}

/* Adds a term in its place: its coefficient to that of the same product, or the larger of both. */
static void put(struct terms *t, const struct poly_term *x, bool larger)
{
    uint32_t i = 0;
    if (!x->coef)
        return;
    while (i < t->n && compare(&t->at[i], x) < 0)
        i++;
    if (i < t->n && compare(&t->at[i], x) == 0) {
        uint64_t have = t->at[i].coef;
        t->at[i].coef = !larger ? sum(have, x->coef) : have > x->coef ? have : x->coef;
        return;
    }
    if (t->n == POLY_MAX_TERM) {
        t->full = true;
        return;
    }
    memmove(&t->at[i + 1], &t->at[i], (t->n - i) * sizeof t->at[0]);
    t->at[i] = *x;
    t->n++;
}

static struct poly finish(struct arena *a, const struct terms *t)
{
    if (t->full)
        return poly_unbounded();
    const struct poly_term *own = t->n ? arena_dup(a, t->at, t->n * sizeof t->at[0]) : NULL;
    if (t->n && !own)
        return poly_unbounded();
    return (struct poly){ own, t->n, false };
}

static bool times(const struct poly_term *x, const struct poly_term *y, struct poly_term *ret)
{
    *ret = (struct poly_term){ .coef = product(x->coef, y->coef), .n_var = x->n_var + y->n_var };
    if (ret->n_var > POLY_MAX_VAR)
        return false;
    uint32_t i = 0, k = 0;
    for (uint32_t n = 0; n < ret->n_var; n++)
        ret->var[n] = k == y->n_var || (i < x->n_var && x->var[i] <= y->var[k]) ? x->var[i++]
            : y->var[k++];
    return true;
}

/* ---- polynomials ---- */

struct poly poly_const(struct arena *a, uint64_t n)
{
    struct terms t = { .n = 0 };
    put(&t, &(struct poly_term){ .coef = n }, false);
    return finish(a, &t);
}

struct poly poly_name(struct arena *a, uint32_t var)
{
    struct terms t = { .n = 0 };
    put(&t, &(struct poly_term){ .coef = 1, .var = { var }, .n_var = 1 }, false);
    return finish(a, &t);
}

struct poly poly_unbounded(void)
{
    return (struct poly){ NULL, 0, true };
}

bool poly_is_zero(struct poly x)
{
    return !x.unbounded && !x.n;
}

bool poly_is_const(struct poly x, uint64_t *ret)
{
    if (x.unbounded || x.n > 1 || (x.n && x.term[0].n_var))
        return false;
    *ret = x.n ? x.term[0].coef : 0;
    return true;
}

static struct poly merge(struct arena *a, struct poly x, struct poly y, bool larger)
{
    struct terms t = { .n = 0 };
    if (x.unbounded || y.unbounded)
        return poly_unbounded();
    if (!x.n || !y.n)
        return x.n ? x : y;
    for (uint32_t i = 0; i < x.n; i++)
        put(&t, &x.term[i], larger);
    for (uint32_t i = 0; i < y.n; i++)
        put(&t, &y.term[i], larger);
    return finish(a, &t);
}

struct poly poly_add(struct arena *a, struct poly x, struct poly y)
{
    return merge(a, x, y, false);
}

struct poly poly_max(struct arena *a, struct poly x, struct poly y)
{
    return merge(a, x, y, true);
}

struct poly poly_mul(struct arena *a, struct poly x, struct poly y)
{
    struct terms t = { .n = 0 };
    struct poly_term z;
    if (poly_is_zero(x) || poly_is_zero(y))
        return poly_const(a, 0);
    if (x.unbounded || y.unbounded)
        return poly_unbounded();
    for (uint32_t i = 0; i < x.n; i++)
        for (uint32_t k = 0; k < y.n; k++) {
            if (!times(&x.term[i], &y.term[k], &z))
                return poly_unbounded();
            put(&t, &z, false);
        }
    return finish(a, &t);
}

struct poly poly_put(struct arena *a, struct poly x, struct poly (*by)(void *ctx, uint32_t var),
                     void *ctx)
{
    struct poly r = poly_const(a, 0);
    if (x.unbounded)
        return x;
    for (uint32_t i = 0; i < x.n; i++) {
        struct poly t = poly_const(a, x.term[i].coef);
        for (uint32_t k = 0; k < x.term[i].n_var; k++)
            t = poly_mul(a, t, by(ctx, x.term[i].var[k]));
        r = poly_add(a, r, t);
    }
    return r;
}

void poly_text(struct poly x, const struct poly_vars *vars, struct str *out)
{
    static const char *const open[] = { [POLY_LEN] = "len(", [POLY_BYTES] = "bytes(",
                                        [POLY_INT] = "",
                                       [POLY_CALL] = "tokens(", [POLY_LIVE] = "contexts(" };
    if (x.unbounded) {
        str_adds(out, "unbounded");
        return;
    }
    for (uint32_t i = 0; i < x.n; i++) {
        const struct poly_term *t = &x.term[i];
        str_adds(out, i ? " + " : "");
        bool number = t->coef != 1 || !t->n_var;
        if (number)
            str_addf(out, "%llu", (unsigned long long)t->coef);
        for (uint32_t k = 0; k < t->n_var; k++) {
            const struct poly_var *v = &vars->at[t->var[k]];
            str_adds(out, number || k ? "*" : "");
            str_adds(out, open[v->kind]);
            str_add_slice(out, v->name);
            str_adds(out, v->kind == POLY_INT ? "" : ")");
        }
    }
    if (!x.n)
        str_addc(out, '0');
}
