/* automaton.h - running a pattern byte by byte.
 *
 * A config is everything that the future depends on: the set of live threads.  Configs are
 * interned in a family; equal histories give equal ids, so an id can be kept, compared and gone
 * back to.  A family belongs to one thread at a time; families of one pattern are independent.
 *
 * Config 0 is DEAD: no text of the language begins so.  Every other config has a completion. */
#ifndef COMPILER_PATTERN_AUTOMATON_H
#define COMPILER_PATTERN_AUTOMATON_H

#include <stdbool.h>
#include <stdint.h>

#include "compiler/pattern/pattern.h"

struct family;

enum { CONFIG_DEAD = 0 };
#define CONFIG_UNKNOWN UINT32_MAX

enum status family_new(struct pattern *p, struct family **ret, struct error *err);  /* takes a reference */
void        family_free(struct family *f);

uint32_t automaton_start(struct family *f);
/* The config after one more byte.  CONFIG_DEAD also when a budget is spent: see family_failed. */
uint32_t automaton_step(struct family *f, uint32_t config, uint8_t byte);
/* The config after as many of the bytes as live; *ret_n: how many.  The same as stepping, but what lies
 * between bytes that end no leaf is not made. */
uint32_t automaton_read(struct family *f, uint32_t config, struct slice s, size_t *ret_n);
/* The steps known so far, [256], CONFIG_UNKNOWN where automaton_step must be asked; it fills the
 * row.  Stays valid with the family.  NULL: out of memory. */
const uint32_t *automaton_row(struct family *f, uint32_t config);
bool     automaton_accepts(struct family *f, uint32_t config);      /* the text may end here */
bool     automaton_final(struct family *f, uint32_t config);        /* ... and cannot go on */
void     automaton_bytes(struct family *f, uint32_t config, uint32_t set[8]);   /* bytes that can follow */
/* The same as a superset, at less cost: no other byte can follow. */
void     automaton_first(struct family *f, uint32_t config, uint32_t set[8]);
size_t   family_bytes(const struct family *f);
bool     family_failed(const struct family *f);     /* a run-time budget was spent: the request fails */

/* ---- for masks computed leaf by leaf ---- */

struct terminals;

uint32_t automaton_n_thread(struct family *f, uint32_t config);
/* The leaf state of thread i. */
uint32_t automaton_leaf(struct family *f, uint32_t config, uint32_t i);
/* The config of thread i alone. */
uint32_t automaton_only(struct family *f, uint32_t config, uint32_t i);
/* The config behind the leaf of thread i, by its label (0 where the leaf has none).  What the leaf
 * read may be left open: then configs behind it can be in doubt.  CONFIG_UNKNOWN: the text that was
 * read matters there. */
uint32_t automaton_leave(struct family *f, uint32_t config, uint32_t i, uint32_t label);
/* Whether automaton_leave would answer CONFIG_UNKNOWN. */
bool     automaton_leave_matters(struct family *f, uint32_t config, uint32_t i);
/* The labels with which thread i may leave lie in lo..hi, hi excluded; not all of those may be left by. */
void     automaton_labels(struct family *f, uint32_t config, uint32_t i, uint32_t *ret_lo, uint32_t *ret_hi);
bool     automaton_may_leave(struct family *f, uint32_t config, uint32_t i, uint32_t label);
/* Steps to this config used something that was left open: it must be reached exactly instead. */
bool     automaton_doubt(struct family *f, uint32_t config);
/* The leaves of the pattern, locked until automaton_unlock; other calls of this header lock too. */
struct terminals *automaton_lock(struct family *f);
void     automaton_unlock(struct family *f);

/* Shortest text that completes the config, appended to *out. */
enum status automaton_complete(struct family *f, uint32_t config, struct str *out);
size_t      automaton_distance(struct family *f, uint32_t config);  /* its length in bytes */

#endif
