/* repl_line.c - line editing over libedit.
 *
 * libedit would block in read(2), where a Ctrl-C could be met only by luck; so it gets its
 * characters from a function of ours, which waits for the terminal and for the interrupt at the
 * same time.  Where input is no terminal, lines come from getline and nothing is written. */
#include "cli/repl_line.h"

#include <errno.h>
#include <histedit.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

enum { HISTORY_LINES = 1000, MAX_SHOWN = 40 };

struct repl_line {
    EditLine   *el;             /* NULL: input is no terminal */
    History    *history;
    int         interrupt_fd;
    bool        interrupted;
    const char *prompt;
    complete_fn complete;
    void       *complete_ctx;
    char       *line;           /* of getline */
    size_t      cap;
};

static struct repl_line *of(EditLine *el)
{
    struct repl_line *l = NULL;
    el_get(el, EL_CLIENTDATA, &l);
    return l;
}

static char *show_prompt(EditLine *el)
{
    return (char *)of(el)->prompt;
}

/* One byte, or 0 at the end of input, or -1 at an interrupt. */
static int next_byte(struct repl_line *l, char *ret)
{
    struct pollfd fds[2] = { { .fd = STDIN_FILENO, .events = POLLIN },
                             { .fd = l->interrupt_fd, .events = POLLIN } };
    for (;;) {
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return -1;
        if (fds[1].revents & POLLIN) {
            char drop[16];
            ssize_t unused = read(l->interrupt_fd, drop, sizeof drop);
            (void)unused;
            l->interrupted = true;
            return -1;
        }
        if (!fds[0].revents)
            continue;
        ssize_t n = read(STDIN_FILENO, ret, 1);
        if (n >= 0 || errno != EINTR)
            return (int)n;
    }
}

static int get_char(EditLine *el, wchar_t *ret)
{
    struct repl_line *l = of(el);
    mbstate_t state = { 0 };
    for (;;) {
        char byte;
        int n = next_byte(l, &byte);
        if (n <= 0)
            return n;
        size_t used = mbrtowc(ret, &byte, 1, &state);
        if (used == 1 || used == 0)
            return 1;
        if (used == (size_t)-1)
            memset(&state, 0, sizeof state);        /* not a character: dropped */
    }
}

/* Where the word at the end of a text begins. */
static size_t word_start(const char *text, size_t len)
{
    while (len > 0 && (text[len - 1] == '_' || (unsigned char)text[len - 1] >= 0x80 ||
                       (text[len - 1] >= '0' && text[len - 1] <= '9') ||
                       ((text[len - 1] | 0x20) >= 'a' && (text[len - 1] | 0x20) <= 'z')))
        len--;
    return len;
}

/* Keeps the candidates that continue `word`; returns how many, and what they have in common. */
static size_t keep_fitting(char **names, const char *word, size_t len, size_t *ret_common)
{
    size_t n = 0;
    *ret_common = 0;
    for (size_t i = 0; names[i]; i++) {
        if (strncmp(names[i], word, len) != 0) {
            free(names[i]);
            continue;
        }
        names[n++] = names[i];
        size_t same = strlen(names[0]);
        if (n > 1) {
            same = 0;
            while (same < *ret_common && names[0][same] == names[n - 1][same])
                same++;
        }
        *ret_common = same;
    }
    names[n] = NULL;
    return n;
}

static unsigned char complete(EditLine *el, int ch)
{
    (void)ch;
    struct repl_line *l = of(el);
    const LineInfo *line = el_line(el);
    size_t len = (size_t)(line->cursor - line->buffer);
    size_t start = word_start(line->buffer, len);
    char **names = l->complete(l->complete_ctx, line->buffer, len);
    if (!names)
        return CC_ERROR;
    size_t common = 0, have = len - start;
    size_t n = keep_fitting(names, line->buffer + start, have, &common);
    unsigned char rc = CC_ERROR;
    if (common > have) {
        names[0][common] = '\0';
        el_insertstr(el, names[0] + have);
        rc = CC_REFRESH;
    } else if (n > 1) {
        putchar('\n');
        for (size_t i = 0; i < n && i < MAX_SHOWN; i++)
            printf("%s  ", names[i]);
        printf(n > MAX_SHOWN ? "...\n" : "\n");
        fflush(stdout);
        rc = CC_REDISPLAY;
    }
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
    return rc;
}

