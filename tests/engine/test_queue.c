/* test_queue.c - the orders of the queue: what each puts first, that none starves anybody, that
 * tenants get equal shares, that a shared prefix is computed once under all of them and as urgently as
 * it is waited for, and that eviction knows who waits. */
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "fake_engine.h"
#include "runtime/sched/order.h"

static const char *const order_name[] = { "hrrn", "fcfs", "lpm", "dfs", "random" };
enum { N_ORDER = 5, MAX_QUEUE = 256 };

static const uint64_t MS = 1000000;

struct queue_of {
    struct order   *order;
    struct request *r[MAX_QUEUE];
    uint32_t        n;
    uint64_t        n_made;
};

static void open_queue(struct queue_of *q, const char *name, uint32_t max_wait_ms,
                       uint32_t max_passes)
{
    struct order_opts o = { .max_wait_ms = max_wait_ms, .max_passes = max_passes };
    struct error err;
    memset(q, 0, sizeof *q);
    REQUIRE(order_named(name, &o.kind));
    REQUIRE(order_new(&o, &q->order, &err) == ST_OK);
}

static void drop(struct queue_of *q, struct request *r)
{
    order_leave(q->order, r);
    token_list_free(&r->tl->tok);
    mem_free(r->tl);
    request_clear(r);
    mem_free(r);
}

static void close_queue(struct queue_of *q)
{
    for (uint32_t i = 0; i < q->n; i++)
        drop(q, q->r[i]);
    order_free(q->order);
}

/* n tokens, all `first`, of which the tree has n_found; came at `ms`. */
static struct request *add(struct queue_of *q, uint32_t first, uint32_t n, uint32_t n_found,
                           uint64_t ms, uint64_t tenant)
{
    struct request *r = mem_zalloc(sizeof *r);
    REQUIRE(r && q->n < MAX_QUEUE);
    request_init(r, REQUEST_GEN, timeline_new((struct hash128){ 1, 2 }));
    for (uint32_t i = 0; i < n; i++)
        REQUIRE(token_list_push(&r->tl->tok, first));
    r->n_found = n_found;
    r->submit_ns = ms * MS;
    r->arrival = ++q->n_made;
    r->tenant = tenant;
    order_join(q->order, r);
    q->r[q->n++] = r;
    return r;
}

static struct request *first_at(struct queue_of *q, uint64_t ms)
{
    order_sort(q->order, q->r, q->n, ms * MS);
    return q->r[0];
}

/* Takes the first and lets the others know; the caller drops it. */
static struct request *take_at(struct queue_of *q, uint64_t ms)
{
    struct request *r = first_at(q, ms);
    memmove(q->r, q->r + 1, --q->n * sizeof *q->r);
    for (uint32_t i = 0; i < q->n; i++)
        q->r[i]->n_pass++;
    return r;
}

static void test_what_comes_first(void)
{
    struct queue_of q;
    open_queue(&q, "hrrn", 0, 0);
    struct request *lng = add(&q, 1, 2000, 0, 0, 0);
    struct request *shrt = add(&q, 2, 20, 0, 0, 0);
    struct request *known = add(&q, 3, 2000, 1984, 0, 0);
    REQUIRE(first_at(&q, 10) == known || first_at(&q, 10) == shrt);
    REQUIRE(q.r[2] == lng);
    struct request *late = add(&q, 4, 20, 0, 8000, 0);
    first_at(&q, 8000);         /* the long one has waited; who has just come has not */
    REQUIRE(q.r[3] == late && q.r[2] == lng);
    late->priority = 1;
    REQUIRE(first_at(&q, 8000) == late);
    close_queue(&q);

    open_queue(&q, "fcfs", 0, 0);
    lng = add(&q, 1, 2000, 0, 5, 0);
    add(&q, 2, 20, 16, 5, 0);
    REQUIRE(first_at(&q, 10) == lng);
    close_queue(&q);

    open_queue(&q, "lpm", 0, 0);
    add(&q, 1, 100, 16, 0, 0);
    struct request *match = add(&q, 2, 100, 96, 1, 0);
    REQUIRE(first_at(&q, 10) == match);
    q.r[1]->n_pass = 2;         /* two rounds are worth 128 tokens */
    REQUIRE(first_at(&q, 10) != match);
    close_queue(&q);

    open_queue(&q, "dfs", 0, 0);
    add(&q, 1, 100, 96, 0, 0);
    for (uint64_t i = 0; i < 3; i++) {
        add(&q, 7, 100, 64, i, 0);
        add(&q, 8 + (uint32_t)i, 100, 0, i, 0);
    }
    first_at(&q, 10);
    REQUIRE(q.r[0]->tl->tok.id[0] == 7 && q.r[1]->tl->tok.id[0] == 7 &&
            q.r[2]->tl->tok.id[0] == 7);
    close_queue(&q);
    enum order_kind kind;
    REQUIRE(!order_named("best", &kind));
}

