/* test_order.c - deferred calls: one outcome whatever ends first, what is in flight, how they end. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "compiler/compile.h"
#include "runtime/vm/vm.h"
#include "tests/unit/suites.h"

enum { TURN_US = 200, TURNS = 100000 };

struct trial {
    struct vm      *vm;
    struct engine  *engine;
    struct module  *module;
    struct run     *run;
    struct str      out;        /* printed, then the result or "code message" */
    struct run_stats stats;
};

/* The value is what the context says behind its last "!". */
static enum status answer(void *ctx, const struct scripted_hole *hole, struct arena *a,
                          struct scripted_answer *ret, struct error *err)
{
    (void)ctx, (void)err;
    size_t at = hole->context.len;
    while (at && hole->context.ptr[at - 1] != '!')
        at--;
    ret->text = arena_slice(a, slice_sub(hole->context, at, hole->context.len));
    return ST_OK;
}

static struct module *compile(const char *text, bool parallel, struct str *ret_notes)
{
    static const char *const none[] = { "parallel" };
    struct error err = { 0 };
    struct arena arena = { 0 };
    struct diag_list diags;
    struct module *m = NULL;
    struct str shown = { 0 };
    diag_list_init(&diags, &arena);
    struct compile_opts opts = { .name = "t.sgl", .text = slice_of(text), .no_opt = none,
                                 .n_no_opt = parallel ? 0 : 1 };
    compile_module(&opts, &diags, &m, NULL, &err);
    for (uint32_t i = 0; i < diags.n; i++)
        diag_render(diags.at[i], false, diags.at[i]->severity == DIAG_NOTE &&
                    ret_notes ? ret_notes : &shown);
    if (!m)
        fprintf(stderr, "%s\n%s%s\n", text, shown.ptr ? shown.ptr : "", err.text);
    ck_assert_ptr_nonnull(m);
    str_free(&shown);
    diag_list_free(&diags);
    arena_free(&arena);
    return m;
}

static void begin(struct trial *t, const char *text, bool parallel, uint64_t seed)
{
    struct error err = { 0 };
    struct run_opts opts;
    *t = (struct trial){ .module = compile(text, parallel, NULL) };
    ck_assert_int_eq(vm_new(&t->vm, &err), ST_OK);
    ck_assert_int_eq(engine_open_scripted(answer, NULL, &t->engine, &err), ST_OK);
    engine_scripted_hold(t->engine, seed);
    run_opts_init(&opts);
    opts.module = t->module;
    opts.engine = t->engine;
    opts.func = t->module->main_func;
    opts.has_seed = true;
    opts.seed = 1;
    ck_assert_msg(run_start(t->vm, &opts, &t->run, &err) == ST_OK, "%s", err.text);
}

static void take(struct trial *t, struct run_event *ev)
{
    if (ev->kind == RUN_PRINT)
        str_add_slice(&t->out, ev->text);
    else if (ev->kind == RUN_FAILED)
        str_addf(&t->out, "%s %.*s", ev->failure->code, (int)ev->failure->message.len,
                 ev->failure->message.ptr);
    else if (ev->kind == RUN_DONE)
        run_result_text(ev->value, false, &t->out);
    run_event_free(ev);
}

/* Waits until so many plans are held. */
static void gather(struct trial *t, uint32_t n)
{
    for (int i = 0; i < TURNS && engine_scripted_held(t->engine) < n; i++)
        usleep(TURN_US);
    ck_assert_uint_eq(engine_scripted_held(t->engine), n);
}

static void run_to_end(struct trial *t)
{
    struct run_event ev;
    enum status st;
    while ((st = run_next(t->run, 0, &ev)) != ST_END) {
        if (st == ST_OK)
            take(t, &ev);
        else if (!engine_scripted_release(t->engine))
            usleep(20);
    }
    run_get_stats(t->run, &t->stats);
}

static void end(struct trial *t)
{
    run_free(t->run);
    engine_unref(t->engine);
    vm_free(t->vm);
    module_unref(t->module);
    str_free(&t->out);
}

static const char many[] =
    "fn ask(x: int) -> int {\n"
    "    \"!${x % 7}\"\n"
    "    let n: int = gen(max: 4)\n"
    "    if n == 5 and x > 20 { fail(\"at ${x}\") }\n"
    "    n\n"
    "}\n"
    "fn pair(x: int) -> int {\n"
    "    let a = ask(x)\n"
    "    let b = ask(x + 1)\n"
    "    a * 10 + b\n"
    "}\n"
    "fn work(n: int) -> [int] {\n"
    "    var out: [int] = []\n"
    "    for x in 0..<n { out.push(pair(x)) }\n"
    "    out\n"
    "}\n"
    "fn main() {\n"
    "    print(work(12))\n"
    "    print(work(40).len() catch |e| e.message)\n"
    "    let b = fork x in 4 { work(x + 3).sum() }\n"
    "    print(join b)\n"
    "    print([1, 2, 3].map(|x| ask(x)))\n"
    "}\n";

