/* api_runtime.c - version, errors, memory, and the runtime that owns the machine. */
#include "runtime/api/api_int.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/log.h"
#include "config.h"

#define X(name, sentence) \
    _Static_assert((int)SGL_##name == (int)ST_##name, "a status has one number in both headers");
STATUS_ROWS(X)
#undef X

const char *sgl_version(void)
{
    return CONFIG_VERSION;
}

const char *sgl_build(void)
{
    return CONFIG_BUILD;
}

const char *sgl_status_text(sgl_status status)
{
    return status_text((enum status)status);
}

void sgl_set_allocator(sgl_alloc_fn fn, void *ctx)
{
    mem_set_hook(fn, ctx);
}

void sgl_free(void *ptr)
{
    mem_free(ptr);
}

char *sgl_dup(const char *text, size_t len)
{
    return mem_strndup(text, len);
}

/* ---- errors ---- */

void api_copy_error(const struct error *from, sgl_error *to)
{
    if (!to)
        return;
    memset(to, 0, sizeof *to);
    to->status = (sgl_status)from->status;
    memcpy(to->code, from->code, sizeof to->code);
    memcpy(to->pointer, from->pointer, sizeof to->pointer);
    to->offset = from->at.off;
    to->length = from->at.len;
    snprintf(to->text, sizeof to->text, "%s", from->text);
}

sgl_status api_error(enum status st, const struct error *from, sgl_error *to)
{
    if (st != ST_OK && to) {
        api_copy_error(from, to);
        to->status = (sgl_status)st;
    }
    return (sgl_status)st;
}

sgl_status api_fail(sgl_error *to, enum status st, const char *code, const char *fmt, ...)
{
    if (to) {
        va_list ap;
        memset(to, 0, sizeof *to);
        to->status = (sgl_status)st;
        snprintf(to->code, sizeof to->code, "%s", code ? code : "");
        va_start(ap, fmt);
        vsnprintf(to->text, sizeof to->text, fmt, ap);
        va_end(ap);
    }
    return (sgl_status)st;
}

sgl_status api_nomem(sgl_error *to)
{
    return api_fail(to, ST_NOMEM, NULL, "%s", status_text(ST_NOMEM));
}

sgl_status api_take_text(struct str *s, char **ret_text, size_t *ret_len, sgl_error *err)
{
    size_t len = s->len;
    char *text = str_take(s);
    if (!text)
        return api_nomem(err);
    *ret_text = text;
    if (ret_len)
        *ret_len = len;
    return SGL_OK;
}

void api_take_config(void *own, size_t own_size, const void *given)
{
    size_t size;
    if (!given)
        return;
    memcpy(&size, given, sizeof size);      /* struct_size is the first member of every config */
    memcpy(own, given, size < own_size ? size : own_size);
}

/* ---- runtime ---- */

void sgl_runtime_config_init(sgl_runtime_config *config)
{
    memset(config, 0, sizeof *config);
    config->struct_size = sizeof *config;
}

static void pass_line(void *ctx, enum log_level level, const char *line)
{
    struct sgl_runtime *rt = ctx;
    rt->log(rt->log_ctx, (int)level, line);
}

sgl_status sgl_runtime_new(const sgl_runtime_config *config, sgl_runtime **ret, sgl_error *err)
{
    sgl_runtime_config c;
    sgl_runtime_config_init(&c);
    api_take_config(&c, sizeof c, config);

    struct error why;
    struct sgl_runtime *rt = mem_zalloc(sizeof *rt);
    if (!rt)
        return api_nomem(err);
    rt->log = c.log;
    rt->log_ctx = c.log_ctx;
    if (rt->log)
        log_set_sink(pass_line, rt, LOG_DEBUG_LEVEL);
    enum status st = vm_new(&rt->vm, &why);
    if (st != ST_OK) {
        sgl_runtime_free(rt);
        return api_error(st, &why, err);
    }
    *ret = rt;
    return SGL_OK;
}

void sgl_runtime_free(sgl_runtime *rt)
{
    if (!rt)
        return;
    vm_free(rt->vm);
    if (rt->log)
        log_set_sink(NULL, NULL, LOG_ERROR_LEVEL);
    mem_free(rt);
}
