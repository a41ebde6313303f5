/* automaton.c - configs: the threads that are alive after some text, and their steps.
 *
 *      thread  { leaf state q, rule state g behind the leaf, below: set of frames }
 *      frame   { rule state to return to, below: set of frames }
 *
 * Frames, sets and configs are interned, so a config is a number and going back is remembering
 * one.  Frame 0 is the bottom: returning to it means that the whole text is complete.  Threads
 * that differ only in what lies below are one thread with the union below, which keeps ambiguous
 * grammars small. */
#include "compiler/pattern/automaton_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"

enum {
    THREAD_MAX = 512,
    CLOSURE_MAX = 20000,            /* rule states looked at by one step */
    CONFIG_MAX = 1u << 20,
    FAMILY_BYTES = 64u << 20,
    STEPS_BEFORE_ROW = 4,
};

/* ---- interning ------------------------------------------------------------------------------ */

static bool table_grow(struct table *t, uint64_t (*hash)(const struct family *, uint32_t),
                       const struct family *f)
{
    if ((t->n + 1) * 2 <= t->n_slot)
        return true;
    uint32_t n = t->n_slot ? t->n_slot * 2 : 64;
    uint32_t *slot = mem_calloc(n, sizeof *slot);
    if (!slot)
        return false;
    for (uint32_t i = 0; i < t->n; i++) {
        uint32_t k = (uint32_t)hash(f, i) & (n - 1);
        while (slot[k])
            k = (k + 1) & (n - 1);
        slot[k] = i + 1;
    }
    mem_free(t->slot);
    t->slot = slot;
    t->n_slot = n;
    return true;
}

static uint32_t lose(struct family *f)
{
    f->failed = true;
    return 0;
}

static uint64_t frame_hash(const struct family *f, uint32_t i)
{
    return hash_u64((uint64_t)f->frame[i].ret << 32 | f->frame[i].below);
}

static uint32_t frame_intern(struct family *f, uint32_t ret, uint32_t below)
{
    if (!table_grow(&f->frames, frame_hash, f))
        return lose(f);
    uint32_t k = (uint32_t)hash_u64((uint64_t)ret << 32 | below) & (f->frames.n_slot - 1);
    for (; f->frames.slot[k]; k = (k + 1) & (f->frames.n_slot - 1)) {
        const struct frame *x = &f->frame[f->frames.slot[k] - 1];
        if (x->ret == ret && x->below == below)
            return f->frames.slot[k] - 1;
    }
    struct frame *x = array_push(&f->frame, &f->n_frame, &f->cap_frame, sizeof *x);
    if (!x)
        return lose(f);
    *x = (struct frame){ ret, below };
    f->frames.slot[k] = ++f->frames.n;
    return f->n_frame - 1;
}

static uint64_t set_hash(const struct family *f, uint32_t i)
{
    return hash_bytes(f->item + f->set[i].at, f->set[i].n * sizeof *f->item);
}

/* `item` is sorted and without repetitions. */
static uint32_t set_intern(struct family *f, const uint32_t *item, uint32_t n)
{
    if (!table_grow(&f->sets, set_hash, f) ||
        !array_reserve(&f->item, &f->cap_item, f->n_item + n, sizeof *f->item))
        return lose(f);
    uint32_t k = (uint32_t)hash_bytes(item, n * sizeof *item) & (f->sets.n_slot - 1);
    for (; f->sets.slot[k]; k = (k + 1) & (f->sets.n_slot - 1)) {
        const struct set *x = &f->set[f->sets.slot[k] - 1];
        if (x->n == n && !memcmp(f->item + x->at, item, n * sizeof *item))
            return f->sets.slot[k] - 1;
    }
    struct set *x = array_push(&f->set, &f->n_set, &f->cap_set, sizeof *x);
    if (!x)
        return lose(f);
    *x = (struct set){ f->n_item, n };
    memcpy(f->item + f->n_item, item, n * sizeof *item);
    f->n_item += n;
    f->sets.slot[k] = ++f->sets.n;
    return f->n_set - 1;
}

