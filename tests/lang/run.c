/* run.c - runs programs of tests/lang and compares what they do with what they say.
 *
 *     print(1 + 2)        // expect: 3
 *     let x = [1][4]      // expect error: R0201
 *     let y: int = "a"    // expect diagnostic: E0301
 *     // answers: ["a", "b"]
 *     // at once: 3          the most model calls in flight together, answered in a drawn order
 *
 * Lines printed must be the `expect:` texts in order.  A program may end in one error or have
 * diagnostics; its `test` functions run as well.  Generations outside `mock` are answered by a
 * scripted engine: from the `answers:` list, else by the shortest value of the type and by the
 * first option.  Arguments are files; with --tests-only before them just their tests run, and
 * with --no-opt PASS that pass is left out.  The last line counts files and what they claim.
 * `--render FILE` prints instead what a user reads of that program. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "compiler/compile.h"
#include "render.h"
#include "runtime/vm/vm.h"

enum { RUN_TIMEOUT_MS = 20000 };

struct diagnosis {
    struct slice code;
    uint32_t     line;          /* 0: anywhere */
    bool         met;
};

struct expected {
    struct slice lines[512];
    uint32_t     n;
    struct slice error;
    struct diagnosis diagnosis[64];
    uint32_t     n_diagnosis;
    struct slice input[16];
    uint32_t     n_input;
    struct value answers;
    uint32_t     at;
    uint32_t     at_once;       /* 0: answered as they come */
    bool         met;           /* so many were in flight */
};

static struct slice tail_of(struct slice line, const char *mark)
{
    size_t at = slice_find(line, slice_of(mark));
    return at == SIZE_MAX ? (struct slice){ NULL, 0 }
                          : slice_sub(line, at + strlen(mark), line.len);
}

/* Codes stand on the line that they are reported at, or on a line of their own. */
static void read_codes(struct expected *e, struct slice line, struct slice codes, uint32_t number)
{
    bool alone = slice_starts(slice_trim(line), SLICE("//"));
    codes = slice_trim(codes);
    while (codes.len && e->n_diagnosis < 64) {
        size_t blank = slice_find(codes, SLICE(" "));
        size_t n = blank == SIZE_MAX ? codes.len : blank;
        e->diagnosis[e->n_diagnosis++] = (struct diagnosis){ slice_sub(codes, 0, n),
                                                             alone ? 0 : number, false };
        codes = slice_trim(slice_sub(codes, n, codes.len));
    }
}

static void read_line(struct expected *e, struct slice line, uint32_t number)
{
    struct slice x;
    struct error err;
    if ((x = tail_of(line, "// expect: ")).ptr && e->n < 512)
        e->lines[e->n++] = x;
    else if ((x = tail_of(line, "// expect:")).ptr && !x.len && e->n < 512)
        e->lines[e->n++] = x;
    else if ((x = tail_of(line, "// at once: ")).ptr)
        e->at_once = (uint32_t)strtoul(x.ptr, NULL, 10);
    else if ((x = tail_of(line, "// expect error: ")).ptr)
        e->error = slice_trim(x);
    else if ((x = tail_of(line, "// expect diagnostic: ")).ptr)
        read_codes(e, line, x, number);
    else if ((x = tail_of(line, "// input: ")).ptr && e->n_input < 16)
        e->input[e->n_input++] = x;
    else if ((x = tail_of(line, "// answers: ")).ptr)
        value_parse_json(slice_trim(x), &e->answers, &err);
}

