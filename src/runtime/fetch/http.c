/* http.c - downloads over libcurl.
 *
 * The bytes that are on disk are asked for no second time: the request names the offset, and the
 * server either continues there (206) or sends everything anew (200), in which case the file
 * begins anew too.  Only http and https are spoken, also after a redirection. */
#include "runtime/fetch/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fs.h"

enum { CONNECT_SECONDS = 20, STALL_SECONDS = 60 };

struct transfer {
    const struct http_download *d;
    CURL    *curl;
    FILE    *file;
    uint64_t offset;            /* bytes that were there before */
    uint64_t written;
    bool     started;           /* the answer's code has been looked at */
    bool     full;              /* stopped by max_bytes */
    bool     cancelled;
    int      disk_error;        /* errno of a failed write */
};

static size_t on_bytes(char *data, size_t size, size_t n, void *ctx)
{
    struct transfer *t = ctx;
    size_t len = size * n;
    if (!t->started) {
        long code = 0;
        curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &code);
        t->started = true;
        if (code == 200 && t->offset) {
            if (fflush(t->file) != 0 || ftruncate(fileno(t->file), 0) != 0)
                t->disk_error = errno;
            rewind(t->file);
            t->offset = 0;
        }
    }
    if (t->d->max_bytes && t->offset + t->written + len > t->d->max_bytes) {
        t->full = true;
        return 0;
    }
    if (t->disk_error || fwrite(data, 1, len, t->file) != len) {
        t->disk_error = t->disk_error ? t->disk_error : errno;
        return 0;
    }
    t->written += len;
    return len;
}

static int on_progress(void *ctx, curl_off_t total, curl_off_t now, curl_off_t up_total,
                       curl_off_t up_now)
{
    (void)up_total;
    (void)up_now;
    struct transfer *t = ctx;
    uint64_t whole = total > 0 ? t->offset + (uint64_t)total : 0;
    if (t->d->progress && !t->d->progress(t->d->ctx, t->offset + (uint64_t)now, whole))
        t->cancelled = true;
    return t->cancelled;
}

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void start_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static void set_options(struct transfer *t)
{
    CURL *c = t->curl;
    curl_easy_setopt(c, CURLOPT_URL, t->d->url);
    curl_easy_setopt(c, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(c, CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(c, CURLOPT_LOW_SPEED_TIME, (long)STALL_SECONDS);
    curl_easy_setopt(c, CURLOPT_USERAGENT, "sgl");
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
    if (!t->offset)
        return;
    /* Not CURLOPT_RESUME_FROM: that gives up where the server sends everything. */
    char range[32];
    snprintf(range, sizeof range, "%llu-", (unsigned long long)t->offset);
    curl_easy_setopt(c, CURLOPT_RANGE, range);
}

static enum status outcome(struct transfer *t, CURLcode rc, struct error *err)
{
    long code = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &code);
    if (t->cancelled)
        return error_set(err, ST_CANCELLED, "the download was cancelled");
    if (t->full)
        return error_set(err, ST_LIMIT, "%s: more than %llu bytes", t->d->url,
                         (unsigned long long)t->d->max_bytes);
    if (t->disk_error)
        return error_set(err, ST_IO, "%s: %s", t->d->path, strerror(t->disk_error));
    if (rc == CURLE_OK || (code == 416 && t->offset))
        return ST_OK;           /* 416: nothing is behind what is there */
    if (code >= 400)
        return error_set(err, code == 404 || code == 410 ? ST_NOT_FOUND : ST_IO,
                         "%s: the server answers %ld", t->d->url, code);
    return error_set(err, ST_IO, "%s: %s", t->d->url, curl_easy_strerror(rc));
}

enum status http_fetch(const struct http_download *d, struct error *err)
{
    pthread_once(&curl_once, start_curl);
    struct transfer t = { .d = d };
    int64_t have = fs_size(d->path);
    t.offset = have > 0 ? (uint64_t)have : 0;
    if (d->max_bytes && t.offset > d->max_bytes)
        t.offset = 0;
    t.file = fopen(d->path, t.offset ? "r+b" : "wb");
    if (!t.file)
        return error_set(err, ST_IO, "%s: %s", d->path, strerror(errno));
    t.curl = curl_easy_init();
    if (!t.curl || fseeko(t.file, (off_t)t.offset, SEEK_SET) != 0) {
        curl_easy_cleanup(t.curl);
        fclose(t.file);
        return error_nomem(err);
    }
    set_options(&t);
    CURLcode rc = curl_easy_perform(t.curl);
    if (fclose(t.file) != 0 && !t.disk_error)
        t.disk_error = errno;
    enum status st = outcome(&t, rc, err);
    curl_easy_cleanup(t.curl);
    return st;
}
