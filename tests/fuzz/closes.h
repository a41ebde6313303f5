/* closes.h - compiling for fuzz targets, and what every pattern promises: it has a shortest text, and
 * reads it. */
#ifndef TESTS_FUZZ_CLOSES_H
#define TESTS_FUZZ_CLOSES_H

#include "compiler/pattern/automaton.h"

/* No shortest text is longer. */
enum { CLOSES_BYTES = 1 << 15 };

/* False only where there is no excuse: neither the pattern nor the request is too large.  Work that
 * runs out is one, but not on the way to a text that does not end. */
static inline bool pattern_closes(struct pattern *p)
{
    struct family *f = NULL;
    struct str s = { 0 };
    bool ok = family_new(p, &f, NULL) != ST_OK;
    enum status st = ok ? ST_OK : automaton_complete(f, automaton_start(f), &s);
    if (!ok && st == ST_OK)
        ok = pattern_accepts(p, str_slice(&s), NULL);
    ok = ok || (st == ST_LIMIT && s.len <= CLOSES_BYTES);
    ok = ok || family_failed(f) || pattern_spent(p);
    family_free(f);
    str_free(&s);
    return ok;
}

/* NULL where the source is refused. */
static inline struct pattern *pattern_promised(const struct pattern_source *src)
{
    struct pattern *p = NULL;
    struct error err = { 0 };
    if (pattern_compile(src, &p, &err) != ST_OK)
        return NULL;
    if (!pattern_closes(p))
        __builtin_trap();
    return p;
}

#endif
