/* A server of a few lines over loopback, so that resumption is tested without a network. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fs.h"
#include "runtime/fetch/http.h"
#include "runtime/files/models.h"
#include "suites.h"

static const char content[] = "0123456789abcdefghijklmnopqrstuvwxyz";
enum { LEN = sizeof content - 1, CUT = 10 };

struct loopback {
    int       fd;
    pthread_t thread;
    char      url[64], path[64];
    int       n_request;
    bool      no_ranges;
    char      request[2][2048];
};

/* The first answer breaks off after CUT bytes. */
static void answer(struct loopback *l, int fd)
{
    char *request = l->request[l->n_request & 1], head[256];
    size_t n = 0;
    while (n < 2047 && !strstr(request, "\r\n\r\n")) {
        ssize_t got = read(fd, request + n, 2047 - n);
        if (got <= 0)
            return;
        n += (size_t)got;
        request[n] = '\0';
    }
    size_t from = 0;
    const char *range = strstr(request, "Range: bytes=");
    if (range && !l->no_ranges)
        from = strtoul(range + 13, NULL, 10);
    bool missing = strstr(request, "GET /missing") != NULL;
    int len = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\nConnection: close"
                       "\r\n\r\n", missing ? "404 Not Found" : from ? "206 Partial" : "200 OK",
                       missing ? 0 : LEN - from);
    size_t send_n = missing ? 0 : l->n_request == 0 ? CUT : LEN - from;
    ck_assert(write(fd, head, (size_t)len) == len);
    ck_assert(write(fd, content + from, send_n) == (ssize_t)send_n);
    l->n_request++;
}

static void *serve(void *arg)
{
    struct loopback *l = arg;
    int fd;
    while ((fd = accept(l->fd, NULL, NULL)) >= 0) {
        answer(l, fd);
        close(fd);
    }
    return NULL;
}

static void start(struct loopback *l)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    memset(l, 0, sizeof *l);
    l->fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert(l->fd >= 0 && bind(l->fd, (struct sockaddr *)&a, len) == 0 && listen(l->fd, 4) == 0);
    ck_assert(getsockname(l->fd, (struct sockaddr *)&a, &len) == 0);
    snprintf(l->url, sizeof l->url, "http://127.0.0.1:%u/f", ntohs(a.sin_port));
    strcpy(l->path, "/tmp/sgl-fetch-XXXXXX");
    int file = mkstemp(l->path);
    ck_assert(file >= 0);
    close(file);
    ck_assert_int_eq(pthread_create(&l->thread, NULL, serve, l), 0);
}

static void stop(struct loopback *l)
{
    shutdown(l->fd, SHUT_RDWR);
    pthread_join(l->thread, NULL);
    close(l->fd);
    unlink(l->path);
}

static void expect_content(const struct loopback *l)
{
    struct str s = { 0 };
    ck_assert_int_eq(fs_read(l->path, 1000, &s, NULL), ST_OK);
    ck_assert(slice_is(str_slice(&s), content));
    str_free(&s);
}

START_TEST(continues_where_it_broke_off)
{
    struct loopback l;
    struct error err = { 0 };
    start(&l);
    struct http_download d = { .url = l.url, .path = l.path };
    ck_assert_int_eq(http_fetch(&d, &err), ST_IO);
    ck_assert_int_eq(fs_size(l.path), CUT);
    ck_assert_int_eq(http_fetch(&d, &err), ST_OK);
    ck_assert(strstr(l.request[1], "Range: bytes=10-"));
    expect_content(&l);
    stop(&l);
}
END_TEST

START_TEST(begins_anew_without_ranges)
{
    struct loopback l;
    struct error err = { 0 };
    start(&l);
    l.no_ranges = true;
    struct http_download d = { .url = l.url, .path = l.path };
    ck_assert_int_eq(http_fetch(&d, &err), ST_IO);
    ck_assert_int_eq(http_fetch(&d, &err), ST_OK);
    expect_content(&l);
    stop(&l);
}
END_TEST

static bool refuse_all(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    (void)done;
    (void)total;
    return false;
}

START_TEST(failures_are_told)
{
    struct loopback l;
    struct error err = { 0 };
    char missing[80];
    start(&l);
    l.n_request = 1;
    struct http_download d = { .url = l.url, .path = l.path, .max_bytes = CUT };
    ck_assert_int_eq(http_fetch(&d, &err), ST_LIMIT);
    d.max_bytes = 0;
    d.progress = refuse_all;
    ck_assert_int_eq(http_fetch(&d, &err), ST_CANCELLED);
    d.progress = NULL;
    snprintf(missing, sizeof missing, "%.*smissing", (int)strlen(l.url) - 1, l.url);
    d.url = missing;
    ck_assert_int_eq(http_fetch(&d, &err), ST_NOT_FOUND);
    ck_assert(strstr(err.text, "404"));
    d.url = "file:///etc/hostname";
    ck_assert_int_eq(http_fetch(&d, &err), ST_IO);
    d.path = "/nonexistent/file";
    ck_assert_int_eq(http_fetch(&d, &err), ST_IO);
    stop(&l);
}
END_TEST

START_TEST(models_are_found_by_name)
{
    char dir[] = "/tmp/sgl-models-XXXXXX";
    struct str path = { 0 }, models = { 0 };
    struct error err = { 0 };
    ck_assert(mkdtemp(dir));
    setenv("XDG_CACHE_HOME", dir, 1);
    ck_assert_int_eq(models_find(NULL, &path, &err), ST_NOT_FOUND);
    ck_assert_str_eq(err.code, "R0103");
    ck_assert(strstr(err.text, "sglrun pull smollm2"));
    ck_assert_int_eq(models_find("nosuch", &path, &err), ST_NOT_FOUND);
    ck_assert_int_eq(models_find("/nosuch.gguf", &path, &err), ST_NOT_FOUND);
    ck_assert_int_eq(models_find(dir, &path, &err), ST_INVALID);
    ck_assert_int_eq(models_pull("nosuch", NULL, NULL, &path, &err), ST_NOT_FOUND);
    models_dir(&models);
    ck_assert_int_eq(fs_mkdirs(models.ptr, &err), ST_OK);
    struct str file = { 0 };
    fs_join(models.ptr, "mine.gguf", &file);
    ck_assert_int_eq(fs_replace(file.ptr, SLICE("x"), &err), ST_OK);
    ck_assert_int_eq(models_find("mine", &path, &err), ST_OK);
    ck_assert_str_eq(path.ptr, file.ptr);
    ck_assert_int_eq(models_find(file.ptr, &path, &err), ST_OK);
    str_free(&path);
    ck_assert_int_eq(models_json(NULL, &path, &err), ST_OK);
    ck_assert(strstr(path.ptr, "\"smollm2\"") && strstr(path.ptr, "\"mine.gguf\""));
    unlink(file.ptr);
    rmdir(models.ptr);
    str_free(&path);
    str_free(&models);
    str_free(&file);
}
END_TEST

Suite *suite_http(void)
{
    Suite *s = suite_create("http");
    TCase *c = tcase_create("http");
    tcase_set_timeout(c, 30);
    tcase_add_test(c, continues_where_it_broke_off);
    tcase_add_test(c, begins_anew_without_ranges);
    tcase_add_test(c, failures_are_told);
    tcase_add_test(c, models_are_found_by_name);
    suite_add_tcase(s, c);
    return s;
}
