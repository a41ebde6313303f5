#include <string.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "suites.h"

START_TEST(marks_and_rewinds)
{
    int64_t before = mem_live_blocks();
    struct arena a = { 0 };
    char *x = arena_strdup(&a, SLICE("first"));
    struct arena_mark m = arena_mark(&a);
    for (int i = 0; i < 1000; i++) {
        char *p = arena_alloc(&a, 100);
        ck_assert_uint_eq((uintptr_t)p % 16, 0);
        memset(p, 'z', 100);
    }
    size_t grown = a.total;
    arena_rewind(&a, m);
    ck_assert_uint_lt(a.total, grown);
    ck_assert_str_eq(x, "first");
    ck_assert_str_eq(arena_printf(&a, "%d-%s", 7, "q"), "7-q");
    ck_assert(!a.failed);
    arena_free(&a);
    ck_assert_int_eq(mem_live_blocks(), before);
}
END_TEST

START_TEST(is_sticky)
{
    struct arena a = { 0 };
    ck_assert_ptr_null(arena_array(&a, SIZE_MAX / 4, 8));
    ck_assert(a.failed);
    ck_assert_ptr_null(arena_alloc(&a, 1));
    arena_free(&a);
    ck_assert(!a.failed);
}
END_TEST

START_TEST(takes_large_and_empty)
{
    struct arena a = { 0 };
    unsigned char *big = arena_zalloc(&a, 5u << 20);
    ck_assert_uint_eq(big[(5u << 20) - 1], 0);
    struct slice s = arena_slice(&a, (struct slice){ "", 0 });
    ck_assert_ptr_nonnull(s.ptr);
    ck_assert_uint_eq(s.len, 0);
    ck_assert_ptr_nonnull(arena_alloc(&a, 0));
    arena_free(&a);
}
END_TEST

Suite *suite_arena(void)
{
    Suite *s = suite_create("arena");
    TCase *t = tcase_create("arena");
    tcase_add_test(t, marks_and_rewinds);
    tcase_add_test(t, is_sticky);
    tcase_add_test(t, takes_large_and_empty);
    suite_add_tcase(s, t);
    return s;
}
