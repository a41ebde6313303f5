/* test_artifact.c - compiled programs: packed and unpacked, written, cut off, changed. */
#include <check.h>
#include <string.h>

#include "base/alloc.h"
#include "compiler/artifact.h"
#include "compiler/bytecode_pack.h"
#include "tests/unit/suites.h"

struct built {
    struct arena         arena;
    struct diag_list     diags;
    struct file_recorder files;
    struct module       *module;
};

static const char library[] = "struct Row { a: int(0..9), b: str? }\nfn one() -> Row { user \"One row.\"; gen() }\n";

/* One file beside the main one. */
static enum status load(void *ctx, struct arena *arena, const char *from, struct slice name,
                        const char **ret_name, struct slice *ret_text, struct error *err)
{
    (void)ctx;
    (void)from;
    (void)arena;
    if (!slice_is(name, "lib.sgl"))
        return error_set(err, ST_NOT_FOUND, "no such file");
    *ret_name = "dir/lib.sgl";
    *ret_text = SLICE(library);
    return ST_OK;
}

static const char program[] =
    "import \"lib.sgl\" as lib\n"
    "import std.vote\n"
    "enum Tone { warm, cold = \"ice cold\" }\n"
    "struct Node { name: str(1..20), kids: [Node](max: 3), tone: Tone, n: float(0..1) }\n"
    "const shots = [\"x\": [1, 2], \"y\": [3]]\n"
    "extern fn now(zone: str = \"utc\") -> str = cmd(\"date\", \"${zone}\", timeout: 3s)\n"
    "/// Adds.\n"
    "fn add(a: int, b: int = 2) -> int { a + b }\n"
    "fn main(q: str = \"hi\") -> [str] {\n"
    "    system \"You are terse.\"\n"
    "    user \"Q: ${q}\"\n"
    "    assistant \"A:$[answer: /[a-z]+/, stop: \"\\n\"] and $[t: Tone]\"\n"
    "    let c = gen<call<add | now>>()\n"
    "    let b = fork s in [\"a\", \"b\"], k in 2 { user \"${s}${k}\"; gen(max: 4) }\n"
    "    attempt(3, feedback: true) { require(lib.one().a > 0, \"small\") }\n"
    "    with budget(tokens: 500, time: 3s), sampling(temp: 0.5) { let n: Node = gen(); print(n.name) }\n"
    "    print(\"${c.name} ${vote.majority([answer])} ${shots} ${t}\")\n"
    "    join b\n"
    "}\n"
    "test \"adds\" (runs: 3) { assert(add(1) == 3) }\n";

static void build(struct built *b)
{
    memset(b, 0, sizeof *b);
    diag_list_init(&b->diags, &b->arena);
    b->files.inner = (struct loader){ load, NULL };
    struct compile_opts opts = { .name = "main.sgl", .text = SLICE(program),
                                 .loader = { recorder_load, &b->files } };
    struct error err = { 0 };
    enum status st = compile_module(&opts, &b->diags, &b->module, NULL, &err);
    struct str text = { 0 };
    for (uint32_t i = 0; i < b->diags.n; i++)
        diag_render(b->diags.at[i], false, &text);
    ck_assert_msg(st == ST_OK, "%s %s", err.text, text.ptr ? text.ptr : "");
    str_free(&text);
}

static void release(struct built *b)
{
    module_unref(b->module);
    recorder_free(&b->files);
    diag_list_free(&b->diags);
    arena_free(&b->arena);
}

static void write(const struct built *b, struct str *out)
{
    struct artifact_file file[4] = { { "", { "", 0 }, "main.sgl", SLICE(program) } };
    ck_assert_uint_eq(b->files.n, 1);
    file[1] = b->files.file[0];
    struct artifact a = { .file = file, .n_file = 2 };
    struct error err;
    ck_assert_int_eq(artifact_write(&a, b->module, out, &err), ST_OK);
}

