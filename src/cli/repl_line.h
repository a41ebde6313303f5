/* repl_line.h - one line of input: edited on a terminal, read plainly from a pipe. */
#ifndef CLI_REPL_LINE_H
#define CLI_REPL_LINE_H

#include <stdbool.h>
#include <stddef.h>

struct repl_line;

enum line_end {
    LINE_READ,          /* a line */
    LINE_CLOSED,        /* end of input */
    LINE_INTERRUPTED,   /* Ctrl-C; what was typed is dropped */
};

/* Candidates for the end of `text`: a NULL-terminated list, each freed by free, the list too. */
typedef char **(*complete_fn)(void *ctx, const char *text, size_t len);

/* interrupt_fd becomes readable at Ctrl-C; it is drained here.  NULL: out of memory. */
struct repl_line *repl_line_new(int interrupt_fd, complete_fn complete, void *ctx);
void repl_line_free(struct repl_line *l);               /* NULL is fine */
bool repl_line_is_terminal(const struct repl_line *l);

/* The line without its newline, valid until the next call; *ret_had_text with LINE_INTERRUPTED
 * says whether something was typed. */
enum line_end repl_line_read(struct repl_line *l, const char *prompt, const char **ret_text,
                             size_t *ret_len, bool *ret_had_text);
void repl_line_remember(struct repl_line *l, const char *entry);    /* into the history */

#endif
