/* http.h - one file from an HTTP server to the disk, with resumption. */
#ifndef RUNTIME_FETCH_HTTP_H
#define RUNTIME_FETCH_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct http_download {
    const char *url;            /* http or https */
    const char *path;           /* written here; what is there already is continued, not repeated */
    uint64_t    max_bytes;      /* a longer answer is refused; 0: no limit */
    bool      (*progress)(void *ctx, uint64_t done, uint64_t total);   /* false cancels; or NULL */
    void       *ctx;
};

/* Blocks until the file is whole.  ST_IO, ST_NOT_FOUND, ST_LIMIT, ST_CANCELLED; on a failure the
 * part that arrived stays, so that the next call continues it. */
enum status http_fetch(const struct http_download *d, struct error *err);

#endif
