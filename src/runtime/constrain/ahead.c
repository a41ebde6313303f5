/* ahead.c - masks that are made when a constraint is compiled.
 *
 * What a text of the constraint meets first is known without the text: the borders between leaves, in
 * the order in which they can be reached, and the inside of a string that begins there.  Their masks
 * are made where compiling is done, on a thread that may wait, so that the scheduler finds them.  A
 * count of masks and of work units bounds it; what is not reached is made when it is asked for. */
#include "base/alloc.h"
#include "base/array.h"
#include "compiler/pattern/terminal.h"
#include "runtime/constrain/constraint_data.h"

/* Work counts from the constraint's own compiling on: one that was hard to compile is hard to walk. */
enum { MASKS_AHEAD = 24, WORK_AHEAD = 20000 };

struct ahead {
    struct drive       *d;
    const struct vocab *v;
    uint32_t           *row;
    uint32_t           *border;     /* configs, the next one to look at first */
    uint32_t            n, cap;
    uint32_t            n_mask;
    struct idmap        met;
    bool                failed;
};

static void add_border(struct ahead *a, uint32_t config)
{
    uint64_t known;
    if (config == CONFIG_DEAD || config == CONFIG_UNKNOWN || automaton_doubt(a->d->f, config) ||
        a->n == MASKS_AHEAD || idmap_get(&a->met, config, &known))
        return;
    uint32_t *slot = array_push(&a->border, &a->n, &a->cap, sizeof *slot);
    a->failed |= !slot || !idmap_put(&a->met, config, 1);
    if (slot)
        *slot = config;
}

static void make(struct ahead *a, uint32_t config)
{
    a->n_mask++;
    a->failed |= !mask_config(a->d, a->v, config, 0, (struct slice){ NULL, 0 }, a->row);
}

static void follow(struct ahead *a, uint32_t config)
{
    struct family *f = a->d->f;
    for (uint32_t i = 0; i < automaton_n_thread(f, config) && !a->failed; i++) {
        uint32_t lo, hi;
        automaton_labels(f, config, i, &lo, &hi);
        for (uint32_t label = lo; label < hi && a->n < MASKS_AHEAD && !a->failed; label++) {
            if (automaton_may_leave(f, config, i, label))
                add_border(a, automaton_leave(f, config, i, label));
            a->failed |= family_failed(f);
        }
    }
}

static uint64_t work_done(struct family *f)
{
    uint64_t n = automaton_lock(f)->ex.work;
    automaton_unlock(f);
    return n;
}

bool masks_ahead(struct drive *d, const struct vocab *v)
{
    struct ahead a = { .d = d, .v = v, .row = mem_alloc(bitset_words(vocab_n_logit(v)) * sizeof *a.row) };
    a.failed = !a.row;
    add_border(&a, automaton_start(d->f));
    for (uint32_t i = 0; i < a.n && a.n_mask < MASKS_AHEAD && !a.failed && work_done(d->f) < WORK_AHEAD; i++) {
        uint32_t inside = automaton_step(d->f, a.border[i], '"');
        make(&a, a.border[i]);
        if (inside != CONFIG_DEAD && !a.failed)
            make(&a, inside);
        follow(&a, a.border[i]);
    }
    idmap_free(&a.met);
    mem_free(a.border);
    mem_free(a.row);
    return !a.failed;
}
