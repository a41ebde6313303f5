#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <sgl/sgl.h>

#include "suites.h"

/* A runtime and one compiled text; nothing here asks a model. */
struct fixture {
    sgl_runtime *rt;
    sgl_module  *module;
    sgl_run     *run;
};

static void open_run(struct fixture *f, const char *text)
{
    sgl_error err;
    sgl_source source;
    sgl_source_init(&source);
    source.name = "t.sgl";
    source.text = text;
    source.len = strlen(text);
    ck_assert_int_eq(sgl_runtime_new(NULL, &f->rt, &err), SGL_OK);
    ck_assert_int_eq(sgl_module_compile(f->rt, &source, &f->module, NULL, &err), SGL_OK);
    ck_assert_int_eq(sgl_run_new(f->rt, f->module, NULL, NULL, NULL, &f->run, &err), SGL_OK);
}

static void close_run(struct fixture *f)
{
    sgl_run_free(f->run);
    sgl_module_unref(f->module);
    sgl_runtime_free(f->rt);
}

static void next(struct fixture *f, sgl_event_kind kind, sgl_event *ret)
{
    ck_assert_int_eq(sgl_run_next(f->run, 10000, ret), SGL_OK);
    ck_assert_int_eq(ret->kind, kind);
}

START_TEST(gives_events_in_order)
{
    struct fixture f;
    sgl_event ev;
    open_run(&f, "fn main(n: int, who: str = \"you\") -> [int] {\n"
                 "    print(\"hello ${who}\")\n    [n, n + 1]\n}\n");
    ck_assert_int_eq(sgl_run_arg_text(f.run, "n", "41", NULL), SGL_OK);
    ck_assert_int_eq(sgl_run_arg_json(f.run, "who", "\"me\"", NULL), SGL_OK);
    ck_assert_int_eq(sgl_run_next(f.run, 0, &ev), SGL_STATE);
    ck_assert_int_eq(sgl_run_start(f.run, NULL), SGL_OK);
    next(&f, SGL_EV_PRINT, &ev);
    ck_assert_str_eq(ev.text, "hello me\n");
    ck_assert(!ev.to_stderr);
    ck_assert_str_eq(ev.json, "{\"event\":\"print\",\"text\":\"hello me\\n\"}");
    next(&f, SGL_EV_DONE, &ev);
    ck_assert_uint_eq(sgl_value_len(ev.value), 2);
    ck_assert_int_eq(sgl_value_int(sgl_value_at(ev.value, 1)), 42);
    ck_assert_str_eq(ev.json, "{\"event\":\"done\",\"value\":[41,42]}");
    sgl_value *kept = sgl_value_ref(ev.value);
    ck_assert_int_eq(sgl_run_next(f.run, 0, &ev), SGL_END);
    close_run(&f);
    ck_assert_int_eq(sgl_value_int(sgl_value_at(kept, 0)), 41);
    sgl_value_unref(kept);
}
END_TEST

START_TEST(describes_functions)
{
    struct fixture f;
    open_run(&f, "/// Adds.\nfn main(n: int, loud: bool = false) -> int { n }\n");
    sgl_function fn;
    sgl_param p;
    ck_assert_uint_eq(sgl_module_functions(f.module), 1);
    sgl_module_function(f.module, 0, &fn);
    ck_assert_str_eq(fn.name, "main");
    ck_assert_str_eq(fn.result, "int");
    ck_assert_str_eq(fn.doc, "Adds.");
    ck_assert(fn.is_main && !fn.is_script);
    ck_assert_uint_eq(fn.n_params, 2);
    sgl_module_param(f.module, 0, 0, &p);
    ck_assert_str_eq(p.name, "n");
    ck_assert(p.required && !p.is_bool);
    sgl_module_param(f.module, 0, 1, &p);
    ck_assert(!p.required && p.is_bool);
    sgl_module_param(f.module, 0, 2, &p);
    ck_assert_ptr_null(p.name);
    ck_assert(!sgl_module_needs_model(f.module));
    close_run(&f);
}
END_TEST

