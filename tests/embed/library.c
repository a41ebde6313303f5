/* library.c - a library for `sglrun --load`: two functions, one that answers later, one that fails. */
#include <sgl/sgl.h>

#include <pthread.h>
#include <stdio.h>

static sgl_status city(void *ctx, sgl_host_call *call)
{
    char json[200];
    (void)ctx;
    snprintf(json, sizeof json, "{\"name\": \"%.40s\", \"people\": %lld}",
             sgl_value_str(sgl_host_arg(call, 0), NULL), (long long)sgl_value_int(sgl_host_arg(call, 1)) + 1);
    sgl_host_return(call, json);
    return SGL_OK;
}

static void *answer(void *call)
{
    sgl_host_return_text(call, "later", 5);
    return NULL;
}

static sgl_status later(void *ctx, sgl_host_call *call)
{
    pthread_t thread;
    (void)ctx;
    if (pthread_create(&thread, NULL, answer, call) != 0)
        return SGL_FAILED;
    pthread_detach(thread);
    return SGL_PENDING;
}

static sgl_status refuse(void *ctx, sgl_host_call *call)
{
    (void)ctx;
    sgl_host_fail(call, "not today");
    return SGL_OK;
}

sgl_status sgl_register(sgl_library *lib);

sgl_status sgl_register(sgl_library *lib)
{
    sgl_status st = sgl_library_add(lib, "city", city, NULL);
    if (st == SGL_OK)
        st = sgl_library_add(lib, "later", later, NULL);
    if (st == SGL_OK)
        st = sgl_library_add(lib, "refuse", refuse, NULL);
    return st == SGL_OK ? sgl_library_add(lib, "unused", refuse, NULL) : st;
}
