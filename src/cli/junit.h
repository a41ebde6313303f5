/* junit.h - verdicts as the XML that build servers read: one suite a file, one case a test. */
#ifndef CLI_JUNIT_H
#define CLI_JUNIT_H

#include <stdbool.h>

struct junit;

enum verdict { VERDICT_PASSED, VERDICT_FAILED, VERDICT_SKIPPED };

struct junit_case {
    const char  *name;
    enum verdict verdict;
    double       ms;
    const char  *kind, *why;    /* of a failure or a skip; may be NULL */
    const char  *out;           /* what it printed, or NULL */
};

/* NULL: a message was printed. */
struct junit *junit_open(const char *path);
void junit_suite(struct junit *j, const char *file);    /* the cases that follow belong to it */
void junit_add(struct junit *j, const struct junit_case *c);
bool junit_close(struct junit *j);      /* false: a message was printed; NULL is fine */

#endif
