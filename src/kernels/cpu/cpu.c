/* cpu.c - opens the CPU device: the best level this machine has, a team, scratch memory. */
#include "kernels/cpu/cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "kernels/cpu/dequant.h"

/* Best last. */
static const struct cpu_level *const levels[] = {
    &cpu_level_scalar,
#if defined(__x86_64__)
    &cpu_level_avx2,
    &cpu_level_avxvnni,
    &cpu_level_avx512,
#endif
};

enum { N_LEVEL = sizeof levels / sizeof *levels };

uint32_t cpu_levels(const char *ret_name[4])
{
    uint32_t n = 0;
    for (size_t i = 0; i < N_LEVEL; i++)
        if (levels[i]->usable())
            ret_name[n++] = levels[i]->name;
    return n;
}

static enum status pick_level(const char *name, const struct cpu_level **ret, struct error *err)
{
    if (!name)
        name = getenv("SGL_CPU_LEVEL");
    const struct cpu_level *best = NULL;
    for (size_t i = 0; i < N_LEVEL; i++)
        if (levels[i]->usable() && (!name || !*name || strcmp(name, levels[i]->name) == 0))
            best = levels[i];
    if (!best)
        return error_set(err, ST_UNSUPPORTED, "this processor has no level \"%s\"", name);
    *ret = best;
    return ST_OK;
}

static bool acts_new(struct acts *a, uint32_t n_row, uint32_t width)
{
    size_t n = (size_t)n_row * width;
    a->f = mem_alloc_aligned(64, n * sizeof *a->f);
    a->q = mem_alloc_aligned(64, n);
    a->d = mem_alloc_aligned(64, n / 32 * sizeof *a->d);
    a->s = mem_alloc_aligned(64, n / 32 * sizeof *a->s);
    a->c8 = mem_alloc_aligned(64, n / 32 * sizeof *a->c8);
    a->c128 = mem_alloc_aligned(64, n / 32 * sizeof *a->c128);
    a->c128_half = mem_alloc_aligned(64, n / 16 * sizeof *a->c128_half);
    return a->f && a->q && a->d && a->s && a->c8 && a->c128 && a->c128_half;
}

static void acts_free(struct acts *a)
{
    mem_free_aligned(a->f);
    mem_free_aligned(a->q);
    mem_free_aligned(a->d);
    mem_free_aligned(a->s);
    mem_free_aligned(a->c8);
    mem_free_aligned(a->c128);
    mem_free_aligned(a->c128_half);
}

static void cpu_close(struct device *d)
{
    struct cpu *c = (struct cpu *)d;
    if (!c)
        return;
    for (int i = 0; c->own && i < team_size(c->team); i++)
        acts_free(&c->own[i]);
    mem_free(c->own);
    mem_free(c->own_of);
    acts_free(&c->shared);
    mem_free_aligned(c->part);
    store_drop(c->store);
    team_free(c->team);
    mem_free(c);
}

/* ---- matrices ---- */

struct fill {
    struct matrix            *m;
    const struct matrix_part *part;
};

enum { FILL_GROUPS = 8 };       /* groups of rows one member repacks at a time */

static void fill_share(void *arg, uint32_t share, int member)
{
    (void)member;
    struct fill *f = arg;
    uint32_t g = share * FILL_GROUPS;
    for (uint32_t i = 0, first = 0; i < f->m->n_part; i++) {
        struct packed *p = &f->m->part[i];
        uint32_t g0 = g > first ? g - first : 0;
        uint32_t g1 = g + FILL_GROUPS > first ? g + FILL_GROUPS - first : 0;
        if (g1 > p->n_group)
            g1 = p->n_group;
        if (g0 < g1)
            pack_fill(p, &f->part[i], g0, g1);
        first += p->n_group;
    }
}

static void cpu_matrix_free(struct matrix *m)
{
    if (!m)
        return;
    for (uint32_t i = 0; m->part && i < m->n_part; i++)
        pack_free(&m->part[i]);
    mem_free(m->part);
    mem_free(m);
}

static enum status cpu_matrix_new(struct device *d, const struct matrix_part *part,
                                  uint32_t n_part, uint32_t n_in, struct matrix **ret,
                                  struct error *err)
{
    struct cpu *c = (struct cpu *)d;
    if (n_in == 0 || n_in % KERNEL_WIDTH_UNIT || n_in > c->max_width)
        return error_set(err, ST_UNSUPPORTED, "a width of %u is not supported: multiples of %d up "
                         "to %u are", n_in, KERNEL_WIDTH_UNIT, c->max_width);
    struct matrix *m = mem_zalloc(sizeof *m);
    if (m)
        m->part = mem_calloc(n_part, sizeof *m->part);
    if (!m || !m->part) {
        cpu_matrix_free(m);
        return error_nomem(err);
    }
    m->n_part = n_part;
    m->n_in = n_in;
    uint32_t n_out = 0;
    for (uint32_t i = 0; i < n_part; i++) {
        enum status st = pack_new(&part[i], n_in, &c->store, &m->part[i], err);
        if (st != ST_OK) {
            cpu_matrix_free(m);
            return st;
        }
        m->part[i].out_off = n_out;
        n_out += part[i].n_out;
        m->n_group += m->part[i].n_group;
    }
    struct fill f = { m, part };
    team_run(c->team, &(struct team_job){
        .arg = &f, .share[0] = fill_share,
        .n_share[0] = (m->n_group + FILL_GROUPS - 1) / FILL_GROUPS });
    *ret = m;
    return ST_OK;
}

