/* attention.c - rotation and the KV write, then attention, shared out over the team.
 *
 * A tile is up to six queries that read the same keys: the heads of one group, of neighbouring
 * rows.  Its keys are taken in blocks of 256 cut at absolute positions, from the first block that
 * its windows reach, and folded in ascending order.  When tiles are few (decoding), their blocks
 * are shared out instead and folded after a joint: the same partial results in the same order, so
 * both ways give the same bits. */
#include <string.h>

#include "kernels/cpu/cpu.h"

enum { ROPE_ROWS = 4 };     /* rows one member rotates at a time */

struct rope_job {
    struct cpu                *c;
    const struct rope_kv_args *a;
    uint32_t                   n_row;
};

static void rope_heads(const struct cpu *c, const struct rope_kv_args *a, float *x, uint32_t n,
                       const float *norm, const float *cos_sin, float scale)
{
    uint32_t hd = a->shape.head_dim, n_rot = a->n_rot ? a->n_rot : hd;
    for (uint32_t h = 0; h < n; h++, x += hd) {
        if (norm)
            c->level->norm_row(x, norm, a->eps, hd, x);
        c->level->rope_head(x, cos_sin, n_rot, scale);
        if (n_rot < hd)
            c->level->rope_head(x + n_rot, NULL, hd - n_rot, scale);
    }
}

static void rope_row(const struct cpu *c, const struct rope_kv_args *a,
                     const struct attn_item *it, uint32_t i)
{
    const struct attn_shape *s = &a->shape;
    uint32_t hd = s->head_dim, pos = it->pos + i;
    float *q = a->qkv + a->stride * (it->row + i);
    float *k = q + s->n_head * hd, *v = k + s->n_kv_head * hd;
    const float *cos_sin = a->rope ? a->rope + (size_t)pos * (a->n_rot ? a->n_rot : hd) : NULL;
    rope_heads(c, a, q, s->n_head, a->q_norm, cos_sin, s->scale);
    rope_heads(c, a, k, s->n_kv_head, a->k_norm, cos_sin, 1.0f);
    uint16_t *page = a->kv.base + (size_t)it->page[pos / KERNEL_PAGE] * a->kv.page_stride;
    for (uint32_t h = 0; h < s->n_kv_head; h++)
        c->level->kv_write(k + h * hd, v + h * hd, hd, pos % KERNEL_PAGE,
                           page + (size_t)h * 2 * hd * KERNEL_PAGE);
}

static void rope_share(void *arg, uint32_t share, int member)
{
    (void)member;
    const struct rope_job *j = arg;
    for (uint32_t i = share * ROPE_ROWS; i < (share + 1) * ROPE_ROWS && i < j->n_row; i++) {
        const struct attn_item *it = j->c->step.item;
        uint32_t r = i;
        while (r >= it->n_row)
            r -= it++->n_row;
        rope_row(j->c, j->a, it, r);
    }
}

void cpu_rope_kv(struct device *d, const struct rope_kv_args *a)
{
    struct rope_job j = { .c = (struct cpu *)d, .a = a };
    j.n_row = j.c->step.n_row;
    if (j.n_row == 1)
        rope_row(j.c, a, j.c->step.item, 0);
    else if (j.n_row)
        team_run(j.c->team, &(struct team_job){
            .arg = &j, .share[0] = rope_share,
            .n_share[0] = (j.n_row + ROPE_ROWS - 1) / ROPE_ROWS });
}

/* ---- attention ---- */

struct attn_job {
    struct cpu                  *c;
    const struct attention_args *a;
    uint32_t                     n_tile;
    uint32_t                     n_block;   /* most blocks of a tile; 0: tiles are not split */
};

struct tile {
    const struct attn_item *it;
    uint32_t                kv_head;
    uint32_t                q0, n_q;        /* queries: row * group + head */
    uint32_t                block0, n_block;    /* blocks of keys that it sees */
};

static uint32_t group_of(const struct attn_shape *s)
{
    return s->n_head / s->n_kv_head;
}

static uint32_t item_tiles(const struct attn_shape *s, const struct attn_item *it)
{
    return (it->n_row * group_of(s) + ATTEND_MAX_Q - 1) / ATTEND_MAX_Q;
}

static uint32_t key_end(const struct tile *t, const struct attn_shape *s, uint32_t i)
{
    return t->it->pos + (t->q0 + i) / group_of(s) + 1;
}

static uint32_t first_key(const struct attention_args *a, uint32_t end)
{
    return a->window && end > a->window ? end - a->window : 0;
}

static struct tile tile_at(const struct attn_job *j, uint32_t n)
{
    const struct attn_shape *s = &j->a->shape;
    const struct attn_item *it = j->c->step.item;
    while (n >= item_tiles(s, it) * s->n_kv_head)
        n -= item_tiles(s, it++) * s->n_kv_head;
    uint32_t q0 = n / s->n_kv_head * ATTEND_MAX_Q, all = it->n_row * group_of(s);
    struct tile t = { .it = it, .kv_head = n % s->n_kv_head, .q0 = q0,
                      .n_q = all - q0 < ATTEND_MAX_Q ? all - q0 : ATTEND_MAX_Q };
    t.block0 = first_key(j->a, key_end(&t, s, 0)) / KERNEL_KEY_BLOCK;
    t.n_block = (key_end(&t, s, t.n_q - 1) - 1) / KERNEL_KEY_BLOCK + 1 - t.block0;
    return t;
}

/* The part of first .. end - 1 in a block of keys, counted from its first; 0 .. 0 for nothing. */
static void seen_of_block(uint32_t first, uint32_t end, uint32_t key0, uint32_t *ret_first,
                          uint32_t *ret_end)
{
    uint32_t e = end > key0 ? end - key0 : 0, f = first > key0 ? first - key0 : 0;
    *ret_end = e = e < KERNEL_KEY_BLOCK ? e : KERNEL_KEY_BLOCK;
    *ret_first = f;
    if (f >= e)
        *ret_end = *ret_first = 0;
}

