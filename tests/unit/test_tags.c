#include "pattern_try.h"
#include "suites.h"

static struct pattern_source tags(const char *text)
{
    return (struct pattern_source){ .kind = PATTERN_TAGS, .text = slice_of(text) };
}

#define INT_TAG(begin) "{\"begin\":\"" begin "\",\"schema\":{\"type\":\"integer\"},\"end\":\"</t>\"}"
#define FLAT(triggers, structures) \
    "{\"type\":\"structural_tag\",\"triggers\":[" triggers "],\"structures\":[" structures "]}"

START_TEST(flat)
{
    const char *two = FLAT("\"<t=\"", INT_TAG("<t=a>") ",{\"begin\":\"<t=b>\",\"schema\":{\"type\":\"boolean\"},"
                           "\"end\":\"</t>\"}");
    pattern_lines(tags(two), "\nno tag\n<t=a>12</t>\nsay <t=b>true</t> and <t=a>-1</t>.\n<t\n<<t=a>1</t></t>",
                  "<t=\n<t=c>\n<t=a>1\n<t=a>true</t>\nx <t=b>1</t>\n<t=a>1</t><t=");
    struct pattern *p = pattern_made(tags(two));
    size_t at;
    ck_assert(!pattern_accepts(p, SLICE("hi <t=c>"), &at));
    ck_assert_uint_eq(at, 6);
    pattern_least(p, "");
    pattern_unref(p);
}
END_TEST

/* The first trigger in the text is the one that counts, however a later one overlaps it. */
START_TEST(overlap)
{
    pattern_lines(tags(FLAT("\"aa\"", INT_TAG("aab"))), "a\nba\naab1</t>a\nxaab1</t>", "aa\naaab1</t>\naaa");
    pattern_lines(tags(FLAT("\"<a\",\"<ab\"", INT_TAG("<ab") "," INT_TAG("<ac"))), "<ab1</t>\n<ac1</t><ab2</t>x\n<",
                  "<a\n<ab\n<ad1</t>");
}
END_TEST

START_TEST(dispatch)
{
#define TRIGGERED(more) "{\"type\":\"structural_tag\",\"format\":{\"type\":\"triggered_tags\",\"triggers\":[\"<\"]," \
    "\"tags\":[{\"type\":\"tag\",\"begin\":\"<n>\",\"content\":{\"type\":\"json_schema\",\"json_schema\":" \
    "{\"enum\":[1,2]}},\"end\":[\"</n>\",\";\"]}]" more "}}"
    pattern_lines(tags(TRIGGERED("")), "\na\n<n>1;\na<n>2</n>b<n>1;", "<n>3;\n<n>1");
    pattern_lines(tags(TRIGGERED(",\"at_least_one\":true")), "<n>1;\n<n>2</n>b<n>1;c\n<n>1;c",
                  "\na\n<n>1\na<n>2</n>\n<n>1;<");
    pattern_lines(tags(TRIGGERED(",\"stop_after_first\":true")), "\na\na<n>1;", "<n>1;a\n<n>1;<n>1;");
    pattern_lines(tags(TRIGGERED(",\"at_least_one\":true,\"stop_after_first\":true")), "<n>1;\n<n>2</n>",
                  "\na\n<n>1;a\na<n>1;\n<n>1;<n>1;");
    pattern_lines(tags(TRIGGERED(",\"excludes\":[\"no\"]")), "n\nn o<n>1;", "no\nano<n>1;\n<n>1;no");
}
END_TEST

START_TEST(tree)
{
#define TREE(format) "{\"type\":\"structural_tag\",\"format\":" format "}"
#define CONST(text) "{\"type\":\"const_string\",\"value\":\"" text "\"}"
    pattern_lines(tags(TREE("{\"type\":\"sequence\",\"elements\":[{\"type\":\"tag\",\"begin\":\"<think>\",\"content\":"
                            "{\"type\":\"any_text\"},\"end\":\"</think>\"},{\"type\":\"json_schema\",\"json_schema\":"
                            "{\"type\":\"null\"}}]}")),
                  "<think></think>null\n<think>a<b</think>null", "null\n<think>x</think>\n<think>a</think></think>null");
    pattern_lines(tags(TREE("{\"type\":\"or\",\"elements\":[" CONST("a") ",{\"type\":\"star\",\"content\":" CONST("b")
                            "},{\"type\":\"regex\",\"pattern\":\"[0-9]{2}\"}]}")), "a\n\nb\nbbb\n12", "ab\n1");
    pattern_lines(tags(TREE("{\"type\":\"sequence\",\"elements\":[{\"type\":\"optional\",\"content\":" CONST("a")
                            "},{\"type\":\"plus\",\"content\":" CONST("b") "},{\"type\":\"repeat\",\"min\":1,\"max\":2,"
                            "\"content\":" CONST("c") "}]}")), "bc\nabbcc", "c\nb\nbccc");
    pattern_lines(tags(TREE("{\"type\":\"repeat\",\"min\":2,\"max\":-1,\"content\":" CONST("a") "}")), "aa\naaaaa",
                  "\na\nb");
    pattern_lines(tags(TREE("{\"type\":\"sequence\",\"elements\":[{\"type\":\"grammar\",\"grammar\":"
                            "\"root ::= \\\"(\\\" root \\\")\\\" | \\\"\\\"\"}," CONST("!") "]}")),
                  "!\n()!\n(())!", "(!\n()");
    pattern_lines(tags(TREE("{\"type\":\"tags_with_separator\",\"separator\":\",\",\"at_least_one\":true,\"tags\":["
                            INT_TAG("[") "]}")), "[1</t>\n[1</t>,[2</t>", "\n[1</t>,\n[1</t>[2</t>");
}
END_TEST

