/* pace.h - how many prompt rows a step may carry beside rows that decode, so that these come as
 * often as was asked for.
 *
 * Falls at once when such a step took longer than the target, in proportion; grows again by an
 * eighth a step while they are fast enough and prompts want more.  Never below a page, so prompts
 * are always read; steps without decoding rows are not held back. */
#ifndef RUNTIME_SCHED_PACE_H
#define RUNTIME_SCHED_PACE_H

#include <stdint.h>

struct pace {
    uint64_t target_ns;         /* 0: no target */
    uint32_t most;              /* prompt rows of a step */
    uint32_t rows;              /* allowed now beside others */
};

void     pace_init(struct pace *p, uint32_t target_ms, uint32_t most);
uint32_t pace_rows(const struct pace *p, uint32_t n_decode);
/* A step took so long, with so many rows of each kind. */
void     pace_note(struct pace *p, uint64_t ns, uint32_t n_decode, uint32_t n_prompt);

#endif