static uint32_t set_union(struct family *f, uint32_t a, uint32_t b)
{
    struct set x = f->set[a], y = f->set[b];
    uint32_t *both = mem_alloc((x.n + y.n + 1ul) * sizeof *both), n = 0;
    if (!both)
        return lose(f);
    for (uint32_t i = 0, j = 0; i < x.n || j < y.n;) {
        uint32_t u = i < x.n ? f->item[x.at + i] : UINT32_MAX;
        uint32_t v = j < y.n ? f->item[y.at + j] : UINT32_MAX;
        both[n++] = u < v ? u : v;
        i += u <= v;
        j += v <= u;
    }
    uint32_t id = set_intern(f, both, n);
    mem_free(both);
    return id;
}

static uint64_t capture_hash(const struct family *f, uint32_t i)
{
    return hash_u64((uint64_t)f->capture[i].below << 8 | f->capture[i].byte);
}

static uint32_t capture_intern(struct family *f, uint32_t below, uint8_t byte)
{
    if (!table_grow(&f->captures, capture_hash, f))
        return lose(f);
    uint32_t k = (uint32_t)hash_u64((uint64_t)below << 8 | byte) & (f->captures.n_slot - 1);
    for (; f->captures.slot[k]; k = (k + 1) & (f->captures.n_slot - 1)) {
        const struct capture *x = &f->capture[f->captures.slot[k] - 1];
        if (x->below == below && x->byte == byte)
            return f->captures.slot[k] - 1;
    }
    struct capture *x = array_push(&f->capture, &f->n_capture, &f->cap_capture, sizeof *x);
    if (!x)
        return lose(f);
    *x = (struct capture){ below, byte };
    f->captures.slot[k] = ++f->captures.n;
    return f->n_capture - 1;
}

static uint64_t config_hash(const struct family *f, uint32_t i)
{
    const struct config *c = &f->config[i];
    return hash_combine(hash_bytes(f->thread + c->at, c->n * sizeof *f->thread), c->accepts + 2 * c->doubt);
}

static uint32_t config_intern(struct family *f, const struct thread *t, uint32_t n, bool accepts, bool doubt)
{
    if (f->failed || (!n && !accepts && f->n_config))
        return CONFIG_DEAD;
    if (!table_grow(&f->configs, config_hash, f) ||
        !array_reserve(&f->thread, &f->cap_thread, f->n_thread + n + 1, sizeof *f->thread))
        return lose(f);
    uint64_t h = hash_combine(hash_bytes(t, n * sizeof *t), accepts + 2 * doubt);
    uint32_t k = (uint32_t)h & (f->configs.n_slot - 1);
    for (; f->configs.slot[k]; k = (k + 1) & (f->configs.n_slot - 1)) {
        const struct config *c = &f->config[f->configs.slot[k] - 1];
        if (c->n == n && c->accepts == accepts && c->doubt == doubt && !memcmp(f->thread + c->at, t, n * sizeof *t))
            return f->configs.slot[k] - 1;
    }
    if (f->n_config >= CONFIG_MAX || family_bytes(f) > FAMILY_BYTES)
        return lose(f);
    struct config *c = array_push(&f->config, &f->n_config, &f->cap_config, sizeof *c);
    if (!c)
        return lose(f);
    *c = (struct config){ .at = f->n_thread, .n = n, .accepts = accepts, .doubt = doubt };
    if (n)
        memcpy(f->thread + f->n_thread, t, n * sizeof *t);
    f->n_thread += n;
    f->configs.slot[k] = ++f->configs.n;
    return f->n_config - 1;
}

/* ---- one step ------------------------------------------------------------------------------- */

static void add_thread(struct family *f, uint32_t q, uint32_t g, uint32_t below, uint32_t cap)
{
    struct thread *t = array_push(&f->out, &f->n_out, &f->cap_out, sizeof *t);
    if (t)
        *t = (struct thread){ q, g, below, cap };
    else
        f->failed = true;
}

