#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <sgl/sgl.h>

#include "base/alloc.h"
#include "suites.h"

static sgl_value *parse(const char *json)
{
    sgl_value *v = NULL;
    sgl_error err;
    ck_assert_int_eq(sgl_value_from_json(json, strlen(json), &v, &err), SGL_OK);
    return v;
}

START_TEST(reads_every_kind)
{
    int64_t before = mem_live_blocks();
    sgl_value *v = parse("{\"a\":[1,2.5,\"x\",null,true],\"b\":{}}");
    ck_assert_int_eq(sgl_value_kind(v), SGL_MAP);
    ck_assert_uint_eq(sgl_value_len(v), 2);
    const sgl_value *a = sgl_value_get(v, "a");
    ck_assert_int_eq(sgl_value_kind(a), SGL_LIST);
    ck_assert_uint_eq(sgl_value_len(a), 5);
    ck_assert_int_eq(sgl_value_int(sgl_value_at(a, 0)), 1);
    ck_assert_double_eq(sgl_value_float(sgl_value_at(a, 0)), 1.0);
    ck_assert_double_eq(sgl_value_float(sgl_value_at(a, 1)), 2.5);
    size_t len = 0;
    ck_assert_str_eq(sgl_value_str(sgl_value_at(a, 2), &len), "x");
    ck_assert_uint_eq(len, 1);
    ck_assert_int_eq(sgl_value_kind(sgl_value_at(a, 3)), SGL_NULL);
    ck_assert(sgl_value_bool(sgl_value_at(a, 4)));
    ck_assert_ptr_null(sgl_value_at(a, 5));
    ck_assert_ptr_null(sgl_value_get(v, "c"));
    ck_assert_ptr_null(sgl_value_str(a, NULL));
    ck_assert_uint_eq(sgl_value_len(sgl_value_get(v, "b")), 0);
    char *text = NULL;
    ck_assert_int_eq(sgl_value_json(v, &text), SGL_OK);
    ck_assert_str_eq(text, "{\"a\": [1, 2.5, \"x\", null, true], \"b\": {}}");
    sgl_free(text);
    sgl_value_unref(v);
    ck_assert_int_eq(mem_live_blocks(), before);
}
END_TEST

START_TEST(an_element_keeps_the_whole_alive)
{
    int64_t before = mem_live_blocks();
    sgl_value *v = parse("[[\"deep\"]]");
    sgl_value *deep = sgl_value_ref(sgl_value_at(sgl_value_at(v, 0), 0));
    ck_assert_ptr_eq(sgl_value_at(sgl_value_at(v, 0), 0), deep);
    sgl_value_unref(v);
    ck_assert_str_eq(sgl_value_str(deep, NULL), "deep");
    sgl_value_unref(deep);
    sgl_value_unref(NULL);
    ck_assert_int_eq(mem_live_blocks(), before);
}
END_TEST

static void *look(void *arg)
{
    const sgl_value *v = arg;
    for (int i = 0; i < 2000; i++) {
        sgl_value *x = sgl_value_ref(sgl_value_at(v, (size_t)i % 100));
        ck_assert_int_eq(sgl_value_int(x), i % 100);
        sgl_value_unref(x);
    }
    return NULL;
}

START_TEST(may_be_looked_at_by_several_threads)
{
    char text[1000] = "[";
    for (int i = 0; i < 100; i++)
        sprintf(text + strlen(text), "%s%d", i ? "," : "", i);
    strcat(text, "]");
    sgl_value *v = parse(text);
    pthread_t thread[4];
    for (int i = 0; i < 4; i++)
        pthread_create(&thread[i], NULL, look, v);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    sgl_value_unref(v);
}
END_TEST

START_TEST(refuses_what_is_not_json)
{
    sgl_value *v = NULL;
    sgl_error err;
    ck_assert_int_eq(sgl_value_from_json("{", 1, &v, &err), SGL_SYNTAX);
    ck_assert_ptr_null(v);
    ck_assert_uint_gt(strlen(err.text), 5);
    ck_assert_int_eq(sgl_value_from_json("{", 1, &v, NULL), SGL_SYNTAX);
}
END_TEST

Suite *suite_api_value(void)
{
    Suite *s = suite_create("api_value");
    TCase *t = tcase_create("api_value");
    tcase_add_test(t, reads_every_kind);
    tcase_add_test(t, an_element_keeps_the_whole_alive);
    tcase_add_test(t, may_be_looked_at_by_several_threads);
    tcase_add_test(t, refuses_what_is_not_json);
    suite_add_tcase(s, t);
    return s;
}