START_TEST(one_outcome)
{
    struct trial plain, t;
    begin(&plain, many, false, 0);
    run_to_end(&plain);
    ck_assert_uint_gt(plain.out.len, 40);
    ck_assert_ptr_nonnull(strstr(plain.out.ptr, "at 26"));
    for (uint64_t seed = 1; seed <= 100; seed++) {
        begin(&t, many, true, seed);
        run_to_end(&t);
        ck_assert_str_eq(t.out.ptr, plain.out.ptr);
        ck_assert_uint_gt(t.stats.n_at_once, 1);
        end(&t);
    }
    end(&plain);
}
END_TEST

START_TEST(in_flight)
{
    static const char text[] =
        "fn ask(x: int) -> int {\n    \"!${x}\"\n    let n: int = gen(max: 4)\n    n\n}\n"
        "fn main() -> int {\n    let a = ask(3)\n    let b = ask(4)\n    a + b\n}\n";
    struct trial t;
    begin(&t, text, true, 1);
    gather(&t, 2);
    run_to_end(&t);
    ck_assert_str_eq(t.out.ptr, "7");
    ck_assert_uint_eq(t.stats.n_at_once, 2);
    end(&t);
    begin(&t, text, false, 1);
    gather(&t, 1);
    run_to_end(&t);
    ck_assert_uint_eq(t.stats.n_at_once, 1);
    end(&t);
}
END_TEST

START_TEST(ten_thousand)
{
    static const char text[] =
        "fn ask(x: int) -> int {\n    \"!${x % 10}\"\n    let n: int = gen(max: 4)\n    n\n}\n"
        "fn main() -> int {\n    var out: [int] = []\n    with concurrency(10000) {\n"
        "        for x in 0..<10000 { out.push(ask(x)) }\n    }\n    out.sum()\n}\n";
    struct trial t;
    begin(&t, text, true, 1);
    gather(&t, 10000);
    run_to_end(&t);
    ck_assert_str_eq(t.out.ptr, "45000");
    ck_assert_uint_eq(t.stats.n_at_once, 10000);
    end(&t);
}
END_TEST

/* A run that is stopped ends its deferred calls, those inside of them, and those in branches. */
START_TEST(stopped)
{
    static const char text[] =
        "fn ask(x: int) -> int {\n    \"!${x}\"\n    let n: int = gen(max: 4)\n    n\n}\n"
        "fn pair(x: int) -> int {\n    let a = ask(x)\n    let b = ask(x)\n    try { a + b } finally { let c = 1 }\n}\n"
        "fn main() {\n    let b = fork 3 { let x = pair(1); let y = pair(2); x + y }\n    let c = pair(3)\n"
        "    print(c)\n    print(join b)\n}\n";
    struct trial t;
    for (uint32_t n = 0; n < 6; n++) {
        begin(&t, text, true, n);
        gather(&t, 14);
        for (uint32_t i = 0; i < n; i++)
            engine_scripted_release(t.engine);
        run_cancel(t.run);
        run_to_end(&t);
        ck_assert_ptr_nonnull(strstr(t.out.ptr, "R0503"));
        end(&t);
    }
}
END_TEST

/* A failure of a scope cancels what stands behind it, and what that has deferred. */
START_TEST(cancelled_behind)
{
    static const char text[] =
        "fn ask(x: int) -> int {\n    \"!${x}\"\n    let n: int = gen(max: 4)\n    if n == 1 { fail(\"one\") }\n    n\n}\n"
        "fn pair(x: int) -> int {\n    let a = ask(x)\n    let b = ask(x + 5)\n    a + b\n}\n"
        "fn all() -> int {\n    let a = ask(1)\n    let b = pair(2)\n    let c = pair(3)\n    a + b + c\n}\n"
        "fn main() -> str {\n    let r = all() catch |e| 0\n    \"${r} ${ask(4)}\"\n}\n";
    struct trial t;
    for (uint64_t seed = 0; seed < 20; seed++) {
        begin(&t, text, true, seed);
        gather(&t, 5);
        run_to_end(&t);
        ck_assert_str_eq(t.out.ptr, "0 4");
        end(&t);
    }
}
END_TEST

