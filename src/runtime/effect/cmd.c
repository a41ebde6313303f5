/* cmd.c - runs a program without a shell.
 *
 * One loop feeds its input and reads its output, so that neither side can fill a pipe and wait
 * for the other.  It runs on a pool thread; a cancel is looked at every POLL_MS. */
#include "runtime/effect/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

extern char **environ;

enum { POLL_MS = 50, MAX_OUTPUT = 16 << 20 };

struct pipes {
    int   in[2];        /* a socket pair: writing to a dead program is an error, not a signal */
    int   out[2];
    pid_t pid;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static enum status start(struct cmd *c, struct pipes *p, struct error *err)
{
    *p = (struct pipes){ { -1, -1 }, { -1, -1 }, 0 };
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->in) || pipe2(p->out, O_CLOEXEC))
        return error_set(err, ST_IO, "%s: %s", c->argv[0], strerror(errno));
    posix_spawn_file_actions_t fa;
    posix_spawn_file_actions_init(&fa);
    posix_spawn_file_actions_adddup2(&fa, p->in[1], 0);
    posix_spawn_file_actions_adddup2(&fa, p->out[1], 1);
    int rc = posix_spawnp(&p->pid, c->argv[0], &fa, NULL, c->argv, environ);
    posix_spawn_file_actions_destroy(&fa);
    close_fd(&p->in[1]);
    close_fd(&p->out[1]);
    if (rc)
        return error_set(err, rc == ENOENT ? ST_NOT_FOUND : ST_IO, "%s: %s", c->argv[0],
                         strerror(rc));
    fcntl(p->in[0], F_SETFL, O_NONBLOCK);
    return ST_OK;
}

static void feed(struct cmd *c, struct pipes *p, size_t *sent)
{
    ssize_t n = send(p->in[0], c->input.ptr + *sent, c->input.len - *sent, MSG_NOSIGNAL);
    if (n > 0)
        *sent += (size_t)n;
    if ((n < 0 && errno != EAGAIN) || *sent >= c->input.len)
        close_fd(&p->in[0]);
}

/* False at the end of the output. */
static bool take(struct cmd *c, struct pipes *p)
{
    char buf[8192];
    ssize_t n = read(p->out[0], buf, sizeof buf);
    if (n > 0)
        str_add(&c->output, buf, (size_t)n);
    return n > 0 || (n < 0 && errno == EINTR);
}

static enum status pump(struct cmd *c, struct pipes *p, struct error *err)
{
    size_t sent = 0;
    uint64_t until = c->timeout_ms ? clock_ms() + c->timeout_ms : 0;
    if (!c->input.len)
        close_fd(&p->in[0]);
    for (;;) {
        struct pollfd fd[2] = { { p->out[0], POLLIN, 0 }, { p->in[0], POLLOUT, 0 } };
        if (poll(fd, 2, POLL_MS) > 0) {
            if (fd[1].revents)
                feed(c, p, &sent);
            if (fd[0].revents && !take(c, p))
                return ST_OK;
        }
        if (c->cancel && atomic_load(c->cancel))
            return error_set(err, ST_CANCELLED, "cancelled");
        if (until && clock_ms() >= until)
            return error_set(err, ST_TIMEOUT, "%s took longer than %llu ms", c->argv[0],
                             (unsigned long long)c->timeout_ms);
        if (c->output.len > MAX_OUTPUT)
            return error_set(err, ST_LIMIT, "%s wrote more than %d MiB", c->argv[0],
                             MAX_OUTPUT >> 20);
        if (c->output.failed)
            return error_nomem(err);
    }
}

enum status command_run(struct cmd *c, struct error *err)
{
    struct pipes p;
    enum status st = start(c, &p, err);
    if (st == ST_OK) {
        int how;
        st = pump(c, &p, err);
        if (st != ST_OK)
            kill(p.pid, SIGKILL);
        while (waitpid(p.pid, &how, 0) < 0 && errno == EINTR)
            ;
        c->exit_code = WIFEXITED(how) ? WEXITSTATUS(how) : -1;
    }
    close_fd(&p.in[0]);
    close_fd(&p.in[1]);
    close_fd(&p.out[0]);
    close_fd(&p.out[1]);
    return st;
}
