/* test_compiler.c - programs to verified bytecode, and the codes of programs that are refused. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "compiler/compile.h"
#include "tests/unit/suites.h"

struct outcome {
    struct arena     arena;
    struct diag_list diags;
    struct module   *module;
    struct str       ir;
    struct error     err;
    enum status      status;
};

static void compile(struct outcome *o, const char *text, struct compile_env *env)
{
    memset(o, 0, sizeof *o);
    diag_list_init(&o->diags, &o->arena);
    struct compile_opts opts = { .name = "t.sgl", .text = slice_of(text), .env = env,
                                 .keep_ir = true };
    o->status = compile_module(&opts, &o->diags, &o->module, &o->ir, &o->err);
}

static void release(struct outcome *o)
{
    module_unref(o->module);
    diag_list_free(&o->diags);
    str_free(&o->ir);
    arena_free(&o->arena);
}

static void add_messages(const struct outcome *o, struct str *out)
{
    for (uint32_t i = 0; i < o->diags.n; i++)
        diag_render(o->diags.at[i], false, out);
}

/* Programs that are right, with nothing to warn about. */
static const char *const good[] = {
    "user \"Say hello in five words.\"\nprint(gen(max: 24))",
    "fn main(question: str) -> str {\n    \"Q: ${question}\\nA:$[answer, stop: \"\\n\", max: 64]\"\n    answer.trim()\n}",
    "fn f(n: int) -> str {\n    let size = if n > 9 { \"big\" } else { \"small\" }\n    size\n}\nfn main() -> str { f(3) }",
    "enum V { A, B, tie }\nfn once() -> [V: float] { score<V>() }\nfn main() -> V {\n    let p = once()\n    let q = [\"A\": p[\"A\"] + 1, \"B\": p[\"B\"]]\n    V(q.argmax())\n}",
    "fn main() -> [str] {\n    let b = fork t in [\"a\", \"b\"] { user \"x ${t}\"; gen(max: 4) }\n    join b\n}",
    "fn main() -> int {\n    var n = 0\n    for i in 0..9 { if i % 2 == 0 { continue }\n        n += i }\n    while n > 3 { n -= 1 }\n    n\n}",
    "struct P { x: int, y: float = 1.5 }\nfn main() -> P {\n    var p = P(x: 1)\n    p.x = 3\n    copy(p, y: 2)\n}",
    "fn f(x: int?) -> int {\n    if x == null { return 0 }\n    x + 1\n}\nfn g(x: int?) -> int { x ?? 3 }\nfn main() -> int { f(null) + g(2) catch 4 }",
    "part p(x: str) -> str {\n    \"${x}: $[y, stop: \"\\n\"]\\n\"\n    y\n}\nfn main() -> str { p(\"a\") + p(\"b\") }",
    "fn main() -> [int] {\n    let xs = [3, 1, 2]\n    let k = 2\n    xs.map(|x| x * k).sort(|x| -x)\n}",
    "fn main() -> str {\n    match 3 + 4 { 1..5 => \"low\"\n        7 => \"seven\"\n        _ => \"high\" }\n}",
    "fn main() -> str {\n    try { fail(\"x\", kind: \"Mine\") } catch e: Mine | Io { e.message } finally { print(\"done\") }\n}",
    "fn main() -> str {\n    user \"x\"\n    attempt(3, feedback: true) {\n        let s = gen(max: 8)\n        require(s.len() > 1, \"short\")\n        s\n    }\n}",
    "fn main() -> [str] { gen(n: 3, max: 5) }",
    "fn main(topic: str = \"x\", n: int(1..5) = 2) -> str {\n    let m = here.mark()\n    \"${topic} ${n}\"\n    here.since(m)\n}",
    "const xs = [\"a\", \"b\"]\nfn main() -> str { select(xs, by: \"mean\") }",
    "extern fn search(q: str) -> str = cmd(\"wiki\", \"${q}\")\n@pure fn calc(e: str) -> float { 1.0 }\nfn main() -> str {\n    user \"${tool_docs([search, calc])}\"\n    \"x\"\n}",
};

