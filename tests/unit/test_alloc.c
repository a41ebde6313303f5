#include <string.h>

#include "base/alloc.h"
#include "suites.h"

START_TEST(counts_live_blocks)
{
    int64_t before = mem_live_blocks();
    void *a = mem_alloc(0), *b = mem_zalloc(100), *c = mem_alloc_aligned(64, 1000);
    ck_assert_int_eq(mem_live_blocks(), before + 3);
    ck_assert_uint_eq((uintptr_t)c % 64, 0);
    memset(c, 1, 1000);
    b = mem_realloc(b, 5000);
    ck_assert_int_eq(mem_live_blocks(), before + 3);
    mem_free(a);
    ck_assert_ptr_null(mem_realloc(b, 0));
    mem_free_aligned(c);
    mem_free(NULL);
    ck_assert_int_eq(mem_live_blocks(), before);
}
END_TEST

START_TEST(refuses_overflow)
{
    ck_assert_ptr_null(mem_calloc(SIZE_MAX / 2, 3));
    ck_assert_ptr_null(mem_alloc(SIZE_MAX - 4));
    ck_assert_ptr_null(mem_alloc_aligned(4096, SIZE_MAX - 100));
}
END_TEST

static void *no_memory(void *ctx, void *ptr, size_t old, size_t size)
{
    (void)ptr;
    (void)old;
    (void)size;
    ++*(int *)ctx;
    return NULL;
}

START_TEST(hook_is_used)
{
    int calls = 0;
    mem_set_hook(no_memory, &calls);
    ck_assert_ptr_null(mem_alloc(10));
    ck_assert_ptr_null(mem_strdup("x"));
    mem_set_hook(NULL, NULL);
    ck_assert_int_eq(calls, 2);
}
END_TEST

Suite *suite_alloc(void)
{
    Suite *s = suite_create("alloc");
    TCase *t = tcase_create("alloc");
    tcase_add_test(t, counts_live_blocks);
    tcase_add_test(t, refuses_overflow);
    tcase_add_test(t, hook_is_used);
    suite_add_tcase(s, t);
    return s;
}
