/* junit.c - writes the report.
 *
 * A suite's counts stand before its cases, so these are gathered in memory until the next suite.
 * Characters that XML 1.0 cannot hold at all are written as U+FFFD. */
#include "cli/junit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct junit {
    const char *path;
    FILE       *to;
    const char *suite;          /* NULL: none yet */
    FILE       *cases;          /* of the suite, in memory */
    char       *text;
    size_t      len;
    unsigned    n, n_failed, n_skipped;
    double      ms;
};

static void put(FILE *to, const char *text)
{
    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        switch (c) {
        case '&': fputs("&amp;", to); break;
        case '<': fputs("&lt;", to); break;
        case '>': fputs("&gt;", to); break;
        case '"': fputs("&quot;", to); break;
        case '\n': fputs("&#10;", to); break;
        case '\t': fputs("&#9;", to); break;
        case '\r': fputs("&#13;", to); break;
        default:
            if (c < 0x20 || c == 0x7f)
                fputs("\xef\xbf\xbd", to);
            else
                putc(c, to);
        }
    }
}

static void attribute(FILE *to, const char *name, const char *text)
{
    fprintf(to, " %s=\"", name);
    put(to, text ? text : "");
    putc('"', to);
}

struct junit *junit_open(const char *path)
{
    struct junit *j = calloc(1, sizeof *j);
    FILE *to = fopen(path, "w");
    if (!j || !to) {
        fprintf(stderr, "sglrun: %s cannot be written: %s\n", path, strerror(errno));
        if (to)
            fclose(to);
        free(j);
        return NULL;
    }
    j->path = path;
    j->to = to;
    fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n", to);
    return j;
}

static void end_suite(struct junit *j)
{
    if (!j->suite)
        return;
    if (j->cases)
        fclose(j->cases);
    fputs("  <testsuite", j->to);
    attribute(j->to, "name", j->suite);
    fprintf(j->to, " tests=\"%u\" failures=\"%u\" errors=\"0\" skipped=\"%u\" time=\"%.3f\">\n",
            j->n, j->n_failed, j->n_skipped, j->ms / 1e3);
    if (j->text)
        fwrite(j->text, 1, j->len, j->to);
    fputs("  </testsuite>\n", j->to);
    free(j->text);
    j->text = NULL;
    j->cases = NULL;
    j->suite = NULL;
}

void junit_suite(struct junit *j, const char *file)
{
    end_suite(j);
    j->suite = file;
    j->n = j->n_failed = j->n_skipped = 0;
    j->ms = 0;
    j->cases = open_memstream(&j->text, &j->len);
}

void junit_add(struct junit *j, const struct junit_case *c)
{
    FILE *to = j->cases;
    if (!to)
        return;
    j->n++;
    j->n_failed += c->verdict == VERDICT_FAILED;
    j->n_skipped += c->verdict == VERDICT_SKIPPED;
    j->ms += c->ms;
    fputs("    <testcase", to);
    attribute(to, "classname", j->suite);
    attribute(to, "name", c->name);
    fprintf(to, " time=\"%.3f\">", c->ms / 1e3);
    if (c->verdict == VERDICT_FAILED) {
        fputs("<failure", to);
        attribute(to, "type", c->kind);
        attribute(to, "message", c->why);
        fputs("/>", to);
    } else if (c->verdict == VERDICT_SKIPPED) {
        fputs("<skipped", to);
        attribute(to, "message", c->why);
        fputs("/>", to);
    }
    if (c->out && *c->out) {
        fputs("<system-out>", to);
        put(to, c->out);
        fputs("</system-out>", to);
    }
    fputs("</testcase>\n", to);
}

bool junit_close(struct junit *j)
{
    if (!j)
        return true;
    end_suite(j);
    fputs("</testsuites>\n", j->to);
    bool good = !ferror(j->to);
    good = fclose(j->to) == 0 && good;
    if (!good)
        fprintf(stderr, "sglrun: %s cannot be written: %s\n", j->path, strerror(errno));
    free(j);
    return good;
}
