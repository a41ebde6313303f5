/* overlap.c - questions about where the texts of a pattern end: whether two patterns share one, and
 * whether a whole value could still go on.
 *
 * Both are searches over configs, breadth first, so that what is found is the shortest witness.
 * They are bounded in steps: beyond the bound the answer is "not found", which costs a warning and
 * never a refusal. */

#include "base/alloc.h"
#include "base/array.h"
#include "base/hashmap.h"
#include "compiler/pattern/automaton.h"

enum { STEP_MAX = 60000 };

struct place {              /* reached from place `from` by `byte`; the first one from itself */
    uint32_t a, b;
    uint32_t from;
    uint8_t  byte;
};

struct search {
    struct family *fa, *fb;         /* fb NULL: one pattern only */
    struct place  *at;
    uint32_t       n, cap;
    uint32_t       steps;
    struct idmap   seen;
    bool           failed;
};

static void search_add(struct search *s, uint32_t a, uint32_t b, uint32_t from, uint8_t byte)
{
    uint64_t key = (uint64_t)a << 32 | b, known;
    if (idmap_get(&s->seen, key, &known))
        return;
    struct place *p = array_push(&s->at, &s->n, &s->cap, sizeof *p);
    if (!p || !idmap_put(&s->seen, key, 1)) {
        s->failed = true;
        return;
    }
    *p = (struct place){ a, b, from, byte };
}

/* Every way on from place i. */
static void search_step(struct search *s, uint32_t i)
{
    uint32_t set[8], other[8];
    struct place at = s->at[i];
    automaton_bytes(s->fa, at.a, set);
    if (s->fb) {
        automaton_bytes(s->fb, at.b, other);
        for (int k = 0; k < 8; k++)
            set[k] &= other[k];
    }
    for (uint32_t byte = 0; byte < 256 && !s->failed; byte++) {
        if (!(set[byte / 32] >> (byte % 32) & 1))
            continue;
        if (++s->steps > STEP_MAX)
            return;
        uint32_t a = automaton_step(s->fa, at.a, (uint8_t)byte), b = 0;
        if (a == CONFIG_DEAD)
            continue;
        if (s->fb && (b = automaton_step(s->fb, at.b, (uint8_t)byte)) == CONFIG_DEAD)
            continue;
        search_add(s, a, b, i, (uint8_t)byte);
    }
}

static void search_text(const struct search *s, uint32_t i, struct str *out)
{
    size_t from = out->len;
    for (; s->at[i].from != i; i = s->at[i].from)
        str_addc(out, (char)s->at[i].byte);
    for (size_t lo = from, hi = out->len; lo + 1 < hi; lo++, hi--) {
        char x = out->ptr[lo];
        out->ptr[lo] = out->ptr[hi - 1];
        out->ptr[hi - 1] = x;
    }
}

static void search_free(struct search *s)
{
    family_free(s->fa);
    family_free(s->fb);
    mem_free(s->at);
    idmap_free(&s->seen);
}

bool pattern_common(struct pattern *a, struct pattern *b, struct str *ret)
{
    struct search s = { 0 };
    bool found = false;
    if (family_new(a, &s.fa, NULL) == ST_OK && family_new(b, &s.fb, NULL) == ST_OK)
        search_add(&s, automaton_start(s.fa), automaton_start(s.fb), 0, 0);
    for (uint32_t i = 0; i < s.n && !found && !s.failed && s.steps <= STEP_MAX; i++) {
        found = automaton_accepts(s.fa, s.at[i].a) && automaton_accepts(s.fb, s.at[i].b);
        if (found)
            search_text(&s, i, ret);
        else
            search_step(&s, i);
    }
    search_free(&s);
    return found;
}

bool pattern_goes_on(struct pattern *p, uint8_t byte, struct str *ret)
{
    struct search s = { 0 };
    bool found = false;
    if (family_new(p, &s.fa, NULL) == ST_OK)
        search_add(&s, automaton_start(s.fa), 0, 0, 0);
    for (uint32_t i = 0; i < s.n && !found && !s.failed && s.steps <= STEP_MAX; i++) {
        found = automaton_accepts(s.fa, s.at[i].a) &&
                automaton_step(s.fa, s.at[i].a, byte) != CONFIG_DEAD;
        if (found)
            search_text(&s, i, ret);
        else
            search_step(&s, i);
    }
    search_free(&s);
    return found;
}
