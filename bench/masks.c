/* masks.c - times constrained decoding over a directory of schemas with instances.
 *
 *     masks DIR --vocab FILE [--tokens N] [--limit N] [--json FILE] [--slow]
 *
 * Every schema is compiled alone; its valid instances are replayed token by token (longest match)
 * in the schema's order of keys.  Cold: the constraint's memos are empty when a schema begins, only
 * the vocabulary is warm.  Warm: the same instances once more.  One thread; the figures are per
 * call, with the clock's own cost (about 25 ns) inside. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/fs.h"
#include "compiler/pattern/pattern.h"
#include "instance.h"
#include "vocab_file.h"

struct series {
    uint64_t *ns;
    uint32_t  n, cap;
};

struct slow {
    uint64_t ns;
    char     file[80];
    uint32_t step;
};

struct bench {
    struct vocab  *v;
    uint32_t      *row;
    struct series  compile, first, mask[2], commit[2], both[2];
    struct slow    slow[10], late[10];      /* masks; first masks */
    uint32_t       files, compiled, rejected;
};

static void note(struct series *s, uint64_t ns)
{
    uint64_t *slot = array_push(&s->ns, &s->n, &s->cap, sizeof *slot);
    if (slot)
        *slot = ns;
}

static void note_slow(struct slow *list, uint64_t ns, const char *file, uint32_t step)
{
    if (ns <= list[9].ns)
        return;
    int i = 9;
    for (; i && list[i - 1].ns < ns; i--)
        list[i] = list[i - 1];
    list[i] = (struct slow){ .ns = ns, .step = step };
    snprintf(list[i].file, sizeof list[i].file, "%.79s", file);
}

/* One instance; false when a token was refused. */
static bool replay(struct bench *b, struct constraint *c, struct slice text, int pass, const char *file)
{
    struct matcher *m = NULL;
    if (matcher_new(c, NULL, &m, NULL) != ST_OK)
        return false;
    bool ok = true;
    uint32_t step = 0;
    for (size_t at = 0; ok && at < text.len; step++) {
        uint32_t t = vocab_longest(b->v, slice_sub(text, at, text.len));
        size_t n = vocab_token_bytes(b->v, t).len;
        if (!n)
            break;
        uint64_t t0 = clock_ns();
        bool filled = matcher_mask(m, b->row, NULL) == ST_OK;
        uint64_t t1 = clock_ns();
        ok = filled && (b->row[t / 32] >> (t % 32) & 1) && matcher_accept(m, t, NULL) == MATCHER_INSIDE;
        uint64_t t2 = clock_ns();
        note(&b->mask[pass], t1 - t0);
        note(&b->commit[pass], t2 - t1);
        note(&b->both[pass], t2 - t0);
        if (!pass)
            note_slow(b->slow, t1 - t0, file, step);
        at += n;
    }
    matcher_free(m);
    return ok;
}

static void run_file(struct bench *b, const char *dir, const char *name)
{
    struct str path = { 0 }, text = { 0 }, schema_text = { 0 };
    struct arena a = { 0 };
    struct jnode *root = NULL;
    struct constraint_table *table = NULL;
    struct constraint *c = NULL;
    str_addf(&path, "%s/%s", dir, name);
    if (fs_read(path.ptr, 64u << 20, &text, NULL) != ST_OK ||
        jtree_read(&a, str_slice(&text), &root, NULL) != ST_OK || !jtree_get(root, "schema"))
        goto done;
    const struct jnode *schema = jtree_get(root, "schema"), *tests = jtree_get(root, "tests");
    jtree_write(schema, ",", ":", &schema_text);
    struct pattern_source src = { .kind = PATTERN_SCHEMA, .text = str_slice(&schema_text),
                                  .spelling = SPELL_FLEXIBLE };
    struct matcher *m = NULL;
    b->files++;
    vocab_forget(b->v);
    if (constraint_table_new(b->v, 0, &table, NULL) != ST_OK)
        goto done;
    uint64_t t0 = clock_ns();
    if (constraint_get(table, &src, &c, NULL) != ST_OK)
        goto done;
    uint64_t t1 = clock_ns();
    if (matcher_new(c, NULL, &m, NULL) == ST_OK)
        matcher_mask(m, b->row, NULL);
    uint64_t t2 = clock_ns();
    matcher_free(m);
    note(&b->compile, t1 - t0);
    note(&b->first, t2 - t0);
    note_slow(b->late, t2 - t0, name, 0);
    b->compiled++;
    for (int pass = 0; pass < 2; pass++)
        for (uint32_t i = 0; tests && i < tests->n; i++) {
            const struct jnode *valid = jtree_get(tests->kid[i], "valid");
            struct str one = { 0 };
            if (!valid || !valid->truth)
                continue;
            instance_write(instance_reorder(&a, schema, jtree_get(tests->kid[i], "data")), false, &one);
            if (!replay(b, c, str_slice(&one), pass, name) && !pass)
                b->rejected++;
            str_free(&one);
        }
done:
    constraint_unref(c);
    constraint_table_free(table);
    str_free(&path);
    str_free(&text);
    str_free(&schema_text);
    arena_free(&a);
}

