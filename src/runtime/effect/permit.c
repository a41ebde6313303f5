/* permit.c - the allow lists of a run.
 *
 * Paths are compared after links and dots are resolved, so that "data/../secret" is outside
 * "data".  Nothing is cached: a link that changes between check and use is the host's to prevent. */
#include "runtime/effect/permit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool resolve(const char *path, char out[PATH_MAX])
{
    char dir[PATH_MAX], full[PATH_MAX];
    if (realpath(path, out))
        return true;
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;
    size_t n = slash ? (size_t)(slash - path) : 0;
    if (n >= sizeof dir || !strcmp(base, "..") || !*base)
        return false;
    memcpy(dir, path, n);
    dir[n] = 0;
    if (!realpath(n ? dir : slash ? "/" : ".", full))
        return false;
    return snprintf(out, PATH_MAX, "%s/%s", full[1] ? full : "", base) < PATH_MAX;
}

bool permit_path(const char *const *dir, uint32_t n, const char *path)
{
    char want[PATH_MAX], have[PATH_MAX];
    for (uint32_t i = 0; i < n; i++)
        if (!strcmp(dir[i], "*"))
            return true;
    if (!resolve(path, want))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        if (!realpath(dir[i], have))
            continue;
        size_t len = strlen(have);
        if (len == 1 || (!strncmp(want, have, len) && (!want[len] || want[len] == '/')))
            return true;
    }
    return false;
}

bool permit_program(const char *const *name, uint32_t n, const char *program)
{
    for (uint32_t i = 0; i < n; i++)
        if (!strcmp(name[i], "*") || !strcmp(name[i], program))
            return true;
    return false;
}
