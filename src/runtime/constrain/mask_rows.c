/* mask_rows.c - masks of configs that were met before.
 *
 * Most rows are a few rows of leaves, which many configs share, and some hundred tokens more: that is
 * what is kept.  A row that came about otherwise is kept whole when its config is met again. */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "runtime/constrain/mask_walk.h"
#include "runtime/constrain/memo.h"

enum { MEMO_BYTES = 16u << 20 };

/* The config was met, its row is not kept. */
#define MET UINT64_MAX

struct memo_row {
    uint32_t          n_base, n_id;
    struct leaf_mask *base[BASES_MAX];          /* counted */
    uint32_t          base_hi[BASES_MAX];
    uint32_t         *row;                      /* or NULL, and */
    uint32_t         *id;                       /* [n_id] */
};

/* ---- a mask at work ------------------------------------------------------------------------- */

void mask_out_open(struct mask_out *o, const struct vocab *v, struct family *f, struct walk_room *room,
                   uint32_t *row)
{
    o->v = v;
    o->f = f;
    o->room = room;
    o->row = row;
    o->n_base = o->n_id = 0;
    o->dense = false;
}

static void add_upto(const struct vocab *v, const struct leaf_mask *l, uint32_t hi, uint32_t *row)
{
    if (hi < CPS_ANY)
        atlas_add_upto(v->atlas, l->row, hi, row);
    else
        bitset_or(row, l->row, bitset_words(v->n_logit));
}

void mask_add_base(struct mask_out *o, struct leaf_mask *l, uint32_t hi)
{
    add_upto(o->v, l, hi, o->row);
    if (o->n_base == BASES_MAX) {
        o->dense = true;
        return;
    }
    o->base[o->n_base] = leaf_mask_ref(l);
    o->base_hi[o->n_base++] = hi;
}

void mask_out_close(struct mask_out *o)
{
    for (uint32_t i = 0; i < o->n_base; i++)
        leaf_mask_unref(o->base[i]);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static void put_known(const struct vocab *v, const struct memo_row *r, uint32_t *row)
{
    size_t size = bitset_words(v->n_logit) * sizeof *row;
    bool whole = r->n_base && r->base_hi[0] >= CPS_ANY;
    if (r->row || whole)
        memcpy(row, r->row ? r->row : r->base[0]->row, size);
    else
        memset(row, 0, size);
    for (uint32_t i = whole; i < r->n_base; i++)
        add_upto(v, r->base[i], r->base_hi[i], row);
    for (uint32_t i = 0; i < r->n_id; i++)
        bitset_add(row, r->id[i]);
}

static bool keep(struct memo *m, uint64_t key, struct memo_row r)
{
    struct memo_row *slot = array_push(&m->row, &m->n_row, &m->cap_row, sizeof *slot);
    if (!slot)
        return false;
    *slot = r;
    m->bytes += sizeof r;
    return idmap_put(&m->at, key, m->n_row - 1);
}

static bool keep_list(struct memo *m, uint64_t key, const struct mask_out *o)
{
    struct memo_row r = { .n_base = o->n_base, .n_id = o->n_id };
    r.id = arena_dup(&m->arena, o->id, (o->n_id + 1ul) * sizeof *o->id);
    if (!r.id || !keep(m, key, r))
        return false;
    struct memo_row *slot = &m->row[m->n_row - 1];
    for (uint32_t i = 0; i < o->n_base; i++) {
        slot->base[i] = leaf_mask_ref(o->base[i]);
        slot->base_hi[i] = o->base_hi[i];
    }
    return true;
}

static bool keep_row(struct memo *m, uint64_t key, const struct mask_out *o)
{
    size_t words = bitset_words(o->v->n_logit);
    struct memo_row r = { .row = arena_dup(&m->arena, o->row, (words + 1) * sizeof *o->row) };
    return r.row && keep(m, key, r);
}

bool mask_config(struct drive *d, const struct vocab *v, uint32_t config, uint32_t follow_id,
                 struct slice follow, uint32_t *row)
{
    uint64_t key = (uint64_t)follow_id << 32 | config, known = 0;
    struct memo *m = &d->memo;
    bool met = idmap_get(&m->at, key, &known);
    if (met && known != MET) {
        put_known(v, &m->row[known], row);
        return true;
    }
    if (m->bytes + m->arena.total > MEMO_BYTES)         /* full: begin again */
        memo_free(m);
    struct walk_room room;
    struct mask_out o;
    walk_room_open(&room);
    mask_out_open(&o, v, d->f, &room, row);
    memset(row, 0, bitset_words(v->n_logit) * sizeof *row);
    bool ok = mask_by_leaves(&o, m, config) && (!follow.len || mask_follow(&o, config, follow));
    if (ok && !o.dense)
        ok = keep_list(m, key, &o);
    else if (ok)
        ok = met ? keep_row(m, key, &o) : idmap_put(&m->at, key, MET);
    mask_out_close(&o);
    walk_room_close(&room);
    return ok;
}

const struct tail_set *memo_tails(struct memo *m, struct mask_out *o, uint32_t config)
{
    uint64_t known;
    if (idmap_get(&m->tails_at, config, &known))
        return &m->tails[known];
    size_t words = o->v->atlas->n_rank / 32 + 1;
    struct tail_set t = { arena_array(&m->arena, words, sizeof *t.live), arena_array(&m->arena, words, sizeof *t.doubt) };
    if (!t.live || !t.doubt || !tails_walk(o, config, t.live, t.doubt))
        return NULL;
    struct tail_set *slot = array_push(&m->tails, &m->n_tails, &m->cap_tails, sizeof *slot);
    if (!slot || !idmap_put(&m->tails_at, config, m->n_tails - 1))
        return NULL;
    *slot = t;
    return slot;
}

void memo_free(struct memo *m)
{
    for (uint32_t i = 0; i < m->n_row; i++)
        for (uint32_t k = 0; k < m->row[i].n_base; k++)
            leaf_mask_unref(m->row[i].base[k]);
    idmap_free(&m->at);
    idmap_free(&m->tails_at);
    mem_free(m->row);
    mem_free(m->tails);
    arena_free(&m->arena);
    *m = (struct memo){ 0 };
}
