#include "pattern_try.h"
#include "suites.h"

static struct pattern_source grammar(const char *text)
{
    return (struct pattern_source){ .kind = PATTERN_GRAMMAR, .text = slice_of(text) };
}

START_TEST(gbnf)
{
    pattern_lines(grammar("root ::= expr\nexpr ::= expr \"+\" term | term # left recursive\n"
                          "term ::= term \"*\" fac | fac\nfac ::= [0-9]+ | \"(\" expr \")\""),
                  "1\n1+2*3\n(1+2)*3\n((1))", "\n1+\n(1\n1)");
    pattern_lines(grammar("root ::= e\ne ::= e e | \"a\""), "a\naa\naaaaaaaaaaaaaaaaaaaa", "\nb");
    pattern_lines(grammar("root ::= a \"!\"\na ::= b \"x\" | \"p\"\nb ::= a \"y\" | n a \"z\" | \"q\"\nn ::= \"n\"?"),
                  "p!\nqx!\npyx!\npzx!\nnpzx!\npyxyx!\nqxzxyx!", "!\npx!\npyx");
    pattern_lines(grammar("root ::= \"(\" root \")\" root | \"\""), "\n()\n(())()", "(\n)(");
    pattern_lines(grammar("root ::= \"a\"{2,4} b{0,2}\nb ::= \"(\" b \")\" | \"b\""),
                  "aa\naaaa((b))b", "a\naabbb");
    pattern_lines(grammar("root ::= [^a-y\\x41\\n]\n  | \"\\u00e9\\\"\""),
                  "z\n\xc3\xa9\"\n\xc3\xa9", "a\nA");
}
END_TEST

START_TEST(lark)
{
    pattern_lines(grammar("start: expr\n?expr: expr \"+\" term | term -> foo\nterm: NUMBER | \"(\" expr \")\"\n"
                          "%import common.NUMBER\n%import common.WS\n%ignore WS\n// comment\n"),
                  "1\n1 + 2\n(1+ 2 ) + 3", "\n1+\n1 2");
    pattern_lines(grammar("start: greet \" \" NAME~2..3 \"!\"?\ngreet: \"hello\"i | /h[iy]/\nNAME: LETTER+\n"
                          "LETTER: \"a\"..\"z\"\n   | \"Z\""), "HeLLo abc\nhi Zz!", "hi a\n ab");
}
END_TEST

START_TEST(refusals)
{
    pattern_refused(grammar("root ::= x"), "E0406", NULL);
    pattern_refused(grammar("a ::= \"x\""), "E0406", NULL);
    pattern_refused(grammar("root ::= root \"a\""), "E0401", NULL);
    pattern_refused(grammar("root ::= (\"a\""), "E0405", NULL);
    pattern_refused(grammar("root ::= <[12]>"), "E0405", NULL);
    pattern_refused(grammar("start.2: \"a\""), "E0405", NULL);
    pattern_refused(grammar("start: a{b}"), "E0405", NULL);
    struct str deep = { 0 };
    str_adds(&deep, "root ::= ");
    for (int i = 0; i < 500000; i++)
        str_addc(&deep, '(');
    struct pattern_source s = { .kind = PATTERN_GRAMMAR, .text = str_slice(&deep) };
    pattern_refused(s, "E0402", NULL);
    str_free(&deep);
}
END_TEST

Suite *suite_grammar(void)
{
    Suite *s = suite_create("grammar");
    TCase *t = tcase_create("grammar");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, gbnf);
    tcase_add_test(t, lark);
    tcase_add_test(t, refusals);
    suite_add_tcase(s, t);
    return s;
}
