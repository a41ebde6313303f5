/* schema_suite.c - runs a directory of the JSON-Schema-Test-Suite's form and counts verdicts.
 *
 *     schema_suite DIR [--list]
 *
 * A file is a list of groups {"schema": ..., "tests": [{"data": ..., "valid": ...}]}; folders inside
 * DIR are run too.  A group whose schema names no draft gets the one in the path ("draft7").  A test
 * passes when a valid instance is accepted as given, in the schema's order or with plain numbers, or
 * an invalid one is rejected in all of these.  Exit status 1 on a false accept, 77 without DIR. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/fs.h"
#include "compiler/pattern/pattern.h"
#include "instance.h"

struct suite {
    uint32_t groups, refused, unsatisfiable, tests, passed, skipped, false_reject, false_accept, residue_accept;
    bool     list;
};

static bool accepts(struct pattern *p, const struct jnode *data, bool plain)
{
    struct str text = { 0 };
    instance_write(data, plain, &text);
    bool ok = pattern_accepts(p, str_slice(&text), NULL);
    str_free(&text);
    return ok;
}

static bool has_residue(const struct pattern *p)
{
    for (uint32_t i = 0; i < pattern_n_note(p); i++)
        if (pattern_note(p, i)->kind == NOTE_RESIDUE)
            return true;
    return false;
}

/* p NULL: the schema admits nothing. */
static void run_test(struct suite *s, const char *path, const struct jnode *schema, struct pattern *p,
                     const struct jnode *test)
{
    struct arena a = { 0 };
    const struct jnode *data = jtree_get(test, "data"), *about = jtree_get(test, "description");
    bool valid = jtree_get(test, "valid")->truth;
    struct jnode *ordered = instance_reorder(&a, schema, data);
    bool took = p && (accepts(p, data, false) || accepts(p, ordered, false) || accepts(p, data, true) ||
                      accepts(p, ordered, true));
    s->tests++;
    if (took == valid)
        s->passed++;
    else if (valid)
        s->false_reject++;
    else if (p && has_residue(p))
        s->residue_accept++;
    else
        s->false_accept++;
    if (s->list && took != valid)
        printf("%s\t%s\t%.*s\n", path, valid ? "FALSE REJECT" : "FALSE ACCEPT", (int)about->text.len, about->text.ptr);
    arena_free(&a);
}

static void run_group(struct suite *s, const char *path, const struct jnode *group)
{
    struct str text = { 0 };
    const struct jnode *schema = jtree_get(group, "schema"), *tests = jtree_get(group, "tests");
    struct pattern *p = NULL;
    struct error err = { 0 };
    jtree_write(schema, ",", ":", &text);
    if (strstr(path, "draft7") && schema->kind == J_OBJECT && !jtree_get(schema, "$schema")) {
        struct str named = { 0 };
        str_adds(&named, "{\"$schema\":\"http://json-schema.org/draft-07/schema#\"");
        str_adds(&named, schema->n ? "," : "");
        str_add(&named, text.ptr + 1, text.len - 1);
        str_free(&text);
        text = named;
    }
    struct pattern_source src = { .kind = PATTERN_SCHEMA, .text = str_slice(&text), .spelling = SPELL_FLEXIBLE };
    s->groups++;
    enum status st = pattern_compile(&src, &p, &err);
    bool empty = st != ST_OK && !strcmp(err.code, "E0401");
    s->unsatisfiable += empty;
    if (st != ST_OK && !empty) {
        s->refused++;
        s->skipped += tests->n;
        s->tests += tests->n;
        if (s->list)
            printf("%s\trefused\t%s %s\n", path, err.code, err.text);
    }
    for (uint32_t i = 0; (p || empty) && i < tests->n; i++)
        run_test(s, path, schema, p, tests->kid[i]);
    pattern_unref(p);
    str_free(&text);
}

static void run_path(struct suite *s, const char *path);

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void run_dir(struct suite *s, const char *path, DIR *d)
{
    char **name = NULL;
    uint32_t n = 0, cap = 0;
    for (struct dirent *e; (e = readdir(d));) {
        char **slot = e->d_name[0] != '.' ? array_push(&name, &n, &cap, sizeof *slot) : NULL;
        if (slot)
            *slot = mem_strdup(e->d_name);
    }
    if (n)
        qsort(name, n, sizeof *name, by_name);
    for (uint32_t i = 0; i < n; i++) {
        struct str full = { 0 };
        str_addf(&full, "%s/%s", path, name[i]);
        run_path(s, full.ptr);
        str_free(&full);
        mem_free(name[i]);
    }
    mem_free(name);
}

static void run_path(struct suite *s, const char *path)
{
    DIR *d = opendir(path);
    if (d) {
        run_dir(s, path, d);
        closedir(d);
        return;
    }
    struct str text = { 0 };
    struct arena a = { 0 };
    struct jnode *root = NULL;
    if (fs_read(path, 64u << 20, &text, NULL) == ST_OK && jtree_read(&a, str_slice(&text), &root, NULL) == ST_OK &&
        root->kind == J_ARRAY)
        for (uint32_t i = 0; i < root->n; i++)
            run_group(s, path, root->kid[i]);
    else
        printf("%s\tunreadable\n", path);
    str_free(&text);
    arena_free(&a);
}

int main(int argc, char **argv)
{
    struct suite s = { 0 };
    const char *dir = NULL;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--list"))
            s.list = true;
        else
            dir = argv[i];
    }
    DIR *d = dir ? opendir(dir) : NULL;
    if (!d) {
        fprintf(stderr, "schema_suite: no directory %s: skipped\n", dir ? dir : "given");
        return 77;
    }
    closedir(d);
    run_path(&s, dir);
    printf("groups %u, refused %u, unsatisfiable %u\n", s.groups, s.refused, s.unsatisfiable);
    printf("tests %u: passed %u, in refused groups %u, FALSE REJECT %u, accepted with residue %u, FALSE ACCEPT %u\n",
           s.tests, s.passed, s.skipped, s.false_reject, s.residue_accept, s.false_accept);
    printf("%u passed, %u failed\n", s.passed, s.tests - s.passed);
    return s.false_accept != 0;
}