static void read_expected(struct expected *e, struct slice text)
{
    for (uint32_t number = 1; text.len; number++) {
        size_t end = slice_find(text, SLICE("\n"));
        read_line(e, end == SIZE_MAX ? text : slice_sub(text, 0, end), number);
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

/* Where model calls are held, one is answered when as many as the file names are in flight, or
 * when no further one comes. */
static enum status next_event(struct run *r, struct engine *e, struct expected *want,
                              struct run_event *ret)
{
    enum { LOOK_MS = 2, PATIENCE = 100, GIVE_UP = RUN_TIMEOUT_MS / LOOK_MS };
    if (!want->at_once)
        return run_next(r, RUN_TIMEOUT_MS, ret);
    enum status st = run_next(r, LOOK_MS, ret);
    for (uint32_t i = 1; st == ST_TIMEOUT && i < GIVE_UP; i++) {
        want->met = want->met || engine_scripted_held(e) >= want->at_once;
        if ((want->met || i % PATIENCE == 0) && engine_scripted_release(e))
            i = 0;
        st = run_next(r, LOOK_MS, ret);
    }
    return st;
}

static void run_one(struct vm *vm, struct module *m, struct engine *e, uint32_t func,
                    struct expected *want, struct outcome *o)
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
    while ((st = next_event(r, e, want, &ev)) == ST_OK) {
        take_event(r, &ev, want, &n_input, o);
        run_event_free(&ev);
    }
    if (st == ST_TIMEOUT)
        snprintf(o->code, sizeof o->code, "hangs");
    struct run_stats stats;
    run_get_stats(r, &stats);
    if (want->at_once && stats.n_at_once != want->at_once)
        snprintf(o->code, sizeof o->code, "%u at once", stats.n_at_once);
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
    if (e->at_once)
        engine_scripted_hold(engine, 1);
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

/* Is it one of those that the file names?  Each of them stands for one error, or for warnings. */
static bool is_expected(struct expected *e, const char *file, const struct diag *d)
{
    uint32_t line = d->source && !strcmp(d->source->name, file)
                  ? source_place(d->source, d->at.off).line : 0;
    bool known = false;
    for (uint32_t i = 0; i < e->n_diagnosis; i++) {
        struct diagnosis *x = &e->diagnosis[i];
        if (!slice_is(x->code, d->code) || (x->line && x->line != line))
            continue;
        if (!x->met) {
            x->met = true;
            return true;
        }
        known |= !x->line || d->severity != DIAG_ERROR;
    }
    return known;
}

static bool check_diagnostics(const char *file, const struct diag_list *d, struct expected *e)
{
    bool ok = true;
    for (uint32_t i = 0; i < d->n; i++) {
        if (is_expected(e, file, d->at[i]) || d->at[i]->severity != DIAG_ERROR)
            continue;
        struct str text = { 0 };
        diag_render(d->at[i], false, &text);
        ok = complain(file, "not expected", SLICE("none"), str_slice(&text));
        str_free(&text);
    }
    for (uint32_t i = 0; i < e->n_diagnosis; i++)
        if (!e->diagnosis[i].met)
            ok = complain(file, "no such diagnostic", e->diagnosis[i].code, SLICE("none"));
    return ok;
}

/* What a file claims: its lines, its error or diagnostic, and each of its tests. */
static uint32_t claims(const struct expected *e, const struct module *m)
{
    uint32_t n = e->n + (e->error.len > 0) + e->n_diagnosis;
    for (uint32_t i = 0; m && i < m->n_func; i++)
        n += (m->func[i].flags & FUNC_TEST) != 0;
    return n;
}

static bool run_file(const char *file, bool tests_only, const char *no_opt, uint32_t *n_claim)
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
    struct compile_opts opts = { .name = file, .text = str_slice(&text), .loader = { load, NULL },
                                 .no_opt = &no_opt, .n_no_opt = no_opt != NULL };
    compile_module(&opts, &d, &m, &ir, &err);
    bool ok = check_diagnostics(file, &d, &e);
    *n_claim += claims(&e, m);
    if (ok && m)
        ok = run_module(file, m, &e, tests_only);
    else if (ok && !d.n_error)
        ok = complain(file, "does not compile", SLICE(""), slice_of(err.text));
    module_unref(m);
    value_unref(e.answers);
    diag_list_free(&d);
    arena_free(&a);
    str_free(&text);
    str_free(&ir);
    return ok;
}

static int render(const char *file)
{
    static struct expected e = { .answers = { .tag = VAL_NULL } };
    struct str text = { 0 };
    struct error err = { 0 };
    if (fs_read(file, 1 << 26, &text, &err) != ST_OK) {
        complain(file, err.text, SLICE(""), SLICE(""));
        return 2;
    }
    read_expected(&e, str_slice(&text));
    int rc = render_file(file, str_slice(&text), answer, &e);
    value_unref(e.answers);
    str_free(&text);
    return rc;
}

int main(int argc, char **argv)
{
    if (argc == 3 && !strcmp(argv[1], "--render"))
        return render(argv[2]);
    bool tests_only = argc > 1 && !strcmp(argv[1], "--tests-only");
    int first = tests_only ? 2 : 1, failed = 0;
    const char *no_opt = NULL;
    if (argc > first + 1 && !strcmp(argv[first], "--no-opt")) {
        no_opt = argv[first + 1];
        first += 2;
    }
    uint32_t n_claim = 0;
    for (int i = first; i < argc; i++)
        failed += !run_file(argv[i], tests_only, no_opt, &n_claim);
    printf("%d passed, %d failed: %u expectations\n", argc - first - failed, failed, n_claim);
    return failed != 0;
}
