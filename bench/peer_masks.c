/* peer_masks.c - our masks behind plain C calls, for bench/masks_peers.py.
 *
 * The peers are Python extensions.  So that all are timed through the same layer, this one is called
 * from Python too, by ctypes; `peer_nothing` is what such a call costs.  It also reads the files and
 * splits the instances, so that every engine sees the same schemas and the same tokens. */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/fs.h"
#include "compiler/pattern/pattern.h"
#include "instance.h"
#include "vocab_file.h"

struct peer_file {
    struct str  schema;
    uint32_t  **id;             /* [n] tokens of each valid instance, the last one TOKEN_NONE */
    uint32_t    n, cap;
};

struct peer_constraint {
    struct constraint_table *table;
    struct constraint       *c;
};

struct vocab           *peer_vocab(const char *path);
uint32_t                peer_n_vocab(const struct vocab *v);
struct peer_file       *peer_file(const struct vocab *v, const char *path);
const char             *peer_schema(const struct peer_file *f);
uint32_t                peer_n_instance(const struct peer_file *f);
const uint32_t         *peer_tokens(const struct peer_file *f, uint32_t i);
void                    peer_file_free(struct peer_file *f);
void                    peer_forget(struct vocab *v);
struct peer_constraint *peer_compile(struct vocab *v, const char *schema, size_t len);
void                    peer_constraint_free(struct peer_constraint *c);
struct matcher         *peer_matcher(struct peer_constraint *c);
void                    peer_matcher_free(struct matcher *m);
int                     peer_mask(struct matcher *m, uint32_t *row);
int                     peer_accept(struct matcher *m, uint32_t token);
int                     peer_may_stop(const struct matcher *m);
int                     peer_nothing(struct matcher *m, uint32_t *row);

struct vocab *peer_vocab(const char *path)
{
    struct vocab *v = NULL;
    return vocab_file_load(path, 0, &v, NULL) == ST_OK ? v : NULL;
}

uint32_t peer_n_vocab(const struct vocab *v)
{
    return vocab_n_logit(v);
}

static void add_instance(struct peer_file *f, const struct vocab *v, struct slice text)
{
    uint32_t *id = NULL, n = 0, cap = 0, *slot;
    for (size_t at = 0; at < text.len;) {
        uint32_t t = vocab_longest(v, slice_sub(text, at, text.len));
        if (t == TOKEN_NONE || !(slot = array_push(&id, &n, &cap, sizeof *slot))) {
            mem_free(id);
            return;
        }
        *slot = t;
        at += vocab_token_bytes(v, t).len;
    }
    slot = array_push(&id, &n, &cap, sizeof *slot);
    uint32_t **own = slot ? array_push(&f->id, &f->n, &f->cap, sizeof *own) : NULL;
    if (!own) {
        mem_free(id);
        return;
    }
    *slot = TOKEN_NONE;
    *own = id;
}

/* NULL: no such file, or not one of schema and tests. */
struct peer_file *peer_file(const struct vocab *v, const char *path)
{
    struct str text = { 0 };
    struct arena a = { 0 };
    struct jnode *root = NULL;
    struct peer_file *f = mem_zalloc(sizeof *f);
    bool good = f && fs_read(path, 64u << 20, &text, NULL) == ST_OK &&
                jtree_read(&a, str_slice(&text), &root, NULL) == ST_OK && jtree_get(root, "schema");
    const struct jnode *schema = good ? jtree_get(root, "schema") : NULL;
    const struct jnode *tests = good ? jtree_get(root, "tests") : NULL;
    if (good) {
        jtree_write(schema, ",", ":", &f->schema);
        str_addc(&f->schema, '\0');
    }
    for (uint32_t i = 0; tests && i < tests->n; i++) {
        const struct jnode *valid = jtree_get(tests->kid[i], "valid");
        struct str one = { 0 };
        if (valid && valid->truth) {
            instance_write(instance_reorder(&a, schema, jtree_get(tests->kid[i], "data")), false, &one);
            add_instance(f, v, str_slice(&one));
        }
        str_free(&one);
    }
    str_free(&text);
    arena_free(&a);
    if (!good) {
        mem_free(f);
        return NULL;
    }
    return f;
}

const char *peer_schema(const struct peer_file *f)
{
    return f->schema.ptr;
}

uint32_t peer_n_instance(const struct peer_file *f)
{
    return f->n;
}

const uint32_t *peer_tokens(const struct peer_file *f, uint32_t i)
{
    return f->id[i];
}

void peer_file_free(struct peer_file *f)
{
    for (uint32_t i = 0; i < f->n; i++)
        mem_free(f->id[i]);
    mem_free(f->id);
    str_free(&f->schema);
    mem_free(f);
}

void peer_forget(struct vocab *v)
{
    vocab_forget(v);
}

struct peer_constraint *peer_compile(struct vocab *v, const char *schema, size_t len)
{
    struct peer_constraint *c = mem_zalloc(sizeof *c);
    struct pattern_source src = { .kind = PATTERN_SCHEMA, .text = { schema, len }, .spelling = SPELL_FLEXIBLE };
    if (c && constraint_table_new(v, 0, &c->table, NULL) == ST_OK &&
        constraint_get(c->table, &src, &c->c, NULL) == ST_OK)
        return c;
    if (c && c->table)
        constraint_table_free(c->table);
    mem_free(c);
    return NULL;
}

void peer_constraint_free(struct peer_constraint *c)
{
    constraint_unref(c->c);
    constraint_table_free(c->table);
    mem_free(c);
}

struct matcher *peer_matcher(struct peer_constraint *c)
{
    struct matcher *m = NULL;
    return matcher_new(c->c, NULL, &m, NULL) == ST_OK ? m : NULL;
}

void peer_matcher_free(struct matcher *m)
{
    matcher_free(m);
}

int peer_mask(struct matcher *m, uint32_t *row)
{
    return matcher_mask(m, row, NULL) == ST_OK;
}

int peer_accept(struct matcher *m, uint32_t token)
{
    return matcher_accept(m, token, NULL) == MATCHER_INSIDE;
}

int peer_may_stop(const struct matcher *m)
{
    return matcher_may_stop(m);
}

int peer_nothing(struct matcher *m, uint32_t *row)
{
    return m && row;
}
