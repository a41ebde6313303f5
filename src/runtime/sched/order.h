/* order.h - who is admitted next.
 *
 *      hrrn      (waited + service) / service, greatest first: short work soon, long work surely
 *      fcfs      by arrival
 *      lpm       longest match in the tree first, aged by the rounds that passed it
 *      dfs       along the tree, the first pages that most requests share first
 *      random    for comparison
 *
 * Under every order those that are overdue come first, oldest first; then priority; then the
 * tenant that was served least.  A tenant is charged for prompt tokens that were computed and twice
 * for generated ones, divided by its weight; what was cached is free.  Only the scheduler thread uses an order. */
#ifndef RUNTIME_SCHED_ORDER_H
#define RUNTIME_SCHED_ORDER_H

#include "runtime/sched/request.h"

enum order_kind { ORDER_HRRN, ORDER_FCFS, ORDER_LPM, ORDER_DFS, ORDER_RANDOM };

struct order_opts {
    enum order_kind kind;
    uint32_t        max_wait_ms;    /* overdue after it; 0: 10 s */
    uint32_t        max_passes;     /* or after so many rounds that admitted others; 0: 256 */
};

struct order;

/* False: no order has this name. */
bool order_named(const char *name, enum order_kind *ret);

enum status order_new(const struct order_opts *opts, struct order **ret, struct error *err);
void        order_free(struct order *o);        /* NULL is fine */

/* A request comes, with its tenant; and ends.  Each exactly once. */
void order_join(struct order *o, struct request *r);
void order_leave(struct order *o, struct request *r);
/* What a request has cost its tenant. */
void order_charge(struct order *o, const struct request *r, uint32_t n_prompt, uint32_t n_generated);
/* Its answer is whole; and how many tokens more an answer will hardly go beyond, as its tenant's
 * lately were. */
void     order_note_answer(struct order *o, const struct request *r);
uint32_t order_likely_tokens(const struct order *o, const struct request *r);
/* What a step has cost, so that service can be foreseen. */
void order_measure(struct order *o, uint64_t ns, uint32_t n_row, bool has_prompt);

/* Best first.  Reads n_found of the requests as it was filled in last. */
void order_sort(struct order *o, struct request **r, uint32_t n, uint64_t now_ns);

#endif
