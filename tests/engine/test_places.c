/* test_places.c - the prefix tree at every place of a text of eight pages: where a producer dies, a
 * node is split, a context ends; in which order holders leave; what is found, and why it is not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "require.h"
#include "runtime/cache/radix.h"

enum { P = 4, N_LONG = 8 * P };

static void check(const struct radix *r)
{
    struct error err;
    if (!radix_check(r, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
}

struct bench {
    struct pages *pages;
    struct radix *r;
    uint32_t      tok[N_LONG];
};

static const struct hash128 ns_one = { 1, 0 };

static struct bench open_bench(void)
{
    struct bench b;
    struct error err;
    REQUIRE(pages_new(1, 40, &b.pages, &err) == ST_OK);
    REQUIRE(radix_new(b.pages, P, &b.r, &err) == ST_OK);
    radix_set_pin_budget(b.r, 16);
    for (uint32_t i = 0; i < N_LONG; i++)
        b.tok[i] = 100 + i;
    return b;
}

static void close_bench(struct bench *b)
{
    check(b->r);
    REQUIRE(pages_count(b->pages, PAGE_HELD) == 0);
    radix_flush(b->r);
    REQUIRE(pages_count(b->pages, PAGE_FREE) == pages_total(b->pages));
    radix_free(b->r);
    pages_free(b->pages);
}

/* The text as one node, to be computed by `owner`. */
static struct radix_node *put_text(struct bench *b, uint64_t owner)
{
    uint32_t page[N_LONG / P];
    for (uint32_t i = 0; i < N_LONG / P; i++)
        page[i] = pages_take(b->pages);
    struct radix_node *node = radix_acquire(b->r, ns_one, b->tok, N_LONG);
    node = radix_insert(b->r, node, b->tok, N_LONG, page, owner);
    REQUIRE(node);
    return node;
}

static void compute_to(struct bench *b, struct radix_node *node, uint64_t owner, uint32_t to)
{
    uint32_t pos = radix_ready(node);
    if (pos >= to)
        return;
    REQUIRE(radix_claim(node, pos, owner) >= to - pos);
    radix_advance(b->r, node, pos, to - pos);
    radix_commit(b->r, true);
}

static uint32_t found(const struct bench *b, uint32_t *ret_done)
{
    return radix_peek(b->r, ns_one, b->tok, N_LONG, ret_done);
}

/* The producer dies behind every token, with and without requests that wait for it. */
static void test_death(void)
{
    for (uint32_t at = 0; at <= N_LONG; at++) {
        for (int n_wait = 0; n_wait <= 2; n_wait++) {
            struct bench b = open_bench();
            struct radix_node *first = put_text(&b, 1), *wait[2];
            compute_to(&b, first, 1, at);
            for (int i = 0; i < n_wait; i++) {
                wait[i] = radix_acquire(b.r, ns_one, b.tok, N_LONG);
                if (at < N_LONG)
                    REQUIRE(radix_claim(wait[i], at, 2 + (uint64_t)i) == 0);
                struct radix_node *up = wait[i];
                REQUIRE(radix_next_producer(&up) == (at < N_LONG ? 1 : 0));
            }
            radix_leave(b.r, first, 1);
            check(b.r);
            uint32_t done, seen = found(&b, &done);
            REQUIRE(seen == (n_wait ? N_LONG : at - at % P));
            REQUIRE(done == (n_wait ? at : at - at % P));
            for (int i = 0; i < n_wait; i++)        /* the first of them takes over, and ends */
                compute_to(&b, wait[i], 2, N_LONG);
            for (int i = 0; i < n_wait; i++)
                radix_leave(b.r, wait[i], 2 + (uint64_t)i);
            REQUIRE(!n_wait || (found(&b, &done) == N_LONG && done == N_LONG));
            close_bench(&b);
        }
    }
}

/* A split at every border, computed or not; handles, pages and wishes stay where they were. */
static void test_split(void)
{
    for (uint32_t m = P; m < N_LONG; m += P) {
        for (uint32_t at = 0; at <= N_LONG; at += P / 2) {
            struct bench b = open_bench();
            struct radix_node *node = put_text(&b, 1);
            struct radix_wish soft = {0}, hard = {0}, use = {0};
            uint32_t before[N_LONG / P], after[N_LONG / P], done;
            compute_to(&b, node, 1, at);
            radix_pages(b.r, node, before);
            REQUIRE(radix_wish(b.r, &soft, node, RADIX_SOFT, 0));
            REQUIRE(radix_wish(b.r, &hard, node, RADIX_HARD, 10));
            radix_announce(b.r, &use, ns_one, b.tok, m + P / 2, 7);
            struct radix_node *up = radix_acquire(b.r, ns_one, b.tok, m);
            check(b.r);
            REQUIRE(radix_end(up) == m && radix_end(node) == N_LONG);
            REQUIRE(soft.node == node && hard.node == node && use.node == up);
            REQUIRE(radix_done(node) == at && radix_done(up) == (at < m ? at : m));
            radix_pages(b.r, node, after);
            REQUIRE(memcmp(before, after, sizeof before) == 0);
            compute_to(&b, node, 1, N_LONG);
            radix_leave(b.r, m % (2 * P) ? up : node, m % (2 * P) ? 0 : 1);
            radix_leave(b.r, m % (2 * P) ? node : up, m % (2 * P) ? 1 : 0);
            REQUIRE(radix_evict(b.r, 100) == 0 && radix_n_pinned(b.r) == N_LONG / P);
            radix_expire(b.r, 10);
            REQUIRE(!hard.node && radix_n_pinned(b.r) == 0);
            REQUIRE(radix_evict_unpinned(b.r, 1) == 0 && radix_evict(b.r, 1) == 1);
            REQUIRE(found(&b, &done) == N_LONG - P && done == N_LONG - P);
            /* What is left of the path keeps the wish; without anything left there is none. */
            REQUIRE(radix_evict(b.r, 100) == N_LONG / P - 1 && !soft.node && !use.node);
            close_bench(&b);
        }
    }
}

