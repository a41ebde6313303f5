/* stop.c - finding stop texts and stop patterns in a value that grows by tokens.
 *
 * Texts are looked for around the new bytes only.  Patterns run as automata started at every byte;
 * the ones still alive are kept between calls, and their first start bounds what is safe. */
#include "runtime/constrain/stop.h"

#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "compiler/pattern/automaton.h"

enum { RUN_MAX = 4096 };

struct run {
    size_t   start;
    uint32_t config;
};

struct stop_pattern {
    struct pattern *p;
    struct family  *f;
    struct run     *run;
    uint32_t        n, cap;
    size_t          done;       /* bytes of the value that were read */
};

struct stop {
    struct str          *text;
    uint32_t             n_text;
    struct stop_pattern *pat;
    uint32_t             n_pat;
    size_t               longest;
};

enum status stop_new(const struct slice *text, uint32_t n_text, const struct slice *regex,
                     uint32_t n_regex, struct stop **ret, struct error *err)
{
    *ret = NULL;
    if (!n_text && !n_regex)
        return ST_OK;
    struct stop *s = mem_zalloc(sizeof *s);
    if (!s)
        return error_nomem(err);
    s->text = mem_calloc(n_text + 1ul, sizeof *s->text);
    s->pat = mem_calloc(n_regex + 1ul, sizeof *s->pat);
    enum status st = s->text && s->pat ? ST_OK : error_nomem(err);
    for (uint32_t i = 0; i < n_text && st == ST_OK; i++) {
        str_add_slice(&s->text[s->n_text++], text[i]);
        if (s->text[i].failed)
            st = error_nomem(err);
        if (text[i].len > s->longest)
            s->longest = text[i].len;
    }
    for (uint32_t i = 0; i < n_regex && st == ST_OK; i++) {
        struct pattern_source src = { .kind = PATTERN_REGEX, .text = regex[i] };
        st = pattern_compile(&src, &s->pat[i].p, err);
        if (st == ST_OK) {
            s->n_pat++;
            st = family_new(s->pat[i].p, &s->pat[i].f, err);
        }
    }
    if (st != ST_OK) {
        stop_free(s);
        return st;
    }
    *ret = s;
    return ST_OK;
}

void stop_free(struct stop *s)
{
    if (!s)
        return;
    for (uint32_t i = 0; i < s->n_text; i++)
        str_free(&s->text[i]);
    for (uint32_t i = 0; i < s->n_pat; i++) {
        family_free(s->pat[i].f);
        pattern_unref(s->pat[i].p);
        mem_free(s->pat[i].run);
    }
    mem_free(s->text);
    mem_free(s->pat);
    mem_free(s);
}

static void better(struct stop_hit *best, bool *found, size_t at, size_t len, uint32_t which)
{
    if (*found && (at > best->at || (at == best->at && which >= best->which)))
        return;
    *best = (struct stop_hit){ at, len, which };
    *found = true;
}

static void find_texts(const struct stop *s, struct slice value, size_t from, size_t earliest,
                       struct stop_hit *best, bool *found)
{
    for (uint32_t i = 0; i < s->n_text; i++) {
        struct slice t = str_slice(&s->text[i]);
        size_t at = from + 1 > t.len ? from + 1 - t.len : 0;
        at = at < earliest ? earliest : at;
        if (!t.len || at > value.len)
            continue;
        size_t hit = slice_find(slice_sub(value, at, value.len), t);
        if (hit != SIZE_MAX)
            better(best, found, at + hit, t.len, i);
    }
}

/* Reads the bytes not read yet, keeping every start that is alive. */
static void find_pattern(struct stop_pattern *p, struct slice value, size_t from, size_t earliest,
                         uint32_t which, struct stop_hit *best, bool *found)
{
    if (from < p->done) {               /* the value was cut back: read it again */
        p->n = 0;
        p->done = earliest < value.len ? earliest : value.len;
    }
    if (p->done < earliest)
        p->done = earliest;
    bool hit = false;
    for (; p->done < value.len && !hit; p->done++) {
        struct run *slot = p->n < RUN_MAX ? array_push(&p->run, &p->n, &p->cap, sizeof *slot) : NULL;
        if (slot)
            *slot = (struct run){ p->done, automaton_start(p->f) };
        uint32_t n = 0;
        for (uint32_t i = 0; i < p->n; i++) {
            struct run r = p->run[i];
            r.config = automaton_step(p->f, r.config, (uint8_t)value.ptr[p->done]);
            if (r.config == CONFIG_DEAD)
                continue;
            if (automaton_accepts(p->f, r.config)) {
                better(best, found, r.start, p->done + 1 - r.start, which);
                hit = true;
            }
            p->run[n++] = r;
        }
        p->n = n;
    }
}

bool stop_find(struct stop *s, struct slice value, size_t from, size_t earliest,
               struct stop_hit *ret)
{
    struct stop_hit best = { 0 };
    bool found = false;
    if (!s)
        return false;
    find_texts(s, value, from, earliest, &best, &found);
    for (uint32_t i = 0; i < s->n_pat; i++)
        find_pattern(&s->pat[i], value, from, earliest, s->n_text + i, &best, &found);
    if (found)
        *ret = best;
    return found;
}

size_t stop_safe(struct stop *s, struct slice value)
{
    size_t safe = value.len;
    if (!s)
        return safe;
    for (uint32_t i = 0; i < s->n_text; i++) {
        struct slice t = str_slice(&s->text[i]);
        size_t n = t.len ? t.len - 1 : 0;
        n = n < value.len ? n : value.len;
        for (; n > 0; n--)
            if (slice_ends(value, slice_sub(t, 0, n)))
                break;
        safe = value.len - n < safe ? value.len - n : safe;
    }
    for (uint32_t i = 0; i < s->n_pat; i++)
        for (uint32_t k = 0; k < s->pat[i].n; k++)
            if (s->pat[i].run[k].start < safe)
                safe = s->pat[i].run[k].start;
    return safe;
}
