#include <string.h>

#include "base/utf8.h"
#include "suites.h"

/* Asserts are slow: a million code points are checked by hand and reported once. */
static bool round_trips(uint32_t cp)
{
    char b[4];
    uint32_t back;
    int n = utf8_encode(cp, b);
    bool valid = cp <= 0x10ffff && !(cp >= 0xd800 && cp <= 0xdfff);
    if (!valid)
        return n == 0;
    return n > 0 && utf8_decode(b, b + n, &back) == n && back == cp &&
           utf8_decode(b, b + n - 1, &back) == 0;
}

START_TEST(every_code_point_round_trips)
{
    uint32_t cp = 0;
    while (cp <= 0x110010 && round_trips(cp))
        cp++;
    ck_assert_uint_eq(cp, 0x110011);
}
END_TEST

START_TEST(refuses_bad_bytes)
{
    const char *bad[] = { "\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80",
                          "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xc3",
                          "\xe2\x82", "\xff" };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        char text[16];
        strcpy(text, "ab");
        strcat(text, bad[i]);
        ck_assert_uint_eq(utf8_invalid_at(slice_of(text)), 2);
        ck_assert(!utf8_valid(slice_of(text)));
    }
}
END_TEST

START_TEST(counts_and_cuts)
{
    struct slice s = SLICE("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    ck_assert_uint_eq(utf8_count(s), 4);
    ck_assert_uint_eq(utf8_offset(s, 2), 3);
    ck_assert_uint_eq(utf8_offset(s, 9), s.len);
    ck_assert_uint_eq(utf8_whole(s), s.len);
    ck_assert_uint_eq(utf8_whole(slice_sub(s, 0, 9)), 6);
    ck_assert_uint_eq(utf8_whole(slice_sub(s, 0, 7)), 6);
    ck_assert_uint_eq(utf8_whole(slice_sub(s, 0, 5)), 3);
    ck_assert_uint_eq(utf8_whole(SLICE("")), 0);
}
END_TEST

START_TEST(knows_properties)
{
    ck_assert_uint_eq(utf8_upper(0xe9), 0xc9);
    ck_assert_uint_eq(utf8_fold('K'), 'k');
    ck_assert_uint_eq(utf8_fold(0x212a), 'k');
    ck_assert_str_eq(utf8_category_name('a'), "Ll");
    ck_assert(utf8_is_space(0x85) && utf8_is_space(0x3000) && utf8_is_space(0x2028));
    ck_assert(!utf8_is_space(0x200b) && !utf8_is_space('a'));
    ck_assert_int_eq(utf8_width(0x4e00), 2);
    struct str out = { 0 };
    utf8_nfc(SLICE("e\xcc\x81"), &out);
    ck_assert_str_eq(out.ptr, "\xc3\xa9");
    str_free(&out);
}
END_TEST

Suite *suite_utf8(void)
{
    Suite *s = suite_create("utf8");
    TCase *t = tcase_create("utf8");
    tcase_add_test(t, every_code_point_round_trips);
    tcase_add_test(t, refuses_bad_bytes);
    tcase_add_test(t, counts_and_cuts);
    tcase_add_test(t, knows_properties);
    suite_add_tcase(s, t);
    return s;
}
