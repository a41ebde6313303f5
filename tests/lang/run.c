/* run.c - runs programs of tests/lang and compares what they do with what they say.
 *
 *     print(1 + 2)        // expect: 3
 *     let x = [1][4]      // expect error: R0201
 *     let y: int = "a"    // expect diagnostic: E0301
 *     // answers: ["a", "b"]
 *
 * Lines printed must be the `expect:` texts in order.  A program may end in one error or have
 * diagnostics; its `test` functions run as well.  Generations outside `mock` are answered by a
 * scripted engine: from the `answers:` list, else by the shortest value of the type and by the
 * first option.  Arguments are files; with --tests-only before them just their tests run.  The
 * last line counts. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "compiler/compile.h"
#include "runtime/vm/vm.h"

enum { RUN_TIMEOUT_MS = 20000 };

struct expected {
    struct slice lines[512];
    uint32_t     n;
    struct slice error;
    struct slice diagnostic;
    struct slice input[16];
    uint32_t     n_input;
    struct value answers;
    uint32_t     at;
};

static struct slice tail_of(struct slice line, const char *mark)
{
    size_t at = slice_find(line, slice_of(mark));
    return at == SIZE_MAX ? (struct slice){ NULL, 0 }
                          : slice_sub(line, at + strlen(mark), line.len);
}

static void read_line(struct expected *e, struct slice line)
{
    struct slice x;
    struct error err;
    if ((x = tail_of(line, "// expect: ")).ptr && e->n < 512)
        e->lines[e->n++] = x;
    else if ((x = tail_of(line, "// expect:")).ptr && !x.len && e->n < 512)
        e->lines[e->n++] = x;
    else if ((x = tail_of(line, "// expect error: ")).ptr)
        e->error = slice_trim(x);
    else if ((x = tail_of(line, "// expect diagnostic: ")).ptr)
        e->diagnostic = slice_trim(x);
    else if ((x = tail_of(line, "// input: ")).ptr && e->n_input < 16)
        e->input[e->n_input++] = x;
    else if ((x = tail_of(line, "// answers: ")).ptr)
        value_parse_json(slice_trim(x), &e->answers, &err);
}

static void read_expected(struct expected *e, struct slice text)
{
    while (text.len) {
        size_t end = slice_find(text, SLICE("\n"));
        read_line(e, end == SIZE_MAX ? text : slice_sub(text, 0, end));
        text = end == SIZE_MAX ? SLICE("") : slice_sub(text, end + 1, text.len);
    }
}

/* ---- the scripted engine ---- */

static enum status answer_options(const struct hole *h, struct arena *a, struct slice want,
                                  struct scripted_answer *ret)
{
    ret->text = h->option[0];
    ret->prob = arena_zalloc(a, h->n_option * sizeof *ret->prob);
    for (uint32_t i = 0; i < h->n_option; i++) {
        ret->prob[i] = 1.0 / h->n_option;
        if (slice_eq(h->option[i], want))
            ret->text = h->option[i];
    }
    return ST_OK;
}

static enum status answer(void *ctx, const struct scripted_hole *hole, struct arena *a,
                          struct scripted_answer *ret, struct error *err)
{
    struct expected *e = ctx;
    struct slice given = { NULL, 0 };
    if (e->answers.tag == VAL_LIST && e->at < value_len(e->answers))
        given = value_text(value_at(e->answers, e->at++));
    if (hole->hole->n_option)
        return answer_options(hole->hole, a, given, ret);
    if (given.ptr) {
        ret->text = arena_slice(a, given);
        return ST_OK;
    }
    if (!hole->hole->constrained) {
        ret->text = SLICE("answer");
        return ST_OK;
    }
    struct pattern *p;
    struct str text = { 0 };
    enum status st = pattern_compile(&hole->hole->constraint, &p, err);
    if (st != ST_OK)
        return st;
    st = pattern_shortest(p, &text, err);
    ret->text = arena_slice(a, str_slice(&text));
    str_free(&text);
    pattern_unref(p);
    return st;
}

/* ---- running ---- */

static enum status load(void *ctx, struct arena *a, const char *from, struct slice name,
                        const char **ret_name, struct slice *ret_text, struct error *err)
{
    (void)ctx;
    struct str dir = { 0 }, path = { 0 }, text = { 0 };
    char *file = arena_strdup(a, name);
    fs_dirname(from, &dir);
    fs_join(dir.ptr, file, &path);
    enum status st = fs_read(path.ptr, 1 << 26, &text, err);
    if (st == ST_OK) {
        *ret_name = arena_strdup(a, str_slice(&path));
        *ret_text = arena_slice(a, str_slice(&text));
    }
    str_free(&dir);
    str_free(&path);
    str_free(&text);
    return st;
}

static bool complain(const char *file, const char *what, struct slice want, struct slice got)
{
    printf("%s: %s\n  wanted: %.*s\n  got:    %.*s\n", file, what, (int)want.len,
           want.ptr ? want.ptr : "", (int)got.len, got.ptr ? got.ptr : "");
    return false;
}

static bool compare_lines(const char *file, const struct expected *e, struct slice out)
{
    for (uint32_t i = 0; i < e->n; i++) {
        size_t end = slice_find(out, SLICE("\n"));
        struct slice line = end == SIZE_MAX ? out : slice_sub(out, 0, end);
        if (!slice_eq(line, e->lines[i]))
            return complain(file, "other output", e->lines[i], line);
        out = end == SIZE_MAX ? SLICE("") : slice_sub(out, end + 1, out.len);
    }
    return !out.len || complain(file, "more output than expected", SLICE(""), out);
}

struct outcome {
    struct str  out;
    char        code[12];
    struct str  message;
};