START_TEST(notes)
{
    static const char text[] =
        "fn ask(x: int) -> int {\n    \"!${x}\"\n    let n: int = gen(max: 4)\n    n\n}\n"
        "fn main() {\n    var out: [int] = []\n    for x in 1..3 {\n        out.push(ask(x))\n        print(x)\n    }\n"
        "    let a = ask(1)\n    print(a)\n    print(out)\n}\n";
    struct str said = { 0 };
    struct module *m = compile(text, true, &said);
    ck_assert_str_eq(said.ptr,
        "note: this waits for calls that could go on beside later ones\n"
        "   --> t.sgl:10:9\n"
        "   |\n"
        "10 |         print(x)\n"
        "   |         ^^^^^^^^\n"
        " 9 |         out.push(ask(x))\n"
        "   |                  ------ this call is still running\n"
        "   |\n"
        "   = note: it acts on the world outside, and an error before it must come first\n");
    module_unref(m);
    str_free(&said);
    said = (struct str){ 0 };
    module_unref(compile(text, false, &said));
    ck_assert_uint_eq(said.len, 0);
    str_free(&said);
}
END_TEST

/* ---- grown programs ---- */

struct grower {
    struct str out;
    uint64_t   state;
    uint32_t   depth, n_name, indent;
    uint32_t   name[64];            /* of int values in scope */
    uint32_t   n_scope;
    bool       may_assign;          /* `acc` and `out` are of this function */
    uint32_t   level;               /* functions below it may be called */
};

static uint32_t draw(struct grower *g, uint32_t n)
{
    g->state = g->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((g->state >> 33) % n);
}

static void line(struct grower *g, const char *text)
{
    for (uint32_t i = 0; i < g->indent; i++)
        str_adds(&g->out, "    ");
    str_adds(&g->out, text);
}

static void name(struct grower *g)
{
    if (g->n_scope && draw(g, 4))
        str_addf(&g->out, "v%u", g->name[draw(g, g->n_scope)]);
    else
        str_addf(&g->out, "%u", draw(g, 9));
}

static void call(struct grower *g)
{
    uint32_t k = draw(g, 6);
    if (k == 0)
        str_adds(&g->out, "tidy(");
    else if (k < 3 && g->level)
        str_addf(&g->out, "f%u(", draw(g, g->level));
    else
        str_adds(&g->out, "ask(");
    if (draw(g, 3))
        name(g);
    else
        call(g);
    str_adds(&g->out, ")");
}

static void value(struct grower *g)
{
    if (draw(g, 2)) {
        name(g);
        return;
    }
    str_adds(&g->out, "(");
    name(g);
    str_adds(&g->out, draw(g, 2) ? " + " : " * ");
    if (draw(g, 3))
        name(g);
    else
        call(g);
    str_adds(&g->out, ") % 50");
}

static void bind(struct grower *g, uint32_t id)
{
    if (g->n_scope < 64)
        g->name[g->n_scope++] = id;
}

static void statements(struct grower *g, bool gives);

static void block(struct grower *g, bool gives)
{
    uint32_t n_scope = g->n_scope;
    str_adds(&g->out, "{\n");
    g->indent++;
    g->depth++;
    statements(g, gives);
    g->depth--;
    g->indent--;
    g->n_scope = n_scope;
    line(g, "}");
}

static void bind_to(struct grower *g, const char *before, bool is_block, const char *after)
{
    uint32_t id = g->n_name++;
    line(g, "let ");
    str_addf(&g->out, "v%u = %s", id, before);
    if (is_block)
        block(g, true);
    else
        call(g);
    str_addf(&g->out, "%s\n", after);
    bind(g, id);
}

static void push(struct grower *g)
{
    if (!g->may_assign) {
        bind_to(g, "", false, "");
        return;
    }
    line(g, "out.push(");
    call(g);
    str_adds(&g->out, ")\n");
}

static void assign(struct grower *g)
{
    if (!g->may_assign) {
        bind_to(g, "", false, " catch 3");
        return;
    }
    line(g, draw(g, 2) ? "acc = " : "acc += ");
    call(g);
    str_adds(&g->out, "\n");
}

static void forked(struct grower *g)
{
    bool may = g->may_assign;
    uint32_t id = g->n_name++;
    g->may_assign = false;
    line(g, "let ");
    str_addf(&g->out, "b%u = fork i in 2 ", id);
    block(g, true);
    g->may_assign = may;
    str_adds(&g->out, "\n");
    line(g, "let ");
    str_addf(&g->out, "v%u = (join b%u).sum() %% 50\n", id, id);
    bind(g, id);
}

static void text(struct grower *g)
{
    line(g, "\"t ${");
    if (draw(g, 2))
        call(g);
    else
        name(g);
    str_adds(&g->out, "}\"\n");
    if (draw(g, 2))
        return;
    line(g, "let ");
    str_addf(&g->out, "v%u = here.text.len()\n", g->n_name);
    bind(g, g->n_name++);
}

