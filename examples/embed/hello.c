/* hello.c - a C program that runs an sgl program and answers one of its externs.
 *
 *     cc hello.c $(pkg-config --cflags --libs sgl) -o hello && ./hello [MODEL] */
#include <sgl/sgl.h>
#include <stdio.h>
#include <string.h>

static const char PROGRAM[] =
    "extern fn city() -> str\n"
    "fn main(question: str) -> str {\n"
    "    user \"${question} Think of ${city()}.\"\n"
    "    gen(max: 24, temp: 0)\n"
    "}\n";

static sgl_status city(void *ctx, sgl_host_call *call)
{
    (void)ctx;
    sgl_host_return_text(call, "Lisbon", strlen("Lisbon"));
    return SGL_OK;
}

static int fail(const sgl_error *err)
{
    fprintf(stderr, "hello: %s\n", err->text);
    return 1;
}

int main(int argc, char **argv)
{
    sgl_error err;
    sgl_runtime *rt;
    sgl_engine *engine;
    sgl_module *module;
    sgl_run *run;

    sgl_engine_config config;
    sgl_engine_config_init(&config);
    config.model = argc > 1 ? argv[1] : NULL;

    sgl_source source;
    sgl_source_init(&source);
    source.name = "hello.c";
    source.text = PROGRAM;
    source.len = strlen(PROGRAM);

    if (sgl_runtime_new(NULL, &rt, &err) || sgl_engine_open(&config, &engine, &err) ||
        sgl_module_compile(rt, &source, &module, NULL, &err) ||
        sgl_run_new(rt, module, NULL, engine, NULL, &run, &err) ||
        sgl_run_bind(run, "city", city, NULL, &err) ||
        sgl_run_arg_text(run, "question", "What is worth seeing?", &err) ||
        sgl_run_start(run, &err))
        return fail(&err);

    int rc = 1;
    sgl_event ev;
    while (sgl_run_next(run, -1, &ev) == SGL_OK) {
        if (ev.kind == SGL_EV_PRINT)
            fwrite(ev.text, 1, ev.text_len, stdout);
        if (ev.kind == SGL_EV_DONE)
            rc = puts(sgl_value_str(ev.value, NULL)) < 0;
        if (ev.kind == SGL_EV_FAILED)
            fail(&ev.error);
    }

    sgl_run_free(run);
    sgl_module_unref(module);
    sgl_engine_unref(engine);
    sgl_runtime_free(rt);
    return rc;
}
