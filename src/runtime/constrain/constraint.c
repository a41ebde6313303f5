/* constraint.c - patterns bound to a vocabulary, kept by what they were made from.
 *
 * The table is shared by all threads under its lock; compiling happens outside of it, so that two
 * requests for the same new source may both compile, and the second result is dropped.
 *
 * A constraint lends its family ("drive") to matchers.  A family only grows; past its budget new
 * matchers get a fresh one, and the old one ends with its last matcher. */
#include <string.h>

#include "base/alloc.h"
#include "runtime/constrain/constraint_data.h"
#include "runtime/constrain/memo.h"

enum { DRIVE_BYTES = 16u << 20, TABLE_SLOTS = 256, KEPT_BYTES = 192u << 20 };

struct constraint_table {
    pthread_mutex_t    lock;
    struct vocab      *v;
    size_t             max_bytes;
    uint64_t           clock;
    uint32_t           n;
    struct constraint *slot[TABLE_SLOTS];
};

static void drive_free(struct drive *d)
{
    memo_free(&d->memo);
    intern_free(&d->follow);
    family_free(d->f);
    pthread_mutex_destroy(&d->lock);
    mem_free(d);
}

void drive_unref(struct drive *d)
{
    if (d && atomic_fetch_sub(&d->n_ref, 1) == 1)
        drive_free(d);
}

static enum status drive_new(struct pattern *p, struct drive **ret, struct error *err)
{
    struct drive *d = mem_zalloc(sizeof *d);
    if (!d)
        return error_nomem(err);
    atomic_init(&d->n_ref, 1);
    pthread_mutex_init(&d->lock, NULL);
    enum status st = family_new(p, &d->f, err);
    if (st != ST_OK) {
        drive_free(d);
        return st;
    }
    *ret = d;
    return ST_OK;
}

enum status constraint_drive(struct constraint *c, struct drive **ret, struct error *err)
{
    enum status st = ST_OK;
    pthread_mutex_lock(&c->lock);
    if (c->drive) {
        pthread_mutex_lock(&c->drive->lock);
        bool full = family_failed(c->drive->f) || family_bytes(c->drive->f) > DRIVE_BYTES;
        pthread_mutex_unlock(&c->drive->lock);
        if (full) {
            drive_unref(c->drive);
            c->drive = NULL;
        }
    }
    if (!c->drive)
        st = drive_new(c->p, &c->drive, err);
    if (st == ST_OK) {
        atomic_fetch_add(&c->drive->n_ref, 1);
        *ret = c->drive;
    }
    pthread_mutex_unlock(&c->lock);
    return st;
}

/* ---- constraints ---------------------------------------------------------------------------- */

struct constraint *constraint_ref(struct constraint *c)
{
    atomic_fetch_add(&c->n_ref, 1);
    return c;
}

void constraint_unref(struct constraint *c)
{
    if (!c || atomic_fetch_sub(&c->n_ref, 1) != 1)
        return;
    drive_unref(c->drive);
    pattern_unref(c->p);
    pthread_mutex_destroy(&c->lock);
    mem_free(c);
}

struct pattern *constraint_pattern(struct constraint *c)
{
    return c->p;
}

const struct vocab *constraint_vocab(const struct constraint *c)
{
    return c->v;
}

/* Measured when it is first asked for: most requests have no limit that it would be held against. */
uint32_t constraint_min_tokens(struct constraint *c)
{
    pthread_mutex_lock(&c->lock);
    if (!c->measured) {
        struct str text = { 0 };
        if (pattern_shortest(c->p, &text, NULL) == ST_OK)
            c->min_tokens = vocab_greedy_count(c->v, str_slice(&text));
        c->measured = true;
        str_free(&text);
    }
    uint32_t n = c->min_tokens;
    pthread_mutex_unlock(&c->lock);
    return n;
}

