#include "pattern_try.h"
#include "suites.h"

static struct pattern *regex(const char *text)
{
    return pattern_made((struct pattern_source){ .kind = PATTERN_REGEX, .text = slice_of(text) });
}

/* `want` NULL: nothing in common. */
static void common(const char *a, const char *b, const char *want)
{
    struct pattern *pa = regex(a), *pb = regex(b);
    struct str s = { 0 };
    bool found = pattern_common(pa, pb, &s);
    ck_assert_msg(found == (want != NULL), "/%s/ and /%s/: '%.*s'", a, b, (int)s.len,
                  s.ptr ? s.ptr : "");
    if (want)
        ck_assert_msg(slice_is(str_slice(&s), want), "/%s/ and /%s/: '%.*s', not '%s'", a, b,
                      (int)s.len,
                      s.ptr ? s.ptr : "", want);
    str_free(&s);
    pattern_unref(pa);
    pattern_unref(pb);
}

START_TEST(the_shortest_common_text)
{
    common("[a-m]+", "[k-z]+", "k");
    common("ab*c", "a.?.?c", "ac");
    common("a{3,9}", "(aa)+", "aaaa");
    common("|x", "", "");
    common("[a-c]", "[d-f]", NULL);
    common("a+", "b*a*b+", NULL);
    common("\xc3\xa4+", "[^a]{2}", "\xc3\xa4\xc3\xa4");
}
END_TEST

static void goes_on(const char *a, char byte, const char *want)
{
    struct pattern *p = regex(a);
    struct str s = { 0 };
    bool found = pattern_goes_on(p, (uint8_t)byte, &s);
    ck_assert_msg(found == (want != NULL), "/%s/ and '%c'", a, byte);
    if (want)
        ck_assert_msg(slice_is(str_slice(&s), want), "/%s/ and '%c': behind '%.*s'", a, byte,
                      (int)s.len,
                      s.ptr ? s.ptr : "");
    str_free(&s);
    pattern_unref(p);
}

START_TEST(a_whole_text_goes_on)
{
    goes_on("[0-9]{1,3}", '5', "0");
    goes_on("[0-9]{3}", '5', NULL);         /* 5 goes on inside, never behind a whole text */
    goes_on("[a-z ]+", ' ', " ");
    goes_on("[a-z]+", ' ', NULL);
    goes_on("x(yz)?", 'y', "x");
    goes_on("x(yz)?", 'z', NULL);
}
END_TEST

static void valid(const char *schema, const char *yes, const char *no)
{
    struct schema_checker *c = NULL;
    struct error err = { 0 };
    bool ok = false;
    ck_assert_msg(schema_checker_new(slice_of(schema), &c, &err) == ST_OK, "%s", err.text);
    ck_assert(schema_checker_valid(c, slice_of(yes), &ok, &err) == ST_OK && ok);
    ck_assert(schema_checker_valid(c, slice_of(no), &ok, &err) == ST_OK && !ok);
    ck_assert(schema_checker_valid(c, slice_of(yes), &ok, &err) == ST_OK && ok);
    ck_assert(schema_checker_valid(c, slice_of("[1,"), &ok, &err) != ST_OK);
    schema_checker_free(c);
}

START_TEST(values_are_checked_as_a_whole)
{
    valid("{\"uniqueItems\": true}", "[1, 2, \"1\"]", "[1, 2, 1.0]");
    valid("{\"type\": \"object\", \"required\": [\"a\"]}", "{\"b\": 1, \"a\": null}", "{\"b\": 1}");
    valid("{\"contains\": {\"const\": 3}, \"minContains\": 2}", "[3, 1, 3]", "[3, 1]");
    valid("{\"$ref\": \"#/$defs/t\", \"$defs\": {\"t\": {\"type\": \"array\", \"items\": {\"$ref\": \"#/$defs/t\"}}}}",
          "[[], [[]]]", "[[], [1]]");
    struct schema_checker *c = NULL;
    struct error err = { 0 };
    ck_assert(schema_checker_new(SLICE("{\"type\":"), &c, &err) != ST_OK);
    ck_assert_str_eq(err.code, "E0407");
}
END_TEST

Suite *suite_overlap(void)
{
    Suite *s = suite_create("overlap");
    TCase *t = tcase_create("overlap");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, the_shortest_common_text);
    tcase_add_test(t, a_whole_text_goes_on);
    tcase_add_test(t, values_are_checked_as_a_whole);
    suite_add_tcase(s, t);
    return s;
}