START_TEST(good_programs)
{
    struct outcome o;
    compile(&o, good[_i], NULL);
    struct str messages = { 0 };
    add_messages(&o, &messages);
    ck_assert_msg(o.status == ST_OK && o.module, "%s\n%s\n%s", good[_i],
                  messages.ptr ? messages.ptr : "", o.err.text);
    ck_assert_ptr_nonnull(o.ir.ptr);
    struct str code = { 0 };
    bytecode_dump(o.module, &code);
    ck_assert_ptr_nonnull(code.ptr);
    str_free(&code);
    str_free(&messages);
    release(&o);
}
END_TEST

struct refused {
    const char *code;
    const char *text;
};

static const struct refused refused[] = {
    { "E0201", "print(nobody)" },
    { "E0202", "fn f() {}\nfn f() {}" },
    { "E0202", "let x = 1\nfn g() { let a = 1; let a = 2; print(a) }" },
    { "E0203", "let x = 1\nfn f() -> int { x }" },
    { "E0204", "print(\"a\".size())" },
    { "E0204", "struct S { a: int }\nprint(S(a: 1).b)" },
    { "E0206", "fn f(a: int) { print(a) }\nf(b: 1)" },
    { "E0207", "fn f(a: int) { print(a) }\nf()" },
    { "E0208", "fn f(a: int) { print(a) }\nf(1, 2)" },
    { "E0209", "import std.nothing\nprint(1)" },
    { "E0212", "fn main() {}\nprint(1)" },
    { "E0213", "fn main(f: fn(int) -> int) { print(f(1)) }" },
    { "E0301", "let x: int = \"a\"" },
    { "E0302", "fn f() {}\nlet x = [f, 1]" },
    { "E0303", "if 1 { print(1) }" },
    { "E0304", "fn f(b: bool) -> int { match b { true => 1 } }" },
    { "E0305", "fn f(x: int?) -> int { x }" },
    { "E0306", "let x: int(0..9) = 12" },
    { "E0308", "let x = \"a $[b]\"" },
    { "E0309", "let x: int = if 1 < 2 { 3 }" },
    { "E0310", "fn f(x: int) -> int { if x > 1 { return 2 } }" },
    { "E0311", "1 + 2" },
    { "E0312", "part p() { p() }\np()" },
    { "E0313", "const x = input(\"?\")" },
    { "E0314", "enum E { a, b }\nlet x: E = \"c\"" },
    { "E0315", "let x = 1\nprint(meta(x).finish)" },
    { "E0316", "let f = |x| gen(max: 3)" },
    { "E0318", "struct S { a: int, a: str }" },
    { "E0319", "print(here)" },
    { "E0321", "user { assistant \"x\" }" },
    { "E0322", "part p() { user \"x\" }\nassistant { p() }" },
    { "E0409", "let x: int(9..0) = gen()" },
    { "E0410", "let c: context = gen()" },
    { "E0411", "print(gen(temp: -1))" },
    { "E0412", "for p in stream gen(n: 2) { print(p) }" },
    { "E0415", "let x: int = gen(stop: \"a\")" },
    { "E0416", "print(select([\"a\"], by: \"best\"))" },
    { "E0417", "print(select([\"a\", \"a\"]))" },
    { "E0418", "print(select())" },
    { "E0422", "print(gen(min: 9, max: 3))" },
    { "E0501", "fn f() {\n    let c = here\n    let b = fork 2 { with c { \"x\"; gen(max: 2) } }\n    print(join b)\n}" },
    { "E0502", "fn f() {\n    var n = 0\n    let b = fork 2 { n = 1 }\n    join b\n    print(n)\n}" },
    { "E0503", "fn f() { let b = fork 2 { 1 }\n    let xs = [b]\n    print(xs) }" },
    { "E0504", "for x in true { print(x) }" },
    { "E0505", "print(join fork 2 { 1 } until 3)" },
    { "E0507", "fn f() -> int { let b = fork 2 { return 1 }\n    (join b)[0] }" },
    { "E0508", "with context(), context() { \"x\" }" },
    { "E0611", "extern fn send(x: str)\nfn f() { attempt(2) { send(\"a\") } }" },
    { "E0612", "@pure fn f() -> str { gen(max: 2) }" },
    { "E0616", "@funny fn f() {}" },
    { "E0802", "with mock([1]) { print(gen(max: 1)) }" },
    { "E0111", "let x = 1\nx = 2" },
    { "E0113", "with model(\"m\") { print(1) }" },
};

