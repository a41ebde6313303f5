/* log.h - lines for whoever operates the program, through the host's sink.  Silent by default. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

enum log_level { LOG_ERROR_LEVEL, LOG_WARN_LEVEL, LOG_INFO_LEVEL, LOG_DEBUG_LEVEL };

typedef void (*log_sink)(void *ctx, enum log_level level, const char *line);

void log_set_sink(log_sink sink, void *ctx, enum log_level most);   /* before threads start */
void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
