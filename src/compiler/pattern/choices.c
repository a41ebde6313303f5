/* choices.c - unions of many texts as expressions.
 *
 *      "na" ( "me" | "tion" )      common beginnings are read once
 *
 * Keys of an object are such a union at every place, each time without those that came before.  The
 * parts of a union in which no text is missing are the same as at the place before, and are kept. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "compiler/pattern/expr_int.h"

enum { NEST_MAX = 1000 };

struct choice {
    struct slice text;
    uint32_t     tail, number;
};

struct choices {
    uint32_t      n;
    struct idmap  whole;        /* part first << 32 | end -> its expression with all texts in it */
    struct choice c[];          /* sorted by text */
};

/* The union of c[i..j) at work: texts whose number is in from..to - 1. */
struct making {
    struct expr_pool     *p;
    struct choices       *all;
    uint32_t              from, to;
};

static int by_text(const void *a, const void *b)
{
    const struct choice *x = a, *y = b;
    int c = slice_cmp(x->text, y->text);
    return c ? c : (x->number > y->number) - (x->number < y->number);
}

static uint32_t first_cp(struct slice s, size_t at, int *ret_len)
{
    uint32_t cp = 0xfffd;
    *ret_len = utf8_decode(s.ptr + at, s.ptr + s.len, &cp);
    if (*ret_len < 1)
        *ret_len = 1;
    return cp;
}

/* Where texts c[0..n) that agree in their first `at` bytes part; at the end of the one. */
static size_t parting(const struct choice *c, uint32_t n, size_t at)
{
    size_t end = at;
    if (n == 1)
        return c[0].text.len;
    while (end < c[0].text.len && end < c[n - 1].text.len && c[0].text.ptr[end] == c[n - 1].text.ptr[end])
        end++;
    while (end > at && end < c[0].text.len && ((uint8_t)c[0].text.ptr[end] & 0xc0) == 0x80)
        end--;
    return end;
}

/* text[at..end), then e: built from its end. */
static uint32_t spelled(struct expr_pool *p, struct slice text, size_t at, size_t end, uint32_t e)
{
    while (end > at && p->failed == ST_OK) {
        size_t b = end - 1;
        while (b > at && ((uint8_t)text.ptr[b] & 0xc0) == 0x80)
            b--;
        int len;
        uint32_t cp = first_cp(text, b, &len);
        e = expr_cat(p, expr_range(p, cp, cp), e);
        end = b;
    }
    return e;
}

/* How many of c[i..j) are in the window. */
static uint32_t n_inside(const struct making *m, uint32_t i, uint32_t j)
{
    uint32_t n = 0;
    for (; i < j; i++)
        n += m->all->c[i].number >= m->from && m->all->c[i].number < m->to;
    return n;
}

static uint32_t part(struct making *m, uint32_t i, uint32_t j, size_t at);

/* Texts of the part that agree in `end` bytes, grouped by the code point behind them. */
static uint32_t arms_of(struct making *m, uint32_t i, uint32_t j, size_t end)
{
    struct expr_pool *p = m->p;
    const struct choice *c = m->all->c;
    struct ids arms = { 0 };
    while (i < j && p->failed == ST_OK) {
        if (c[i].text.len <= end) {
            if (n_inside(m, i, i + 1))
                expr_ids_push(p, &arms, c[i].tail);
            i++;
            continue;
        }
        int len, len2;
        uint32_t cp = first_cp(c[i].text, end, &len), k = i + 1;
        while (k < j && c[k].text.len > end && first_cp(c[k].text, end, &len2) == cp)
            k++;
        if (n_inside(m, i, k))
            expr_ids_push(p, &arms, expr_cat(p, expr_range(p, cp, cp), part(m, i, k, end + (size_t)len)));
        i = k;
    }
    uint32_t e = arms.n == 1 ? arms.id[0] : expr_or(p, arms.id, arms.n);
    mem_free(arms.id);
    return e;
}

/* c[i..j), some of them in the window, from byte `at` on.  Single texts are spelled without recursion;
 * the recursion is on branching points, whose depth is bounded. */
static uint32_t part(struct making *m, uint32_t i, uint32_t j, size_t at)
{
    const struct choice *c = m->all->c;
    uint64_t key = (uint64_t)i << 32 | j, known;
    bool whole = n_inside(m, i, j) == j - i;
    if (whole && j - i > 1 && idmap_get(&m->all->whole, key, &known))
        return (uint32_t)known;
    if (m->p->nest >= NEST_MAX)
        return expr_give_up(m->p, ST_LIMIT);
    m->p->nest++;
    size_t end = parting(c + i, j - i, at);
    uint32_t e = spelled(m->p, c[i].text, at, end, arms_of(m, i, j, end));
    m->p->nest--;
    if (whole && j - i > 1 && !idmap_put(&m->all->whole, key, e))
        return expr_give_up(m->p, ST_NOMEM);
    return e;
}

struct choices *choices_new(const struct slice *text, const uint32_t *tail, uint32_t n)
{
    struct choices *x = mem_alloc(sizeof *x + n * sizeof x->c[0]);
    if (!x)
        return NULL;
    x->n = n;
    x->whole = (struct idmap){ 0 };
    for (uint32_t i = 0; i < n; i++)
        x->c[i] = (struct choice){ text[i], tail ? tail[i] : EXPR_EPS, i };
    qsort(x->c, n, sizeof x->c[0], by_text);
    return x;
}

void choices_free(struct choices *x)
{
    if (!x)
        return;
    idmap_free(&x->whole);
    mem_free(x);
}

uint32_t choices_expr(struct expr_pool *p, struct choices *x, uint32_t from, uint32_t to)
{
    struct making m = { p, x, from, to };
    return n_inside(&m, 0, x->n) ? part(&m, 0, x->n, 0) : EXPR_EMPTY;
}

uint32_t expr_choices(struct expr_pool *p, const struct slice *text, const uint32_t *tail, uint32_t n)
{
    struct choices *x = choices_new(text, tail, n);
    if (!x)
        return expr_give_up(p, ST_NOMEM);
    uint32_t e = choices_expr(p, x, 0, n);
    choices_free(x);
    return e;
}
