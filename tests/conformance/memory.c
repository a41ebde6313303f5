/* memory.c - what a process keeps of a directory of schemas: all compiled, in one table.
 *
 *     memory DIR --vocab FILE [--cache-mb N] [--most MIB] [--tokens N] [--read]
 *
 * A file is {"schema": ..., "tests": [{"valid": ..., "data": ...}]}.  Every schema is bound to the
 * vocabulary through one constraint table, as a server does, and its first mask is made; with --read
 * its valid instances are read token by token too.  Growth is of the resident set, from behind the
 * loading of the vocabulary: what the caches keep, what they gave back to the allocator and the
 * allocator's own waste.
 *
 * Exit status 1 when it grew by more than --most, 77 when the directory is not there. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/fs.h"
#include "instance.h"
#include "vocab_file.h"

struct run {
    struct vocab            *v;
    struct constraint_table *table;
    uint32_t                *row;
    bool                     read;
    uint32_t                 files, compiled, masks;
    double                   before, most;      /* resident MiB: at the beginning, the most seen */
    char                     most_file[80];
};

/* Resident MiB; 0 where the system does not tell. */
static double resident(void)
{
    unsigned long total, pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%lu %lu", &total, &pages) != 2)
        pages = 0;
    if (f)
        fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

/* Longest tokens first, until one is refused. */
static void read_text(struct run *r, struct constraint *c, struct slice text)
{
    struct matcher *m = NULL;
    if (matcher_new(c, NULL, &m, NULL) != ST_OK)
        return;
    for (size_t at = 0; at <= text.len;) {
        if (matcher_mask(m, r->row, NULL) != ST_OK)
            break;
        r->masks++;
        uint32_t token = vocab_longest(r->v, slice_sub(text, at, text.len));
        size_t n = token == TOKEN_NONE ? 0 : vocab_token_bytes(r->v, token).len;
        if (!n || matcher_accept(m, token, NULL) != MATCHER_INSIDE)
            break;
        at += n;
    }
    matcher_free(m);
}

static void read_instances(struct run *r, struct constraint *c, const struct jnode *schema,
                           const struct jnode *tests)
{
    struct arena a = { 0 };
    for (uint32_t i = 0; tests && i < tests->n; i++) {
        const struct jnode *valid = jtree_get(tests->kid[i], "valid");
        struct str text = { 0 };
        if (!valid || !valid->truth)
            continue;
        instance_write(instance_reorder(&a, schema, jtree_get(tests->kid[i], "data")), false, &text);
        read_text(r, c, str_slice(&text));
        str_free(&text);
    }
    arena_free(&a);
}

static void run_file(struct run *r, const char *dir, const char *name)
{
    struct str path = { 0 }, text = { 0 }, schema_text = { 0 };
    struct arena a = { 0 };
    struct jnode *root = NULL;
    struct constraint *c = NULL;
    str_addf(&path, "%s/%s", dir, name);
    if (fs_read(path.ptr, 64u << 20, &text, NULL) != ST_OK ||
        jtree_read(&a, str_slice(&text), &root, NULL) != ST_OK || !jtree_get(root, "schema"))
        goto done;
    jtree_write(jtree_get(root, "schema"), ",", ":", &schema_text);
    struct pattern_source src = { .kind = PATTERN_SCHEMA, .text = str_slice(&schema_text),
                                  .spelling = SPELL_FLEXIBLE };
    r->files++;
    if (constraint_get(r->table, &src, &c, NULL) != ST_OK)
        goto done;
    r->compiled++;
    read_text(r, c, (struct slice){ "", 0 });
    if (r->read)
        read_instances(r, c, jtree_get(root, "schema"), jtree_get(root, "tests"));
done:
    constraint_unref(c);
    str_free(&path);
    str_free(&text);
    str_free(&schema_text);
    arena_free(&a);
    double now = resident();
    if (now > r->most) {
        r->most = now;
        snprintf(r->most_file, sizeof r->most_file, "%.79s", name);
    }
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void run_dir(struct run *r, DIR *d, const char *dir)
{
    char **name = NULL;
    uint32_t n = 0, cap = 0;
    for (struct dirent *e; (e = readdir(d));) {
        size_t len = strlen(e->d_name);
        char **slot = len > 5 && !strcmp(e->d_name + len - 5, ".json") ? array_push(&name, &n, &cap, sizeof *slot)
                                                                       : NULL;
        if (slot)
            *slot = mem_strdup(e->d_name);
    }
    if (n)
        qsort(name, n, sizeof *name, by_name);
    for (uint32_t i = 0; i < n; i++) {
        run_file(r, dir, name[i]);
        mem_free(name[i]);
    }
    mem_free(name);
}

int main(int argc, char **argv)
{
    struct run r = { 0 };
    const char *dir = NULL, *vocab = NULL;
    double most = 0;
    size_t cache_mb = 0;
    uint32_t tokens = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--vocab") && i + 1 < argc)
            vocab = argv[++i];
        else if (!strcmp(argv[i], "--cache-mb") && i + 1 < argc)
            cache_mb = strtoul(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--most") && i + 1 < argc)
            most = strtod(argv[++i], NULL);
        else if (!strcmp(argv[i], "--tokens") && i + 1 < argc)
            tokens = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (!strcmp(argv[i], "--read"))
            r.read = true;
        else
            dir = argv[i];
    }
    DIR *d = dir && vocab ? opendir(dir) : NULL;
    struct error err = { 0 };
    if (!d) {
        fprintf(stderr, "memory: a directory of schemas and --vocab FILE are needed: skipped\n");
        return 77;
    }
    double empty = resident();
    if (vocab_file_load(vocab, tokens, &r.v, &err) != ST_OK ||
        constraint_table_new(r.v, cache_mb << 20, &r.table, &err) != ST_OK ||
        !(r.row = mem_calloc(vocab_n_logit(r.v) / 32 + 2, sizeof *r.row))) {
        fprintf(stderr, "memory: %s: %s\n", vocab, err.text);
        return 2;
    }
    r.before = r.most = resident();
    run_dir(&r, d, dir);
    closedir(d);
    double growth = resident() - r.before;
    printf("vocabulary %u tokens, %.1f MiB; files %u, compiled %u, masks %u\n", vocab_n_logit(r.v),
           r.before - empty, r.files, r.compiled, r.masks);
    printf("growth %.1f MiB, at most %.1f MiB (at %s)\n", growth, r.most - r.before, r.most_file);
    mem_free(r.row);
    constraint_table_free(r.table);
    vocab_free(r.v);
    return most > 0 && r.most - r.before > most;
}