/* Work that is always liked better keeps coming, faster than it is done: a cold request is served
 * all the same, when it is overdue by time or by rounds. */
static void test_nobody_starves(void)
{
    for (int i = 0; i < N_ORDER; i++) {
        for (int by_time = 0; by_time < 2; by_time++) {
            struct queue_of q;
            open_queue(&q, order_name[i], by_time ? 500 : 1000000, by_time ? 1000000 : 50);
            struct request *cold = add(&q, 9, 3000, 0, 0, 0);
            uint64_t ms = 0;
            uint32_t n_round = 0;
            for (;; n_round++, ms += 20) {
                while (q.n < 40)
                    add(&q, 5, 32, 16, ms, 0);
                struct request *r = take_at(&q, ms);
                bool found = r == cold;
                drop(&q, r);
                if (found)
                    break;
            }
            REQUIRE(n_round <= 51);
            close_queue(&q);
        }
    }
}

/* What did not fit while eight others were admitted comes first. */
static void test_jumped(void)
{
    struct queue_of q;
    open_queue(&q, "lpm", 0, 0);
    struct request *big = add(&q, 9, 3000, 0, 0, 0);
    add(&q, 5, 32, 16, 0, 0);
    REQUIRE(first_at(&q, 1) != big);
    big->n_jumped = 8;
    REQUIRE(first_at(&q, 1) == big && big->overdue);
    close_queue(&q);
}

/* One tenant floods the queue, the other asks now and then with long answers: while both want
 * something, neither is charged more than a quantum and a request ahead of the other. */
static void test_tenants_share(void)
{
    for (int i = 0; i < N_ORDER; i++) {
        struct queue_of q;
        uint64_t charged[3] = {0};
        open_queue(&q, order_name[i], 1000000, 1000000);
        while (q.n < 60)
            add(&q, 5, 100, 0, 0, q.n < 50 ? 1 : 2);
        for (uint64_t ms = 0; ms < 4000; ms++) {
            struct request *r = take_at(&q, ms);
            uint32_t n_out = r->tenant == 2 ? 300 : 20;
            order_charge(q.order, r, 100, n_out);
            charged[r->tenant] += 100 + 2 * n_out;
            add(&q, 5, 100, 0, ms, r->tenant);
            drop(&q, r);
            uint64_t gap = charged[1] > charged[2] ? charged[1] - charged[2]
                                                   : charged[2] - charged[1];
            REQUIRE(gap <= 8192 + 700);
        }
        /* Another that was away all the time has no credit: it does not take over. */
        uint32_t n_new = 0;
        while (q.n < 80)
            add(&q, 5, 100, 0, 4000, 3);
        for (uint64_t ms = 4000; ms < 4600; ms++) {
            struct request *r = take_at(&q, ms);
            order_charge(q.order, r, 100, 20);
            n_new += r->tenant == 3;
            add(&q, 5, 100, 0, ms, r->tenant);
            drop(&q, r);
        }
        REQUIRE(n_new > 100 && n_new < 320);
        close_queue(&q);
    }
}

