/* output.c - the two streams of sglrun. */
#include "cli/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool output_color(void)
{
    const char *no = getenv("NO_COLOR");
    return isatty(STDERR_FILENO) && (!no || !*no);
}

void output_error(const sgl_error *err)
{
    output_progress_end();
    fprintf(stderr, "sglrun: %s%s%s", err->code, err->code[0] ? ": " : "", err->text);
    if (err->pointer[0])
        fprintf(stderr, " (at %s)", err->pointer);
    fputc('\n', stderr);
}

void output_diagnostics(const sgl_diagnostics *d, sgl_severity least, bool json)
{
    size_t n = d ? sgl_diagnostics_total(d) : 0;
    sgl_render how = json ? SGL_RENDER_JSON : output_color() ? SGL_RENDER_COLOR : SGL_RENDER_TEXT;
    for (size_t i = 0; i < n; i++) {
        sgl_diagnostic one;
        sgl_diagnostics_get(d, i, &one);
        char *text = NULL;
        if (one.severity > least || sgl_diagnostics_render(d, i, how, &text) != SGL_OK)
            continue;
        if (json)
            printf("%s\n", text);
        else
            fprintf(stderr, "%s%s\n", text, i + 1 < n ? "\n" : "");
        sgl_free(text);
    }
}

bool output_progress(void *ctx, double share, uint64_t done, uint64_t total, const char *what)
{
    (void)ctx;
    if (!isatty(STDERR_FILENO))
        return true;
    if (total > 0)
        fprintf(stderr, "\r\033[K%s %3.0f%% of %.1f MB", what, 100.0 * (double)done / (double)total,
                (double)total / 1e6);
    else if (share >= 0)
        fprintf(stderr, "\r\033[K%s %3.0f%%", what, 100.0 * share);
    else
        fprintf(stderr, "\r\033[K%s %.1f MB", what, (double)done / 1e6);
    fflush(stderr);
    return true;
}

void output_progress_end(void)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r\033[K");
}

char *output_read(const char *path, size_t *ret_len)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    char *text = NULL;
    size_t len = 0, cap = 0;
    while (f) {
        if (cap - len < 65536) {
            cap = cap ? cap * 2 : 65536;
            char *grown = realloc(text, cap + 1);
            if (!grown)
                break;
            text = grown;
        }
        size_t got = fread(text + len, 1, cap - len, f);
        len += got;
        if (got == 0)
            break;
    }
    bool good = f && !ferror(f) && text;
    if (!good)
        fprintf(stderr, "sglrun: %s cannot be read: %s\n", path, strerror(errno ? errno : EIO));
    if (f && f != stdin)
        fclose(f);
    if (!good) {
        free(text);
        return NULL;
    }
    text[len] = '\0';
    *ret_len = len;
    return text;
}

static sgl_status open_engine(const struct options *o, bool text_only, sgl_engine **ret,
                              sgl_error *err)
{
    sgl_engine_config config;
    options_engine(o, &config);
    config.text_only = text_only;
    if (!o->quiet)
        config.progress = output_progress;
    sgl_status st = sgl_engine_open(&config, ret, err);
    output_progress_end();
    /* Who leaves the choice of the device to us is told what was taken, and why no GPU. */
    if (st == SGL_OK && !o->quiet && config.device && strcmp(config.device, "auto") == 0) {
        sgl_engine_info info;
        sgl_engine_get_info(*ret, &info);
        fprintf(stderr, "sglrun: device: %s\n", info.device);
    }
    return st;
}

bool output_engine(const struct options *o, bool text_only, sgl_engine **ret)
{
    sgl_error err;
    sgl_status st = open_engine(o, text_only, ret, &err);
    if (st != SGL_OK)
        output_error(&err);
    return st == SGL_OK;
}

bool output_engine_if(const struct options *o, sgl_engine **ret, bool *ret_none)
{
    const char *env = getenv("SGL_MODEL");
    bool named = o->model || (env && *env);
    sgl_error err;
    if (open_engine(o, false, ret, &err) == SGL_OK)
        return true;
    output_error(&err);
    *ret_none = !named && strcmp(err.code, "R0103") == 0;
    return *ret_none;
}

bool output_replace(const char *path, const char *text, size_t len)
{
    size_t n = strlen(path);
    char *beside = malloc(n + 5);
    if (!beside)
        return false;
    memcpy(beside, path, n);
    memcpy(beside + n, ".tmp", 5);
    FILE *f = fopen(beside, "wb");
    bool good = f && fwrite(text, 1, len, f) == len;
    good = f && fclose(f) == 0 && good;
    good = good && rename(beside, path) == 0;
    if (!good)
        perror(path);
    free(beside);
    return good;
}
