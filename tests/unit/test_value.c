/* test_value.c - values: sharing, order of maps, text form, JSON there and back, limits. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "runtime/value/value.h"
#include "suites.h"

static struct value text(const char *s)
{
    struct value v;
    ck_assert_int_eq(value_str(slice_of(s), &v), ST_OK);
    return v;
}

static void ck_format(struct value v, const char *want)
{
    struct str out = { 0 };
    ck_assert(value_format(v, &out));
    ck_assert_str_eq(out.ptr, want);
    str_free(&out);
}

START_TEST(push_leaves_a_shared_list_alone)
{
    int64_t before = mem_live_blocks();
    struct value a, b;
    ck_assert_int_eq(value_list(0, &a), ST_OK);
    ck_assert_int_eq(value_list_push_take(&a, value_int(1)), ST_OK);
    b = value_ref(a);
    ck_assert_int_eq(value_list_push_take(&b, text("x")), ST_OK);
    ck_format(a, "[1]");
    ck_format(b, "[1, \"x\"]");
    value_unref(a);
    value_unref(b);
    ck_assert_int_eq(mem_live_blocks(), before);
}
END_TEST

START_TEST(map_keeps_order_and_finds)
{
    struct value m, got;
    char key[16];
    ck_assert_int_eq(value_map(&m), ST_OK);
    for (int i = 0; i < 100; i++) {
        snprintf(key, sizeof key, "k%d", 99 - i);
        ck_assert_int_eq(value_map_put_take(&m, text(key), value_int(i)), ST_OK);
    }
    ck_assert(value_map_find(m, SLICE("k0"), &got));
    ck_assert_int_eq(got.i, 99);
    ck_assert(slice_is(value_text(value_map_entry(m, 0)->key), "k99"));
    struct value gone = text("k50");
    ck_assert_int_eq(value_map_del(&m, gone), ST_OK);
    ck_assert(!value_map_get(m, gone, &got));
    ck_assert_uint_eq(value_len(m), 99);
    value_unref(gone);
    value_unref(m);
}
END_TEST

START_TEST(floats_are_shortest)
{
    ck_format(value_float(1), "1.0");
    ck_format(value_float(0.1), "0.1");
    ck_format(value_float(1e300), "1e+300");
    ck_format(value_float(-2.5), "-2.5");
    ck_format(value_float(123456789.0), "123456789.0");
    ck_format(value_duration(1500), "1500ms");
    ck_format(value_duration(30000), "30s");
}
END_TEST

START_TEST(json_there_and_back)
{
    const char *json = "{\"a\": [1, 2.5, null, true], \"b\": {\"c\": \"\\\"x\\\" \xc3\xa9\"}}";
    struct value v, copy;
    struct error err;
    ck_assert_int_eq(value_parse_json(slice_of(json), &v, &err), ST_OK);
    ck_format(v, json);
    ck_assert_int_eq(value_detach(v, &copy), ST_OK);
    ck_assert(value_eq(v, copy));
    ck_assert(value_hash(v) == value_hash(copy));
    value_unref(v);
    value_unref(copy);
}
END_TEST

START_TEST(nesting_has_a_limit)
{
    struct value v, outer;
    ck_assert_int_eq(value_list(0, &v), ST_OK);
    enum status st = ST_OK;
    int depth = 1;
    while (st == ST_OK) {
        ck_assert_int_eq(value_list(1, &outer), ST_OK);
        st = value_list_push_take(&outer, value_ref(v));
        if (st == ST_OK) {
            value_unref(v);
            v = outer;
            depth++;
        } else {
            value_unref(outer);
        }
    }
    ck_assert_int_eq(st, ST_LIMIT);
    ck_assert_int_eq(depth, VALUE_MAX_DEPTH);
    value_unref(v);
}
END_TEST

START_TEST(an_enum_equals_its_text)
{
    struct vtype *t;
    const struct slice name[] = { SLICE("a"), SLICE("b") };
    const struct slice key[] = { SLICE("a"), SLICE("very b") };
    ck_assert_int_eq(vtype_new(SLICE("E"), 2, name, key, &t), ST_OK);
    struct value e = value_enum(t, 1), s = text("very b");
    ck_assert(value_eq(e, s));
    ck_assert(value_hash(e) == value_hash(s));
    ck_assert(value_eq(value_int(2), value_float(2)));
    ck_assert(!value_eq(value_int(2), s));
    value_unref(e);
    value_unref(s);
    vtype_unref(t);
}
END_TEST

Suite *suite_value(void)
{
    Suite *s = suite_create("value");
    TCase *c = tcase_create("value");
    tcase_add_test(c, push_leaves_a_shared_list_alone);
    tcase_add_test(c, map_keeps_order_and_finds);
    tcase_add_test(c, floats_are_shortest);
    tcase_add_test(c, json_there_and_back);
    tcase_add_test(c, nesting_has_a_limit);
    tcase_add_test(c, an_enum_equals_its_text);
    suite_add_tcase(s, c);
    return s;
}
