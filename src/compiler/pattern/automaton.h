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
/* The steps known so far, [256], CONFIG_UNKNOWN where automaton_step must be asked; it fills the
 * row.  Stays valid with the family.  NULL: out of memory. */
const uint32_t *automaton_row(struct family *f, uint32_t config);
bool     automaton_accepts(struct family *f, uint32_t config);      /* the text may end here */
bool     automaton_final(struct family *f, uint32_t config);        /* ... and cannot go on */
void     automaton_bytes(struct family *f, uint32_t config, uint32_t set[8]);   /* bytes that can follow */
size_t   family_bytes(const struct family *f);
bool     family_failed(const struct family *f);     /* a run-time budget was spent: the request fails */

/* Shortest text that completes the config, appended to *out. */
enum status automaton_complete(struct family *f, uint32_t config, struct str *out);
size_t      automaton_distance(struct family *f, uint32_t config);  /* its length in bytes */

/* A key under which masks of this config may be shared with other families, patterns and
 * requests: equal keys, equal futures within the longest token.  False when it has none. */
bool automaton_key(struct family *f, uint32_t config, struct hash128 *ret);

#endif