START_TEST(pack_reads_back)
{
    struct built b;
    build(&b);
    struct str bytes = { 0 }, again = { 0 }, text = { 0 }, text_again = { 0 };
    struct error err = { 0 };
    struct module *m;
    ck_assert_int_eq(module_pack(b.module, &bytes, &err), ST_OK);
    ck_assert_msg(module_unpack(str_slice(&bytes), &m, &err) == ST_OK, "%s", err.text);
    bytecode_dump(b.module, &text);
    bytecode_dump(m, &text_again);
    ck_assert_str_eq(text.ptr, text_again.ptr);
    ck_assert_uint_eq(m->hash.lo, b.module->hash.lo);
    ck_assert_int_eq(module_pack(m, &again, &err), ST_OK);
    ck_assert(slice_eq(str_slice(&bytes), str_slice(&again)));
    module_unref(m);
    str_free(&bytes);
    str_free(&again);
    str_free(&text);
    str_free(&text_again);
    release(&b);
}
END_TEST

START_TEST(file_reads_back)
{
    struct built b;
    build(&b);
    struct str bytes = { 0 };
    write(&b, &bytes);
    struct artifact a;
    struct error err = { 0 };
    ck_assert_msg(artifact_read(str_slice(&bytes), &a, &err) == ST_OK, "%s", err.text);
    ck_assert_uint_eq(a.n_file, 2);
    ck_assert_str_eq(a.file[1].name, "dir/lib.sgl");
    ck_assert_uint_gt(a.module.len, 0);
    struct arena arena = { 0 };
    const char *name;
    struct slice text;
    ck_assert_int_eq(artifact_load(&a, &arena, "main.sgl", SLICE("lib.sgl"), &name, &text, &err),
                     ST_OK);
    ck_assert(slice_is(text, library));
    ck_assert_int_eq(artifact_load(&a, &arena, "main.sgl", SLICE("other.sgl"), &name, &text, &err),
                     ST_NOT_FOUND);
    arena_free(&arena);
    artifact_free(&a);
    str_free(&bytes);
    release(&b);
}
END_TEST

/* Every cut and every changed byte is found by the hash; another build's module is left out. */
START_TEST(damage_is_found)
{
    struct built b;
    build(&b);
    struct str bytes = { 0 };
    write(&b, &bytes);
    struct artifact a;
    struct error err;
    for (size_t n = 0; n < bytes.len; n += n < 200 ? 1 : 97)
        ck_assert_int_ne(artifact_read((struct slice){ bytes.ptr, n }, &a, &err), ST_OK);
    for (size_t i = 16; i < bytes.len; i += 31) {
        bytes.ptr[i] ^= 4;
        ck_assert_int_ne(artifact_read(str_slice(&bytes), &a, &err), ST_OK);
        bytes.ptr[i] ^= 4;
    }
    bytes.ptr[8] ^= 1;      /* the fingerprint */
    ck_assert_int_eq(artifact_read(str_slice(&bytes), &a, &err), ST_OK);
    ck_assert_uint_eq(a.module.len, 0);
    artifact_free(&a);
    str_free(&bytes);
    release(&b);
}
END_TEST

/* Packed bytes are not trusted either: any change gives a module that verifies, or an error. */
START_TEST(changed_modules_do_no_harm)
{
    struct built b;
    build(&b);
    struct str bytes = { 0 };
    struct error err;
    ck_assert_int_eq(module_pack(b.module, &bytes, &err), ST_OK);
    uint32_t n_refused = 0;
    for (size_t i = 0; i < bytes.len; i += 3) {
        char was = bytes.ptr[i];
        bytes.ptr[i] = (char)(was ^ (1 << i % 8));
        struct module *m;
        if (module_unpack(str_slice(&bytes), &m, &err) == ST_OK)
            module_unref(m);
        else
            n_refused++;
        bytes.ptr[i] = was;
    }
    ck_assert_uint_gt(n_refused, 100);
    for (size_t n = 0; n < bytes.len; n += 53) {
        struct module *m;
        ck_assert_int_ne(module_unpack((struct slice){ bytes.ptr, n }, &m, &err), ST_OK);
    }
    str_free(&bytes);
    release(&b);
}
END_TEST

Suite *suite_artifact(void)
{
    Suite *s = suite_create("artifact");
    TCase *t = tcase_create("all");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, pack_reads_back);
    tcase_add_test(t, file_reads_back);
    tcase_add_test(t, damage_is_found);
    tcase_add_test(t, changed_modules_do_no_harm);
    suite_add_tcase(s, t);
    return s;
}
