#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"
#include "suites.h"

static char dir[64];

static void make_dir(void)
{
    strcpy(dir, "/tmp/sgl-fs-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
}

static void drop_dir(void)
{
    char command[100];
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(replaces_reads_and_maps)
{
    struct str path = { 0 }, text = { 0 };
    struct error err;
    fs_join(dir, "a.txt", &path);
    ck_assert_int_eq(fs_replace(path.ptr, SLICE("one"), &err), ST_OK);
    ck_assert_int_eq(fs_replace(path.ptr, SLICE("three"), &err), ST_OK);
    ck_assert_int_eq(fs_append(path.ptr, SLICE("!"), &err), ST_OK);
    ck_assert_int_eq(fs_read(path.ptr, 100, &text, &err), ST_OK);
    ck_assert_str_eq(text.ptr, "three!");
    ck_assert_int_eq(fs_size(path.ptr), 6);
    struct fs_map map = { 0 };
    ck_assert_int_eq(fs_map(path.ptr, &map, &err), ST_OK);
    ck_assert_uint_eq(map.size, 6);
    ck_assert_mem_eq(map.bytes, "three!", 6);
    fs_unmap(&map);
    ck_assert_ptr_null(map.bytes);
    struct str none = { 0 };
    ck_assert_int_eq(fs_read(path.ptr, 5, &none, &err), ST_LIMIT);
    ck_assert_ptr_null(none.ptr);
    str_free(&path);
    str_free(&text);
}
END_TEST

START_TEST(names_what_is_missing)
{
    struct error err;
    struct str text = { 0 };
    ck_assert_int_eq(fs_read("/nowhere/at/all", 10, &text, &err), ST_NOT_FOUND);
    ck_assert_str_eq(err.text, "/nowhere/at/all: No such file or directory");
    struct fs_map map = { 0 };
    ck_assert_int_eq(fs_map(dir, &map, &err), ST_IO);
    ck_assert_int_eq(fs_read(dir, 10, &text, &err), ST_IO);
    ck_assert(!fs_exists("/nowhere/at/all"));
    ck_assert_int_eq(fs_size("/nowhere/at/all"), -1);
}
END_TEST

START_TEST(makes_directories)
{
    struct str path = { 0 };
    fs_join(dir, "x/y/z", &path);
    ck_assert_int_eq(fs_mkdirs(path.ptr, NULL), ST_OK);
    ck_assert(fs_is_dir(path.ptr));
    ck_assert_int_eq(fs_mkdirs(path.ptr, NULL), ST_OK);
    str_free(&path);
}
END_TEST

START_TEST(takes_paths_apart)
{
    struct str p = { 0 };
    fs_join("a/", "b", &p);
    ck_assert_str_eq(p.ptr, "a/b");
    fs_join(p.ptr, "c", &p);
    ck_assert_str_eq(p.ptr, "a/b/c");
    fs_join("a", "/b", &p);
    ck_assert_str_eq(p.ptr, "/b");
    fs_dirname(p.ptr, &p);
    ck_assert_str_eq(p.ptr, "/");
    fs_dirname("name", &p);
    ck_assert_str_eq(p.ptr, ".");
    ck_assert_str_eq(fs_basename("a/b.sgl"), "b.sgl");
    setenv("XDG_CACHE_HOME", "/c", 1);
    fs_cache_dir(&p);
    ck_assert_str_eq(p.ptr, "/c/sgl");
    str_free(&p);
}
END_TEST

Suite *suite_fs(void)
{
    Suite *s = suite_create("fs");
    TCase *t = tcase_create("fs");
    tcase_add_checked_fixture(t, make_dir, drop_dir);
    tcase_add_test(t, replaces_reads_and_maps);
    tcase_add_test(t, names_what_is_missing);
    tcase_add_test(t, makes_directories);
    tcase_add_test(t, takes_paths_apart);
    suite_add_tcase(s, t);
    return s;
}