START_TEST(refuses_wrong_arguments)
{
    struct fixture f;
    sgl_error err;
    open_run(&f, "fn main(n: int) -> int { n }\n");
    ck_assert_int_ne(sgl_run_arg_text(f.run, "n", "x", &err), SGL_OK);
    ck_assert_str_eq(err.code, "R0104");
    ck_assert_int_eq(sgl_run_arg_text(f.run, "m", "1", &err), SGL_NOT_FOUND);
    ck_assert_int_ne(sgl_run_start(f.run, &err), SGL_OK);
    ck_assert_str_eq(err.code, "R0104");
    close_run(&f);
}
END_TEST

START_TEST(renders_a_failure)
{
    struct fixture f;
    sgl_event ev;
    open_run(&f, "fn main() -> int {\n    let xs = [1]\n    xs[3]\n}\n");
    ck_assert_int_eq(sgl_run_start(f.run, NULL), SGL_OK);
    next(&f, SGL_EV_FAILED, &ev);
    ck_assert_str_eq(ev.error.code, "R0201");
    ck_assert_str_eq(ev.error_kind, "Index");
    ck_assert_ptr_nonnull(strstr(ev.text, "error[R0201]: "));
    ck_assert_ptr_nonnull(strstr(ev.text, "\n  --> t.sgl:3:"));
    ck_assert_ptr_nonnull(strstr(ev.json, "\"file\":\"t.sgl\",\"line\":3"));
    close_run(&f);
}
END_TEST

static sgl_status twice(void *ctx, sgl_host_call *call)
{
    char json[32];
    ck_assert_str_eq(sgl_host_name(call), "twice");
    ck_assert_uint_eq(sgl_host_args(call), 1);
    snprintf(json, sizeof json, "%d", 2 * (int)sgl_value_int(sgl_host_arg(call, 0)));
    ++*(int *)ctx;
    sgl_host_return(call, json);
    return SGL_OK;
}

static void *answer(void *arg)
{
    sgl_host_return_text(arg, "later", 5);
    return NULL;
}

/* Answers from another thread, joined by the test through ctx. */
static sgl_status later(void *ctx, sgl_host_call *call)
{
    return pthread_create(ctx, NULL, answer, call) == 0 ? SGL_PENDING : SGL_FAILED;
}

static sgl_status broken(void *ctx, sgl_host_call *call)
{
    (void)ctx;
    (void)call;
    return SGL_IO;
}

START_TEST(calls_the_host)
{
    struct fixture f;
    sgl_event ev;
    sgl_error err;
    int calls = 0;
    pthread_t thread;
    open_run(&f, "extern fn twice(n: int) -> int\nextern fn later() -> str\nextern fn broken() -> str\n"
                 "fn main() -> str {\n"
                 "    let b = broken() catch |e| e.kind\n    \"${twice(21)} ${later()} ${b}\"\n"
                 "    here.text\n}\n");
    ck_assert_int_ne(sgl_run_start(f.run, &err), SGL_OK);
    ck_assert_str_eq(err.code, "R0102");
    close_run(&f);

    open_run(&f, "extern fn twice(n: int) -> int\nextern fn later() -> str\nextern fn broken() -> str\n"
                 "fn main() -> [str] {\n"
                 "    let b = broken() catch |e| e.kind\n    [str(twice(21)), later(), b]\n}\n");
    ck_assert_int_eq(sgl_run_bind(f.run, "twice", twice, &calls, &err), SGL_OK);
    ck_assert_int_eq(sgl_run_bind(f.run, "later", later, &thread, &err), SGL_OK);
    ck_assert_int_eq(sgl_run_bind(f.run, "broken", broken, NULL, &err), SGL_OK);
    ck_assert_int_eq(sgl_run_bind(f.run, "none", broken, NULL, &err), SGL_NOT_FOUND);
    ck_assert_int_eq(sgl_run_start(f.run, &err), SGL_OK);
    next(&f, SGL_EV_DONE, &ev);
    ck_assert_str_eq(ev.json, "{\"event\":\"done\",\"value\":[\"42\",\"later\",\"Tool\"]}");
    ck_assert_int_eq(calls, 1);
    pthread_join(thread, NULL);
    close_run(&f);
}
END_TEST