static void take_event(struct run *r, struct run_event *ev, const struct expected *e,
                       uint32_t *n_input, struct outcome *o)
{
    switch (ev->kind) {
    case RUN_PRINT:
        if (!ev->to_stderr)
            str_add_slice(&o->out, ev->text);
        break;
    case RUN_INPUT:
        if (*n_input < e->n_input)
            run_answer_input(r, ev->request, e->input[(*n_input)++], false);
        else
            run_answer_input(r, ev->request, SLICE(""), true);
        break;
    case RUN_DONE: {
        struct str text = { 0 };
        if (run_result_text(ev->value, false, &text) && text.len) {
            str_add_slice(&o->out, str_slice(&text));
            str_addc(&o->out, '\n');
        }
        str_free(&text);
        break;
    }
    case RUN_FAILED:
        snprintf(o->code, sizeof o->code, "%s", ev->failure->code);
        str_add_slice(&o->message, ev->failure->message);
        break;
    default:
        break;
    }
}

static void run_one(struct vm *vm, struct module *m, struct engine *e, uint32_t func,
                    const struct expected *want, struct outcome *o)
{
    struct error err = { 0 };
    struct run_opts opts;
    struct run *r;
    struct run_event ev;
    uint32_t n_input = 0;
    const char *all[] = { "*" };
    run_opts_init(&opts);
    opts.module = m;
    opts.engine = e;
    opts.func = func;
    opts.has_seed = true;
    opts.seed = 1;
    opts.allow_run = all;
    opts.n_allow_run = 1;
    opts.allow_read = all;
    opts.n_allow_read = 1;
    if (run_start(vm, &opts, &r, &err) != ST_OK) {
        snprintf(o->code, sizeof o->code, "%s", err.code);
        str_adds(&o->message, err.text);
        return;
    }
    enum status st;
    while ((st = run_next(r, RUN_TIMEOUT_MS, &ev)) == ST_OK) {
        take_event(r, &ev, want, &n_input, o);
        run_event_free(&ev);
    }
    if (st == ST_TIMEOUT)
        snprintf(o->code, sizeof o->code, "hangs");
    run_free(r);
}

static bool run_module(const char *file, struct module *m, struct expected *e, bool tests_only)
{
    struct vm *vm;
    struct engine *engine;
    struct error err = { 0 };
    bool ok = true;
    if (vm_new(&vm, &err) != ST_OK || engine_open_scripted(answer, e, &engine, &err) != ST_OK)
        return complain(file, err.text, SLICE(""), SLICE(""));
    if (m->main_func != BC_NO_INDEX && !tests_only) {
        struct outcome o = { .out = { 0 } };
        run_one(vm, m, engine, m->main_func, e, &o);
        ok = compare_lines(file, e, str_slice(&o.out));
        if (!slice_is(e->error, o.code))
            ok = complain(file, o.message.ptr ? o.message.ptr : "no error", e->error,
                          slice_of(o.code));
        str_free(&o.out);
        str_free(&o.message);
    }
    for (uint32_t i = 0; i < m->n_func; i++) {
        struct outcome o = { .out = { 0 } };
        if (!(m->func[i].flags & FUNC_TEST))
            continue;
        run_one(vm, m, engine, i, e, &o);
        if (o.code[0])
            ok = complain(file, o.message.ptr ? o.message.ptr : "", m->func[i].name,
                          slice_of(o.code));
        str_free(&o.out);
        str_free(&o.message);
    }
    engine_unref(engine);
    vm_free(vm);
    return ok;
}

static bool check_diagnostics(const char *file, const struct diag_list *d,
                              const struct expected *e)
{
    bool found = !e->diagnostic.len, ok = true;
    for (uint32_t i = 0; i < d->n; i++) {
        found = found || slice_is(e->diagnostic, d->at[i]->code);
        if (d->at[i]->severity == DIAG_ERROR && !slice_is(e->diagnostic, d->at[i]->code)) {
            struct str text = { 0 };
            diag_render(d->at[i], false, &text);
            ok = complain(file, "not expected", e->diagnostic, str_slice(&text));
            str_free(&text);
        }
    }
    return found ? ok : complain(file, "no such diagnostic", e->diagnostic, SLICE("none"));
}

static bool run_file(const char *file, bool tests_only)
{
    struct arena a = { 0 };
    struct str text = { 0 }, ir = { 0 };
    struct error err = { 0 };
    struct diag_list d;
    struct module *m = NULL;
    static struct expected e;
    e = (struct expected){ .answers = value_null() };
    if (fs_read(file, 1 << 26, &text, &err) != ST_OK)
        return complain(file, err.text, SLICE(""), SLICE(""));
    read_expected(&e, str_slice(&text));
    diag_list_init(&d, &a);
    struct compile_opts opts = { .name = file, .text = str_slice(&text),
                                 .loader = { load, NULL } };
    compile_module(&opts, &d, &m, &ir, &err);
    bool ok = check_diagnostics(file, &d, &e);
    if (ok && m)
        ok = run_module(file, m, &e, tests_only);
    else if (ok && !e.diagnostic.len)
        ok = complain(file, "does not compile", SLICE(""), slice_of(err.text));
    module_unref(m);
    value_unref(e.answers);
    diag_list_free(&d);
    arena_free(&a);
    str_free(&text);
    str_free(&ir);
    return ok;
}

int main(int argc, char **argv)
{
    bool tests_only = argc > 1 && !strcmp(argv[1], "--tests-only");
    int first = tests_only ? 2 : 1, failed = 0;
    for (int i = first; i < argc; i++)
        failed += !run_file(argv[i], tests_only);
    printf("%d passed, %d failed\n", argc - first - failed, failed);
    return failed != 0;
}
