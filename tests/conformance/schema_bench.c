/* schema_bench.c - runs a directory of schemas with instances and counts verdicts.
 *
 *     schema_bench DIR [--vocab FILE] [--list] [--limit N]
 *
 * A file is {"schema": ..., "tests": [{"valid": ..., "data": ...}]}.  A valid instance must be
 * accepted as given, or in the schema's order of keys (order-only), or with plain numbers
 * (spelling-only).  An invalid one must be rejected in every one of these.  With a vocabulary
 * every token of a valid instance must also be in the mask of its step.
 *
 * Exit status 1 on a false accept, 77 when the directory is not there. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/clock.h"
#include "base/fs.h"
#include "compiler/pattern/automaton.h"
#include "instance.h"
#include "vocab_file.h"

struct reason {
    char     text[96];
    uint32_t n;
};

struct counts {
    uint32_t       files, compiled, refused, residue;
    uint32_t       valid, accepted, false_reject, order_only, spelling_only, failed;
    uint32_t       invalid, rejected, false_accept, residue_accept, mask_miss;
    struct reason *reason;
    uint32_t       n_reason, cap_reason;
};

struct run {
    struct counts            c;
    struct constraint_table *table;
    bool                     list;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void add_reason(struct counts *c, const char *code, const char *text)
{
    char line[96];
    const char *colon = strstr(text, ": ");     /* behind the pointer */
    snprintf(line, sizeof line, "%s %.80s", code, colon ? colon + 2 : text);
    for (uint32_t i = 0; i < c->n_reason; i++)
        if (!strcmp(c->reason[i].text, line)) {
            c->reason[i].n++;
            return;
        }
    struct reason *r = array_push(&c->reason, &c->n_reason, &c->cap_reason, sizeof *r);
    if (!r)
        return;
    memcpy(r->text, line, sizeof line);
    r->n = 1;
}

/* Longest tokens first, every one in its mask and accepted; then the end. */
static bool accepts_tokens(struct constraint *c, struct slice text, bool *ret_miss)
{
    struct matcher *m = NULL;
    const struct vocab *v = constraint_vocab(c);
    uint32_t *row = mem_calloc(vocab_n_logit(v) / 32 + 2, sizeof *row);
    bool ok = row && matcher_new(c, NULL, &m, NULL) == ST_OK;
    for (size_t at = 0; ok && at < text.len;) {
        uint32_t token = vocab_longest(v, slice_sub(text, at, text.len));
        size_t n = vocab_token_bytes(v, token).len;
        ok = n && matcher_mask(m, row, NULL) == ST_OK;
        bool in_mask = ok && (row[token / 32] >> (token % 32) & 1);
        ok = ok && matcher_accept(m, token, NULL) == MATCHER_INSIDE;
        *ret_miss |= ok != in_mask;
        at += n ? n : 1;
    }
    ok = ok && matcher_may_stop(m);
    matcher_free(m);
    mem_free(row);
    return ok;
}

static bool accepts(struct run *r, struct pattern *p, struct constraint *c, const struct jnode *data, bool plain)
{
    struct str text = { 0 };
    size_t at;
    instance_write(data, plain, &text);
    bool ok = pattern_accepts(p, str_slice(&text), &at);
    if (c) {
        bool miss = false;
        if (accepts_tokens(c, str_slice(&text), &miss) != ok || miss)
            r->c.mask_miss++;
    }
    str_free(&text);
    return ok;
}

static void show(const struct run *r, const char *file, const char *verdict, const struct jnode *data)
{
    struct str text = { 0 };
    if (!r->list)
        return;
    instance_write(data, false, &text);
    printf("%s\t%s\t%.300s\n", file, verdict, text.ptr);
    str_free(&text);
}

static void run_instance(struct run *r, const char *file, struct pattern *p, struct constraint *k,
                         const struct jnode *schema, const struct jnode *test, bool residue)
{
    struct arena a = { 0 };
    const struct jnode *data = jtree_get(test, "data"), *valid = jtree_get(test, "valid");
    struct jnode *ordered = instance_reorder(&a, schema, data);
    bool given = accepts(r, p, k, data, false), order = accepts(r, p, NULL, ordered, false);
    /* In draft-04 the spelling 1.0 is no integer, so writing it as 1 changes the instance. */
    const struct jnode *draft = jtree_get(schema, "$schema");
    bool fixed = draft && draft->kind == J_STRING && slice_find(draft->text, SLICE("draft-04")) != SIZE_MAX;
    bool plain = (!fixed || (valid && valid->truth)) &&
                 (accepts(r, p, NULL, data, true) || accepts(r, p, NULL, ordered, true));
    struct counts *c = &r->c;
    if (valid && valid->truth) {
        c->valid++;
        c->accepted += given;
        c->order_only += !given && order;
        c->spelling_only += !given && !order && plain;
        if (!given && !order && !plain) {
            c->false_reject++;
            show(r, file, "FALSE REJECT", data);
        }
    } else {
        c->invalid++;
        if (!given && !order && !plain) {
            c->rejected++;
        } else if (residue) {
            c->residue_accept++;
            show(r, file, "residue", data);
        } else {
            c->false_accept++;
            show(r, file, "FALSE ACCEPT", data);
        }
    }
    arena_free(&a);
}