static bool has_code(const struct outcome *o, const char *code)
{
    for (uint32_t i = 0; i < o->diags.n; i++)
        if (strcmp(o->diags.at[i]->code, code) == 0)
            return true;
    return false;
}

START_TEST(refused_programs)
{
    struct outcome o;
    compile(&o, refused[_i].text, NULL);
    struct str messages = { 0 };
    add_messages(&o, &messages);
    ck_assert_msg(o.status == ST_FAILED && !o.module, "accepted: %s", refused[_i].text);
    ck_assert_msg(has_code(&o, refused[_i].code), "no %s for\n%s\n%s", refused[_i].code,
                  refused[_i].text,
                  messages.ptr ? messages.ptr : "");
    str_free(&messages);
    release(&o);
}
END_TEST

/* Entries of a prompt loop see the names and declarations of earlier ones. */
START_TEST(prompt_loop)
{
    struct compile_env *env;
    struct error err;
    ck_assert_int_eq(compile_env_new(&env, &err), ST_OK);
    static const char *const entry[] = {
        "let x = 2", "struct P { a: int }", "let p = P(a: x)", "p.a + x", "it + 1",
            "fn f(n: int) -> int { n * 2 }",
        "f(p.a)", "var v = [1]", "v.push(3)", "v.len()",
    };
    for (size_t i = 0; i < sizeof entry / sizeof entry[0]; i++) {
        struct outcome o;
        compile(&o, entry[i], env);
        struct str messages = { 0 };
        add_messages(&o, &messages);
        ck_assert_msg(o.status == ST_OK, "%s\n%s\n%s", entry[i], messages.ptr ? messages.ptr : "",
                      o.err.text);
        str_free(&messages);
        release(&o);
    }
    compile_env_free(env);
}
END_TEST

/* The text behind a hole ends its value; neighbouring texts are one. */
START_TEST(follow_text)
{
    struct outcome o;
    compile(&o, "fn main() -> int {\n    \"a\"\n    \"b \\\"$[n: int]\\\", \"\n    n\n}", NULL);
    ck_assert_int_eq(o.status, ST_OK);
    ck_assert_uint_eq(o.module->n_gen, 1);
    ck_assert_int_eq(o.module->gen[0].next, SITE_NEXT_TEXT);
    ck_assert(slice_is(o.module->gen[0].follow, "\", "));
    ck_assert_ptr_nonnull(strstr(o.ir.ptr, "\"ab \\\""));
    release(&o);
    compile(&o, "assistant \"$[n: int]\"", NULL);
    ck_assert_int_eq(o.status, ST_OK);
    ck_assert_int_eq(o.module->gen[0].next, SITE_NEXT_TURN_END);
    release(&o);
}
END_TEST

/* Everything a compilation allocates comes back, also when it fails. */
START_TEST(no_leak)
{
    int64_t before = mem_live_blocks();
    struct outcome o;
    compile(&o, good[9], NULL);
    release(&o);
    compile(&o, refused[3].text, NULL);
    release(&o);
    ck_assert_int_eq(mem_live_blocks(), before);
}
END_TEST

Suite *suite_compiler(void)
{
    Suite *s = suite_create("compiler");
    TCase *t = tcase_create("programs");
    tcase_add_loop_test(t, good_programs, 0, sizeof good / sizeof good[0]);
    tcase_add_loop_test(t, refused_programs, 0, sizeof refused / sizeof refused[0]);
    tcase_add_test(t, prompt_loop);
    tcase_add_test(t, follow_text);
    tcase_add_test(t, no_leak);
    suite_add_tcase(s, t);
    return s;
}