/* Holders of nested and of branching prefixes leave in every order. */
static void test_unlock(void)
{
    for (int order = 0; order < 24; order++) {
        struct bench b = open_bench();
        uint32_t other[N_LONG], page, done;
        struct radix_node *h[4] = { put_text(&b, 1) };
        compute_to(&b, h[0], 1, N_LONG);
        memcpy(other, b.tok, sizeof other);
        other[3 * P] = 9;
        h[1] = radix_acquire(b.r, ns_one, b.tok, 5 * P);
        h[2] = radix_acquire(b.r, ns_one, other, 4 * P);
        page = pages_take(b.pages);
        h[2] = radix_extend(b.r, h[2], other + 3 * P, &page);
        h[3] = radix_acquire(b.r, ns_one, b.tok, 0);
        int left = order, at[4] = { 0, 1, 2, 3 };
        for (int n = 4; n > 0; left /= n, n--) {
            int k = left % n;
            radix_leave(b.r, h[at[k]], 0);
            at[k] = at[n - 1];
            check(b.r);
        }
        REQUIRE(radix_evictable(b.r) == N_LONG / P + 1 && found(&b, &done) == N_LONG);
        close_bench(&b);
    }
}

/* The same text is there under the same salt, and only there. */
static void test_namespaces(void)
{
    struct bench b = open_bench();
    struct radix_node *node = put_text(&b, 1);
    uint32_t done;
    compute_to(&b, node, 1, N_LONG);
    radix_leave(b.r, node, 1);
    REQUIRE(found(&b, &done) == N_LONG);
    REQUIRE(radix_peek(b.r, (struct hash128){ 1, 1 }, b.tok, N_LONG, &done) == 0 && done == 0);
    REQUIRE(radix_peek(b.r, (struct hash128){ 0, 1 }, b.tok, N_LONG, &done) == 0 && done == 0);
    close_bench(&b);
}

/* What a context alone has said goes with it; what was given to it stays, and what others have. */
static void test_last_use(void)
{
    for (uint32_t from = 0; from <= N_LONG; from++) {
        uint32_t kept = (from + P - 1) / P * P, done;
        struct bench b = open_bench();
        struct radix_node *node = put_text(&b, 1);
        compute_to(&b, node, 1, N_LONG);
        radix_discard(b.r, node, from);
        check(b.r);
        REQUIRE(found(&b, &done) == kept);
        close_bench(&b);

        b = open_bench();
        node = put_text(&b, 1);
        compute_to(&b, node, 1, N_LONG);
        struct radix_node *other = radix_acquire(b.r, ns_one, b.tok, 4 * P);
        radix_discard(b.r, node, from);
        REQUIRE(found(&b, &done) == (kept > 4 * P ? kept : 4 * P));
        radix_leave(b.r, other, 0);
        close_bench(&b);
    }
}

/* Programs that take turns on more text than fits: who goes by what was announced keeps some of
 * it, who goes by age throws away just what comes next. */
static uint32_t take_turns(enum radix_policy policy)
{
    enum { N_PROG = 5, PER = 4 };
    struct bench b = open_bench();      /* 39 pages; 5 x 10 are wanted */
    struct radix_wish wish[N_PROG];
    uint32_t text[N_PROG][10 * P], found_tok = 0;
    memset(wish, 0, sizeof wish);
    radix_set_policy(b.r, policy);
    for (uint32_t i = 0; i < N_PROG; i++)
        for (uint32_t k = 0; k < 10 * P; k++)
            text[i][k] = i * 1000 + k;
    for (uint32_t turn = 0; turn < N_PROG * PER; turn++) {
        uint32_t p = turn % N_PROG, page[10], n = 0;
        struct radix_node *node = radix_acquire(b.r, ns_one, text[p], 10 * P);
        radix_forget(b.r, &wish[p]);
        uint32_t had = radix_end(node);
        found_tok += had;
        for (; n < 10 - had / P; n++) {
            if (!pages_count(b.pages, PAGE_FREE))
                REQUIRE(radix_evict(b.r, 1) == 1);
            page[n] = pages_take(b.pages);
        }
        if (n) {
            node = radix_insert(b.r, node, text[p] + had, n * P, page, turn + 1);
            REQUIRE(node && radix_claim(node, had, turn + 1) == n * P);
            radix_advance(b.r, node, had, n * P);
            radix_commit(b.r, true);
        }
        REQUIRE(radix_wish(b.r, &wish[p], node, RADIX_USE, turn + N_PROG));
        radix_leave(b.r, node, turn + 1);
        check(b.r);
    }
    for (uint32_t i = 0; i < N_PROG; i++)
        radix_forget(b.r, &wish[i]);
    close_bench(&b);
    return found_tok;
}