/* Free text inside a tag stops at the tag's end, however deep it stands. */
START_TEST(inside)
{
#define WRAP(content) TREE("{\"type\":\"tag\",\"begin\":\"(\",\"content\":" content ",\"end\":[\")\",\"]\"]}")
#define CALLS "{\"type\":\"triggered_tags\",\"triggers\":[\"<\"],\"tags\":[" INT_TAG("<t>") "]}"
    pattern_lines(tags(WRAP(CALLS)), "()\n(a]\n(a<t>1</t>b)", "(a)b)\n(<t>1</t>\n(a)<t>1</t>)");
    pattern_lines(tags(WRAP("{\"type\":\"sequence\",\"elements\":[" CONST("x") ",{\"type\":\"any_text\"}]}")),
                  "(x)\n(xyz]", "(x]a)\n()\n(x))");
    pattern_lines(tags(TREE("{\"type\":\"sequence\",\"elements\":[{\"type\":\"tag\",\"begin\":\"\",\"content\":"
                            "{\"type\":\"any_text\"},\"end\":\".\"},{\"type\":\"any_text\"}]}")),
                  ".\na.\na.b.c", "\na");
}
END_TEST

START_TEST(refusals)
{
    pattern_refused(tags("{\"type\":7,\"format\":{\"type\":\"any_text\"}}"), "E0405", "");
    pattern_refused(tags("{\"type\":\"tag\",\"format\":{\"type\":\"any_text\"}}"), "E0405", "");
    pattern_refused(tags(TREE("7")), "E0405", "/format");
    pattern_refused(tags(TREE("{\"type\":\"no\"}")), "E0405", "/format");
    pattern_refused(tags(TREE("{\"type\":7}")), "E0405", "/format");
    pattern_refused(tags(TREE("{\"type\":\"or\",\"elements\":[]}")), "E0405", "/format");
    pattern_refused(tags(WRAP("7")), "E0405", "/format/content");
    pattern_refused(tags(TREE("{\"type\":\"repeat\",\"min\":2,\"max\":-2,\"content\":" CONST("a") "}")), "E0409",
                    "/format");
    pattern_refused(tags(FLAT("", INT_TAG("<a>"))), "E0405", "");
    pattern_refused(tags(FLAT("\"<\"", "")), "E0405", "");
    pattern_refused(tags("[1]"), "E0405", "");
    pattern_refused(tags(FLAT("\"x\"", INT_TAG("<a>"))), "E0405", "");
    pattern_refused(tags(FLAT("\"\"", INT_TAG("<a>"))), "E0405", "");
    pattern_refused(tags(FLAT("\"<\"", "{\"begin\":\"<a>\",\"schema\":{}}")), "E0405", "/structures/0");
    pattern_refused(tags(FLAT("\"<\"", "{\"begin\":\"<a>\",\"schema\":{\"type\":7},\"end\":\"\"}")), "E0407",
                    "/structures/0/schema/type");
    pattern_refused(tags(TREE("{\"type\":\"token\",\"token\":5}")), "E0405", "/format");
    pattern_refused(tags(TREE("{\"type\":\"regex\",\"pattern\":\"(\"}")), "E0403", "/format/pattern");
    pattern_refused(tags(TREE("{\"type\":\"or\",\"elements\":[" CONST("a") ",{\"type\":\"const_string\",\"value\":1}]}")),
                    "E0405", "/format/elements/1");
    pattern_refused(tags(TREE("{\"type\":\"any_text\",\"exclude\":[\"a\"]}")), "E0405", "/format");
    struct str deep = { 0 };
    str_adds(&deep, "{\"type\":\"structural_tag\",\"format\":");
    for (int i = 0; i < 100; i++)
        str_adds(&deep, "{\"type\":\"star\",\"content\":");
    str_adds(&deep, CONST("a"));
    for (int i = 0; i < 101; i++)
        str_addc(&deep, '}');
    pattern_refused((struct pattern_source){ .kind = PATTERN_TAGS, .text = str_slice(&deep) }, "E0402", NULL);
    str_free(&deep);
}
END_TEST

Suite *suite_tags(void)
{
    Suite *s = suite_create("tags");
    TCase *t = tcase_create("tags");
    tcase_add_test(t, flat);
    tcase_add_test(t, overlap);
    tcase_add_test(t, dispatch);
    tcase_add_test(t, tree);
    tcase_add_test(t, inside);
    tcase_add_test(t, refusals);
    suite_add_tcase(s, t);
    return s;
}
