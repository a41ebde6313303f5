#include <stdio.h>

#include "pattern_try.h"
#include "suites.h"

static struct pattern_source schema(const char *text)
{
    return (struct pattern_source){ .kind = PATTERN_SCHEMA, .text = slice_of(text),
                                    .spelling = SPELL_FLEXIBLE };
}

START_TEST(objects)
{
    const char *s = "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"integer\"},\"b\":{\"type\":\"string\"}},"
                    "\"required\":[\"b\"],\"additionalProperties\":false}";
    pattern_lines(schema(s), "{\"a\": 1, \"b\": \"x\"}\n{\"b\":\"\"}",
                  "{}\n{\"a\":1}\n{\"b\":\"x\",\"c\":1}\n{\"a\":\"1\",\"b\":\"\"}");
    pattern_lines(schema("{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"null\"}}}"),
                  "{}\n{\"a\":null}\n{\"x\":[1,{\"y\":2}]}\n{\"a\":null,\"b\":true}",
                  "{\"a\":1}\n{\"x\":1,\"a\":1}\n{\"x\":1,\"x\":2}\n[]");
    pattern_lines(schema("{\"patternProperties\":{\"^n_\":{\"type\":\"number\"}},\"additionalProperties\":{\"type\":"
                         "\"string\"},\"type\":\"object\"}"),
                  "{\"n_x\": 1.5, \"y\": \"s\"}", "{\"n_x\":\"s\"}\n{\"y\":1}");
    pattern_lines(schema("{\"type\":\"object\",\"minProperties\":2,\"maxProperties\":2,\"propertyNames\":{\"maxLength\":1}}"),
                  "{\"a\":1,\"b\":2}", "{\"a\":1}\n{\"a\":1,\"b\":2,\"c\":3}\n{\"aa\":1,\"b\":1}");
    pattern_lines(schema("{\"type\":\"object\",\"dependentRequired\":{\"a\":[\"b\"]}}"),
                  "{}\n{\"b\":1}\n{\"a\":1,\"b\":1}",
                  "{\"a\":1}");
}
END_TEST

START_TEST(arrays)
{
    pattern_lines(schema("{\"type\":\"array\",\"items\":{\"type\":\"boolean\"},\"minItems\":1,\"maxItems\":2}"),
                  "[true]\n[true, false]\n[ true ,false ]", "[]\n[true,true,true]\n[1]\n[true,]");
    pattern_lines(schema("{\"type\":\"array\",\"prefixItems\":[{\"type\":\"integer\"},{\"type\":\"string\"}],\"items\":false}"),
                  "[]\n[1]\n[1,\"a\"]", "[\"a\"]\n[1,\"a\",2]");
    pattern_lines(schema("{\"type\":\"array\",\"items\":{\"type\":\"integer\"},\"contains\":{\"minimum\":10},\"maxContains\":1,"
                         "\"maxItems\":3}"), "[10]\n[1,11]\n[12,3,4]",
                         "[]\n[1]\n[10,11]\n[1,2,3,10]");
}
END_TEST

