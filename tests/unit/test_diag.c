#include <string.h>

#include "base/alloc.h"
#include "base/jsonio.h"
#include "frontend/diag.h"
#include "frontend/explain.h"
#include "frontend/parser.h"
#include "suites.h"

START_TEST(shows_the_line_with_carets)
{
    struct arena arena = { 0 };
    struct source *s;
    struct diag_list l;
    struct parse_result r;
    struct str out = { 0 };
    diag_list_init(&l, &arena);
    ck_assert_int_eq(source_new(&arena, "a.sgl",
                                SLICE("fn f(xs: [int]) {\r\n    let b = fork x xs { x }\r\n}\n"),
                                &s,
                                NULL), ST_OK);
    ck_assert_int_eq(parse_module(&arena, s, &l, &r, NULL), ST_OK);
    ck_assert_uint_eq(l.n, 1);
    diag_render(l.at[0], false, &out);
    ck_assert_str_eq(out.ptr, "error[E0103]: unexpected name `xs`\n"
                              "  --> a.sgl:2:20\n"
                              "  |\n"
                              "2 |     let b = fork x xs { x }\n"
                              "  |                    ^^ expected `in` or `{`\n");
    str_free(&out);
    diag_note(&l, l.at[0], "a \"note\"");
    diag_render_json(l.at[0], &out);
    ck_assert_ptr_nonnull(strstr(out.ptr,
                                 "\"line\": 2, \"col\": 20, \"end_line\": 2, \"end_col\": 22"));
    ck_assert_ptr_nonnull(strstr(out.ptr, "\"notes\": [\"a \\\"note\\\"\"]"));
    str_free(&out);
    diag_list_free(&l);
    arena_free(&arena);
}
END_TEST

START_TEST(columns_are_code_points)
{
    struct arena arena = { 0 };
    struct source *s;
    ck_assert_int_eq(source_new(&arena, "a", SLICE("\xEF\xBB\xBF\"\xC3\xA9\xC3\xA9\" x\ny"), &s,
                                NULL), ST_OK);
    struct place p = source_place(s, 7);
    ck_assert_uint_eq(p.line, 1);
    ck_assert_uint_eq(p.col, 6);
    ck_assert_uint_eq(source_place(s, 9).line, 2);
    ck_assert(slice_is(source_line(s, 2), "y"));
    arena_free(&arena);
}
END_TEST

START_TEST(one_place_is_told_once)
{
    struct arena arena = { 0 };
    struct source *s;
    struct diag_list l;
    diag_list_init(&l, &arena);
    ck_assert_int_eq(source_new(&arena, "a", SLICE("abc"), &s, NULL), ST_OK);
    diag_add(&l, "W0201", s, (struct span){ 1, 1 }, "second");
    diag_add(&l, "E0201", s, (struct span){ 0, 1 }, "first");
    diag_add(&l, "E0201", s, (struct span){ 0, 1 }, "first");
    diag_sort(&l);
    ck_assert_uint_eq(l.n, 2);
    ck_assert_uint_eq(l.n_error, 1);
    ck_assert_str_eq(l.at[0]->message, "first");
    ck_assert_int_eq(l.at[1]->severity, DIAG_WARNING);
    diag_list_free(&l);
    arena_free(&arena);
}
END_TEST

START_TEST(codes_are_explained)
{
    struct str out = { 0 };
    for (uint32_t i = 0; i < diag_n_code(); i++) {          /* the first line, then its page */
        str_cut(&out, 0);
        ck_assert_int_eq(explain_code(diag_code_at(i), &out, NULL), ST_OK);
        ck_assert_ptr_nonnull(strstr(out.ptr, "\n\n"));
        ck_assert_msg(out.len > 150, "%s has no page", diag_code_at(i));
    }
    str_cut(&out, 0);
    ck_assert_int_eq(explain_code("e0103", &out, NULL), ST_OK);
    ck_assert_ptr_nonnull(strstr(out.ptr, "E0103 (error): unexpected token"));
    ck_assert_ptr_nonnull(strstr(out.ptr, "fork x in xs"));
    ck_assert_int_eq(explain_code("E9999", &out, NULL), ST_NOT_FOUND);
    str_free(&out);
}
END_TEST

Suite *suite_diag(void)
{
    Suite *s = suite_create("diag");
    TCase *t = tcase_create("diag");
    tcase_add_test(t, shows_the_line_with_carets);
    tcase_add_test(t, columns_are_code_points);
    tcase_add_test(t, one_place_is_told_once);
    tcase_add_test(t, codes_are_explained);
    suite_add_tcase(s, t);
    return s;
}