/* The editor needs a locale that knows UTF-8. */
static void choose_locale(void)
{
    setlocale(LC_CTYPE, "");
    if (MB_CUR_MAX < 4)
        setlocale(LC_CTYPE, "C.UTF-8");
}

static bool start_editor(struct repl_line *l)
{
    HistEvent ev;
    choose_locale();
    l->el = el_init("sglrun", stdin, stdout, stderr);
    l->history = history_init();
    if (!l->el || !l->history)
        return false;
    history(l->history, &ev, H_SETSIZE, HISTORY_LINES);
    history(l->history, &ev, H_SETUNIQUE, 1);
    el_set(l->el, EL_CLIENTDATA, l);
    el_set(l->el, EL_PROMPT, show_prompt);
    el_set(l->el, EL_EDITOR, "emacs");
    el_set(l->el, EL_SIGNAL, 0);
    el_set(l->el, EL_HIST, history, l->history);
    el_set(l->el, EL_GETCFN, get_char);
    el_wset(l->el, EL_ADDFN, L"sgl-complete", L"completes names", complete);    /* keeps the texts */
    el_set(l->el, EL_BIND, "^I", "sgl-complete", NULL);
    el_set(l->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    return true;
}

struct repl_line *repl_line_new(int interrupt_fd, complete_fn complete_names, void *ctx)
{
    struct repl_line *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->interrupt_fd = interrupt_fd;
    l->complete = complete_names;
    l->complete_ctx = ctx;
    if (isatty(STDIN_FILENO) && !start_editor(l)) {
        repl_line_free(l);
        return NULL;
    }
    return l;
}

void repl_line_free(struct repl_line *l)
{
    if (!l)
        return;
    if (l->el)
        el_end(l->el);
    if (l->history)
        history_end(l->history);
    free(l->line);
    free(l);
}

bool repl_line_is_terminal(const struct repl_line *l)
{
    return l->el != NULL;
}

static enum line_end read_plain(struct repl_line *l, const char **ret_text, size_t *ret_len)
{
    ssize_t n = getline(&l->line, &l->cap, stdin);
    if (n < 0)
        return LINE_CLOSED;
    if (n > 0 && l->line[n - 1] == '\n')
        n--;
    *ret_text = l->line;
    *ret_len = (size_t)n;
    return LINE_READ;
}

enum line_end repl_line_read(struct repl_line *l, const char *prompt, const char **ret_text,
                             size_t *ret_len, bool *ret_had_text)
{
    *ret_had_text = false;
    if (!l->el)
        return read_plain(l, ret_text, ret_len);
    int n = 0;
    l->prompt = prompt;
    l->interrupted = false;
    fflush(stdout);
    const char *text = el_gets(l->el, &n);
    if (l->interrupted) {
        const LineInfo *line = el_line(l->el);
        *ret_had_text = line->lastchar > line->buffer;
        printf("^C\n");
        el_reset(l->el);
        return LINE_INTERRUPTED;
    }
    if (!text || n <= 0) {
        putchar('\n');
        return LINE_CLOSED;
    }
    if (text[n - 1] == '\n')
        n--;
    *ret_text = text;
    *ret_len = (size_t)n;
    return LINE_READ;
}

void repl_line_remember(struct repl_line *l, const char *entry)
{
    HistEvent ev;
    if (l->history && *entry)
        history(l->history, &ev, H_ENTER, entry);
}