START_TEST(unique_items)
{
    pattern_lines(schema("{\"type\":\"array\",\"uniqueItems\":true,\"items\":{\"type\":\"string\"}}"),
                  "[]\n[\"a\"]\n[\"a\", \"b\",\"\"]\n[\"a\",\"aa\",\"ab\"]\n[\"\\n\",\"n\",\"\\u0001\"]",
                  "[\"a\",\"a\"]\n[\"a\",\"b\", \"a\"]\n[\"\",\"\"]\n[\"a\",\"\\u0061\"]\n[\"\\n\",\"\\u000a\"]");
    /* A string is no number; values are compared, not their spelling. */
    pattern_lines(schema("{\"type\":\"array\",\"uniqueItems\":true,\"items\":{\"type\":[\"string\",\"number\",\"boolean\","
                         "\"null\"]}}"),
                  "[1,\"1\",true,\"true\",null,\"null\",false,-1,1.5,10]\n[0,0.5,-0.5]",
                  "[1,1]\n[1,1.0]\n[1.5,1.50]\n[1,1e0]\n[true,true]\n[null,1,null]\n[0,-0]\n[0,0.0]");
    /* Fewer values than items. */
    pattern_lines(schema("{\"type\":\"array\",\"uniqueItems\":true,\"minItems\":3,\"items\":{\"enum\":[\"x\",1,1.0,true]}}"),
                  "[1,\"x\",true]\n[true,1,\"x\"]", "[]\n[1,true]\n[1,\"x\",true,false]\n[1,\"x\",1]");
    pattern_refused(schema("{\"type\":\"array\",\"uniqueItems\":true,\"minItems\":4,\"items\":{\"enum\":[\"x\",1,1.0,true]}}"),
                    "E0401", "");
    pattern_lines(schema("{\"type\":\"array\",\"uniqueItems\":true,\"items\":{\"type\":\"integer\",\"minimum\":-1,\"maximum\":"
                         "2},\"minItems\":4}"), "[2,-1,0,1]", "[0,1,2]\n[2,-1,0,3]\n[2,-1,0,1,1]\n[2,-1,0,-1]");
    pattern_lines(schema("{\"type\":\"array\",\"uniqueItems\":true,\"items\":{\"type\":\"integer\",\"exclusiveMinimum\":-3}}"),
                  "[-2,-1,0,1,100,10]", "[-3]\n[-2,-2]\n[12,12]\n[1,-0]");
    struct pattern *p = pattern_made(schema("{\"type\":\"array\",\"uniqueItems\":true,\"items\":{\"type\":\"string\",\"maxLength\":1},"
                                            "\"minItems\":3}"));
    struct str s = { 0 };
    ck_assert(pattern_shortest(p, &s, NULL) == ST_OK && s.len >= 12);
    ck_assert(pattern_accepts(p, str_slice(&s), NULL));
    str_free(&s);
    pattern_unref(p);
}
END_TEST

/* What draft-07 asserts about contents is decoded or refused; later drafts do not assert. */
START_TEST(contents)
{
    const char *head7 = "{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"type\":\"string\",";
    char text[200];
    snprintf(text, sizeof text, "%s\"contentEncoding\":\"base64\"}", head7);
    pattern_lines(schema(text), "\"\"\n\"YQ==\"\n\"YWI=\"\n\"YWJj\"", "\"YQ=\"\n\"YQ\"\n\"%%%%\"\n\"YQ==YQ==\"");
    snprintf(text, sizeof text, "%s\"contentMediaType\":\"application/json\"}", head7);
    pattern_refused(schema(text), "E0408", "/contentMediaType");
    pattern_lines(schema("{\"type\":\"string\",\"contentEncoding\":\"base64\",\"contentMediaType\":\"application/json\"}"),
                  "\"%\"", "1");
}
END_TEST

START_TEST(scalars)
{
    pattern_lines(schema("{\"type\":\"integer\",\"minimum\":-5,\"exclusiveMaximum\":12,\"multipleOf\":3}"),
                  "-3\n0\n3\n9", "-6\n12\n1\n3.0\n-0");
    pattern_lines(schema("{\"type\":\"number\",\"minimum\":0.1,\"maximum\":1e1}"),
                  "0.1\n10\n9.99999\n0.10", "0.09\n10.01\n0\n-1");
    pattern_lines(schema("{\"type\":\"number\",\"multipleOf\":0.01}"), "0.1\n5\n1.25\n1.250",
                  "0.001\n1.255");
    pattern_lines(schema("{\"type\":\"integer\",\"minimum\":9007199254740993}"), "9007199254740993",
                  "9007199254740992");
    pattern_lines(schema("{\"type\":\"string\",\"minLength\":2,\"maxLength\":3}"),
                  "\"ab\"\n\"\\u0061\\n\"\n\"\\ud83d\\ude00x\"\n\"\xf0\x9f\x98\x80\xc3\xa9\"",
                  "\"a\"\n\"abcd\"\n\"\\ud83d\"\nab");
    pattern_lines(schema("{\"type\":\"string\",\"pattern\":\"b+\"}"), "\"b\"\n\"abc\"",
                  "\"\"\n\"ac\"");
    pattern_lines(schema("{\"enum\":[1,\"a\",null,{\"k\":[1,2]}],\"type\":[\"string\",\"object\",\"integer\"]}"),
                  "1\n\"a\"\n{\"k\": [1, 2]}", "null\n2\n{\"k\":[1]}");
    pattern_lines(schema("{\"const\":\"a\\\"b\"}"), "\"a\\\"b\"", "\"ab\"");
}
END_TEST