static bool has_residue(const struct pattern *p)
{
    for (uint32_t i = 0; i < pattern_n_note(p); i++)
        if (pattern_note(p, i)->kind == NOTE_RESIDUE)
            return true;
    return false;
}

static void run_file(struct run *r, const char *dir, const char *name)
{
    struct str path = { 0 }, text = { 0 }, schema_text = { 0 };
    struct arena a = { 0 };
    struct jnode *root = NULL;
    struct error err = { 0 };
    str_addf(&path, "%s/%s", dir, name);
    if (fs_read(path.ptr, 64u << 20, &text, &err) != ST_OK ||
        jtree_read(&a, str_slice(&text), &root, &err) != ST_OK || !jtree_get(root, "schema")) {
        printf("%s\tunreadable\t%s\n", name, err.text);
        goto done;
    }
    const struct jnode *schema = jtree_get(root, "schema"), *tests = jtree_get(root, "tests");
    jtree_write(schema, ",", ":", &schema_text);
    struct pattern_source src = { .kind = PATTERN_SCHEMA, .text = str_slice(&schema_text),
                                  .spelling = SPELL_FLEXIBLE };
    struct pattern *p = NULL;
    struct constraint *k = NULL;
    r->c.files++;
    uint64_t t0 = clock_ns();
    enum status st = pattern_compile(&src, &p, &err);
    double ms = (double)(clock_ns() - t0) / 1e6;
    if (r->list && ms > 50)
        printf("%s\tslow\t%.1f ms\n", name, ms);
    if (st == ST_OK && r->table && constraint_get(r->table, &src, &k, &err) != ST_OK)
        k = NULL;
    if (st != ST_OK) {
        r->c.refused++;
        add_reason(&r->c, err.code, err.text);
        if (r->list)
            printf("%s\trefused\t%s %s\n", name, err.code, err.text);
        goto done;
    }
    bool residue = has_residue(p);
    r->c.compiled++;
    r->c.residue += residue;
    for (uint32_t i = 0; tests && i < tests->n; i++)
        run_instance(r, name, p, k, schema, tests->kid[i], residue);
    constraint_unref(k);
    pattern_unref(p);
done:
    str_free(&path);
    str_free(&text);
    str_free(&schema_text);
    arena_free(&a);
}

static int by_count(const void *a, const void *b)
{
    const struct reason *x = a, *y = b;
    return (x->n < y->n) - (x->n > y->n);
}

static int report(struct counts *c)
{
    qsort(c->reason, c->n_reason, sizeof *c->reason, by_count);
    for (uint32_t i = 0; i < c->n_reason; i++)
        printf("refused %u: %s\n", c->reason[i].n, c->reason[i].text);
    printf("files %u\ncompiled %u (%.1f %%), with residue %u\nrefused %u\n", c->files, c->compiled,
           c->files ? 100.0 * c->compiled / c->files : 0, c->residue, c->refused);
    printf("valid %u: accepted %u, order-only %u, spelling-only %u, FALSE REJECT %u\n", c->valid, c->accepted,
           c->order_only, c->spelling_only, c->false_reject);
    printf("invalid %u: rejected %u, accepted with residue %u, FALSE ACCEPT %u\n", c->invalid, c->rejected,
           c->residue_accept, c->false_accept);
    printf("mask differs %u\n", c->mask_miss);
    mem_free(c->reason);
    return c->false_accept || c->mask_miss;
}

int main(int argc, char **argv)
{
    struct run r = { 0 };
    const char *dir = NULL, *vocab_path = NULL, *only = NULL;
    uint32_t limit = UINT32_MAX;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--vocab") && i + 1 < argc)
            vocab_path = argv[++i];
        else if (!strcmp(argv[i], "--limit") && i + 1 < argc)
            limit = (uint32_t)atoi(argv[++i]);
        else if (!strcmp(argv[i], "--only") && i + 1 < argc)
            only = argv[++i];
        else if (!strcmp(argv[i], "--list"))
            r.list = true;
        else
            dir = argv[i];
    }
    DIR *d = dir ? opendir(dir) : NULL;
    if (!d) {
        fprintf(stderr, "schema_bench: no directory %s: skipped\n", dir ? dir : "given");
        return 77;
    }
    struct vocab *v = NULL;
    struct error err = { 0 };
    if (vocab_path && (vocab_file_load(vocab_path, 0, &v, &err) != ST_OK ||
                       constraint_table_new(v, 64u << 20, &r.table, &err) != ST_OK)) {
        fprintf(stderr, "schema_bench: %s: %s\n", vocab_path, err.text);
        return 2;
    }
    char **name = NULL;
    uint32_t n = 0, cap = 0;
    for (struct dirent *e; (e = readdir(d));) {
        size_t len = strlen(e->d_name);
        char **slot = len > 5 && !strcmp(e->d_name + len - 5, ".json") && (!only || strstr(e->d_name, only))
                      ? array_push(&name, &n, &cap, sizeof *slot) : NULL;
        if (slot)
            *slot = mem_strdup(e->d_name);
    }
    closedir(d);
    if (n)
        qsort(name, n, sizeof *name, by_name);
    for (uint32_t i = 0; i < n; i++) {
        if (i < limit)
            run_file(&r, dir, name[i]);
        mem_free(name[i]);
    }
    mem_free(name);
    int rc = report(&r.c);
    constraint_table_free(r.table);
    vocab_free(v);
    return rc;
}
