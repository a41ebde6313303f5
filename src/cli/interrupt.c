/* interrupt.c - a signal handler may do little more than write to a pipe, and needs to find it:
 * the one static of this file. */
#include "cli/interrupt.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t interrupt_fd = -1;

static void on_interrupt(int sig)
{
    int saved = errno;
    ssize_t unused = write(interrupt_fd, "!", 1);
    (void)unused;
    signal(sig, SIG_DFL);       /* the next one ends the process */
    errno = saved;
}

bool interrupt_open(struct interrupt *i)
{
    if (pipe(i->fd) != 0)
        return false;
    interrupt_fd = i->fd[1];
    struct sigaction act = { .sa_handler = on_interrupt };      /* no SA_RESTART: reads end too */
    sigaction(SIGINT, &act, &i->old);
    return true;
}

void interrupt_close(struct interrupt *i)
{
    sigaction(SIGINT, &i->old, NULL);
    interrupt_fd = -1;
    close(i->fd[0]);
    close(i->fd[1]);
}
