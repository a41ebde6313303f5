#include <string.h>

#include "base/error.h"
#include "base/utf8.h"
#include "suites.h"

START_TEST(fills_every_field)
{
    struct error err;
    memset(&err, 0xff, sizeof err);
    struct span at = { 3, 4 };
    ck_assert_int_eq(error_at(&err, ST_SYNTAX, "E0103", at, "near %s", "x"), ST_SYNTAX);
    ck_assert_int_eq(err.status, ST_SYNTAX);
    ck_assert_str_eq(err.code, "E0103");
    ck_assert_uint_eq(err.at.off, 3);
    ck_assert_str_eq(err.text, "near x");
    ck_assert_str_eq(err.pointer, "");
    ck_assert_int_eq(error_nomem(NULL), ST_NOMEM);
    ck_assert_int_eq(error_code(&err, ST_FAILED, "R0705", "gone"), ST_FAILED);
    ck_assert_str_eq(err.code, "R0705");
}
END_TEST

START_TEST(cuts_at_a_character)
{
    char text[2000];
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    text[sizeof text - 2] = '\0';
    for (int shift = 0; shift < 3; shift++) {
        struct error err;
        error_set(&err, ST_IO, "%.*s%s", shift, "aaa", text);
        ck_assert_uint_lt(strlen(err.text), ERROR_TEXT_MAX);
        ck_assert(utf8_valid(slice_of(err.text)));
        ck_assert(slice_ends(slice_of(err.text), SLICE("...")));
    }
}
END_TEST

START_TEST(every_status_has_a_sentence)
{
    for (int i = 0; i < ST_N; i++)
        ck_assert_uint_gt(strlen(status_text((enum status)i)), 3);
    ck_assert_ptr_nonnull(status_text((enum status)99));
}
END_TEST

Suite *suite_error(void)
{
    Suite *s = suite_create("error");
    TCase *t = tcase_create("error");
    tcase_add_test(t, fills_every_field);
    tcase_add_test(t, cuts_at_a_character);
    tcase_add_test(t, every_status_has_a_sentence);
    suite_add_tcase(s, t);
    return s;
}
