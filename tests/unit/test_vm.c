#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "compiler/compile.h"
#include "runtime/vm/vm.h"
#include "suites.h"

enum { WAIT_TURNS = 100000 };       /* of 100 us, for what comes at once unless it never comes */

/* A machine over a scripted engine that holds its plans: the test says when which is answered. */
struct fixture {
    struct vm     *vm;
    struct engine *engine;
    struct module *module;
    struct run    *run;
    struct str     log;         /* what the extern `log` was told, one a line */
    struct str     out;         /* printed, then the result or "error: code message" */
    struct str     chunks;      /* as they stand after rollbacks */
    uint32_t       n_rollback, n_commit;
    uint32_t       gather;      /* plans that have to be held before one is answered */
    _Atomic uint32_t n_hung;    /* calls of the extern `hang`, which answers at the end only */
    struct run_call *hung[64];
};

/* The answer depends on the context only: of one that ends in `!text` it is the text, of one that
 * ends in `?` a number drawn from the key of the hole. */
static enum status answer(void *ctx, const struct scripted_hole *hole, struct arena *a,
                          struct scripted_answer *ret, struct error *err)
{
    (void)ctx, (void)err;
    struct str number = { 0 };
    struct slice text = hole->context;
    size_t at = text.len;
    while (at && text.ptr[at - 1] != '!')
        at--;
    if (hole->hole->n_option)
        ret->text = hole->hole->option[hole->hole->n_option - 1];
    else if (text.len && text.ptr[text.len - 1] == '?') {
        str_addf(&number, "%u", (unsigned)(rng_u64(hole->hole->key, 0) % 10000));
        ret->text = arena_slice(a, str_slice(&number));
        str_free(&number);
    } else
        ret->text = at ? slice_sub(text, at, text.len - at)
                       : arena_slice(a, slice_sub(text, text.len > 6 ? text.len - 6 : 0, 6));
    return ST_OK;
}

static void take_log(void *ctx, struct run_call *call)
{
    struct fixture *f = ctx;
    str_add_slice(&f->log, value_text(run_call_arg(call, 0)));
    str_addc(&f->log, '\n');
    run_call_answer(call, value_null());
}

static void take_hang(void *ctx, struct run_call *call)
{
    struct fixture *f = ctx;
    ck_assert_uint_lt(f->n_hung, 64);
    f->hung[f->n_hung] = call;
    f->n_hung++;
}

static void begin(struct fixture *f, const char *text, uint64_t seed)
{
    struct error err = { 0 };
    struct arena arena = { 0 };
    struct diag_list diags;
    struct str shown = { 0 };
    diag_list_init(&diags, &arena);
    static const char *const none[] = { "parallel" };
    struct compile_opts opts = { .name = "t.sgl", .text = slice_of(text), .no_opt = none,
                                 .n_no_opt = 1 };
    compile_module(&opts, &diags, &f->module, NULL, &err);
    for (uint32_t i = 0; !f->module && i < diags.n; i++)
        diag_render(diags.at[i], false, &shown);
    ck_assert_msg(f->module != NULL, "%s", shown.ptr ? shown.ptr : err.text);
    diag_list_free(&diags);
    arena_free(&arena);

    struct run_opts ro;
    const struct run_extern ext[] = {
        { SLICE("log"), take_log, f, false }, { SLICE("hang"), take_hang, f, false },
    };
    run_opts_init(&ro);
    ro.module = f->module;
    ro.func = f->module->main_func;
    ro.has_seed = true;
    ro.seed = 7;
    ro.ext = ext;
    ro.n_ext = 2;
    ro.chunks = true;
    ck_assert_int_eq(vm_new(&f->vm, &err), ST_OK);
    ck_assert_int_eq(engine_open_scripted(answer, NULL, &f->engine, &err), ST_OK);
    engine_scripted_hold(f->engine, seed);
    ro.engine = f->engine;
    ck_assert_msg(run_start(f->vm, &ro, &f->run, &err) == ST_OK, "%s", err.text);
}