static void test_next_use(void)
{
    uint32_t by_age = take_turns(RADIX_LRU), by_use = take_turns(RADIX_NEXT_USE);
    fprintf(stderr, "taking turns: %u of 600 tokens found by age, %u by next use\n", by_age,
            by_use);
    REQUIRE(by_use > by_age && by_use >= 300);
}

/* An important request read all of a text, an unimportant one its first half.  When the important
 * one's branch is gone, what is left is as unimportant as who asked for it. */
static void test_priority_falls(void)
{
    struct bench b = open_bench();
    uint32_t other[4 * P], page[4], done;
    radix_set_policy(b.r, RADIX_PRIORITY);
    struct radix_node *node = put_text(&b, 1);
    radix_note_priority(node, 5);
    compute_to(&b, node, 1, N_LONG);
    struct radix_node *half = radix_acquire(b.r, ns_one, b.tok, 4 * P);
    radix_note_priority(half, 0);
    for (uint32_t i = 0; i < 4 * P; i++)
        other[i] = 900 + i;
    for (uint32_t i = 0; i < 4; i++)
        page[i] = pages_take(b.pages);
    struct radix_node *third = radix_acquire(b.r, ns_one, other, 4 * P);
    third = radix_insert(b.r, third, other, 4 * P, page, 3);
    REQUIRE(third && radix_claim(third, 0, 3) == 4 * P);
    radix_advance(b.r, third, 0, 4 * P);
    radix_commit(b.r, true);
    radix_note_priority(third, 3);
    radix_leave(b.r, third, 3);
    radix_leave(b.r, half, 0);
    radix_discard(b.r, node, 4 * P);
    REQUIRE(found(&b, &done) == 4 * P && radix_evict(b.r, 4) == 4 && found(&b, &done) == 0);
    REQUIRE(radix_peek(b.r, ns_one, other, 4 * P, &done) == 4 * P);
    close_bench(&b);
}

static struct radix_misses why(const struct bench *b, struct hash128 ns, uint32_t n, uint32_t limit,
                               uint32_t n_match)
{
    struct radix_misses m;
    radix_explain(b->r, ns, b->tok, n, limit, n_match, &m);
    REQUIRE(n_match + m.cold + m.evicted + m.other_namespace + m.boundary + m.logprobs == n);
    return m;
}

static void test_misses(void)
{
    struct bench b = open_bench();
    struct hash128 other = { 2, 0 };
    REQUIRE(why(&b, ns_one, N_LONG, N_LONG - 1, 0).cold == N_LONG);
    struct radix_node *node = put_text(&b, 1);
    compute_to(&b, node, 1, N_LONG);
    radix_leave(b.r, node, 1);

    /* the page of the last token is not taken whole; the last token is wanted itself */
    struct radix_misses m = why(&b, ns_one, N_LONG, N_LONG - 1, N_LONG - P);
    REQUIRE(m.boundary == P - 1 && m.logprobs == 1);
    m = why(&b, ns_one, N_LONG, 2 * P, 2 * P);
    REQUIRE(m.logprobs == N_LONG - 2 * P);
    m = why(&b, other, N_LONG, N_LONG - 1, 0);
    REQUIRE(m.other_namespace == N_LONG);

    /* another text from the middle of a page on */
    b.tok[3 * P + 1] = 7;
    m = why(&b, ns_one, N_LONG, N_LONG - 1, 3 * P);
    REQUIRE(m.boundary == 1 && m.cold == N_LONG - 3 * P - 1);
    b.tok[3 * P + 1] = 100 + 3 * P + 1;

    REQUIRE(radix_evict(b.r, 5) == 5);
    m = why(&b, ns_one, N_LONG, N_LONG - 1, 3 * P);
    REQUIRE(m.evicted == 5 * P);
    m = why(&b, other, N_LONG, N_LONG - 1, 0);
    REQUIRE(m.other_namespace == 3 * P && m.cold == 5 * P);
    close_bench(&b);
}

int main(void)
{
    test_death();
    test_split();
    test_unlock();
    test_namespaces();
    test_last_use();
    test_next_use();
    test_priority_falls();
    test_misses();
    printf("8 passed, 0 failed\n");
    return 0;
}
