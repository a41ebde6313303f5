/* test_radix.c - the prefix tree against a slow reference, and every invariant after each step.
 *
 * The reference is a set of token strings: those that were put into the tree since the last
 * eviction.  A match must be a prefix of one of them in whole pages, as long as the best of them;
 * every page of a match must carry the tokens that it was filled with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mirror.h"
#include "runtime/cache/events.h"
#include "require.h"
#include "runtime/cache/radix.h"

enum {
    MOST_P = RADIX_MAX_PAGE_TOKENS, MOST_PAGES = 16, MAX_TOK = MOST_PAGES * MOST_P,
    N_PAGE = 120, N_SET = 400, N_HOLD = 12, N_WISH = 6, BUDGET = 30,
};

struct held {
    struct radix_node *node;
    uint32_t           tok[MAX_TOK];
    uint32_t           n;
    uint64_t           owner;       /* 0: nothing is being computed */
    int                ns;
};

/* A wish, and the text that it is for. */
struct wished {
    struct radix_wish wish;
    uint32_t          tok[MAX_TOK];
    uint32_t          n;
    int               ns;
};

static uint32_t P;                      /* tokens of a page */
static uint32_t content[N_PAGE][MOST_P];     /* what a page was filled with */
static struct { uint32_t tok[MAX_TOK]; uint32_t n; int ns; } set[N_SET];
static uint32_t n_set;
static uint64_t state;