static void take_event(struct fixture *f, const struct run_event *ev)
{
    switch (ev->kind) {
    case RUN_PRINT: case RUN_NOTE:
        str_add_slice(&f->out, ev->text);
        break;
    case RUN_CHUNK:
        if (ev->branch < 0)
            str_add_slice(&f->chunks, ev->text);
        break;
    case RUN_ROLLBACK:
        f->n_rollback++;
        if (ev->branch < 0)
            str_cut(&f->chunks, f->chunks.len - ev->n_back);
        break;
    case RUN_COMMIT:
        f->n_commit++;
        break;
    case RUN_DONE:
        run_result_text(ev->value, false, &f->out);
        break;
    case RUN_FAILED:
        str_addf(&f->out, "error: %s %.*s", ev->failure->code, (int)ev->failure->message.len,
                 ev->failure->message.ptr);
        break;
    default:
        break;
    }
}

/* One event, or one answer; false: the run is over. */
static bool turn(struct fixture *f)
{
    struct run_event ev;
    enum status st = run_next(f->run, 0, &ev);
    if (st == ST_OK) {
        take_event(f, &ev);
        run_event_free(&ev);
        return true;
    }
    if (st == ST_END)
        return false;
    for (int i = 0; i < 200 && engine_scripted_held(f->engine) < f->gather; i++)
        sched_yield();
    if (!engine_scripted_release(f->engine))
        sched_yield();
    return true;
}

static void end(struct fixture *f)
{
    run_free(f->run);
    for (uint32_t i = 0; i < f->n_hung; i++)
        run_call_answer(f->hung[i], value_null());
    engine_unref(f->engine);
    vm_free(f->vm);
    module_unref(f->module);
    str_free(&f->log);
    str_free(&f->out);
    str_free(&f->chunks);
    *f = (struct fixture){ 0 };
}

static void finish(struct fixture *f)
{
    while (turn(f))
        ;
}

static const char *out(const struct fixture *f)
{
    return f->out.ptr ? f->out.ptr : "";
}

static const char *logged(const struct fixture *f)
{
    return f->log.ptr ? f->log.ptr : "";
}

/* Runs until so many plans are held. */
static void wait_held(struct fixture *f, uint32_t n)
{
    for (int i = 0; engine_scripted_held(f->engine) < n; i++) {
        ck_assert_msg(i < WAIT_TURNS, "%u plans are held", engine_scripted_held(f->engine));
        usleep(100);
    }
}

static void wait_hung(struct fixture *f, uint32_t n)
{
    for (int i = 0; f->n_hung < n; i++) {
        ck_assert_msg(i < WAIT_TURNS, "%u calls hang", f->n_hung);
        usleep(100);
    }
}

/* The same end whatever the order of answers; want NULL: that of the first run. */
static void always(const char *text, uint32_t gather, uint32_t n_run, const char *want)
{
    char first[256] = "";
    for (uint64_t seed = 0; seed < n_run; seed++) {
        struct fixture f = { .gather = gather };
        int64_t blocks = mem_live_blocks();
        begin(&f, text, seed);
        finish(&f);
        if (!first[0])
            snprintf(first, sizeof first, "%s", want ? want : out(&f));
        want = want ? want : first;
        ck_assert_msg(!strcmp(out(&f), want), "seed %d\n  want: %s\n  got:  %s", (int)seed, want,
                      out(&f));
        end(&f);
        ck_assert_int_eq(mem_live_blocks(), blocks);
    }
}

#define LOG "@idempotent\nextern fn log(x: str)\n@idempotent\nextern fn hang()\n"

/* ---- order ---- */

START_TEST(values_come_in_branch_order)
{
    always("fn main() -> int {\n"
           "    let xs = join fork i in 300 { \"!${i}\"; int(gen()) * 2 }\n"
           "    for i in 300 { require(xs[i] == 2 * i, \"order\") }\n"
           "    xs.sum()\n}\n", 300, 20, "89700");
}
END_TEST

START_TEST(lowest_failure_wins)
{
    always("fn main() {\n"
           "    let b = fork i in 300 {\n"
           "        \"!${i}\"\n        let x = int(gen())\n"
           "        print(\"p${x}\")\n"
           "        if x % 50 == 41 { fail(\"branch ${x}\") }\n        x\n    }\n"
           "    let xs = join b\n    print(xs)\n}\n", 200, 20, "error: R0301 branch 41");
}
END_TEST

START_TEST(prints_in_branch_order)
{
    always("fn main() {\n"
           "    join fork i in 5 { \"!${i}\"; print(\"a${i}\"); let x = gen(); print(\"b ${x}\") }\n"
           "    print(\"end\")\n}\n", 5, 20,
           "a0\nb 0\na1\nb 1\na2\nb 2\na3\nb 3\na4\nb 4\nend\n");
}
END_TEST