static void todo(struct family *f, uint32_t g, uint32_t below)
{
    uint64_t x = (uint64_t)g << 32 | below;
    for (uint32_t i = f->n_todo; i-- > 0 && f->n_todo - i <= 64;)
        if (f->todo[i] == x)
            return;
    uint64_t *slot = array_push(&f->todo, &f->n_todo, &f->cap_todo, sizeof *slot);
    if (slot && f->n_todo <= CLOSURE_MAX)
        *slot = x;
    else
        f->failed = true;
}

static void leave(struct family *f, uint32_t below)
{
    const struct set s = f->set[below];
    for (uint32_t i = 0; i < s.n; i++) {
        uint32_t id = f->item[s.at + i];
        if (!id)
            f->accepts = true;
        else
            todo(f, f->frame[id].ret, f->frame[id].below);
    }
}

/* Everything that can be read from the states on the list, as threads. */
static void closure(struct family *f)
{
    struct rules *r = &f->p->r;
    for (uint32_t i = 0; i < f->n_todo && !f->failed; i++) {
        uint32_t g = (uint32_t)(f->todo[i] >> 32), below = (uint32_t)f->todo[i];
        struct rule_exp x = rule_expand(r, g);
        if (x.final)
            leave(f, below);
        for (uint32_t k = 0; k < x.n && !f->failed; k++) {
            struct rule_edge e = x.edge[k];
            if (e.kind == EDGE_CALL && e.next == 0) {
                todo(f, e.to, below);       /* a tail call needs no frame */
            } else if (e.kind == EDGE_CALL) {
                uint32_t frame = frame_intern(f, e.next, below);
                todo(f, e.to, set_intern(f, &frame, 1));
            } else {
                f->doubt |= e.capture && value_doubts(r, e.next);
                if (terminal_more(&r->t, e.to))
                    add_thread(f, e.to, e.next, below, e.capture ? 1 : 0);
                if (terminal_accepts(&r->t, e.to))
                    todo(f, e.next, below);
            }
        }
    }
    if (rules_failed(r))
        f->failed = true;
    f->n_todo = 0;
}

static int by_thread(const void *a, const void *b)
{
    const struct thread *x = a, *y = b;
    if (x->q != y->q)
        return x->q < y->q ? -1 : 1;
    if (x->g != y->g)
        return x->g < y->g ? -1 : 1;
    if (x->cap != y->cap)
        return x->cap < y->cap ? -1 : 1;
    return (x->below > y->below) - (x->below < y->below);
}

static uint32_t collect(struct family *f)
{
    if (f->n_out > 1)
        qsort(f->out, f->n_out, sizeof *f->out, by_thread);
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->n_out && !f->failed; i++) {
        struct thread *last = n ? &f->out[n - 1] : NULL, *t = &f->out[i];
        if (last && last->q == t->q && last->g == t->g && last->cap == t->cap) {
            if (last->below != t->below)
                last->below = set_union(f, last->below, t->below);
            continue;
        }
        f->out[n++] = *t;
    }
    if (n > THREAD_MAX)
        f->failed = true;
    uint32_t id = config_intern(f, f->out, n, f->accepts, f->doubt);
    f->n_out = 0;
    f->accepts = f->doubt = false;
    return id;
}

/* The state behind a captured text. */
static uint32_t captured(struct family *f, uint32_t g, uint32_t cap)
{
    struct str s = { 0 };
    f->doubt |= f->p->r.st[g].seen & SEEN_UNNAMED;
    for (uint32_t c = cap; c > 1; c = f->capture[c].below)
        str_addc(&s, (char)f->capture[c].byte);
    for (size_t i = 0, j = s.len; i + 1 < j; i++) {
        j--;
        char x = s.ptr[i];
        s.ptr[i] = s.ptr[j];
        s.ptr[j] = x;
    }
    uint32_t next = s.failed ? lose(f) : value_captured(&f->p->r, g, str_slice(&s));
    str_free(&s);
    return next;
}

