/* error.h - one failure in words, filled where the reason is known and read at the top.
 *
 * A struct error is plain data of fixed size, so that it can live on a stack and be filled when
 * memory is out.  It is written once: a caller that passes a failure on leaves it alone. */
#ifndef BASE_ERROR_H
#define BASE_ERROR_H

#include <stdarg.h>
#include <stdint.h>

#include "base/status.h"

/* A byte range of some text; which text is said by whoever carries the span. */
struct span {
    uint32_t off;
    uint32_t len;
};

enum { ERROR_TEXT_MAX = 512 };

struct error {
    enum status status;
    char        code[12];               /* diagnostic code such as "R0402", or empty */
    struct span at;                     /* place inside the input that is wrong; len 0 if none */
    char        pointer[128];           /* JSON pointer into the input, or empty */
    char        text[ERROR_TEXT_MAX];   /* one sentence, no final stop or newline */
};

/* All of them return their status, and accept err == NULL. */
enum status error_set(struct error *err, enum status st, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
enum status error_code(struct error *err, enum status st, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
enum status error_at(struct error *err, enum status st, const char *code, struct span at,
                     const char *fmt, ...) __attribute__((format(printf, 5, 6)));
enum status error_nomem(struct error *err);

#endif