START_TEST(formats)
{
    pattern_lines(schema("{\"type\":\"string\",\"format\":\"date\"}"),
                  "\"2024-02-29\"\n\"1999-12-31\"", "\"2023-02-29\"\n\"2024-13-01\"\n\"2024-1-1\"");
    pattern_lines(schema("{\"type\":\"string\",\"format\":\"date-time\"}"),
                  "\"2024-02-29T23:59:60Z\"\n\"2024-01-01T00:00:00.5+01:00\"",
                      "\"2024-01-01T24:00:00Z\"\n\"2024-01-01T00:00:00\"");
    pattern_lines(schema("{\"type\":\"string\",\"format\":\"ipv6\"}"),
                  "\"::1\"\n\"1:2:3:4:5:6:7:8\"\n\"::ffff:1.2.3.4\"",
                      "\"1::2::3\"\n\":1\"\n\"12345::\"");
    pattern_lines(schema("{\"type\":\"string\",\"format\":\"uuid\"}"),
                  "\"123e4567-e89b-12d3-a456-426614174000\"",
                      "\"123e4567e89b12d3a456426614174000\"");
    pattern_lines(schema("{\"type\":\"string\",\"format\":\"email\"}"), "\"a.b@c.de\"",
                  "\"a@@b\"\n\"ab\"");
    pattern_lines(schema("{\"type\":\"string\",\"format\":\"uri\"}"),
                  "\"https://a.b/c?d#e\"\n\"urn:x:y\"", "\"/a\"\n\"http://a b\"");
    struct pattern *p = pattern_made(schema("{\"type\":\"string\",\"format\":\"fancy\"}"));
    ck_assert_uint_eq(pattern_n_note(p), 1);
    ck_assert(pattern_note(p, 0)->kind == NOTE_RESIDUE);
    ck_assert_str_eq(pattern_note(p, 0)->pointer, "/format");
    pattern_unref(p);
}
END_TEST

START_TEST(the_algebra_is_exact)
{
    pattern_lines(schema("{\"oneOf\":[{\"type\":\"integer\"},{\"minimum\":2}]}"), "1\n2.5\n\"s\"",
                  "3\n1.5");
    pattern_lines(schema("{\"anyOf\":[{\"type\":\"boolean\"},{\"const\":1}]}"), "true\n1",
                  "2\nnull");
    pattern_lines(schema("{\"allOf\":[{\"type\":\"string\",\"maxLength\":3},{\"pattern\":\"^a\"}]}"), "\"a\"\n\"abc\"", "\"b\"\n\"abcd\"");
    pattern_lines(schema("{\"not\":{\"type\":[\"object\",\"array\",\"string\"]}}"), "1\ntrue\nnull",
                  "{}\n[]\n\"\"");
    pattern_lines(schema("{\"type\":\"string\",\"not\":{\"enum\":[\"a\",\"b\"]}}"),
                  "\"\"\n\"c\"\n\"ab\"", "\"a\"\n\"b\"\n\"\\u0061\"");
    pattern_lines(schema("{\"type\":\"object\",\"not\":{\"required\":[\"k\"]}}"), "{}\n{\"j\":1}",
                  "{\"k\":1}\n{\"j\":1,\"k\":1}");
    pattern_lines(schema("{\"type\":\"integer\",\"not\":{\"multipleOf\":2}}"), "1\n-3", "0\n2");
    pattern_lines(schema("{\"type\":\"object\",\"properties\":{\"t\":{\"enum\":[\"x\",\"y\"]},\"v\":{}},\"required\":[\"t\",\"v\"],"
                         "\"if\":{\"properties\":{\"t\":{\"const\":\"x\"}}},\"then\":{\"properties\":{\"v\":{\"type\":\"integer\"}}},"
                         "\"else\":{\"properties\":{\"v\":{\"type\":\"string\"}}}}"),
                  "{\"t\":\"x\",\"v\":1}\n{\"t\":\"y\",\"v\":\"s\"}",
                  "{\"t\":\"x\",\"v\":\"s\"}\n{\"t\":\"y\",\"v\":1}");
}
END_TEST

