/* pace.c - see pace.h. */
#include "runtime/sched/pace.h"

enum { LEAST_ROWS = 16, GROWTH = 8 };

void pace_init(struct pace *p, uint32_t target_ms, uint32_t most)
{
    *p = (struct pace){ .target_ns = (uint64_t)target_ms * 1000000u, .most = most, .rows = most };
}

uint32_t pace_rows(const struct pace *p, uint32_t n_decode)
{
    return p->target_ns && n_decode ? p->rows : p->most;
}

void pace_note(struct pace *p, uint64_t ns, uint32_t n_decode, uint32_t n_prompt)
{
    if (!p->target_ns || !n_decode || !n_prompt)
        return;
    if (ns > p->target_ns) {
        double share = (double)p->target_ns / (double)ns;
        uint32_t least = LEAST_ROWS < p->most ? LEAST_ROWS : p->most;
        p->rows = (uint32_t)(n_prompt * share);
        p->rows = p->rows > least ? p->rows : least;
    } else if (n_prompt >= p->rows) {
        p->rows += p->rows / GROWTH + 1;
        p->rows = p->rows < p->most ? p->rows : p->most;
    }
}