static void statement(struct grower *g)
{
    uint32_t k = draw(g, g->depth < 3 ? 16 : 8);
    switch (k) {
    case 0: case 1:
        bind_to(g, "", false, "");
        break;
    case 2: case 3:
        push(g);
        break;
    case 4:
        assign(g);
        break;
    case 5:
        line(g, "print(\"p ${");
        value(g);
        str_adds(&g->out, "}\")\n");
        break;
    case 6:
        text(g);
        break;
    case 7:
        bind_to(g, "[1, 2].map(|q| ask(q)).sum() + ", false, "");
        break;
    case 8:
        line(g, "if ");
        value(g);
        str_adds(&g->out, " > 9 ");
        block(g, false);
        str_adds(&g->out, " else ");
        block(g, false);
        str_adds(&g->out, "\n");
        break;
    case 9: case 10:
        line(g, "for i in 0..<3 ");
        block(g, false);
        str_adds(&g->out, "\n");
        break;
    case 11:
        line(g, "try ");
        block(g, false);
        str_adds(&g->out, " catch e { print(e.message) }\n");
        break;
    case 12:
        bind_to(g, "try ", true, " catch { 7 }");
        break;
    case 13:
        bind_to(g, "attempt(2) ", true, " catch 9");
        break;
    case 14:
        forked(g);
        break;
    default:
        bind_to(g, "with sampling(temp: 0.5) ", true, "");
        break;
    }
}

static void statements(struct grower *g, bool gives)
{
    for (uint32_t n = 1 + draw(g, 4); n--;)
        statement(g);
    if (gives) {
        line(g, "require(");
        value(g);
        str_addf(&g->out, " != %u, \"no\")\n", draw(g, 12));
        line(g, "");
        value(g);
        str_adds(&g->out, "\n");
    }
}

static void grow(struct grower *g, uint64_t seed)
{
    *g = (struct grower){ .state = seed * 7919 + 17, .indent = 1 };
    str_addf(&g->out, "fn ask(x: int) -> int {\n    \"!${x %% 9}\"\n    let n: int = gen(max: 4)\n"
                      "    if n == %u { fail(\"at ${x}\") }\n    n\n}\n"
                      "fn tidy(x: int) -> int { x %% 11 }\n", draw(g, 12));
    for (g->level = 0; g->level < 3; g->level++) {
        bool last = g->level == 2;
        g->n_scope = 0;
        if (last) {
            str_adds(&g->out, "fn main() {\n");
        } else {
            str_addf(&g->out, "fn f%u(v%u: int) -> int {\n", g->level, g->n_name);
            bind(g, g->n_name++);
        }
        g->may_assign = true;
        line(g, "var acc = 0\n    var out: [int] = []\n");
        statements(g, false);
        line(g, last ? "print(out)\n    print(acc)\n" : "(acc + out.sum()) % 50\n");
        str_adds(&g->out, "}\n");
    }
}

START_TEST(grown)
{
    enum { PROGRAMS = 150, ORDERS = 3 };
    uint32_t n_overlap = 0;
    for (uint64_t p = 0; p < PROGRAMS; p++) {
        struct grower g;
        struct trial plain, t;
        grow(&g, p);
        begin(&plain, g.out.ptr, false, 0);
        run_to_end(&plain);
        for (uint64_t seed = 1; seed <= ORDERS; seed++) {
            begin(&t, g.out.ptr, true, seed);
            run_to_end(&t);
            bool same = slice_eq(str_slice(&t.out), str_slice(&plain.out));
            if (!same)
                fprintf(stderr, "%s\nin order:\n%s\nahead:\n%s\n", g.out.ptr, plain.out.ptr,
                        t.out.ptr);
            ck_assert(same);
            n_overlap += t.stats.n_at_once > plain.stats.n_at_once;
            end(&t);
        }
        end(&plain);
        str_free(&g.out);
    }
    ck_assert_uint_gt(n_overlap, PROGRAMS);
}
END_TEST

Suite *suite_order(void)
{
    Suite *s = suite_create("order");
    TCase *c = tcase_create("deferred calls");
    tcase_set_timeout(c, 100);
    tcase_add_test(c, one_outcome);
    tcase_add_test(c, in_flight);
    tcase_add_test(c, ten_thousand);
    tcase_add_test(c, stopped);
    tcase_add_test(c, cancelled_behind);
    tcase_add_test(c, notes);
    tcase_add_test(c, grown);
    suite_add_tcase(s, c);
    return s;
}
