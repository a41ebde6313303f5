/* fs.c - whole files in, whole files out, and the few path operations that we need.
 *
 * Every message begins with the path, because a reader of it has seen several. */
#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

enum { CHUNK = 1 << 16 };

static enum status path_error(const char *path, int code, struct error *err)
{
    enum status st = ST_IO;
    if (code == ENOENT || code == ENOTDIR)
        st = ST_NOT_FOUND;
    else if (code == ENOMEM)
        st = ST_NOMEM;
    return error_set(err, st, "%s: %s", path, strerror(code));
}

static enum status read_all(int fd, const char *path, size_t max_bytes, struct str *text,
                            struct error *err)
{
    for (;;) {
        if (!str_reserve(text, CHUNK))
            return error_nomem(err);
        ssize_t n = read(fd, text->ptr + text->len, CHUNK);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return path_error(path, errno, err);
        if (n == 0)
            return ST_OK;
        text->len += (size_t)n;
        text->ptr[text->len] = '\0';
        if (text->len > max_bytes)
            return error_set(err, ST_LIMIT, "%s: more than %zu bytes", path, max_bytes);
    }
}

enum status fs_read(const char *path, size_t max_bytes, struct str *ret_text, struct error *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return path_error(path, errno, err);
    struct str text = { 0 };
    enum status st = read_all(fd, path, max_bytes, &text, err);
    if (!is_stdin)
        close(fd);
    if (st != ST_OK) {
        str_free(&text);
        return st;
    }
    *ret_text = text;
    return ST_OK;
}

enum status fs_map(const char *path, struct fs_map *ret_map, struct error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return path_error(path, errno, err);
    struct stat sb;
    enum status st = ST_OK;
    if (fstat(fd, &sb) != 0) {
        st = path_error(path, errno, err);
    } else if (!S_ISREG(sb.st_mode)) {
        st = error_set(err, ST_IO, "%s: not a regular file", path);
    } else if (sb.st_size == 0) {
        *ret_map = (struct fs_map){ 0 };
    } else {
        void *p = mmap(NULL, (size_t)sb.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
            st = path_error(path, errno, err);
        else
            *ret_map = (struct fs_map){ p, (size_t)sb.st_size };
    }
    close(fd);
    return st;
}

void fs_unmap(struct fs_map *map)
{
    if (map->bytes)
        munmap((void *)(uintptr_t)map->bytes, map->size);
    *map = (struct fs_map){ 0 };
}

static int write_all(int fd, struct slice bytes)
{
    while (bytes.len) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        bytes.ptr += n;
        bytes.len -= (size_t)n;
    }
    return 0;
}

/* The new file keeps the mode of the old one; a fresh one gets what the umask leaves of 0666. */
static mode_t mode_for(const char *path)
{
    struct stat sb;
    if (stat(path, &sb) == 0)
        return sb.st_mode & 0777;
    mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

enum status fs_replace(const char *path, struct slice bytes, struct error *err)
{
    struct str tmp = { 0 };
    str_addf(&tmp, "%s.XXXXXX", path);
    if (tmp.failed)
        return error_nomem(err);
    int fd = mkostemp(tmp.ptr, O_CLOEXEC);
    if (fd < 0) {
        enum status st = path_error(path, errno, err);
        str_free(&tmp);
        return st;
    }
    int code = write_all(fd, bytes);
    if (!code && fchmod(fd, mode_for(path)) != 0)
        code = errno;
    if (!code && fsync(fd) != 0)
        code = errno;
    if (close(fd) != 0 && !code)
        code = errno;
    if (!code && rename(tmp.ptr, path) != 0)
        code = errno;
    enum status st = ST_OK;
    if (code) {
        unlink(tmp.ptr);
        st = path_error(path, code, err);
    }
    str_free(&tmp);
    return st;
}

enum status fs_append(const char *path, struct slice bytes, struct error *err)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return path_error(path, errno, err);
    int code = write_all(fd, bytes);
    if (close(fd) != 0 && !code)
        code = errno;
    return code ? path_error(path, code, err) : ST_OK;
}

enum status fs_mkdirs(const char *path, struct error *err)
{
    struct str p = { 0 };
    str_adds(&p, path);
    if (p.failed)
        return error_nomem(err);
    enum status st = ST_OK;
    for (size_t i = 1; st == ST_OK && i <= p.len; i++) {
        if (i < p.len && p.ptr[i] != '/')
            continue;
        char keep = p.ptr[i];
        p.ptr[i] = '\0';
        if (mkdir(p.ptr, 0777) != 0 && !fs_is_dir(p.ptr))
            st = path_error(path, errno, err);
        p.ptr[i] = keep;
    }
    str_free(&p);
    return st;
}

bool fs_exists(const char *path)
{
    struct stat sb;
    return stat(path, &sb) == 0;
}

bool fs_is_dir(const char *path)
{
    struct stat sb;
    return stat(path, &sb) == 0 && S_ISDIR(sb.st_mode);
}

int64_t fs_size(const char *path)
{
    struct stat sb;
    return stat(path, &sb) == 0 ? (int64_t)sb.st_size : -1;
}

void fs_join(const char *dir, const char *name, struct str *out)
{
    struct str joined = { 0 };      /* dir may point into *out */
    if (name[0] != '/' && dir[0]) {
        str_adds(&joined, dir);
        if (dir[strlen(dir) - 1] != '/')
            str_addc(&joined, '/');
    }
    str_adds(&joined, name);
    str_free(out);
    *out = joined;
}

void fs_dirname(const char *path, struct str *out)
{
    const char *slash = strrchr(path, '/');
    struct str dir = { 0 };
    if (!slash)
        str_adds(&dir, ".");
    else if (slash == path)
        str_adds(&dir, "/");
    else
        str_add(&dir, path, (size_t)(slash - path));
    str_free(out);
    *out = dir;
}

const char *fs_basename(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

void fs_cache_dir(struct str *out)
{
    const char *xdg = getenv("XDG_CACHE_HOME");
    const char *home = getenv("HOME");
    struct str dir = { 0 };
    if (xdg && xdg[0] == '/')
        str_adds(&dir, xdg);
    else
        str_addf(&dir, "%s/.cache", home && home[0] ? home : "/tmp");
    str_adds(&dir, "/sgl");
    str_free(out);
    *out = dir;
}