static enum status constraint_new(const struct vocab *v, const struct pattern_source *src,
                                  struct hash128 key, struct constraint **ret, struct error *err)
{
    struct constraint *c = mem_zalloc(sizeof *c);
    if (!c)
        return error_nomem(err);
    atomic_init(&c->n_ref, 1);
    pthread_mutex_init(&c->lock, NULL);
    c->v = v;
    c->key = key;
    enum status st = pattern_compile(src, &c->p, err);
    if (st == ST_OK)
        st = drive_new(c->p, &c->drive, err);
    if (st == ST_OK && !masks_ahead(c->drive, v)) {
        drive_unref(c->drive);      /* whoever comes first gets a fresh one */
        c->drive = NULL;
    }
    if (st == ST_OK)
        *ret = c;
    else
        constraint_unref(c);
    return st;
}

/* ---- the table ------------------------------------------------------------------------------ */

enum status constraint_table_new(struct vocab *v, size_t max_bytes, struct constraint_table **ret,
                                 struct error *err)
{
    struct constraint_table *t = mem_zalloc(sizeof *t);
    if (!t)
        return error_nomem(err);
    pthread_mutex_init(&t->lock, NULL);
    t->v = v;
    size_t keep = max_bytes ? max_bytes : KEPT_BYTES;
    t->max_bytes = keep - keep / 4;
    leaf_memo_bound(v->memo, keep / 4);
    *ret = t;
    return ST_OK;
}

void constraint_table_free(struct constraint_table *t)
{
    if (!t)
        return;
    for (uint32_t i = 0; i < TABLE_SLOTS; i++)
        while (t->slot[i]) {
            struct constraint *c = t->slot[i];
            t->slot[i] = c->next;
            constraint_unref(c);
        }
    pthread_mutex_destroy(&t->lock);
    mem_free(t);
}

static struct constraint *table_find(struct constraint_table *t, struct hash128 key)
{
    for (struct constraint *c = t->slot[key.lo % TABLE_SLOTS]; c; c = c->next)
        if (c->key.lo == key.lo && c->key.hi == key.hi) {
            c->used = ++t->clock;
            return constraint_ref(c);
        }
    return NULL;
}

static size_t constraint_bytes(struct constraint *c)
{
    size_t n = 65536;
    pthread_mutex_lock(&c->lock);
    if (c->drive) {
        pthread_mutex_lock(&c->drive->lock);
        n += family_bytes(c->drive->f) + c->drive->memo.arena.total + c->drive->memo.bytes;
        pthread_mutex_unlock(&c->drive->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return n + pattern_bytes(c->p);
}

/* Over the budget the longest unused constraints leave the table. */
static void table_shrink(struct constraint_table *t)
{
    for (;;) {
        size_t total = 0;
        struct constraint **oldest = NULL;
        for (uint32_t i = 0; i < TABLE_SLOTS; i++)
            for (struct constraint **at = &t->slot[i]; *at; at = &(*at)->next) {
                total += constraint_bytes(*at);
                if (!oldest || (*at)->used < (*oldest)->used)
                    oldest = at;
            }
        if (total <= t->max_bytes || t->n <= 1)
            return;
        struct constraint *c = *oldest;
        *oldest = c->next;
        t->n--;
        constraint_unref(c);
    }
}

enum status constraint_get(struct constraint_table *t, const struct pattern_source *src,
                           struct constraint **ret, struct error *err)
{
    struct hash128 key = pattern_source_hash(src);
    pthread_mutex_lock(&t->lock);
    struct constraint *c = table_find(t, key);
    pthread_mutex_unlock(&t->lock);
    if (c && !pattern_spent(c->p)) {
        *ret = c;
        return ST_OK;
    }
    constraint_unref(c);
    enum status st = constraint_new(t->v, src, key, &c, err);
    if (st != ST_OK)
        return st;
    pthread_mutex_lock(&t->lock);
    struct constraint **at = &t->slot[key.lo % TABLE_SLOTS];
    while (*at && ((*at)->key.lo != key.lo || (*at)->key.hi != key.hi))
        at = &(*at)->next;
    if (*at) {                      /* spent, or made by another thread meanwhile: replaced */
        struct constraint *old = *at;
        *at = old->next;
        t->n--;
        constraint_unref(old);
    }
    c->next = t->slot[key.lo % TABLE_SLOTS];
    t->slot[key.lo % TABLE_SLOTS] = c;
    c->used = ++t->clock;
    t->n++;
    *ret = constraint_ref(c);
    table_shrink(t);
    pthread_mutex_unlock(&t->lock);
    return ST_OK;
}
