/* slot.c - how much is at work at once: branches and deferred calls under one `concurrency(n)`.
 *
 * Every branch and every deferred call holds a slot of the innermost `concurrency` in force where
 * it was started, or of the run.  What finds none waits in a queue, first come, first served; a
 * set of branches waits as a whole and starts one of its branches each time its turn comes.
 *
 * A task that waits for branches or calls of its own is not at work: it gives its slot back, and
 * takes one again before it goes on, ahead of what has not started.  Otherwise a branch that
 * forks could wait for ever for the slot that it holds. */
#include "runtime/vm/vm_int.h"

/* The settings that count: the innermost `concurrency`, or the run's own. */
static struct settings *slots_of(struct settings *s)
{
    while (s->kind != SCOPE_CONCURRENCY && s->up)
        s = s->up;
    return s;
}

static bool has_room(const struct settings *s)
{
    return s->n_busy < s->width;
}

/* ---- the queue ---- */

static void queue_put(struct settings *s, struct starter *x, bool first)
{
    x->at = s;
    x->prev = first ? NULL : s->last;
    x->next = first ? s->first : NULL;
    if (x->prev)
        x->prev->next = x;
    else
        s->first = x;
    if (x->next)
        x->next->prev = x;
    else
        s->last = x;
}

void starter_leave(struct starter *x)
{
    struct settings *s = x->at;
    if (!s)
        return;
    if (x->prev)
        x->prev->next = x->next;
    else
        s->first = x->next;
    if (x->next)
        x->next->prev = x->prev;
    else
        s->last = x->prev;
    x->at = NULL;
    x->prev = x->next = NULL;
}

#define OWNER(type, x) ((type *)((char *)(x) - offsetof(type, starter)))

static void start_one(struct settings *s, struct starter *x)
{
    struct branches *set;
    struct task *t;
    starter_leave(x);
    switch (x->kind) {
    case STARTER_FUTURE:
        future_start(OWNER(struct future, x));
        break;
    case STARTER_SET:
        set = OWNER(struct branches, x);
        if (branches_start_one(set) && !x->at)
            queue_put(s, x, false);
        break;
    case STARTER_TASK:
        t = OWNER(struct task, x);
        t->parked = false;
        s->n_busy++;
        task_ready(t);
        break;
    }
}

/* What starts may end at once and come back here: one loop deals with all of it. */
static void slots_run(struct settings *s)
{
    if (s->starting)
        return;
    s->starting = true;
    settings_ref(s);
    while (s->first && has_room(s))
        start_one(s, s->first);
    s->starting = false;
    settings_unref(s);
}

void slots_enter(struct starter *x, struct settings *s)
{
    s = slots_of(s);
    if (!x->at)
        queue_put(s, x, false);
    slots_run(s);
}

/* ---- slots ---- */

void slot_take(struct task *t, struct settings *s)
{
    t->slot = settings_ref(slots_of(s));
    t->slot->n_busy++;
}

void slot_release(struct task *t)
{
    struct settings *s = t->slot;
    starter_leave(&t->starter);
    if (!s)
        return;
    t->slot = NULL;
    if (!t->parked)
        s->n_busy--;
    t->parked = false;
    slots_run(s);
    settings_unref(s);
}

void wait_children(struct task *t, struct waitlist *w)
{
    wait_on(w, t);
    if (!t->slot || t->parked)
        return;
    t->parked = true;
    t->slot->n_busy--;
    slots_run(t->slot);
}

bool slot_resume(struct task *t)
{
    if (!t->parked)
        return true;
    if (t->cancelled || has_room(t->slot)) {
        t->parked = false;
        t->slot->n_busy++;
        return true;
    }
    t->starter.kind = STARTER_TASK;
    if (!t->starter.at)
        queue_put(t->slot, &t->starter, true);
    return false;
}