/* A tenant of three times the weight gets three times the tokens while both want them. */
static void test_weights(void)
{
    struct queue_of q;
    double charged[3] = {0};
    open_queue(&q, "hrrn", 1000000, 1000000);
    uint32_t weight[3] = { 0, 500, 1500 };
    for (uint32_t i = 0; i < 60; i++)
        add(&q, 5, 100, 0, 0, 1 + i % 2);
    for (uint32_t i = 0; i < 60; i++) {     /* as they would have come */
        order_leave(q.order, q.r[i]);
        q.r[i]->weight = weight[q.r[i]->tenant];
        order_join(q.order, q.r[i]);
    }
    for (uint64_t ms = 0; ms < 6000; ms++) {
        struct request *r = take_at(&q, ms);
        order_charge(q.order, r, 100, 20);
        charged[r->tenant] += 140;
        add(&q, 5, 100, 0, ms, r->tenant);
        struct request *n = q.r[q.n - 1];
        order_leave(q.order, n);
        n->weight = weight[n->tenant];
        order_join(q.order, n);
        drop(&q, r);
    }
    fprintf(stderr, "weights 500 and 1500: shares 1 : %.2f\n", charged[2] / charged[1]);
    REQUIRE(charged[2] > 2.8 * charged[1] && charged[2] < 3.2 * charged[1]);
    close_queue(&q);
}

/* Sixty-four at once over a prefix of a thousand tokens. */
static void test_prefix_once(void)
{
    enum { N = 64 };
    char *text = fake_text(520, 6);
    struct str first = {0};
    for (int i = 0; i < N_ORDER; i++) {
        struct engine_opts o = { .max_running = 16, .order = order_name[i] };
        struct engine *e = fake_engine_open(&fake_plain, &o, NULL);
        static struct drive d[N];
        struct session *s[N];
        struct str got = {0};
        for (int k = 0; k < N; k++) {
            struct str t = {0};
            str_adds(&t, text);
            str_addf(&t, " Question %d: the", k);
            char *all = str_take(&t);
            s[k] = fake_session(e);
            struct plan *p = drive_gen(&d[k], all, 6, (uint64_t)k);
            p->tenant = (uint64_t)k % 3;
            p->priority = k % 2;
            drive_submit(s[k], p);
            mem_free(all);
        }
        uint32_t n_prompt = 0;
        for (int k = 0; k < N; k++) {
            drive_wait(&d[k]);
            REQUIRE(d[k].ok);
            n_prompt = d[k].result->n_prompt;
            for (uint32_t j = 0; j < d[k].result->n_token; j++)
                str_addf(&got, "%u ", d[k].result->token[j].id);
            drive_free(&d[k]);
            session_drop(s[k]);
        }
        struct engine_stats st;
        engine_stats(e, &st);
        fprintf(stderr, "%s: prompt of %u, computed %llu of %llu\n", order_name[i], n_prompt,
                (unsigned long long)st.computed_tokens, (unsigned long long)st.prompt_tokens);
        REQUIRE(n_prompt > 1000 && st.computed_tokens < n_prompt + N * 12);
        if (!i)
            first = got;
        else
            REQUIRE(slice_eq(str_slice(&first), str_slice(&got)));
        if (i)
            str_free(&got);
        fake_check_idle(e);
        engine_unref(e);
    }
    str_free(&first);
    mem_free(text);
}

/* A long prompt and a short one: the short one is through in the first steps, and the long one
 * takes no more steps than alone, because it gets what the short one leaves. */
static void test_split_budget(void)
{
    struct fake_opts f = fake_plain;
    f.max_batch_tok = 64;
    f.step_us = 2000;           /* both are there before the first step is over */
    struct engine *e = fake_engine_open(&f, NULL, NULL);
    char *text = fake_text(600, 6);
    struct session *s[2] = { fake_session(e), fake_session(e) };
    struct drive d[2];
    struct engine_stats st;
    drive_submit(s[0], drive_gen(&d[0], text, 1, 1));
    drive_submit(s[1], drive_gen(&d[1], "12 yes no wine", 1, 1));
    drive_wait(&d[1]);
    engine_stats(e, &st);
    REQUIRE(d[1].ok && st.steps <= 3);
    drive_wait(&d[0]);
    engine_stats(e, &st);
    uint32_t n = d[0].result->n_prompt;
    fprintf(stderr, "split: %u tokens in %llu steps of 64\n", n, (unsigned long long)st.steps);
    REQUIRE(n > 1000 && st.steps <= (n + d[1].result->n_prompt) / 64 + 2);
    fake_end(e, d, s, 2);
    mem_free(text);
}