START_TEST(nested_forks)
{
    always("fn inner(i: int) -> [int] { join fork k in 4 { \"!${10 * i + k}\"; int(gen()) } }\n"
           "fn main() -> [[int]] { join fork i in 4 { inner(i) } }\n", 16, 20,
           "[[0, 1, 2, 3], [10, 11, 12, 13], [20, 21, 22, 23], [30, 31, 32, 33]]");
}
END_TEST

START_TEST(texts_in_branch_order)
{
    always("fn main() -> str {\n    \"start\"\n"
           "    let b = fork i in 4 { \" <${i}!${i * i}\"; gen() }\n"
           "    let xs = join b as text\n    here.text\n}\n", 4, 20,
           "start <0!00 <1!11 <2!44 <3!99");
}
END_TEST

START_TEST(race_keeps_one_that_passed)
{
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct fixture f = { .gather = 100 };
        begin(&f, "fn main() -> bool {\n"
                  "    let b = fork i in 100 { \"!${i}\"; let x = int(gen()); "
                  "if x % 2 == 0 { fail(\"even\") }; x }\n"
                  "    let one = join b until first\n"
                  "    one.len() == 1 and one[0] % 2 == 1 and b.index == one\n}\n", seed);
        finish(&f);
        ck_assert_str_eq(out(&f), "true");
        end(&f);
    }
}
END_TEST

START_TEST(race_raises_the_lowest_when_none_passes)
{
    always("fn main() {\n"
           "    let b = fork i in 40 { \"!${i}\"; fail(\"no ${gen()}\"); 1 }\n"
           "    let one = join b until first\n    print(one)\n}\n", 40, 20, "error: R0301 no 0");
}
END_TEST

START_TEST(values_so_far_in_branch_order)
{
    always("fn main() -> bool {\n"
           "    let b = fork i in 60 { \"!${i}\"; int(gen()) }\n"
           "    let xs = join b until |done, left| done.len() + left < 50\n"
           "    xs == xs.sort() and (join b) == xs and b.count == 60\n}\n", 60, 20, "true");
}
END_TEST

/* ---- cancelling ---- */

static uint32_t count(const char *text, const char *word)
{
    uint32_t n = 0;
    for (; (text = strstr(text, word)); text += strlen(word))
        n++;
    return n;
}

START_TEST(cancelled_branches_run_finally)
{
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct fixture f = { .gather = 50 };
        begin(&f, LOG "fn main() -> str {\n"
                  "    let b = fork i in 50 {\n        \"!${i}\"\n"
                  "        try { try { log(\"in\"); let x = gen(); x } catch { \"never\" } } finally { log(\"out\") }\n"
                  "    }\n"
                  "    let one = join b until first\n"
                  "    log(\"joined\")\n    \"done\"\n}\n", seed);
        finish(&f);
        ck_assert_str_eq(out(&f), "done");
        ck_assert_uint_eq(count(logged(&f), "in\n"), 50);
        ck_assert_uint_eq(count(logged(&f), "out\n"), 50);
        end(&f);
    }
}
END_TEST

/* The error leaves only when the inner branches, cancelled at once, have run theirs. */
START_TEST(leaving_waits_for_finally)
{
    struct fixture f = { 0 };
    begin(&f, LOG "fn work() {\n"
              "    try { join fork 2 { try { hang() } finally { log(\"inner\") } } }\n"
              "    finally { log(\"outer\") }\n}\n"
              "fn main() {\n"
              "    try {\n        let b = fork i in 2 { work() }\n"
              "        let x = gen()\n        fail(\"stop${x}\")\n        print(b.count)\n"
              "    } catch e { log(e.message) }\n    log(\"after\")\n}\n", 1);
    wait_hung(&f, 4);
    finish(&f);
    ck_assert_str_eq(out(&f), "");
    ck_assert_uint_eq(count(logged(&f), "inner\n"), 4);
    ck_assert_uint_eq(count(logged(&f), "outer\n"), 2);
    ck_assert_ptr_nonnull(strstr(logged(&f), "outer\nstop\nafter\n"));
    end(&f);
}
END_TEST