/* Partial results of one block; n_key is 0 for a query that sees none of its keys. */
static void tile_block(const struct attn_job *j, const struct tile *t, uint32_t block,
                       struct attend_part *part, uint32_t n_key[ATTEND_MAX_Q])
{
    const struct attention_args *a = j->a;
    const struct attn_shape *s = &a->shape;
    struct attend_block b = { .shape = s, .page = t->it->page, .kv = a->kv,
                              .kv_head = t->kv_head, .key0 = block * KERNEL_KEY_BLOCK,
                              .n_q = t->n_q, .cap = a->cap };
    for (uint32_t i = 0; i < t->n_q; i++) {
        uint32_t row = (t->q0 + i) / group_of(s), head = (t->q0 + i) % group_of(s);
        uint32_t end = key_end(t, s, i);
        seen_of_block(first_key(a, end), end, b.key0, &b.first[i], &b.n_key[i]);
        b.q[i] = a->qkv + a->stride * (t->it->row + row) +
                 (size_t)(t->kv_head * group_of(s) + head) * s->head_dim;
        n_key[i] = b.n_key[i];
    }
    j->c->level->attend(&b, part);
}

static void tile_out(const struct attn_job *j, const struct tile *t, uint32_t i,
                     const struct attend_part *part)
{
    const struct attention_args *a = j->a;
    uint32_t group = group_of(&a->shape), row = (t->q0 + i) / group, head = (t->q0 + i) % group;
    j->c->level->finish(part, a->shape.head_dim,
                        a->out + a->out_stride * (t->it->row + row) +
                            (size_t)(t->kv_head * group + head) * a->shape.head_dim);
}

static void whole_tile(void *arg, uint32_t n, int member)
{
    (void)member;
    const struct attn_job *j = arg;
    struct tile t = tile_at(j, n);
    uint32_t n_key[ATTEND_MAX_Q];
    struct attend_part sum[ATTEND_MAX_Q], more[ATTEND_MAX_Q];
    bool begun[ATTEND_MAX_Q];
    tile_block(j, &t, t.block0, sum, n_key);
    for (uint32_t i = 0; i < t.n_q; i++)
        begun[i] = n_key[i] > 0;
    for (uint32_t b = 1; b < t.n_block; b++) {
        tile_block(j, &t, t.block0 + b, more, n_key);
        for (uint32_t i = 0; i < t.n_q; i++) {
            if (n_key[i] && begun[i])
                j->c->level->merge(&sum[i], &more[i], j->a->shape.head_dim);
            else if (n_key[i])      /* its window begins in this block */
                sum[i] = more[i];
            begun[i] = begun[i] || n_key[i];
        }
    }
    for (uint32_t i = 0; i < t.n_q; i++)
        tile_out(j, &t, i, &sum[i]);
}

static struct attend_part *kept_part(const struct attn_job *j, uint32_t tile, uint32_t block)
{
    return j->c->part + ((size_t)tile * j->n_block + block) * ATTEND_MAX_Q;
}

static void split_block(void *arg, uint32_t share, int member)
{
    (void)member;
    const struct attn_job *j = arg;
    uint32_t tile = share % j->n_tile, block = share / j->n_tile;
    struct tile t = tile_at(j, tile);
    uint32_t n_key[ATTEND_MAX_Q];
    if (block < t.n_block)
        tile_block(j, &t, t.block0 + block, kept_part(j, tile, block), n_key);
}

static void fold_tile(void *arg, uint32_t tile, int member)
{
    (void)member;
    const struct attn_job *j = arg;
    const struct attn_shape *s = &j->a->shape;
    struct tile t = tile_at(j, tile);
    for (uint32_t i = 0; i < t.n_q; i++) {
        uint32_t end = key_end(&t, s, i), b = first_key(j->a, end) / KERNEL_KEY_BLOCK - t.block0;
        struct attend_part *sum = kept_part(j, tile, b) + i;
        for (b++; b <= (end - 1) / KERNEL_KEY_BLOCK - t.block0; b++)
            j->c->level->merge(sum, kept_part(j, tile, b) + i, s->head_dim);
        tile_out(j, &t, i, sum);
    }
}

void cpu_attention(struct device *d, const struct attention_args *a)
{
    struct cpu *c = (struct cpu *)d;
    struct attn_job j = { .c = c, .a = a };
    uint32_t most = 0;
    for (uint32_t i = 0; i < c->step.n_item; i++) {
        const struct attn_item *it = &c->step.item[i];
        uint32_t n_block = (it->pos + it->n_row - 1) / KERNEL_KEY_BLOCK + 1;
        uint32_t reach = (a->window + ATTEND_MAX_Q) / KERNEL_KEY_BLOCK + 2;
        if (a->window && n_block > reach)
            n_block = reach;
        j.n_tile += item_tiles(&a->shape, it) * a->shape.n_kv_head;
        most = n_block > most ? n_block : most;
    }
    bool few = j.n_tile < 8 * (uint32_t)team_size(c->team);
    if (few && most > 1 && (uint64_t)j.n_tile * most * ATTEND_MAX_Q <= CPU_MAX_PARTS)
        j.n_block = most;
    if (j.n_block)
        team_run(c->team, &(struct team_job){ .arg = &j, .share = { split_block, fold_tile },
                                              .n_share = { j.n_tile * j.n_block, j.n_tile } });
    else
        team_run(c->team, &(struct team_job){ .arg = &j, .share[0] = whole_tile,
                                              .n_share[0] = j.n_tile });
}
