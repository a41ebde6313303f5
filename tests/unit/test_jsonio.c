#include <string.h>

#include "base/jsonio.h"
#include "suites.h"

static void check_dump(const char *in, enum jsonio_style style, const char *want)
{
    struct error err;
    json_t *json = NULL;
    struct str out = { 0 };
    ck_assert_int_eq(jsonio_load(slice_of(in), NULL, &json, &err), ST_OK);
    jsonio_dump(json, style, &out);
    ck_assert_str_eq(out.ptr, want);
    json_decref(json);
    str_free(&out);
}

START_TEST(dumps_in_three_styles)
{
    const char *in = "{\"b\":[1,2.5,0.1,[],{}],\"a\":{\"x\":null,\"y\":true}}";
    check_dump(in, JSONIO_COMPACT, in);
    check_dump(in, JSONIO_SPACED,
               "{\"b\": [1, 2.5, 0.1, [], {}], \"a\": {\"x\": null, \"y\": true}}");
    check_dump("{\"b\":[1,[]],\"a\":{}}", JSONIO_PRETTY,
               "{\n  \"b\": [\n    1,\n    []\n  ],\n  \"a\": {}\n}");
    check_dump("3", JSONIO_SPACED, "3");
    check_dump("3.0", JSONIO_SPACED, "3.0");
    check_dump("1e300", JSONIO_SPACED, "1e+300");
    check_dump("\"\\u0000\\n\\u00e9\\\"\"", JSONIO_SPACED, "\"\\u0000\\n\xc3\xa9\\\"\"");
}
END_TEST

static void check_refused(const char *in, enum status want)
{
    struct error err;
    json_t *json = NULL;
    ck_assert_int_eq(jsonio_load(slice_of(in), NULL, &json, &err), want);
    ck_assert_ptr_null(json);
    ck_assert_uint_gt(strlen(err.text), 10);
}

START_TEST(refuses_what_is_wrong)
{
    check_refused("", ST_SYNTAX);
    check_refused("{\"a\":1,\"a\":2}", ST_SYNTAX);
    check_refused("[1,]", ST_SYNTAX);
    check_refused("1 2", ST_SYNTAX);
    check_refused("\"\xff\"", ST_SYNTAX);
    char deep[300];
    memset(deep, '[', 299);
    deep[299] = '\0';
    check_refused(deep, ST_LIMIT);
    struct jsonio_limits limits = { .max_bytes = 3 };
    json_t *json = NULL;
    ck_assert_int_eq(jsonio_load(SLICE("[1,2]"), &limits, &json, NULL), ST_LIMIT);
}
END_TEST

START_TEST(wide_numbers)
{
    static const char in[] = "[9223372036854775807,-9223372036854775809,1,2.5,\"12345678901234567890\\\"1e999\","
                             "123456789012345678901234567890,1e999,-1E999,{\"1e999\":1e-999}]";
    struct jsonio_limits limits = { .wide_numbers = true };
    struct error err;
    struct str out = { 0 };
    json_t *json = NULL;
    ck_assert_int_eq(jsonio_load(slice_of(in), NULL, &json, &err), ST_SYNTAX);
    ck_assert_int_eq(jsonio_load(slice_of(in), &limits, &json, &err), ST_OK);
    jsonio_dump(json, JSONIO_COMPACT, &out);
    ck_assert_str_eq(out.ptr, "[9223372036854775807,-9.223372036854776e+18,1,2.5,"
                     "\"12345678901234567890\\\"1e999\",1.2345678901234568e+29,1.7976931348623157e+308,"
                     "-1.7976931348623157e+308,{\"1e999\":0.0}]");
    ck_assert_int_eq(jsonio_load(SLICE("[99999999999999999999,]"), &limits, &json, &err), ST_SYNTAX);
    json_decref(json);
    str_free(&out);
}
END_TEST

START_TEST(says_where)
{
    struct error err;
    json_t *json = NULL;
    ck_assert_int_eq(jsonio_load(SLICE("{\"a\": tru}"), NULL, &json, &err), ST_SYNTAX);
    ck_assert_uint_ge(err.at.off, 6);
    ck_assert_uint_le(err.at.off, 9);
    struct jsonio_limits limits = { .allow_duplicate = true };
    ck_assert_int_eq(jsonio_load(SLICE("{\"a\":1,\"a\":2}"), &limits, &json, &err), ST_OK);
    ck_assert_int_eq(json_integer_value(json_object_get(json, "a")), 2);
    json_decref(json);
}
END_TEST

Suite *suite_jsonio(void)
{
    Suite *s = suite_create("jsonio");
    TCase *t = tcase_create("jsonio");
    tcase_add_test(t, dumps_in_three_styles);
    tcase_add_test(t, refuses_what_is_wrong);
    tcase_add_test(t, wide_numbers);
    tcase_add_test(t, says_where);
    suite_add_tcase(s, t);
    return s;
}
