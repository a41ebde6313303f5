/* vm.c - storms: what a branch costs in memory, what an operation costs in time, and whether the
 * end depends on the order of answers.
 *
 *     vm [BRANCHES] [RUNS]        10000 branches, 100 runs
 *
 * A scripted engine holds the plans of all branches until every one of them is there, and answers
 * them in an order drawn from a seed.  Memory is what the process holds more than before the fork
 * at that moment, less what the engine's side alone takes for as many sessions and plans.  Time is
 * the processor time of all threads but this one, which plays the engine. */
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "compiler/compile.h"
#include "runtime/vm/vm.h"

/* ---- counting memory ---- */

static _Atomic int64_t live_bytes;

/* The size stands in front of each block. */
static void *counted(void *ctx, void *ptr, size_t hint, size_t size)
{
    enum { HEAD = 16 };
    (void)ctx, (void)hint;
    char *old = ptr ? (char *)ptr - HEAD : NULL;
    size_t had = 0;
    if (old)
        memcpy(&had, old, sizeof had);
    if (!size) {
        live_bytes -= (int64_t)had;
        free(old);
        return NULL;
    }
    char *p = realloc(old, size + HEAD);
    if (!p)
        return NULL;
    memcpy(p, &size, sizeof size);
    live_bytes += (int64_t)size - (int64_t)had;
    return p + HEAD;
}

