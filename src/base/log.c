/* log.c - formats one line and hands it to the host's sink; without a sink nothing happens. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

enum { LINE_MAX_BYTES = 1024 };

/* Set before threads start, read afterwards: the one sink of the process, as log.h says. */
static log_sink sink_fn;
static void *sink_ctx;
static enum log_level sink_most;

void log_set_sink(log_sink sink, void *ctx, enum log_level most)
{
    sink_fn = sink;
    sink_ctx = ctx;
    sink_most = most;
}

void log_write(enum log_level level, const char *fmt, ...)
{
    if (!sink_fn || level > sink_most)
        return;
    char line[LINE_MAX_BYTES];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    sink_fn(sink_ctx, level, line);
}