static int by_ns(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static double at(const struct series *s, double q)
{
    return s->n ? (double)s->ns[(uint32_t)(q * (s->n - 1))] / 1000.0 : 0;
}

static void print_series(const char *name, struct series *s, FILE *json)
{
    double sum = 0;
    for (uint32_t i = 0; i < s->n; i++)
        sum += (double)s->ns[i] / 1000.0;
    if (s->n)
        qsort(s->ns, s->n, sizeof *s->ns, by_ns);
    double mean = s->n ? sum / s->n : 0;
    printf("%-12s n %7u  mean %9.2f  p50 %8.2f  p99 %9.2f  p99.9 %9.2f  max %10.2f us\n", name, s->n, mean,
           at(s, 0.5), at(s, 0.99), at(s, 0.999), at(s, 1));
    if (json)
        fprintf(json, ",\n  \"%s\": {\"n\": %u, \"mean_us\": %.3f, \"p50_us\": %.3f, \"p99_us\": %.3f, "
                "\"p999_us\": %.3f, \"max_us\": %.3f}", name, s->n, mean, at(s, 0.5), at(s, 0.99), at(s, 0.999),
                at(s, 1));
    mem_free(s->ns);
}

static void report(struct bench *b, const char *json_path, bool slow)
{
    FILE *json = json_path ? fopen(json_path, "w") : NULL;
    printf("vocabulary %u tokens; files %u, compiled %u, instances not accepted %u\n", vocab_n_logit(b->v),
           b->files, b->compiled, b->rejected);
    if (json)
        fprintf(json, "{\n  \"vocabulary\": %u, \"files\": %u, \"compiled\": %u", vocab_n_logit(b->v), b->files,
                b->compiled);
    print_series("compile", &b->compile, json);
    print_series("first_mask", &b->first, json);
    print_series("mask_cold", &b->mask[0], json);
    print_series("commit_cold", &b->commit[0], json);
    print_series("both_cold", &b->both[0], json);
    print_series("mask_warm", &b->mask[1], json);
    print_series("commit_warm", &b->commit[1], json);
    print_series("both_warm", &b->both[1], json);
    for (int i = 0; slow && i < 10; i++)
        printf("slow %9.1f us  %s step %u\n", (double)b->slow[i].ns / 1000.0, b->slow[i].file, b->slow[i].step);
    for (int i = 0; slow && i < 10; i++)
        printf("late %9.1f us  %s\n", (double)b->late[i].ns / 1000.0, b->late[i].file);
    if (json) {
        fprintf(json, "\n}\n");
        fclose(json);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int main(int argc, char **argv)
{
    struct bench b = { 0 };
    const char *dir = NULL, *vocab = NULL, *json = NULL, *only = NULL;
    uint32_t limit = UINT32_MAX, tokens = 0;
    bool slow = false;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--vocab") && i + 1 < argc)
            vocab = argv[++i];
        else if (!strcmp(argv[i], "--json") && i + 1 < argc)
            json = argv[++i];
        else if (!strcmp(argv[i], "--limit") && i + 1 < argc)
            limit = (uint32_t)atoi(argv[++i]);
        else if (!strcmp(argv[i], "--tokens") && i + 1 < argc)
            tokens = (uint32_t)atoi(argv[++i]);
        else if (!strcmp(argv[i], "--only") && i + 1 < argc)
            only = argv[++i];
        else if (!strcmp(argv[i], "--slow"))
            slow = true;
        else
            dir = argv[i];
    }
    DIR *d = dir && vocab ? opendir(dir) : NULL;
    struct error err = { 0 };
    if (!d) {
        fprintf(stderr, "masks: a directory of schemas and --vocab FILE are needed: skipped\n");
        return 77;
    }
    if (vocab_file_load(vocab, tokens, &b.v, &err) != ST_OK) {
        fprintf(stderr, "masks: %s\n", err.text);
        return 2;
    }
    b.row = mem_calloc(vocab_n_logit(b.v) / 32 + 2, sizeof *b.row);
    char **name = NULL;
    uint32_t n = 0, cap = 0;
    for (struct dirent *e; (e = readdir(d));) {
        size_t len = strlen(e->d_name);
        bool take = len > 5 && !strcmp(e->d_name + len - 5, ".json") && (!only || strstr(e->d_name, only));
        char **slot = take ? array_push(&name, &n, &cap, sizeof *slot) : NULL;
        if (slot)
            *slot = mem_strdup(e->d_name);
    }
    closedir(d);
    if (n)
        qsort(name, n, sizeof *name, by_name);
    for (uint32_t i = 0; i < n; i++) {
        if (i < limit)
            run_file(&b, dir, name[i]);
        mem_free(name[i]);
    }
    mem_free(name);
    report(&b, json, slow);
    mem_free(b.row);
    vocab_free(b.v);
    return 0;
}