static void wait_running(struct engine *e, uint32_t n)
{
    struct engine_stats st;
    do {
        usleep(200);
        engine_stats(e, &st);
    } while (st.running < n);
}

/* An unimportant request computes a long prefix; an important one needs the same.  It is through
 * before a request between the two, which would have come before the first.  Important is who has a
 * greater priority, or else the earlier deadline. */
static void test_inherited(bool by_deadline)
{
    struct fake_opts f = fake_plain;
    f.max_batch_tok = 32;
    f.step_us = 1000;
    struct engine *e = fake_engine_open(&f, NULL, NULL);
    char *text = fake_text(600, 6), *other = fake_text(600, 3);
    struct session *s[3];
    struct drive d[3];
    for (int i = 0; i < 3; i++) {
        s[i] = fake_session(e);
        struct plan *p = drive_gen(&d[i], i == 1 ? other : text, 1, (uint64_t)i);
        if (!by_deadline)
            p->priority = i;
        else if (i)
            p->deadline_ms = clock_ms() + 300000 - 100000u * (uint64_t)i;
        drive_submit(s[i], p);
        wait_running(e, (uint32_t)i + 1);
    }
    drive_wait(&d[2]);
    REQUIRE(d[2].ok && sem_trywait(&d[1].done) != 0);
    uint32_t n_cached = d[2].result->n_cached;
    REQUIRE(n_cached + 16 > d[2].result->n_prompt);
    for (int i = 0; i < 3; i++) {
        if (i < 2)
            drive_wait(&d[i]);
        REQUIRE(d[i].ok);
        drive_free(&d[i]);
        session_drop(s[i]);
    }
    fake_check_idle(e);
    engine_unref(e);
    mem_free(text);
    mem_free(other);
}

/* Texts that are cached, oldest first, are asked for in that order, and each request needs room to
 * grow.  By age it takes the room from who is next; by next use from who is last. */
static uint64_t read_anew(const char *evict)
{
    enum { N = 6 };
    struct fake_opts f = fake_plain;
    struct engine_opts o = { .max_running = 1, .order = "fcfs", .evict = evict };
    f.n_page = 131;
    f.step_us = 100;
    struct engine *e = fake_engine_open(&f, &o, NULL);
    struct session *s[N];
    struct drive d[N];
    struct engine_stats before, after;
    char *text[N];
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < N; i++) {
            text[i] = round ? text[i] : fake_text(145, 10 + i);
            s[i] = fake_session(e);
            struct plan *p = drive_gen(&d[i], text[i], round ? 300 : 1, i);
            p->hole.ignore_eos = true;
            drive_submit(s[i], p);
            if (!round) {
                drive_wait(&d[i]);
                drive_free(&d[i]);
                session_drop(s[i]);
            }
        }
        if (!round)
            engine_stats(e, &before);
    }
    for (uint32_t i = 0; i < N; i++) {
        drive_wait(&d[i]);
        REQUIRE(d[i].ok && d[i].result->n_token == 300);
        drive_free(&d[i]);
        session_drop(s[i]);
        mem_free(text[i]);
    }
    engine_stats(e, &after);
    fake_check_idle(e);
    engine_unref(e);
    fprintf(stderr, "%s: %llu prompt tokens, %llu read anew, %llu of them evicted before\n", evict,
            (unsigned long long)(after.prompt_tokens - before.prompt_tokens),
            (unsigned long long)(after.computed_tokens - before.computed_tokens),
            (unsigned long long)(after.miss_evicted - before.miss_evicted));
    return after.computed_tokens - before.computed_tokens;
}

static void test_next_use(void)
{
    uint64_t by_age = read_anew("lru"), by_use = read_anew("next-use");
    REQUIRE(by_use * 2 < by_age);
}

int main(void)
{
    test_what_comes_first();
    test_nobody_starves();
    test_jumped();
    test_tenants_share();
    test_weights();
    test_prefix_once();
    test_split_budget();
    test_inherited(false);
    test_inherited(true);
    test_next_use();
    printf("9 passed, 0 failed\n");
    return 0;
}
