/* api_library.c - host functions that come in a shared library.
 *
 * The library is opened, asked once what it offers, and stays open until it is freed.  It finds
 * the functions of sgl.h in the process that loads it. */
#include "runtime/api/api_int.h"

#include <dlfcn.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"

struct offer {
    char       *name;
    sgl_host_fn fn;
    void       *ctx;
};

struct sgl_library {
    void         *handle;
    struct offer *offer;
    uint32_t      n, cap;
};

sgl_status sgl_library_add(sgl_library *lib, const char *ext, sgl_host_fn fn, void *ctx)
{
    char *name = ext ? mem_strndup(ext, strlen(ext)) : NULL;
    struct offer *o = name ? array_push(&lib->offer, &lib->n, &lib->cap, sizeof *o) : NULL;
    if (!o) {
        mem_free(name);
        return SGL_NOMEM;
    }
    *o = (struct offer){ name, fn, ctx };
    return SGL_OK;
}

sgl_status sgl_library_load(const char *path, sgl_library **ret, sgl_error *err)
{
    struct sgl_library *lib = mem_zalloc(sizeof *lib);
    if (!lib)
        return api_nomem(err);
    lib->handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!lib->handle) {
        sgl_status st = api_fail(err, ST_NOT_FOUND, "R0102", "%s cannot be loaded: %s", path,
                                 dlerror());
        sgl_library_free(lib);
        return st;
    }
    sgl_register_fn offer = NULL;
    void *sym = dlsym(lib->handle, "sgl_register");
    memcpy(&offer, &sym, sizeof offer);     /* ISO C has no cast from object to function pointers */
    sgl_status st = SGL_OK;
    if (!sym)
        st = api_fail(err, ST_NOT_FOUND, "R0102", "%s exports no function sgl_register", path);
    else if (offer(lib) != SGL_OK)
        st = api_fail(err, ST_FAILED, "R0102", "%s: its sgl_register failed", path);
    if (st != SGL_OK) {
        sgl_library_free(lib);
        return st;
    }
    *ret = lib;
    return SGL_OK;
}

void sgl_library_free(sgl_library *lib)
{
    if (!lib)
        return;
    for (uint32_t i = 0; i < lib->n; i++)
        mem_free(lib->offer[i].name);
    mem_free(lib->offer);
    if (lib->handle)
        dlclose(lib->handle);
    mem_free(lib);
}

sgl_status api_bind_library(sgl_run *run, const struct module *m, const sgl_library *lib,
                            sgl_error *err)
{
    for (uint32_t i = 0; i < lib->n; i++) {
        bool wanted = false;
        for (uint32_t k = 0; k < m->n_ext && !wanted; k++)
            wanted = !m->ext[k].is_cmd && slice_is(m->ext[k].name, lib->offer[i].name);
        const struct offer *o = &lib->offer[i];
        sgl_status st = wanted ? sgl_run_bind(run, o->name, o->fn, o->ctx, err) : SGL_OK;
        if (st != SGL_OK)
            return st;
    }
    return SGL_OK;
}