static double now(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static double other_threads(void)
{
    return now(CLOCK_PROCESS_CPUTIME_ID) - now(CLOCK_THREAD_CPUTIME_ID);
}

/* ---- programs ---- */

static const char *const storm =
    "fn main(n: int) -> int {\n"
    "    \"These are the rules, the same for everyone.\\n\"\n"
    "    with concurrency(1000000) {\n"
    "        let xs = join fork i in n { \"Item ${i}: \"; let x = gen(); x.len() + i % 7 }\n"
    "        xs.sum()\n"
    "    }\n"
    "}\n";

static const char *const failing =
    "fn main(n: int) {\n"
    "    with concurrency(1000000) {\n"
    "        let xs = join fork i in n {\n"
    "            \"Item ${i}: \"\n"
    "            let x = gen()\n"
    "            if i % 1000 == 613 { fail(\"item ${i}\") }\n"
    "            x\n"
    "        }\n"
    "        print(xs.len())\n"
    "    }\n"
    "}\n";

static const char *const compute =
    "fn main(n: int) -> int {\n"
    "    let xs = join fork i in n {\n"
    "        var sum = 0\n"
    "        for k in 400 { if k % 3 == 0 { sum += k * i } else { sum = sum - 1 } }\n"
    "        sum\n"
    "    }\n"
    "    xs.sum()\n"
    "}\n";

static struct module *compile(const char *text)
{
    struct arena arena = { 0 };
    struct diag_list diags;
    struct module *m = NULL;
    struct error err = { 0 };
    diag_list_init(&diags, &arena);
    struct compile_opts opts = { .name = "storm.sgl", .text = slice_of(text) };
    if (compile_module(&opts, &diags, &m, NULL, &err) != ST_OK) {
        fprintf(stderr, "vm: %s\n", diags.n ? diags.at[0]->code : err.text);
        exit(1);
    }
    diag_list_free(&diags);
    arena_free(&arena);
    return m;
}

static enum status answer(void *ctx, const struct scripted_hole *hole, struct arena *a,
                          struct scripted_answer *ret, struct error *err)
{
    (void)ctx, (void)err, (void)a, (void)hole;
    ret->text = SLICE("a short answer");
    return ST_OK;
}

/* ---- one run ---- */

#define ALONE_S 0.02        /* no second plan for so long: it is waited for */
#define STALLED_S 1.0

struct result {
    struct str out;
    int64_t    bytes;           /* with every plan held, more than at the start */
    uint64_t   n_op;
    double     cpu_s, wall_s;
};

static void take_event(struct run_event *ev, struct result *r)
{
    if (ev->kind == RUN_PRINT)
        str_add_slice(&r->out, ev->text);
    else if (ev->kind == RUN_DONE)
        run_result_text(ev->value, false, &r->out);
    else if (ev->kind == RUN_FAILED)
        str_addf(&r->out, "%s %.*s", ev->failure->code, (int)ev->failure->message.len,
                 ev->failure->message.ptr);
}

static bool drain(struct run *run, int timeout_ms, struct result *r)
{
    struct run_event ev;
    enum status st;
    while ((st = run_next(run, timeout_ms, &ev)) == ST_OK) {
        take_event(&ev, r);
        run_event_free(&ev);
        timeout_ms = 0;
    }
    return st == ST_END;
}

static void play(struct module *m, uint32_t n, uint32_t hold, uint64_t seed, struct result *r)
{
    struct error err = { 0 };
    struct vm *vm;
    struct engine *engine;
    struct run *run;
    struct run_opts o;
    struct value args, key;
    run_opts_init(&o);
    if (vm_new(&vm, &err) != ST_OK || engine_open_scripted(answer, NULL, &engine, &err) != ST_OK ||
        value_map(&args) != ST_OK || value_str(SLICE("n"), &key) != ST_OK)
        exit(1);
    value_map_put_take(&args, key, value_int(n));
    if (hold)
        engine_scripted_hold(engine, seed);
    o.module = m;
    o.func = m->main_func;
    o.engine = engine;
    o.args = args;
    o.has_seed = true;
    o.max_contexts = 2 * n + 100;
    int64_t before = live_bytes;
    double cpu = other_threads(), wall = now(CLOCK_MONOTONIC);
    if (run_start(vm, &o, &run, &err) != ST_OK) {
        fprintf(stderr, "vm: %s\n", err.text);
        exit(1);
    }
    bool over = false;
    if (hold) {                 /* the shared beginning is a plan of its own, and alone for long */
        double since = now(CLOCK_MONOTONIC);
        for (uint32_t held, last = 0; (held = engine_scripted_held(engine)) < hold; last = held) {
            if (held != last)
                since = now(CLOCK_MONOTONIC);
            else if (held == 1 && now(CLOCK_MONOTONIC) - since > ALONE_S)
                engine_scripted_release(engine);
            else if (now(CLOCK_MONOTONIC) - since > STALLED_S)
                break;          /* this machine was busy with something else, and one went too early */
            sched_yield();
        }
        r->bytes = live_bytes - before;
        while (engine_scripted_release(engine))
            ;
    }
    while (!over) {
        over = drain(run, hold ? 0 : -1, r);
        engine_scripted_release(engine);
    }
    struct run_stats stats;
    run_get_stats(run, &stats);
    r->n_op = stats.n_op;
    run_free(run);
    r->cpu_s = other_threads() - cpu;
    r->wall_s = now(CLOCK_MONOTONIC) - wall;
    engine_unref(engine);
    vm_free(vm);
}

/* What so many sessions with a held plan each take without any machine: bytes, and seconds to make
 * and drop them. */
static void no_sink(void *ctx, struct plan_event *ev)
{
    (void)ctx;
    plan_result_free(ev->result);
}

static int64_t engine_cost(uint32_t n, double *ret_s)
{
    struct error err = { 0 };
    struct engine *engine;
    struct session *root, **s = calloc(n, sizeof *s);
    if (!s || engine_open_scripted(answer, NULL, &engine, &err) != ST_OK ||
        session_new(engine, NULL, &root, &err) != ST_OK)
        exit(1);
    struct plan *p = plan_new();
    plan_text(p, PLAN_TEXT, SLICE("These are the rules, the same for everyone.\n"));
    p->sink = no_sink;
    session_submit(root, p, &err);
    engine_scripted_hold(engine, 1);
    int64_t before = live_bytes;
    double cpu = now(CLOCK_THREAD_CPUTIME_ID);
    for (uint32_t i = 0; i < n; i++) {
        char text[32];
        p = plan_new();
        snprintf(text, sizeof text, "Item %u: ", i);
        plan_text(p, PLAN_TEXT, slice_of(text));
        hole_init(&p->hole, HOLE_GEN);
        p->sink = no_sink;
        session_fork(root, &s[i], &err);
        session_submit(s[i], p, &err);
    }
    int64_t bytes = live_bytes - before;
    while (engine_scripted_release(engine))
        ;
    for (uint32_t i = 0; i < n; i++)
        session_drop(s[i]);
    *ret_s = now(CLOCK_THREAD_CPUTIME_ID) - cpu;
    session_drop(root);
    engine_unref(engine);
    free(s);
    return bytes;
}

/* The same text after so many runs in other orders?  *ret: of the first, with the least time. */
static uint32_t repeat(struct module *m, uint32_t n, uint32_t runs, struct result *ret)
{
    uint32_t other = 0;
    for (uint32_t i = 0; i < runs; i++) {
        struct result r = { .out = { 0 } };
        play(m, n, n, i, &r);
        if (i && !slice_eq(str_slice(&r.out), str_slice(&ret->out)))
            other++;
        if (i && r.cpu_s < ret->cpu_s)
            ret->cpu_s = r.cpu_s;
        if (i)
            str_free(&r.out);
        else
            *ret = r;
    }
    return other;
}

int main(int argc, char **argv)
{
    uint32_t n = argc > 1 ? (uint32_t)atoi(argv[1]) : 10000;
    uint32_t runs = argc > 2 ? (uint32_t)atoi(argv[2]) : 100;
    mem_set_hook(counted, NULL);
    struct module *m[] = { compile(storm), compile(failing), compile(compute) };
    struct result r[3] = { { .out = { 0 } } };
    double engine_s, vm_s;
    int64_t engine = engine_cost(n, &engine_s);

    uint32_t other = repeat(m[0], n, runs, &r[0]);
    printf("storm: %u branches at once, result %.*s, %u of %u runs differ\n", n, (int)r[0].out.len,
           r[0].out.ptr, other, runs);
    printf("    memory  %.0f bytes a branch in the machine (%.0f in all, %.0f of the engine)\n",
           (double)(r[0].bytes - engine) / n, (double)r[0].bytes / n, (double)engine / n);
    vm_s = r[0].cpu_s > engine_s ? r[0].cpu_s - engine_s : 0;
    printf("    time    %.0f ns an operation in the machine (%llu operations in %.1f ms, and %.1f ms of "
           "the engine)\n", vm_s * 1e9 / (double)r[0].n_op, (unsigned long long)r[0].n_op,
           vm_s * 1e3,
           engine_s * 1e3);
    other += repeat(m[1], n, runs, &r[1]);
    printf("failing: ends in %.*s, %u of %u runs differ\n", (int)r[1].out.len, r[1].out.ptr, other,
           runs);
    play(m[2], n, 0, 0, &r[2]);
    printf("compute: %.1f ns an operation (%llu operations)\n",
           r[2].cpu_s * 1e9 / (double)r[2].n_op, (unsigned long long)r[2].n_op);
    for (int i = 0; i < 3; i++) {
        str_free(&r[i].out);
        module_unref(m[i]);
    }
    return other != 0;
}