static void exit_leaf(struct family *f, const struct thread *t, uint32_t q, uint32_t cap)
{
    struct rules *r = &f->p->r;
    bool plain;
    struct arc_list l = terminal_labels(&r->t, q, &plain);
    if (plain)
        todo(f, cap ? captured(f, t->g, cap) : t->g, t->below);
    for (uint32_t i = 0; i < l.n; i++)
        for (uint32_t cp = l.arc[i].lo; cp <= l.arc[i].hi; cp++) {
            uint32_t next = rule_label(r, t->g, cp - EXPR_LABEL);
            todo(f, next, t->below);
        }
}

static uint32_t step_now(struct family *f, uint32_t config, uint8_t byte)
{
    struct rules *r = &f->p->r;
    const struct config c = f->config[config];
    pthread_mutex_lock(&f->p->lock);
    f->doubt = c.doubt;
    for (uint32_t i = 0; i < c.n && !f->failed; i++) {
        struct thread t = f->thread[c.at + i];
        uint32_t q = terminal_step(&r->t, t.q, byte);
        if (q == TERM_DEAD)
            continue;
        uint32_t cap = t.cap ? capture_intern(f, t.cap, byte) : 0;
        if (terminal_more(&r->t, q))
            add_thread(f, q, t.g, t.below, cap);
        if (terminal_accepts(&r->t, q))
            exit_leaf(f, &t, q, cap);
    }
    if (f->n_todo)
        closure(f);
    uint32_t next = collect(f);
    if (rules_failed(r))
        f->failed = true;
    pthread_mutex_unlock(&f->p->lock);
    return f->failed ? CONFIG_DEAD : next;
}

void automaton_first(struct family *f, uint32_t config, uint32_t set[8])
{
    const struct config c = f->config[config];
    memset(set, 0, 8 * sizeof *set);
    pthread_mutex_lock(&f->p->lock);
    for (uint32_t i = 0; i < c.n; i++)
        terminal_first(&f->p->r.t, f->thread[c.at + i].q, set);
    pthread_mutex_unlock(&f->p->lock);
}

const uint32_t *automaton_row(struct family *f, uint32_t config)
{
    struct config *c = &f->config[config];
    if (!c->row) {
        c->row = mem_alloc(256 * sizeof *c->row);
        if (!c->row) {
            f->failed = true;
            return NULL;
        }
        f->n_row++;
        uint32_t may[8];
        automaton_first(f, config, may);
        for (uint32_t b = 0; b < 256; b++)
            c->row[b] = may[b / 32] >> (b % 32) & 1 ? CONFIG_UNKNOWN : CONFIG_DEAD;
    }
    return c->row;
}

uint32_t automaton_step(struct family *f, uint32_t config, uint8_t byte)
{
    struct config *c = &f->config[config];
    if (f->failed || config == CONFIG_DEAD)
        return CONFIG_DEAD;
    if (c->row && c->row[byte] != CONFIG_UNKNOWN)
        return c->row[byte];
    if (!c->row && ++c->n_step > STEPS_BEFORE_ROW && !automaton_row(f, config))
        return CONFIG_DEAD;
    uint32_t next = step_now(f, config, byte);
    if (!f->failed && f->config[config].row)
        f->config[config].row[byte] = next;
    return next;
}

/* ---- many steps ----------------------------------------------------------------------------- */

enum { RUN_THREADS = 8 };

/* One byte for all threads; false: none lives, or a leaf may end here. */
static bool run_byte(struct family *f, const struct thread *from, uint32_t n, uint8_t byte, struct thread *to,
                     uint32_t *ret_n)
{
    struct terminals *t = &f->p->r.t;
    *ret_n = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct thread x = from[i];
        x.q = terminal_step(t, x.q, byte);
        if (x.q == TERM_DEAD)
            continue;
        if (terminal_accepts(t, x.q))
            return false;
        x.cap = x.cap ? capture_intern(f, x.cap, byte) : 0;
        to[(*ret_n)++] = x;
    }
    return *ret_n && !f->failed;
}

