#include <stdio.h>

#include "base/arena.h"
#include "base/hashmap.h"
#include "suites.h"

START_TEST(keeps_bytes)
{
    struct arena text = { 0 };
    struct hashmap m = { 0 };
    uint64_t v;
    ck_assert(!hashmap_get(&m, SLICE("a"), &v));
    ck_assert(!hashmap_del(&m, SLICE("a")));
    for (int i = 0; i < 5000; i++) {
        char *key = arena_printf(&text, "key %d", i);
        ck_assert(hashmap_put(&m, slice_of(key), (uint64_t)i));
    }
    for (int i = 0; i < 5000; i += 2) {
        char *key = arena_printf(&text, "key %d", i);
        ck_assert(hashmap_del(&m, slice_of(key)));
    }
    ck_assert_uint_eq(m.n, 2500);
    for (int i = 0; i < 5000; i++) {
        char *key = arena_printf(&text, "key %d", i);
        bool there = hashmap_get(&m, slice_of(key), &v);
        ck_assert_int_eq(there, i % 2);
        if (there)
            ck_assert_uint_eq(v, (uint64_t)i);
    }
    uint32_t it = 0, n = 0;
    struct slice key;
    while (hashmap_next(&m, &it, &key, &v))
        n++;
    ck_assert_uint_eq(n, 2500);
    ck_assert(hashmap_put(&m, (struct slice){ "", 0 }, 9) && hashmap_get(&m, SLICE(""), &v));
    hashmap_free(&m);
    arena_free(&text);
}
END_TEST

START_TEST(keeps_ids)
{
    struct idmap m = { 0 };
    uint64_t v;
    uint64_t odd[] = { 0, 1, UINT64_MAX, 0x61c8864680b583ebull };   /* the last hashes to 0 */
    for (int i = 0; i < 4; i++)
        ck_assert(idmap_put(&m, odd[i], odd[i] ^ 5));
    for (uint64_t i = 100; i < 3000; i++)
        ck_assert(idmap_put(&m, i * 64, i));
    for (uint64_t i = 100; i < 3000; i += 3)
        ck_assert(idmap_del(&m, i * 64));
    for (uint64_t i = 100; i < 3000; i++) {
        ck_assert_int_eq(idmap_get(&m, i * 64, &v), (i - 100) % 3 != 0);
    }
    for (int i = 0; i < 4; i++) {
        ck_assert(idmap_get(&m, odd[i], &v));
        ck_assert_uint_eq(v, odd[i] ^ 5);
    }
    ck_assert(idmap_put(&m, 0, 77) && idmap_get(&m, 0, &v) && v == 77);
    idmap_free(&m);
}
END_TEST

Suite *suite_hashmap(void)
{
    Suite *s = suite_create("hashmap");
    TCase *t = tcase_create("hashmap");
    tcase_add_test(t, keeps_bytes);
    tcase_add_test(t, keeps_ids);
    suite_add_tcase(s, t);
    return s;
}
