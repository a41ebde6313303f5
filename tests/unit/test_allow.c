#include <string.h>

#include "frontend/allow.h"
#include "suites.h"

/* Warnings of one code at each of the texts `at`; the answer is how many stay. */
static uint32_t stay(const char *text, const char *code, const char *const *at, uint32_t n)
{
    struct arena arena = { 0 };
    struct diag_list l;
    struct source *src;
    struct error err;
    diag_list_init(&l, &arena);
    ck_assert_int_eq(source_new(&arena, "t.sgl", slice_of(text), &src, &err), ST_OK);
    for (uint32_t i = 0; i < n; i++) {
        size_t off = slice_find(src->text, slice_of(at[i]));
        ck_assert(off != SIZE_MAX);
        diag_add(&l, code, src, (struct span){ (uint32_t)off, 1 }, "w");
    }
    ck_assert_int_eq(allow_apply(&l, src, &err), ST_OK);
    uint32_t left = l.n;
    ck_assert_uint_eq(l.n_warning + l.n_error, left);
    diag_list_free(&l);
    arena_free(&arena);
    return left;
}

#define STAY(text, code, ...) \
    stay(text, code, (const char *const[]){ __VA_ARGS__ }, \
         sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

START_TEST(reaches_one_statement)
{
    ck_assert_uint_eq(STAY("// sgl: allow W0201\nlet a = 1\nlet b = 2\n", "W0201", "a = 1"), 0);
    ck_assert_uint_eq(STAY("// sgl: allow W0201\nlet a = 1\nlet b = 2\n", "W0201", "a = 1",
                           "b = 2"), 1);
    ck_assert_uint_eq(STAY("// sgl: allow W0201\n\n// more\nlet a = f(\n  b,\n  c)\nd()\n", "W0201",
                           "b,", "c)", "d("), 1);
    ck_assert_uint_eq(STAY("fn f() {\n  // sgl: allow W0201\n  let a = 1 }\nlet b = 2\n", "W0201",
                           "a = 1", "b = 2"), 1);
    ck_assert_uint_eq(STAY("// sgl: allow W0201\nlet a = 1; let b = 2\n", "W0201", "a = 1",
                           "b = 2"), 1);
}
END_TEST

START_TEST(reaches_a_whole_declaration)
{
    const char *fn = "// sgl: allow W0201\nfn f() {\n  let a = 1\n  if x { let b = 2 }\n}\n"
                     "let c = 3\n";
    ck_assert_uint_eq(STAY(fn, "W0201", "a = 1", "b = 2", "c = 3"), 1);
    const char *annotated = "// sgl: allow W0201\n@pure\n@idempotent\nextern fn f(a: int)\n"
                            "let c = 3\n";
    ck_assert_uint_eq(STAY(annotated, "W0201", "f(a", "c = 3"), 1);
    ck_assert_uint_eq(STAY("// sgl: allow W0801\ntest \"x\" { f() }\n", "W0801", "\"x\""), 0);
}
END_TEST

START_TEST(names_its_codes)
{
    ck_assert_uint_eq(STAY("// sgl: allow W0201, W0202\nlet a = 1\n", "W0202", "a = 1"), 0);
    ck_assert_uint_eq(STAY("// sgl: allow W0201\nlet a = 1\n", "W0202", "a = 1"), 1);
    ck_assert_uint_eq(STAY("// sgl: allow W0201\n// sgl: allow W0202\nlet a = 1\n", "W0202",
                           "a = 1"), 0);
    ck_assert_uint_eq(STAY("// sgl: allow E0301\nlet a = 1\n", "E0301", "a = 1"), 1);
}
END_TEST

START_TEST(only_comments_count)
{
    ck_assert_uint_eq(STAY("let t = \"// sgl: allow W0201\"\nlet a = 1\n", "W0201", "a = 1"), 1);
    ck_assert_uint_eq(STAY("// no: // sgl: allow W0201\nlet a = 1\n", "W0201", "a = 1"), 1);
    ck_assert_uint_eq(STAY("let t = 1 // sgl: allow W0201\nlet a = 1\n", "W0201", "a = 1", "t = 1"),
                      1);
    ck_assert_uint_eq(STAY("let a = 1\n// sgl: allow W0201\n", "W0201", "a = 1"), 1);
    ck_assert_uint_eq(STAY("// sgl: allow W0201\n\"\"\"\n", "W0201", "\"\"\""), 0);
}
END_TEST

Suite *suite_allow(void)
{
    Suite *s = suite_create("allow");
    TCase *t = tcase_create("allow");
    tcase_add_test(t, reaches_one_statement);
    tcase_add_test(t, reaches_a_whole_declaration);
    tcase_add_test(t, names_its_codes);
    tcase_add_test(t, only_comments_count);
    suite_add_tcase(s, t);
    return s;
}