/* Members that only list values are looked at together; which of them hold is asked of each value. */
START_TEST(listed_members)
{
    pattern_lines(schema("{\"oneOf\":[{\"const\":\"a\"},{\"enum\":[\"b\",\"a\"]},{\"const\":3},{\"type\":\"boolean\"},"
                         "{\"enum\":[true,\"c\"]}]}"),
                  "\"b\"\n3\n\"c\"\nfalse", "\"a\"\ntrue\n\"d\"\n4");
    pattern_lines(schema("{\"anyOf\":[{\"const\":\"a1\"},{\"enum\":[\"b1\",\"a2\",[1]]},{\"type\":\"array\",\"maxItems\":0}],"
                         "\"pattern\":\"^a\"}"),
                  "\"a1\"\n\"a2\"\n[1]\n[]", "\"b1\"\n[2]\n{}");
    pattern_lines(schema("{\"anyOf\":[{\"type\":\"string\",\"const\":1},{\"type\":\"integer\",\"enum\":[2,\"x\"]}]}"),
                  "2", "1\n\"x\"");
    pattern_refused(schema("{\"anyOf\":[{\"const\":1},{\"const\":2}],\"not\":{\"maximum\":5}}"), "E0401", NULL);
    pattern_refused(schema("{\"anyOf\":[{\"const\":1},7]}"), "E0407", "/anyOf");
}
END_TEST

/* Lengths that must be reached, with patterns beside them: the shortest is found, not all looked at. */
START_TEST(patterns_of_a_length)
{
    struct pattern *p = pattern_made(schema("{\"allOf\":[{\"pattern\":\"[aA][12].*[zZ]\"},{\"pattern\":\"^[^b]*$\"},"
                                            "{\"not\":{\"pattern\":\"aa|11|zz\"}}],\"type\":\"string\",\"minLength\":18,"
                                            "\"maxLength\":20}"));
    struct str text = { 0 };
    ck_assert(pattern_shortest(p, &text, NULL) == ST_OK);
    ck_assert_uint_eq(text.len, 20);
    ck_assert(pattern_accepts(p, str_slice(&text), NULL));
    str_free(&text);
    pattern_unref(p);
    pattern_refused(schema("{\"type\":\"string\",\"minLength\":4,\"pattern\":\"^(ab|c)$\"}"), "E0401", NULL);
    pattern_refused(schema("{\"type\":\"string\",\"minLength\":2000000000}"), "E0402", NULL);
    pattern_refused(schema("{\"type\":\"string\",\"minLength\":40000}"), "E0402", NULL);
    pattern_refused(schema("{\"items\":{\"multipleOf\":60000}}"), "E0408", "/items/multipleOf");
    pattern_refused(schema("{\"not\":{\"minimum\":1e400}}"), "E0408", "/not/minimum");
    pattern_refused(schema("{\"properties\":{\"a\":{\"enum\":[1e401]}}}"), "E0408",
                    "/properties/a");
}
END_TEST

START_TEST(references)
{
    pattern_lines(schema("{\"$ref\":\"#/$defs/t\",\"$defs\":{\"t\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/$defs/t\"}}}}"),
                  "[]\n[[],[[]]]", "[1]\n{}");
    pattern_lines(schema("{\"$defs\":{\"n\":{\"$anchor\":\"num\",\"type\":\"integer\"}},\"items\":{\"$ref\":\"#num\"},\"type\":\"array\"}"),
                  "[1]", "[\"a\"]");
    pattern_lines(schema("{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"definitions\":{\"a\":{\"type\":\"integer\"}},"
                         "\"$ref\":\"#/definitions/a\",\"maximum\":3}"), "9", "\"x\"");
    pattern_refused(schema("{\"$ref\":\"https://example.org/other.json\"}"), "E0408", "/$ref");
    pattern_refused(schema("{\"$ref\":\"#\"}"), "E0408", NULL);
}
END_TEST

START_TEST(refusals_name_their_place)
{
    pattern_refused(schema("{\"properties\":{\"a\":{\"type\":\"string\",\"pattern\":\"(?<=x)y\"}}}"), "E0404", "/properties/a/pattern");
    pattern_refused(schema("{\"properties\":{\"a\":{\"type\":\"strin\"}}}"), "E0407",
                    "/properties/a/type");
    pattern_refused(schema("{\"type\":\"array\",\"uniqueItems\":true,\"items\":{}}"), "E0408",
                    "/uniqueItems");
    pattern_refused(schema("{\"type\":\"string\",\"minLength\":3,\"maxLength\":2}"), "E0401", NULL);
    pattern_refused(schema("false"), "E0401", NULL);
    pattern_refused(schema("[]"), "E0407", NULL);
    pattern_refused(schema("{\"a\":1"), "E0407", NULL);
    struct str deep = { 0 };
    for (int i = 0; i < 100000; i++)
        str_adds(&deep, "{\"not\":");
    struct pattern_source s = { .kind = PATTERN_SCHEMA, .text = str_slice(&deep) };
    pattern_refused(s, "E0407", NULL);
    str_free(&deep);
}
END_TEST