static uint32_t rnd(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

static uint32_t best_match(const uint32_t *tok, uint32_t n, int ns)
{
    uint32_t best = 0;
    for (uint32_t i = 0; i < n_set; i++) {
        uint32_t k = 0;
        while (set[i].ns == ns && k < n && k < set[i].n && set[i].tok[k] == tok[k])
            k++;
        best = k - k % P > best ? k - k % P : best;
    }
    return best;
}

static void remember(const struct held *h)
{
    REQUIRE(n_set < N_SET);
    memcpy(set[n_set].tok, h->tok, sizeof h->tok);
    set[n_set].n = h->n;
    set[n_set++].ns = h->ns;
}

static void check(const struct radix *r)
{
    struct error err;
    if (!radix_check(r, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
}

static void check_content(const struct radix *r, const struct held *h)
{
    uint32_t table[MOST_PAGES];
    REQUIRE(radix_end(h->node) <= h->n);
    radix_pages(r, h->node, table);
    for (uint32_t i = 0; i < radix_done(h->node); i++)
        REQUIRE(content[table[i / P]][i % P] == h->tok[i]);
}

static void compute(struct radix *r, struct held *h, uint32_t most)
{
    uint32_t table[MOST_PAGES];
    uint32_t pos = radix_ready(h->node);
    if (pos >= radix_end(h->node))
        return;
    uint32_t n = radix_claim(h->node, pos, h->owner);
    n = n < most ? n : most;
    radix_pages(r, h->node, table);
    for (uint32_t i = pos; i < pos + n; i++)
        content[table[i / P]][i % P] = h->tok[i];
    radix_advance(r, h->node, pos, n);
    radix_commit(r, true);
}

static void begin(struct radix *r, struct pages *pages, struct held *h, uint64_t owner)
{
    struct hash128 ns = { 1, 0 };
    uint32_t page[MOST_PAGES], n_page = 0;
    h->ns = (int)rnd(2);
    ns.hi = (uint64_t)h->ns;
    h->n = P * (1 + rnd(MOST_PAGES));
    for (uint32_t i = 0; i < h->n; i++)
        h->tok[i] = rnd(i % 7 == 0 ? 3 : 1);
    uint32_t done;
    uint32_t seen = radix_peek(r, ns, h->tok, h->n, &done);
    REQUIRE(done <= seen && seen >= best_match(h->tok, h->n, h->ns));
    h->node = radix_acquire(r, ns, h->tok, h->n);
    h->owner = owner;
    REQUIRE(radix_end(h->node) == seen);
    check_content(r, h);
    uint32_t want = (h->n - seen) / P;
    while (n_page < want) {
        uint32_t id = pages_take(pages);
        if (id == PAGE_NONE && radix_evict(r, 1)) {
            n_set = 0;      /* what is left is no longer known exactly */
            id = pages_take(pages);
        }
        if (id == PAGE_NONE)
            break;
        page[n_page++] = id;
    }
    h->n = seen + n_page * P;
    if (n_page) {
        h->node = radix_insert(r, h->node, h->tok + seen, n_page * P, page, owner);
        REQUIRE(h->node);
    }
}

static void end(struct radix *r, struct held *h)
{
    check_content(r, h);
    bool whole = radix_done(h->node) >= h->n;
    uint32_t how = whole ? rnd(6) : 2;
    uint32_t from = rnd(h->n + 1);
    if (how == 0) {
        radix_discard(r, h->node, from);
        n_set = 0;
    } else if (how == 1) {
        radix_lower(r, h->node, from);
    } else {
        radix_leave(r, h->node, h->owner);
    }
    if (whole && how && n_set < N_SET - 1)
        remember(h);
    h->node = NULL;
}

/* Puts, moves or ends a wish. */
static void wish(struct radix *r, struct wished *w, const struct held *h, uint64_t now)
{
    struct hash128 ns = { 1, (uint64_t)h->ns };
    uint32_t what = rnd(5);
    if (what == 0 || !h->node || radix_done(h->node) < h->n) {
        radix_forget(r, &w->wish);
        return;
    }
    memcpy(w->tok, h->tok, sizeof w->tok);
    w->n = h->n;
    w->ns = h->ns;
    if (what == 1) {
        w->n = rnd(h->n + 1);
        radix_announce(r, &w->wish, ns, h->tok, w->n, rnd(20));
        return;
    }
    uint32_t had = radix_n_pinned(r);
    if (!radix_wish(r, &w->wish, h->node, what == 2 ? RADIX_SOFT : RADIX_HARD, now + rnd(300)))
        REQUIRE(what != 2 && had <= BUDGET);
}

/* What is pinned hard is there, to its end. */
static void check_hard(const struct radix *r, const struct wished *w)
{
    uint32_t done;
    if (!w->wish.node || w->wish.kind != RADIX_HARD)
        return;
    radix_peek(r, (struct hash128){ 1, (uint64_t)w->ns }, w->tok, w->n, &done);
    REQUIRE(done == w->n);
}

/* What was told since the last time. */
static void listen_to(struct events *e, struct mirror *m, uint64_t *next)
{
    struct str bytes = {0};
    uint64_t seq;
    events_seal(e);
    while (events_read(e, *next, &seq, &bytes)) {
        REQUIRE(seq == *next && mirror_take(m, str_slice(&bytes)));
        *next = seq + 1;
        str_cut(&bytes, 0);
    }
    str_free(&bytes);
}

static void play(uint64_t seed, int n_step)
{
    static struct mirror mirror;
    struct events *events;
    uint64_t next = 0;
    struct pages *pages;
    struct radix *r;
    struct error err;
    struct held held[N_HOLD];
    struct wished wished[N_WISH];
    memset(held, 0, sizeof held);
    memset(wished, 0, sizeof wished);
    state = seed;
    n_set = 0;
    REQUIRE(pages_new(1, N_PAGE, &pages, &err) == ST_OK);
    REQUIRE(radix_new(pages, P, &r, &err) == ST_OK);
    REQUIRE(events_new(8, seed % 2 ? EVENTS_ARRAYS : EVENTS_MAPS, &events, &err) == ST_OK);
    memset(&mirror, 0, sizeof mirror);
    radix_set_events(r, events);
    radix_set_policy(r, (enum radix_policy)(seed % 6));
    radix_set_pin_budget(r, BUDGET);
    for (int i = 0; i < n_step; i++) {
        struct held *h = &held[rnd(N_HOLD)];
        if (!h->node)
            begin(r, pages, h, (uint64_t)i + 1);
        else if (rnd(3))
            compute(r, h, 1 + rnd(2 * P + 1));
        else
            end(r, h);      /* whole or not: the producer may die at any place */
        check(r);
        if (rnd(4) == 0)
            wish(r, &wished[rnd(N_WISH)], &held[rnd(N_HOLD)], (uint64_t)i);
        radix_expire(r, (uint64_t)i);
        check(r);
        for (int k = 0; k < N_WISH; k++)
            check_hard(r, &wished[k]);
        if (n_set > N_SET - 2 || rnd(500) == 0) {
            n_set = 0;
            if (rnd(2)) {
                radix_flush(r);
            } else {
                uint32_t done;
                radix_flush_namespace(r, (struct hash128){ 1, 0 });
                check(r);
                for (int k = 0; k < N_HOLD; k++)
                    REQUIRE(!held[k].node || held[k].ns || radix_peek(r, (struct hash128){ 1, 0 },
                                held[k].tok, held[k].n, &done) >= held[k].n);
            }
        }
        listen_to(events, &mirror, &next);
        if (rnd(50) == 0) {
            uint32_t can = radix_evictable(r), n = rnd(20);
            REQUIRE(radix_evict(r, n) == (n < can ? n : can));
            n_set = 0;
            check(r);
        }
    }
    for (int i = 0; i < N_HOLD; i++) {
        if (held[i].node)
            end(r, &held[i]);
    }
    check(r);
    REQUIRE(pages_count(pages, PAGE_HELD) == 0);
    for (int i = 0; i < N_WISH; i++)
        radix_forget(r, &wished[i].wish);
    REQUIRE(radix_n_pinned(r) == 0);
    listen_to(events, &mirror, &next);
    REQUIRE(mirror.n == pages_count(pages, PAGE_CACHED) && mirror.n_stored && mirror.n_removed);
    radix_flush_namespace(r, (struct hash128){ 1, 0 });
    listen_to(events, &mirror, &next);
    REQUIRE(mirror.n == pages_count(pages, PAGE_CACHED));
    uint32_t n_cleared = mirror.n_cleared + (mirror.n > 0);
    radix_flush(r);
    listen_to(events, &mirror, &next);
    REQUIRE(mirror.n == 0 && mirror.n_cleared == n_cleared);
    REQUIRE(pages_count(pages, PAGE_FREE) == pages_total(pages));
    events_free(events);
    radix_free(r);
    pages_free(pages);
}

/* ---- policies ---- */

/* One leaf a text: what is known of it, and whether it is still there. */
struct leaf {
    uint32_t tok[MOST_P];
    uint64_t used, made;
    uint32_t hits;
    int32_t  priority;
    bool     there, low;
    struct radix_wish soft, hard, use;
};

enum { N_LEAF = 40, LEAF_PAGES = 16, LEAF_BUDGET = 5 };

static int rank(const struct leaf *l)
{
    return l->soft.node ? 2 : l->low ? 0 : 1;
}

static uint64_t next_use(const struct leaf *l)
{
    return l->use.node ? l->use.when : UINT64_MAX;
}

static bool goes_first(enum radix_policy p, const struct leaf *a, const struct leaf *b)
{
    if (rank(a) != rank(b))
        return rank(a) < rank(b);
    if (p == RADIX_NEXT_USE && next_use(a) != next_use(b))
        return next_use(a) > next_use(b);
    if (p == RADIX_LFU && a->hits != b->hits)
        return a->hits < b->hits;
    if (p == RADIX_SLRU && (a->hits < 2) != (b->hits < 2))
        return a->hits < 2;
    if (p == RADIX_PRIORITY && a->priority != b->priority)
        return a->priority < b->priority;
    return p == RADIX_FIFO ? a->made < b->made : a->used < b->used;
}

/* Uses leaf i, making it when it is gone; a free page is there. */
static void use_leaf(struct radix *r, struct pages *pages, struct leaf *l, uint64_t now)
{
    struct radix_node *node = radix_acquire(r, (struct hash128){ 1, 0 }, l->tok, P);
    int32_t priority = (int32_t)rnd(4);
    REQUIRE(radix_end(node) == (l->there ? P : 0));
    if (!l->there) {
        uint32_t page = pages_take(pages);
        REQUIRE(!l->soft.node && !l->hard.node && !l->use.node);
        *l = (struct leaf){ .made = now, .priority = INT32_MIN, .there = true,
                            .tok = { l->tok[0] } };
        node = radix_insert(r, node, l->tok, P, &page, now);
        REQUIRE(node && radix_claim(node, 0, now) == P);
        radix_advance(r, node, 0, P);
        radix_commit(r, true);
    } else {
        l->hits++;
    }
    radix_note_priority(node, priority);
    l->priority = priority > l->priority ? priority : l->priority;
    l->used = now;
    l->low = rnd(4) == 0 && !l->soft.node && !l->hard.node && !l->use.node;
    if (l->low)
        radix_lower(r, node, 0);
    else
        radix_leave(r, node, now);
}

/* Pins leaf l or ends its pin; says when it is used next, or that this is not known. */
static void wish_leaf(struct radix *r, struct leaf *l, struct leaf *all, uint64_t now)
{
    uint32_t what = rnd(6), n_hard = 0;
    if (what == 0 || !l->there) {
        radix_forget(r, &l->soft);
        radix_forget(r, &l->use);
        return;
    }
    if (what == 1) {
        radix_announce(r, &l->use, (struct hash128){ 1, 0 }, l->tok, P, 1 + rnd(1000));
        return;
    }
    for (uint32_t i = 0; i < N_LEAF; i++) {
        n_hard += all[i].hard.node != NULL;
        if (what == 2 && all[i].hard.node && all[i].hard.when == now + 30)
            return;     /* two that end at once would be used at once */
    }
    if (l->hard.node)
        return;
    struct radix_node *node = radix_acquire(r, (struct hash128){ 1, 0 }, l->tok, P);
    l->hits++;
    l->used = now;
    l->low = false;
    if (what == 2)
        REQUIRE(radix_wish(r, &l->hard, node, RADIX_HARD, now + 30) == (n_hard < LEAF_BUDGET));
    else
        REQUIRE(radix_wish(r, &l->soft, node, RADIX_SOFT, 0));
    radix_leave(r, node, 0);
}

/* Whatever is evicted is what the slow reference names. */
static void play_policy(enum radix_policy policy, uint64_t seed)
{
    struct pages *pages;
    struct radix *r;
    struct error err;
    struct leaf leaf[N_LEAF] = {0};
    state = seed;
    REQUIRE(pages_new(1, LEAF_PAGES + 1, &pages, &err) == ST_OK);
    REQUIRE(radix_new(pages, P, &r, &err) == ST_OK);
    radix_set_policy(r, policy);
    radix_set_pin_budget(r, LEAF_BUDGET);
    for (uint32_t i = 0; i < N_LEAF; i++)
        leaf[i].tok[0] = i;
    for (uint64_t now = 1; now < 4000; now++) {
        struct leaf *l = &leaf[rnd(3) ? rnd(N_LEAF / 4) : rnd(N_LEAF)];
        if (!l->there && !pages_count(pages, PAGE_FREE)) {
            struct leaf *first = NULL;
            for (uint32_t i = 0; i < N_LEAF; i++) {
                if (leaf[i].there && !leaf[i].hard.node &&
                    (!first || goes_first(policy, &leaf[i], first)))
                    first = &leaf[i];
            }
            REQUIRE(radix_evict(r, 1) == 1);
            first->there = false;
        }
        for (uint32_t i = 0; i < N_LEAF; i++) {
            uint32_t done;
            REQUIRE((radix_peek(r, (struct hash128){ 1, 0 }, leaf[i].tok, P, &done) == P) ==
                    leaf[i].there);
        }
        use_leaf(r, pages, l, 3 * now);
        check(r);
        for (uint32_t i = 0; i < N_LEAF; i++) {
            if (leaf[i].hard.node && leaf[i].hard.when <= 3 * now + 1)
                leaf[i].used = 3 * now + 1;
        }
        radix_expire(r, 3 * now + 1);
        wish_leaf(r, &leaf[rnd(N_LEAF)], leaf, 3 * now + 2);
        check(r);
    }
    radix_free(r);
    pages_free(pages);
}

int main(void)
{
    static const char *const policy[] = { "lru", "lfu", "fifo", "slru", "priority", "next-use" };
    static const uint32_t page_tokens[] = { 1, 4, 16, MOST_P };
    uint32_t n = 0;
    for (uint64_t k = 0; k < 4; k++) {
        P = page_tokens[k];
        for (uint64_t i = 0; i < 6; i++) {
            enum radix_policy p;
            REQUIRE(radix_policy_named(policy[i], &p));
            play_policy(p, k + 1);
            n++;
        }
        for (uint64_t seed = 1; seed <= 8; seed++, n++)
            play(8 * k + seed, 2500);
    }
    printf("%u passed, 0 failed\n", n);
    return 0;
}