/* What a `finally` of cancelled code may not do ends it; it is never caught, and others go on. */
START_TEST(cancelled_code_is_bounded)
{
    struct fixture f = { 0 };
    begin(&f, LOG "fn main() -> str {\n"
              "    let b = fork i in 5 {\n"
              "        try { hang() } finally {\n"
              "            log(\"f\")\n"
              "            if i == 1 { fail(\"in finally\") }\n"
              "            if i == 2 { let y = gen() catch \"caught\"; log(y) }\n"
              "            if i == 3 { let z = join fork 2 { 1 } catch []; log(\"forked\") }\n"
              "            if i == 4 { while true { } }\n"
              "        }\n    }\n"
              "    let x = gen()\n    b.cancel()\n    \"done${x}\"\n}\n", 1);
    wait_hung(&f, 5);
    finish(&f);
    ck_assert_str_eq(out(&f), "done");
    ck_assert_str_eq(logged(&f), "f\nf\nf\nf\nf\n");
    end(&f);
}
END_TEST

START_TEST(a_return_does_not_end_a_cancel)
{
    struct fixture f = { 0 };
    begin(&f, LOG "fn one() -> int {\n    try { hang(); 1 } finally { log(\"f\"); return 3 }\n}\n"
              "fn main() -> str {\n"
              "    let b = fork 2 { let x = one(); log(\"went on\"); x }\n"
              "    let x = gen()\n    b.cancel()\n    \"done${x}\"\n}\n", 1);
    wait_hung(&f, 2);
    finish(&f);
    ck_assert_str_eq(out(&f), "done");
    ck_assert_str_eq(logged(&f), "f\nf\n");
    end(&f);
}
END_TEST

static const char *const waiting = LOG "fn main() {\n"
    "    try { try { print(join fork 3 { try { gen() } finally { log(\"branch\") } }) }\n"
    "    catch { log(\"caught\") } } finally { log(\"main\") }\n}\n";

START_TEST(cancelling_a_run_runs_finally)
{
    struct fixture f = { 0 };
    begin(&f, waiting, 1);
    wait_held(&f, 3);
    run_cancel(f.run);
    struct run_event ev;
    ck_assert_int_eq(run_next(f.run, 5000, &ev), ST_OK);
    ck_assert_int_eq(ev.kind, RUN_FAILED);
    ck_assert_int_eq(ev.failure->status, ST_CANCELLED);
    ck_assert_str_eq(ev.failure->code, "R0503");
    run_event_free(&ev);
    ck_assert_str_eq(logged(&f), "branch\nbranch\nbranch\nmain\n");
    end(&f);
}
END_TEST

START_TEST(a_second_cancel_does_not_wait)
{
    struct fixture f = { 0 };
    struct run_event ev;
    begin(&f, LOG "fn main() { try { print(gen()) } finally { while true { } } }\n", 1);
    wait_held(&f, 1);
    run_cancel(f.run);
    ck_assert_int_eq(run_next(f.run, 30, &ev), ST_TIMEOUT);
    run_cancel(f.run);
    ck_assert_int_eq(run_next(f.run, 1000, &ev), ST_OK);
    ck_assert_int_eq(ev.kind, RUN_FAILED);
    run_event_free(&ev);
    end(&f);
}
END_TEST

START_TEST(freeing_a_run_does_not_wait)
{
    struct fixture f = { 0 };
    int64_t blocks = mem_live_blocks();
    begin(&f, waiting, 1);
    wait_held(&f, 3);
    end(&f);
    ck_assert_int_eq(mem_live_blocks(), blocks);
}
END_TEST

/* ---- widths ---- */

START_TEST(unstarted_branches_cost_no_context)
{
    struct fixture f = { 0 };
    begin(&f, "fn main() -> int {\n    \"shared\"\n    with concurrency(4) {\n"
              "        let b = fork i in 1000000 { \"!${i}\"; gen() }\n        join b until first\n"
              "        b.index.len()\n    }\n}\n", 1);
    wait_held(&f, 1);
    int64_t blocks = mem_live_blocks();
    ck_assert_int_lt(blocks, 4000);
    finish(&f);
    ck_assert_str_eq(out(&f), "1");
    end(&f);
}
END_TEST

START_TEST(concurrency_may_be_above_the_default)
{
    struct fixture f = { 0 };
    begin(&f, "fn main() -> int {\n    with concurrency(3000) {\n"
              "        (join fork i in 3000 { \"!1\"; int(gen()) }).sum()\n    }\n}\n", 1);
    wait_held(&f, 3000);
    finish(&f);
    ck_assert_str_eq(out(&f), "3000");
    end(&f);
}
END_TEST

