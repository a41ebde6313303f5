#include <string.h>

#include "base/alloc.h"
#include "frontend/format.h"
#include "suites.h"

static void expect(const char *text, const char *formatted)
{
    struct str once = { 0 }, twice = { 0 };
    ck_assert_int_eq(format_source(slice_of(text), &once, NULL), ST_OK);
    ck_assert_str_eq(once.ptr, formatted);
    ck_assert_int_eq(format_source(str_slice(&once), &twice, NULL), ST_OK);
    ck_assert_str_eq(twice.ptr, formatted);
    str_free(&once);
    str_free(&twice);
}

START_TEST(blanks)
{
    expect("let x=1+2*-y", "let x = 1 + 2 * -y\n");
    expect("f( a ,b:3 ) . g [ 1 ]", "f(a, b: 3).g[1]\n");
    expect("let f=|x,y|x+y", "let f = |x, y| x + y\n");
    expect("let g = gen<\"a\"|\"b\">( max:3 )", "let g = gen<\"a\" | \"b\">(max: 3)\n");
    expect("let r = 1 .. 5 // note", "let r = 1..5  // note\n");
    expect("type T=[str:int](1..5)?", "type T = [str: int](1..5)?\n");
    expect("a;b", "a; b\n");
}
END_TEST

START_TEST(lines)
{
    expect("fn f() {\nlet x = [\n  1,\n]\n\n\n\nx   // c\n}\n",
           "fn f() {\n    let x = [\n      1,\n    ]\n\n    x   // c\n}\n");
    expect("if a {\n  // c\n  b\n  }\nelse {\n c }",
           "if a {\n    // c\n    b\n}\nelse {\n    c }\n");
    expect("match x {\n1 => a,\n  _ => {\n b\n}\n}",
           "match x {\n    1 => a,\n    _ => {\n        b\n    }\n}\n");
    expect("match x {\n \"a\" => 1\n -1=>2\n}", "match x {\n    \"a\" => 1\n    -1 => 2\n}\n");
    expect("join b until  (|x|x)", "join b until (|x| x)\n");
    expect("until(1)", "until(1)\n");
    expect("#!/x\nuser   \"a  ${ b }\"", "#!/x\nuser \"a  ${ b }\"\n");
    expect("let s = \"\"\"\n  a  \n  \"\"\"\n", "let s = \"\"\"\n  a  \n  \"\"\"\n");
    expect("", "");
}
END_TEST

START_TEST(what_does_not_parse_is_left)
{
    struct str out = { 0 };
    struct error err;
    ck_assert_int_eq(format_source(SLICE("let = 1"), &out, &err), ST_SYNTAX);
    ck_assert_str_eq(err.code, "E0103");
    ck_assert_uint_eq(out.len, 0);
    str_free(&out);
}
END_TEST

Suite *suite_format(void)
{
    Suite *s = suite_create("format");
    TCase *t = tcase_create("format");
    tcase_add_test(t, blanks);
    tcase_add_test(t, lines);
    tcase_add_test(t, what_does_not_parse_is_left);
    suite_add_tcase(s, t);
    return s;
}
