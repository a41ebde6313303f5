/* interrupt.h - Ctrl-C as a descriptor that becomes readable. */
#ifndef CLI_INTERRUPT_H
#define CLI_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

struct interrupt {
    int              fd[2];         /* fd[0] becomes readable at Ctrl-C */
    struct sigaction old;
};

/* One at a time.  The second Ctrl-C ends the process.  False: errno says why. */
bool interrupt_open(struct interrupt *i);
void interrupt_close(struct interrupt *i);

#endif