/* Bytes of `s` that no leaf ends in; the config behind them. */
static uint32_t run(struct family *f, uint32_t config, struct slice s, size_t *ret_n)
{
    struct thread at[2][RUN_THREADS];
    const struct config c = f->config[config];
    uint32_t n = c.n, more;
    size_t i = 0;
    *ret_n = 0;
    if (n > RUN_THREADS)
        return config;
    memcpy(at[0], f->thread + c.at, n * sizeof at[0][0]);
    pthread_mutex_lock(&f->p->lock);
    while (i < s.len && run_byte(f, at[i % 2], n, (uint8_t)s.ptr[i], at[(i + 1) % 2], &more)) {
        n = more;
        i++;
    }
    if (i) {
        f->doubt = c.doubt;
        for (uint32_t k = 0; k < n; k++)
            add_thread(f, at[i % 2][k].q, at[i % 2][k].g, at[i % 2][k].below, at[i % 2][k].cap);
        config = collect(f);
    }
    if (rules_failed(&f->p->r))
        f->failed = true;
    pthread_mutex_unlock(&f->p->lock);
    *ret_n = i;
    return f->failed ? CONFIG_DEAD : config;
}

uint32_t automaton_read(struct family *f, uint32_t config, struct slice s, size_t *ret_n)
{
    size_t i = 0, n;
    while (i < s.len && !f->failed) {
        if (!f->config[config].row && s.len - i > 1) {
            config = run(f, config, slice_sub(s, i, s.len), &n);
            i += n;
            if (i == s.len || f->failed)
                break;
        }
        uint32_t next = automaton_step(f, config, (uint8_t)s.ptr[i]);
        if (next == CONFIG_DEAD)
            break;
        config = next;
        i++;
    }
    *ret_n = i;
    return config;
}

/* ---- questions ------------------------------------------------------------------------------ */

uint32_t automaton_start(struct family *f)
{
    return f->start;
}

bool automaton_accepts(struct family *f, uint32_t config)
{
    return f->config[config].accepts;
}

bool automaton_final(struct family *f, uint32_t config)
{
    return f->config[config].accepts && !f->config[config].n;
}

bool family_failed(const struct family *f)
{
    return f->failed;
}

void automaton_bytes(struct family *f, uint32_t config, uint32_t set[8])
{
    const struct config c = f->config[config];
    memset(set, 0, 8 * sizeof *set);
    pthread_mutex_lock(&f->p->lock);
    for (uint32_t i = 0; i < c.n; i++)
        for (unsigned b = 0; b < 256; b++)
            if (!(set[b / 32] >> (b % 32) & 1) &&
                terminal_step(&f->p->r.t, f->thread[c.at + i].q, (uint8_t)b) != TERM_DEAD)
                set[b / 32] |= 1u << (b % 32);
    if (rules_failed(&f->p->r))
        f->failed = true;
    pthread_mutex_unlock(&f->p->lock);
}

uint32_t automaton_n_thread(struct family *f, uint32_t config)
{
    return f->config[config].n;
}

uint32_t automaton_leaf(struct family *f, uint32_t config, uint32_t i)
{
    return f->thread[f->config[config].at + i].q;
}

uint32_t automaton_only(struct family *f, uint32_t config, uint32_t i)
{
    struct thread t = f->thread[f->config[config].at + i];
    return config_intern(f, &t, 1, false, f->config[config].doubt);
}

uint32_t automaton_leave(struct family *f, uint32_t config, uint32_t i, uint32_t label)
{
    struct thread t = f->thread[f->config[config].at + i];
    uint32_t next = CONFIG_UNKNOWN, g;
    pthread_mutex_lock(&f->p->lock);
    if (t.cap ? value_unnamed(&f->p->r, t.g, &g) : (g = rule_label(&f->p->r, t.g, label), true)) {
        f->doubt = f->config[config].doubt || (t.cap && (f->p->r.st[t.g].seen & SEEN_UNNAMED));
        todo(f, g, t.below);
        closure(f);
        next = collect(f);
    }
    if (rules_failed(&f->p->r))
        f->failed = true;
    pthread_mutex_unlock(&f->p->lock);
    return next;
}