START_TEST(the_shortest_value_is_closed)
{
    struct pattern *p = pattern_made(schema("{\"type\":\"object\",\"properties\":{\"k\":{\"type\":\"array\",\"minItems\":2,\"items\":"
                                            "{\"enum\":[\"long text\",7]}}},\"required\":[\"k\"]}"));
    pattern_least(p, "{\"k\":[7,7]}");
    pattern_unref(p);
    p = pattern_made((struct pattern_source){ .kind = PATTERN_JSON_OBJECT,
                                              .spelling = SPELL_COMPACT });
    pattern_least(p, "{}");
    pattern_yes(p, "{\"a\":[1,-2.5,{\"b\":null}],\"c\":\"x\"}");
    pattern_no(p, "[]");
    pattern_unref(p);
}
END_TEST

/* Some name of each of four lists must be there, in at most two keys. */
START_TEST(keys_that_are_owed)
{
    struct pattern *p = pattern_made(schema(
        "{\"type\":\"object\",\"patternProperties\":{\"^[0-9]$\":{\"type\":\"null\"}},"
        "\"additionalProperties\":false,\"maxProperties\":2,"
        "\"not\":{\"anyOf\":[{\"propertyNames\":{\"not\":{\"enum\":[\"1\",\"3\"]}}},"
        "{\"propertyNames\":{\"not\":{\"enum\":[\"2\",\"11\"]}}},"
        "{\"propertyNames\":{\"not\":{\"enum\":[\"2\",\"4\"]}}},"
        "{\"propertyNames\":{\"not\":{\"enum\":[\"1\",\"2\"]}}}]}}"));
    pattern_yes(p, "{\"1\":null,\"2\":null}");
    pattern_yes(p, "{\"2\":null,\"3\":null}");
    pattern_no(p, "{\"1\":null,\"4\":null}");
    pattern_unref(p);
}
END_TEST

/* Arrays do not care which of the 729 combinations they are read by. */
START_TEST(alternatives_that_say_the_same)
{
    struct str s = { 0 };
    str_adds(&s, "{\"allOf\":[");
    for (int i = 0; i < 27; i++)
        str_addf(&s, "%s{\"minLength\":%d}%s", i % 9 ? "," : "{\"anyOf\":[", i % 9,
                 i == 26 ? "]}" : i % 9 == 8 ? "]}," : "");
    str_adds(&s, "]}");
    struct pattern_source src = { .kind = PATTERN_SCHEMA, .text = str_slice(&s) };
    struct pattern *p = pattern_made(src);
    pattern_yes(p, "[1, {}]");
    pattern_yes(p, "{\"a\": \"\"}");
    pattern_least(p, "0");
    pattern_unref(p);
    str_free(&s);
}
END_TEST

/* Behind `contains` the next item is one that counts, and no blanks are put before it. */
START_TEST(counted_items_are_closed)
{
    struct pattern_source src = { .kind = PATTERN_SCHEMA, .spelling = SPELL_FLEXIBLE };
    src.text = slice_of("{\"type\":\"array\",\"contains\":{\"type\":\"array\","
                        "\"contains\":{\"const\":7}}}");
    struct pattern *p = pattern_made(src);
    pattern_least(p, "[[7]]");
    pattern_unref(p);
    src.text = slice_of("{\"uniqueItems\":true,\"items\":{\"enum\":[\"a\",1,\"ab\"]},"
                        "\"minItems\":3,\"type\":\"array\"}");
    p = pattern_made(src);
    pattern_least(p, "[1,\"a\",\"ab\"]");
    pattern_unref(p);
}
END_TEST

Suite *suite_schema(void)
{
    Suite *s = suite_create("schema");
    TCase *t = tcase_create("schema");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, objects);
    tcase_add_test(t, arrays);
    tcase_add_test(t, unique_items);
    tcase_add_test(t, contents);
    tcase_add_test(t, scalars);
    tcase_add_test(t, formats);
    tcase_add_test(t, the_algebra_is_exact);
    tcase_add_test(t, listed_members);
    tcase_add_test(t, patterns_of_a_length);
    tcase_add_test(t, references);
    tcase_add_test(t, refusals_name_their_place);
    tcase_add_test(t, the_shortest_value_is_closed);
    tcase_add_test(t, keys_that_are_owed);
    tcase_add_test(t, alternatives_that_say_the_same);
    tcase_add_test(t, counted_items_are_closed);
    suite_add_tcase(s, t);
    return s;
}