static uint64_t cpu_matrix_bytes(const struct matrix *m)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < m->n_part; i++)
        n += pack_bytes(&m->part[i]);
    return n;
}

/* ---- memory, tables, steps ---- */

static void *cpu_mem_new(struct device *d, size_t n_byte)
{
    (void)d;
    return mem_alloc_aligned(64, n_byte);
}

static void cpu_mem_free(struct device *d, void *p)
{
    (void)d;
    mem_free_aligned(p);
}

/* All that the machine has: what others use of it may be given back. */
static uint64_t cpu_mem_room(struct device *d)
{
    (void)d;
    long n = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    return n > 0 && bytes > 0 ? (uint64_t)n * (uint64_t)bytes : 0;
}

static enum status cpu_move(struct device *d, void *dst, const void *src, size_t n,
                            struct error *err)
{
    (void)d;
    (void)err;
    memcpy(dst, src, n);
    return ST_OK;
}

static enum status cpu_wait(struct device *d, struct error *err)
{
    (void)d;
    (void)err;
    return ST_OK;
}

static enum status cpu_table_new(struct device *d, const struct matrix_part *part,
                                 uint32_t width, const struct matrix *tied, struct table **ret,
                                 struct error *err)
{
    (void)d;
    (void)width;
    (void)tied;
    struct table *t = mem_zalloc(sizeof *t);
    if (!t)
        return error_nomem(err);
    *t = (struct table){ part->dtype, part->data };
    *ret = t;
    return ST_OK;
}

static void cpu_table_free(struct table *t)
{
    mem_free(t);
}

void cpu_step(struct device *d, const struct step_args *a)
{
    ((struct cpu *)d)->step = *a;
}

void cpu_copy_page(struct device *d, const struct copy_page_args *a)
{
    (void)d;
    for (uint32_t i = 0; i < a->n_layer; i++)
        memcpy(a->dst + i * a->stride, a->src + i * a->stride, a->n * sizeof *a->dst);
}

/* ---- open ---- */

enum status cpu_device_open(const struct device_opts *opts, struct device **ret, struct error *err)
{
    struct cpu *c = mem_zalloc(sizeof *c);
    if (!c)
        return error_nomem(err);
    c->max_row = opts->max_row;
    c->max_width = (opts->max_width + KERNEL_WIDTH_UNIT - 1) / KERNEL_WIDTH_UNIT *
                   KERNEL_WIDTH_UNIT;
    enum status st = pick_level(opts->level, &c->level, err);
    if (st == ST_OK)
        st = team_new(opts->n_thread, &c->team, err);
    if (st != ST_OK) {
        cpu_close(&c->base);
        return st;
    }

    c->own = mem_calloc((size_t)team_size(c->team), sizeof *c->own);
    c->own_of = mem_calloc((size_t)team_size(c->team), sizeof *c->own_of);
    c->part = mem_alloc_aligned(64, CPU_MAX_PARTS * sizeof *c->part);
    bool ok = c->own && c->own_of && c->part && acts_new(&c->shared, c->max_row, c->max_width);
    for (int i = 0; ok && i < team_size(c->team); i++)
        ok = acts_new(&c->own[i], 1, c->max_width);
    if (!ok) {
        cpu_close(&c->base);
        return error_nomem(err);
    }

    snprintf(c->name, sizeof c->name, "cpu (%s)", c->level->name);
    c->ops = (struct kernels){
        .name = c->name,
        .matrix_new = cpu_matrix_new,
        .matrix_free = cpu_matrix_free,
        .matrix_bytes = cpu_matrix_bytes,
        .host_memory = true,
        .mem_new = cpu_mem_new,
        .mem_free = cpu_mem_free,
        .mem_room = cpu_mem_room,
        .upload = cpu_move,
        .download = cpu_move,
        .wait = cpu_wait,
        .table_new = cpu_table_new,
        .table_free = cpu_table_free,
        .close = cpu_close,
#define X(op, sentence) .op = cpu_##op,
        KERNEL_ROWS(X)
#undef X
    };
    c->base.ops = &c->ops;
    *ret = &c->base;
    return ST_OK;
}

void tensor_row(enum dtype t, const uint8_t *src, float *dst, size_t n)
{
    dequant_row(t, src, dst, n);
}

size_t kv_page_elems(const struct attn_shape *s)
{
    return (size_t)s->n_kv_head * 2 * s->head_dim * KERNEL_PAGE;
}