void automaton_labels(struct family *f, uint32_t config, uint32_t i, uint32_t *ret_lo, uint32_t *ret_hi)
{
    const struct thread t = f->thread[f->config[config].at + i];
    pthread_mutex_lock(&f->p->lock);
    *ret_lo = 0;
    *ret_hi = 1;
    if (terminal_has_labels(&f->p->r.t, t.q))
        rule_labels(&f->p->r, t.g, ret_lo, ret_hi);
    pthread_mutex_unlock(&f->p->lock);
}

bool automaton_may_leave(struct family *f, uint32_t config, uint32_t i, uint32_t label)
{
    const struct thread t = f->thread[f->config[config].at + i];
    struct rules *r = &f->p->r;
    pthread_mutex_lock(&f->p->lock);
    bool may = !terminal_has_labels(&r->t, t.q) || r->st[t.g].kind < RULE_ARRAY || value_may_label(r, t.g, label);
    f->failed |= rules_failed(r);
    pthread_mutex_unlock(&f->p->lock);
    return may && !f->failed;
}

bool automaton_leave_matters(struct family *f, uint32_t config, uint32_t i)
{
    struct thread t = f->thread[f->config[config].at + i];
    uint32_t next;
    if (!t.cap)
        return false;
    pthread_mutex_lock(&f->p->lock);
    bool open = value_unnamed(&f->p->r, t.g, &next);
    pthread_mutex_unlock(&f->p->lock);
    return !open;
}

bool automaton_doubt(struct family *f, uint32_t config)
{
    return f->config[config].doubt;
}

struct terminals *automaton_lock(struct family *f)
{
    pthread_mutex_lock(&f->p->lock);
    return &f->p->r.t;
}

void automaton_unlock(struct family *f)
{
    if (rules_failed(&f->p->r))
        f->failed = true;
    pthread_mutex_unlock(&f->p->lock);
}

/* ---- life ----------------------------------------------------------------------------------- */

size_t family_bytes(const struct family *f)
{
    return f->n_row * 1024 + f->cap_config * sizeof *f->config + f->cap_thread * sizeof *f->thread +
           f->cap_frame * sizeof *f->frame + (f->cap_item + f->cap_close * 2ul) * 4 +
           f->cap_set * sizeof *f->set + f->cap_capture * sizeof *f->capture +
           (f->frames.n_slot + f->sets.n_slot + f->configs.n_slot + f->captures.n_slot) * 4ul;
}

enum status family_new(struct pattern *p, struct family **ret, struct error *err)
{
    struct family *f = mem_zalloc(sizeof *f);
    if (!f)
        return error_nomem(err);
    f->p = pattern_ref(p);
    config_intern(f, NULL, 0, false, false);                   /* CONFIG_DEAD */
    frame_intern(f, 0, 0);                              /* the bottom */
    uint32_t bottom = 0;
    uint32_t below = set_intern(f, &bottom, 1);
    capture_intern(f, 0, 0);                            /* 0: no capture */
    capture_intern(f, 0, 1);                            /* 1: the empty text */
    pthread_mutex_lock(&p->lock);
    todo(f, p->root, below);
    closure(f);
    f->start = collect(f);
    pthread_mutex_unlock(&p->lock);
    if (f->failed) {
        family_free(f);
        return error_code(err, ST_LIMIT, "E0402", "the constraint is too large to start");
    }
    *ret = f;
    return ST_OK;
}

void family_free(struct family *f)
{
    if (!f)
        return;
    for (uint32_t i = 0; i < f->n_config; i++)
        mem_free(f->config[i].row);
    mem_free(f->thread);
    mem_free(f->frame);
    mem_free(f->close);
    mem_free(f->item);
    mem_free(f->set);
    mem_free(f->config);
    mem_free(f->capture);
    mem_free(f->frames.slot);
    mem_free(f->sets.slot);
    mem_free(f->configs.slot);
    mem_free(f->captures.slot);
    mem_free(f->out);
    mem_free(f->todo);
    pattern_unref(f->p);
    mem_free(f);
}
