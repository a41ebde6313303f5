/* score.h - choosing among options by what the model thinks of them (LANGUAGE.md 7.1).
 *
 * Two halves: score_solve is arithmetic on a table of log-probabilities and knows no model; a
 * score_job (score_job.c) fills the table, walking the trie of all options in as few rows as it
 * can. */
#ifndef RUNTIME_SCHED_SCORE_H
#define RUNTIME_SCHED_SCORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/rng.h"
#include "base/str.h"

enum score_by { SCORE_JOINT, SCORE_MEAN, SCORE_GREEDY, SCORE_PMI, SCORE_SAMPLE };

/* What decides the end of an option: the text behind it, the end of the turn, or neither. */
enum score_next { SCORE_OPEN, SCORE_TEXT, SCORE_TURN_END };

struct score_option {
    struct slice    text;
    const uint32_t *tok;        /* canonical tokens of what healing took back and the option */
    uint32_t        n_tok;
};

struct score_opts {
    const struct score_option *option;
    uint32_t                   n_option;
    enum score_by              by;
    enum score_next            next;
    struct slice               follow;
    double                     temp;
    struct rng_key             key;
    bool                       keep;    /* the chosen option becomes part of the context */
};

/* One row an option, in the order of options. */
struct score_row {
    const double *lp;           /* [n] */
    const double *u;            /* [n], for PMI only */
    double        end;
    uint32_t      n;
};

struct score_result {
    uint32_t chosen;
    double  *prob;              /* [n_option]; the caller's memory */
    double  *lp;                /* [n_lp] of the chosen option's tokens, or NULL */
    uint32_t n_lp;
    bool     kept;              /* the chosen option's tokens are in the context already */
};

/* Fills *ret_chosen and prob[n].  Sums run left to right in double precision; on a tie the earlier
 * option wins. */
enum status score_solve(const struct score_row *row, uint32_t n, enum score_by by, double temp,
                        struct rng_key key, uint32_t *ret_chosen, double *prob, struct error *err);

#endif