START_TEST(answers_input_and_cancels)
{
    struct fixture f;
    sgl_event ev;
    open_run(&f, "let a = input(\"name? \")\nprint(a ?? \"none\")\nlet b = input(\"\")\nprint(b ?? \"end\")\n"
                 "let c = input(\"more\")\nprint(c ?? \"\")\n");
    ck_assert_int_eq(sgl_run_start(f.run, NULL), SGL_OK);
    next(&f, SGL_EV_INPUT, &ev);
    ck_assert_str_eq(ev.text, "name? ");
    sgl_run_input(f.run, "Ann", 3);
    next(&f, SGL_EV_PRINT, &ev);
    ck_assert_str_eq(ev.text, "Ann\n");
    next(&f, SGL_EV_INPUT, &ev);
    sgl_run_input(f.run, NULL, 0);
    next(&f, SGL_EV_PRINT, &ev);
    ck_assert_str_eq(ev.text, "end\n");
    next(&f, SGL_EV_INPUT, &ev);
    sgl_run_cancel(f.run);
    next(&f, SGL_EV_FAILED, &ev);
    ck_assert_str_eq(ev.error_kind, "Cancelled");
    close_run(&f);
}
END_TEST

START_TEST(keeps_diagnostics_of_a_failed_compile)
{
    sgl_runtime *rt = NULL;
    sgl_module *m = NULL;
    sgl_diagnostics *d = NULL;
    sgl_diagnostic one;
    sgl_error err;
    sgl_source source;
    char text[] = "let x: int = \"a\"\nprint(y)\n";
    ck_assert_int_eq(sgl_runtime_new(NULL, &rt, &err), SGL_OK);
    sgl_source_init(&source);
    source.name = "bad.sgl";
    source.text = text;
    source.len = strlen(text);
    ck_assert_int_eq(sgl_module_compile(rt, &source, &m, &d, &err), SGL_FAILED);
    memset(text, 'z', sizeof text - 1);     /* nothing refers to the host's text any more */
    ck_assert_ptr_null(m);
    ck_assert_uint_eq(sgl_diagnostics_count(d, SGL_ERROR), 2);
    size_t at = 0;
    do
        sgl_diagnostics_get(d, at++, &one);
    while (one.code && strcmp(one.code, "E0201") != 0);
    ck_assert_ptr_nonnull(one.code);
    ck_assert_str_eq(one.file, "bad.sgl");
    ck_assert_uint_eq(one.line, 2);
    char *shown = NULL;
    ck_assert_int_eq(sgl_diagnostics_render(d, at - 1, SGL_RENDER_TEXT, &shown), SGL_OK);
    ck_assert_ptr_nonnull(strstr(shown, "print(y)"));
    sgl_free(shown);
    sgl_diagnostics_free(d);
    source.text = NULL;
    source.name = "/nowhere.sgl";
    ck_assert_int_eq(sgl_module_compile(rt, &source, &m, NULL, &err), SGL_NOT_FOUND);
    ck_assert_str_eq(err.code, "R0101");
    sgl_runtime_free(rt);
}
END_TEST

Suite *suite_api_run(void)
{
    Suite *s = suite_create("api_run");
    TCase *t = tcase_create("api_run");
    tcase_add_test(t, gives_events_in_order);
    tcase_add_test(t, describes_functions);
    tcase_add_test(t, refuses_wrong_arguments);
    tcase_add_test(t, renders_a_failure);
    tcase_add_test(t, calls_the_host);
    tcase_add_test(t, answers_input_and_cancels);
    tcase_add_test(t, keeps_diagnostics_of_a_failed_compile);
    suite_add_tcase(s, t);
    return s;
}
