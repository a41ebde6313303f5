/* automaton_close.c - the shortest text that completes a config. */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "compiler/pattern/automaton_int.h"

/* Most leaves and bytes of one completion.  A longer one is not begun.  Whole values are bounded
 * when they are compiled; twice as much is left for costs that are estimates.  A byte of some
 * counted loops is dear, so work is bounded too. */
enum { COMPLETE_LEAVES = 200000, COMPLETE_BYTES = 1 << 16, COMPLETE_WORK = 250000 };

/* The cheapest frame of a set; costs of frames are kept.  A stack can be deep, so the way down is
 * a loop: frames that are not measured yet are listed first and measured from the bottom. */
static uint32_t best_frame(struct family *f, uint32_t below, size_t *ret_cost);

static bool measure_frames(struct family *f, uint32_t below)
{
    uint32_t *list = NULL, n = 0, cap = 0;
    if (f->cap_close < f->n_frame) {
        uint32_t old = f->cap_close;
        if (!array_reserve(&f->close, &f->cap_close, f->n_frame + 64, sizeof *f->close))
            return false;
        memset(f->close + old, 0, (f->cap_close - old) * sizeof *f->close);
    }
    bool ok = true;
    for (uint32_t i = 0; i < f->set[below].n && ok; i++) {
        uint32_t *slot = array_push(&list, &n, &cap, sizeof *slot);
        ok = slot != NULL;
        if (ok)
            *slot = f->item[f->set[below].at + i];
    }
    while (n && ok) {
        uint32_t id = list[n - 1];
        if (!id || f->close[id]) {
            n--;
            continue;
        }
        struct set s = f->set[f->frame[id].below];
        uint32_t before = n;
        for (uint32_t i = 0; i < s.n && ok; i++) {
            uint32_t kid = f->item[s.at + i];
            if (!kid || f->close[kid])
                continue;
            uint32_t *slot = array_push(&list, &n, &cap, sizeof *slot);
            ok = slot != NULL;
            if (ok)
                *slot = kid;
        }
        if (n == before && ok) {
            size_t rest;
            best_frame(f, f->frame[id].below, &rest);
            f->close[id] = add_size(1, add_size(rest, rule_cost(&f->p->r, f->frame[id].ret)));
            n--;
        }
    }
    mem_free(list);
    return ok;
}

/* All frames of the set are measured.  Costs are kept plus one, so that zero is "unknown". */
static uint32_t best_frame(struct family *f, uint32_t below, size_t *ret_cost)
{
    struct set s = f->set[below];
    uint32_t best = 0;
    *ret_cost = SIZE_MAX;
    for (uint32_t i = 0; i < s.n; i++) {
        uint32_t id = f->item[s.at + i];
        size_t c = id ? f->close[id] - 1 : 0;
        if (c < *ret_cost) {
            *ret_cost = c;
            best = id;
        }
    }
    return best;
}

/* The cheapest way on of a thread, read at least one byte: with which label, where its leaf is a
 * switch.  *ret_q is the leaf state narrowed to that label. */
static size_t leaf_cost(struct family *f, const struct thread *t, uint32_t *ret_q)
{
    struct rules *r = &f->p->r;
    *ret_q = t->q;
    if (!terminal_has_labels(&r->t, t->q))
        return add_size(terminal_further(&r->t, t->q), rule_cost(r, t->g));
    uint32_t lo, hi, tried = 0;
    size_t best = SIZE_MAX;
    rule_labels(r, t->g, &lo, &hi);
    for (uint32_t l = hi; l-- > lo && tried < 64;) {
        uint32_t q = terminal_restrict(&r->t, t->q, l);
        if (q == TERM_DEAD)
            continue;
        tried++;
        size_t n = add_size(terminal_further(&r->t, q), rule_cost(r, rule_label(r, t->g, l)));
        if (n < best) {
            best = n;
            *ret_q = q;
        }
    }
    return best;
}

static size_t thread_cost(struct family *f, const struct thread *t, uint32_t *ret_q)
{
    size_t rest;
    if (!measure_frames(f, t->below)) {
        f->failed = true;
        return SIZE_MAX;
    }
    best_frame(f, t->below, &rest);
    return add_size(rest, leaf_cost(f, t, ret_q));
}

/* The leaf state that the shortest completion goes on from, TERM_DEAD: there is none.  *ret_cost:
 * bytes of that completion. */
static uint32_t best_thread(struct family *f, uint32_t config, size_t *ret_cost)
{
    const struct config c = f->config[config];
    uint32_t best = TERM_DEAD;
    size_t cost = SIZE_MAX;
    /* A leaf that may end here has ended in another thread, which needs no byte more for it.  Costs of
     * pretty texts are estimates, so this is not left to the comparison. */
    for (int late = 0; late < 2 && best == TERM_DEAD; late++)
        for (uint32_t i = 0; i < c.n; i++) {
            struct thread t = f->thread[c.at + i];
            const struct terminals *all = &f->p->r.t;
            uint32_t q;
            if (!late && terminal_accepts(all, t.q))
                continue;
            size_t n = thread_cost(f, &t, &q);
            if (n < cost) {
                cost = n;
                best = q;
            }
        }
    *ret_cost = cost;
    return best;
}

/* Byte by byte through the automaton, so that exits of leaves are followed as in reading: the
 * cheapest thread's leaf is completed, then the config it leads to is looked at again. */
enum status automaton_complete(struct family *f, uint32_t config, struct str *out)
{
    struct terminals *t = &f->p->r.t;
    pthread_mutex_lock(&f->p->lock);
    uint64_t work_most = t->ex.work + COMPLETE_WORK;
    pthread_mutex_unlock(&f->p->lock);
    for (uint32_t leaf = 0; !f->config[config].accepts; leaf++) {
        size_t from = out->len;
        pthread_mutex_lock(&f->p->lock);
        size_t cost;
        uint32_t q = best_thread(f, config, &cost);
        bool lost = q == TERM_DEAD && !rules_failed(&f->p->r) && !f->failed;
        bool ok = q != TERM_DEAD && add_size(cost, from) <= COMPLETE_BYTES &&
                  terminal_complete(t, q, work_most, out);
        pthread_mutex_unlock(&f->p->lock);
        if (!ok || out->failed || f->failed || leaf > COMPLETE_LEAVES)
            return out->failed ? ST_NOMEM : lost ? ST_INTERNAL : ST_LIMIT;
        for (size_t i = from; i < out->len; i++)
            config = automaton_step(f, config, (uint8_t)out->ptr[i]);
        if (config == CONFIG_DEAD)
            return ST_INTERNAL;
    }
    return ST_OK;
}

size_t automaton_distance(struct family *f, uint32_t config)
{
    struct str text = { 0 };
    size_t n = automaton_complete(f, config, &text) == ST_OK ? text.len : SIZE_MAX;
    str_free(&text);
    return n;
}