/* ---- attempts ---- */

/* Which attempts pass depends on the seed of the run only. */
START_TEST(parallel_attempts_keep_the_lowest_that_passes)
{
    always("fn main() -> str {\n    \"Q\"\n"
           "    let v = attempt(40, parallel: true) {\n"
           "        \" n?\"\n        let v = int(gen())\n        require(v % 7 == 3, \"no\")\n"
           "        print(\"kept\")\n        v\n    }\n"
           "    \" then\"\n    here.text.replace(str(v), \"v\")\n}\n", 40, 20, "kept\nQ n?v then");
    always("fn main() -> int {\n"
           "    attempt(40, parallel: true) { \"?\"; let v = int(gen()); require(v % 7 == 3, \"no\"); v }\n"
           "}\n", 40, 20, NULL);
}
END_TEST

START_TEST(parallel_attempts_that_all_fail)
{
    always("fn main() {\n    attempt(9, parallel: true) { \"?\"; let v = gen(); require(false, \"no\") }\n}\n",
           9, 10, "error: R0304 require failed after 9 attempts: no");
    always("fn main() {\n    attempt(9, parallel: true) {\n"
           "        \"?\"; let v = int(gen()); require(v > 100000, \"no\"); fail(\"other\") }\n}\n",
           9, 10, "error: R0304 require failed after 9 attempts: no");
    always("fn main() {\n    attempt(9, parallel: true) { \"?\"; let v = gen(); fail(\"other\") }\n}\n",
           9, 10, "error: R0301 other");
}
END_TEST

START_TEST(attempts_tell_what_is_taken_back)
{
    struct fixture f = { .gather = 1 };
    begin(&f, "fn main() -> str {\n    \"!first\"\n    let a = gen()\n    var n = 0\n"
              "    attempt(3) {\n        \"!try${n}\"\n        let x = gen()\n"
              "        n += 1\n        require(here.text.len() > 30, \"short\")\n    } catch null\n"
              "    \"!last\"\n    gen()\n}\n", 1);
    finish(&f);
    ck_assert_str_eq(out(&f), "last");
    ck_assert_uint_eq(f.n_rollback, 3);
    ck_assert_uint_eq(f.n_commit, 0);
    ck_assert_str_eq(f.chunks.ptr, "firstlast");
    end(&f);
}
END_TEST

Suite *suite_vm(void)
{
    Suite *s = suite_create("vm");
    TCase *c = tcase_create("order");
    tcase_set_timeout(c, 60);
    tcase_add_test(c, values_come_in_branch_order);
    tcase_add_test(c, lowest_failure_wins);
    tcase_add_test(c, prints_in_branch_order);
    tcase_add_test(c, nested_forks);
    tcase_add_test(c, texts_in_branch_order);
    tcase_add_test(c, race_keeps_one_that_passed);
    tcase_add_test(c, race_raises_the_lowest_when_none_passes);
    tcase_add_test(c, values_so_far_in_branch_order);
    suite_add_tcase(s, c);
    c = tcase_create("cancel");
    tcase_set_timeout(c, 60);
    tcase_add_test(c, cancelled_branches_run_finally);
    tcase_add_test(c, leaving_waits_for_finally);
    tcase_add_test(c, cancelled_code_is_bounded);
    tcase_add_test(c, a_return_does_not_end_a_cancel);
    tcase_add_test(c, cancelling_a_run_runs_finally);
    tcase_add_test(c, a_second_cancel_does_not_wait);
    tcase_add_test(c, freeing_a_run_does_not_wait);
    suite_add_tcase(s, c);
    c = tcase_create("width");
    tcase_set_timeout(c, 60);
    tcase_add_test(c, unstarted_branches_cost_no_context);
    tcase_add_test(c, concurrency_may_be_above_the_default);
    suite_add_tcase(s, c);
    c = tcase_create("attempt");
    tcase_set_timeout(c, 60);
    tcase_add_test(c, parallel_attempts_keep_the_lowest_that_passes);
    tcase_add_test(c, parallel_attempts_that_all_fail);
    tcase_add_test(c, attempts_tell_what_is_taken_back);
    suite_add_tcase(s, c);
    return s;
}
