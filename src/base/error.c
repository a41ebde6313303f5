/* error.c - fills a struct error once, where the reason is known. */
#include "base/error.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static const char *const sentences[] = {
#define X(name, sentence) sentence,
    STATUS_ROWS(X)
#undef X
};

const char *status_text(enum status st)
{
    return (unsigned)st < ST_N ? sentences[st] : "unknown status";
}

static void set_code(struct error *err, const char *code)
{
    snprintf(err->code, sizeof err->code, "%s", code ? code : "");
}

/* A text that does not fit is cut at a character and ends with three dots. */
static void set_text(struct error *err, const char *fmt, va_list ap)
{
    int n = vsnprintf(err->text, sizeof err->text, fmt, ap);
    if (n < 0 || (size_t)n < sizeof err->text)
        return;
    size_t keep = utf8_whole((struct slice){ err->text, sizeof err->text - 4 });
    memcpy(err->text + keep, "...", 4);
}

static enum status fill(struct error *err, enum status st, const char *code, struct span at,
                        const char *fmt, va_list ap)
{
    memset(err, 0, sizeof *err);
    err->status = st;
    err->at = at;
    set_code(err, code);
    set_text(err, fmt, ap);
    return st;
}

enum status error_set(struct error *err, enum status st, const char *fmt, ...)
{
    if (!err)
        return st;
    va_list ap;
    va_start(ap, fmt);
    fill(err, st, NULL, (struct span){ 0, 0 }, fmt, ap);
    va_end(ap);
    return st;
}

enum status error_code(struct error *err, enum status st, const char *code, const char *fmt, ...)
{
    if (!err)
        return st;
    va_list ap;
    va_start(ap, fmt);
    fill(err, st, code, (struct span){ 0, 0 }, fmt, ap);
    va_end(ap);
    return st;
}

enum status error_at(struct error *err, enum status st, const char *code, struct span at,
                     const char *fmt, ...)
{
    if (!err)
        return st;
    va_list ap;
    va_start(ap, fmt);
    fill(err, st, code, at, fmt, ap);
    va_end(ap);
    return st;
}

enum status error_nomem(struct error *err)
{
    return error_set(err, ST_NOMEM, "%s", status_text(ST_NOMEM));
}
