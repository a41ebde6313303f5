/* value_seen.c - names of an object and items of a unique array that are used up.
 *
 * A list of them is a number: an entry points to the one below it, and equal lists have equal
 * numbers, so that states behind the same texts are the same state.  Items are kept as they are
 * spelled, which is enough because each value has one spelling where it must be told from others;
 * strings and other scalars are kept apart, for "1" is not 1. */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "compiler/pattern/value_int.h"

uint32_t value_n_seen(const struct rules *r, uint32_t seen)
{
    seen &= ~SEEN_UNNAMED;
    return seen ? r->name[seen].n : 0;
}

/* Everything but the texts of that kind on the list; each entry keeps its answer. */
static uint32_t others(struct rules *r, uint32_t seen, bool word)
{
    if (r->name[seen].others[word])
        return r->name[seen].others[word];
    struct slice *text = mem_calloc(r->name[seen].n, sizeof *text);
    uint32_t n = 0;
    if (!text) {
        rules_fail(r, ST_NOMEM);
        return EXPR_ALL;
    }
    for (uint32_t i = seen; i; i = r->name[i].below)
        if (r->name[i].word == word)
            text[n++] = r->name[i].text;
    uint32_t e = n ? expr_not(&r->t.ex, expr_choices(&r->t.ex, text, NULL, n)) : EXPR_ALL;
    mem_free(text);
    r->name[seen].others[word] = e;
    return e;
}

uint32_t value_unused(struct rules *r, uint32_t e, uint32_t seen, bool word)
{
    seen &= ~SEEN_UNNAMED;
    if (!seen || e == EXPR_EMPTY)
        return e;
    uint64_t key = (uint64_t)e << 32 | (uint64_t)seen << 1 | word, known;
    if (idmap_get(&r->unused, key, &known))
        return (uint32_t)known;
    uint32_t left = expr_and2(&r->t.ex, e, others(r, seen, word));
    if (!rules_failed(r) && !idmap_put(&r->unused, key, left))
        rules_fail(r, ST_NOMEM);
    return left;
}

/* Undoes the canonical spelling of a JSON string in place. */
static size_t unescape(char *s, size_t n)
{
    static const char from[] = "btnfr", to[] = "\b\t\n\f\r";
    size_t out = 0;
    for (size_t i = 0; i < n; i++) {
        if (s[i] != '\\' || i + 1 >= n) {
            s[out++] = s[i];
            continue;
        }
        const char *k = strchr(from, s[++i]);
        if (s[i] == 'u' && i + 4 < n) {
            int v = 0;
            for (int d = 1; d <= 4; d++)
                v = v * 16 + (s[i + (size_t)d] <= '9' ? s[i + (size_t)d] - '0' : s[i + (size_t)d] - 'a' + 10);
            s[out++] = (char)v;
            i += 4;
        } else {
            s[out++] = k ? to[k - from] : s[i];
        }
    }
    return out;
}

/* The list with one text more. */
static uint32_t add_seen(struct rules *r, uint32_t below, struct slice text, bool word)
{
    struct str key = { 0 };
    uint64_t known;
    str_add(&key, (const char *)&below, sizeof below);
    str_addc(&key, word);
    str_add_slice(&key, text);
    if (!key.failed && hashmap_get(&r->by_name, str_slice(&key), &known)) {
        str_free(&key);
        return (uint32_t)known;
    }
    struct slice kept = key.failed ? (struct slice){ 0 } : arena_slice(&r->arena, str_slice(&key));
    str_free(&key);
    struct name_list *x = kept.ptr ? array_push(&r->name, &r->n_name, &r->cap_name, sizeof *x) : NULL;
    if (!x || !hashmap_put(&r->by_name, kept, r->n_name - 1)) {
        rules_fail(r, ST_NOMEM);
        return 0;
    }
    *x = (struct name_list){ .below = below, .text = slice_sub(kept, sizeof below + 1, text.len), .word = word,
                             .n = value_n_seen(r, below) + 1 };
    return r->n_name - 1;
}

uint32_t value_captured(struct rules *r, uint32_t state, struct slice text)
{
    struct rule_state s = r->st[state];
    bool word = text.len < 2 || text.ptr[0] != '"';
    uint32_t open = s.seen & SEEN_UNNAMED;
    char *copy = mem_alloc(text.len + 1);
    if (!copy) {
        rules_fail(r, ST_NOMEM);
        return 0;
    }
    size_t n = word ? text.len : text.len - 2;
    memcpy(copy, text.ptr + !word, n);
    if (!word)
        n = unescape(copy, n);
    s.seen = add_seen(r, s.seen & ~SEEN_UNNAMED, (struct slice){ copy, n }, word) | open;
    mem_free(copy);
    s.phase = s.kind == RULE_ARRAY ? PH_AFTER : PH_COLON;
    return rule_intern(r, s);
}

bool value_unnamed(struct rules *r, uint32_t state, uint32_t *ret_next)
{
    struct rule_state s = r->st[state];
    if (s.kind == RULE_ARRAY) {
        /* The limit of items must not be met within a token. */
        if (!r->array[s.a].roomy || value_n_seen(r, s.seen) + UNIQUE_SLACK > UNIQUE_MAX)
            return false;
    } else if (s.kind != RULE_OBJECT || !r->object[s.a].cls[s.pos - r->object[s.a].n_key].roomy) {
        return false;
    }
    s.seen |= SEEN_UNNAMED;
    s.phase = s.kind == RULE_ARRAY ? PH_AFTER : PH_COLON;
    *ret_next = rule_intern(r, s);
    return true;
}

bool value_doubts(const struct rules *r, uint32_t state)
{
    const struct rule_state *s = &r->st[state];
    if (!(s->seen & SEEN_UNNAMED))
        return false;
    return s->kind == RULE_ARRAY ? !r->array[s->a].open
                                 : !r->object[s->a].cls[s->pos - r->object[s->a].n_key].open;
}
