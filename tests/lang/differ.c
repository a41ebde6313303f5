/* differ.c - the passes keep the meaning: every program does the same with them and without.
 *
 *     differ FILE...
 *
 * Each file is compiled with all passes, with none (--no-opt=all), and with each of them left out
 * alone.  Its main and its tests run on a scripted engine whose answers depend on nothing but the
 * text before them, so that they are the same in whatever order they are asked for.  Compared are
 * what is printed, the result or the error, and the requests: text, name and kind of every hole,
 * as a sorted list, because passes may start work earlier.
 *
 * A file about calls that run ahead ("// at once:") may ask for more with passes than without: what
 * stands behind a failure has started then.
 *
 * A file that says W0401 loses a generation by a pass and is compared without its requests; one
 * that says "slow without passes" is not compared. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/fs.h"
#include "base/hash.h"
#include "compiler/compile.h"
#include "runtime/vm/vm.h"

enum { RUN_TIMEOUT_MS = 20000, MAX_INPUT = 3 };

struct log {
    struct str  out;            /* printed, results, errors */
    char      **request;  uint32_t n, cap;
    bool        failed;         /* to compile */
    bool        dead;           /* W0401 */
    bool        ahead;          /* may have requests that the other has not */
    uint32_t    n_input;        /* lines typed so far */
};

/* ---- answers by the text before them ---- */

static void note(struct log *l, const struct scripted_hole *h)
{
    struct str s = { 0 };
    str_addf(&s, "%d %s next %d ", (int)h->hole->kind, h->hole->name ? h->hole->name : "",
             (int)h->hole->next);
    str_add_slice(&s, h->hole->follow);
    str_adds(&s, " | ");
    str_add_slice(&s, h->context);
    char **slot = array_push(&l->request, &l->n, &l->cap, sizeof *slot);
    if (slot)
        *slot = s.ptr;
}

static enum status answer_options(const struct hole *h, struct arena *a, uint64_t draw,
                                  struct scripted_answer *ret)
{
    ret->text = h->option[draw % h->n_option];
    ret->prob = arena_zalloc(a, h->n_option * sizeof *ret->prob);
    for (uint32_t i = 0; ret->prob && i < h->n_option; i++)
        ret->prob[i] = 1.0 / h->n_option;
    return ST_OK;
}

static enum status answer(void *ctx, const struct scripted_hole *hole, struct arena *a,
                          struct scripted_answer *ret, struct error *err)
{
    uint64_t draw = hash128_bytes(hole->context.ptr ? hole->context.ptr : "", hole->context.len).lo;
    note(ctx, hole);
    if (hole->hole->n_option)
        return answer_options(hole->hole, a, draw, ret);
    if (!hole->hole->constrained) {
        struct str s = { 0 };
        str_addf(&s, "answer %u", (unsigned)(draw % 1000));
        ret->text = arena_slice(a, str_slice(&s));
        str_free(&s);
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

static void take(struct run *r, struct run_event *ev, struct log *l)
{
    switch (ev->kind) {
    case RUN_PRINT:
        str_add_slice(&l->out, ev->text);
        break;
    case RUN_INPUT:
        l->n_input++;
        run_answer_input(r, ev->request, SLICE("typed"), l->n_input > MAX_INPUT);
        break;
    case RUN_DONE:
        str_adds(&l->out, "= ");
        run_result_text(ev->value, true, &l->out);
        str_addc(&l->out, '\n');
        break;
    case RUN_FAILED:
        str_addf(&l->out, "! %s %.*s\n", ev->failure->code, (int)ev->failure->message.len,
                 ev->failure->message.ptr ? ev->failure->message.ptr : "");
        break;
    default:
        break;
    }
}

static void run_func(struct vm *vm, struct module *m, struct engine *e, uint32_t func,
                     struct log *l)
{
    struct error err = { 0 };
    struct run_opts opts;
    struct run *r;
    struct run_event ev;
    const char *all[] = { "*" };
    run_opts_init(&opts);
    opts.module = m;
    opts.engine = e;
    opts.func = func;
    opts.has_seed = true;
    opts.seed = 1;
    opts.allow_run = opts.allow_read = all;
    opts.n_allow_run = opts.n_allow_read = 1;
    if (run_start(vm, &opts, &r, &err) != ST_OK) {
        str_addf(&l->out, "! %s %s\n", err.code, err.text);
        return;
    }
    enum status st;
    while ((st = run_next(r, RUN_TIMEOUT_MS, &ev)) == ST_OK) {
        take(r, &ev, l);
        run_event_free(&ev);
    }
    if (st == ST_TIMEOUT)
        str_adds(&l->out, "! hangs\n");
    run_free(r);
}

static void run_module(struct module *m, struct log *l)
{
    struct vm *vm;
    struct engine *engine;
    struct error err = { 0 };
    if (vm_new(&vm, &err) != ST_OK || engine_open_scripted(answer, l, &engine, &err) != ST_OK) {
        l->failed = true;
        return;
    }
    if (m->main_func != BC_NO_INDEX)
        run_func(vm, m, engine, m->main_func, l);
    for (uint32_t i = 0; i < m->n_func; i++)
        if (m->func[i].flags & FUNC_TEST)
            run_func(vm, m, engine, i, l);
    engine_unref(engine);
    vm_free(vm);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void run_file(const char *file, struct slice text, const char *no_opt, struct log *l)
{
    struct arena a = { 0 };
    struct diag_list d;
    struct error err = { 0 };
    struct module *m = NULL;
    diag_list_init(&d, &a);
    struct compile_opts opts = { .name = file, .text = text, .loader = { load, NULL },
                                 .no_opt = &no_opt, .n_no_opt = no_opt != NULL };
    l->failed = compile_module(&opts, &d, &m, NULL, &err) != ST_OK;
    for (uint32_t i = 0; i < d.n; i++)
        l->dead |= strcmp(d.at[i]->code, "W0401") == 0;
    if (l->failed)
        str_adds(&l->out, d.n_error ? "has errors" : err.text);
    else
        run_module(m, l);
    if (l->n)
        qsort(l->request, l->n, sizeof *l->request, by_text);
    module_unref(m);
    diag_list_free(&d);
    arena_free(&a);
}

static void log_free(struct log *l)
{
    str_free(&l->out);
    for (uint32_t i = 0; i < l->n; i++)
        mem_free(l->request[i]);
    mem_free(l->request);
}

static bool same(const char *file, const char *pass, const struct log *a, const struct log *b,
                 bool requests)
{
    if (!slice_eq(str_slice(&a->out), str_slice(&b->out))) {
        printf("%s without %s: other output\n  with:    %s\n  without: %s\n", file, pass,
               a->out.ptr ? a->out.ptr : "",
               b->out.ptr ? b->out.ptr : "");
        return false;
    }
    if (!requests)
        return true;
    for (uint32_t i = 0, k = 0; i < a->n || k < b->n; i++, k++) {
        while (a->ahead && i < a->n && (k == b->n || strcmp(a->request[i], b->request[k]) < 0))
            i++;
        if (i >= a->n && k >= b->n)
            break;
        const char *x = i < a->n ? a->request[i] : "none", *y = k < b->n ? b->request[k] : "none";
        if (strcmp(x, y)) {
            printf("%s without %s: other requests\n  with:    %s\n  without: %s\n", file, pass, x,
                   y);
            return false;
        }
    }
    return true;
}

static bool differs(const char *file, struct slice text, const char *pass, const struct log *with)
{
    struct log without = { .n = 0 };
    run_file(file, text, pass, &without);
    bool ok = same(file, pass, with, &without, !with->dead);
    log_free(&without);
    return !ok;
}

static uint32_t compare(const char *file)
{
    struct str text = { 0 };
    struct error err = { 0 };
    struct log with = { .n = 0 };
    uint32_t n_bad = 0;
    if (fs_read(file, 1 << 26, &text, &err) != ST_OK) {
        printf("%s: %s\n", file, err.text);
        return 1;
    }
    with.ahead = slice_find(str_slice(&text), SLICE("// at once:")) != SIZE_MAX;
    if (slice_find(str_slice(&text), SLICE("slow without passes")) != SIZE_MAX) {
        str_free(&text);
        return 0;
    }
    run_file(file, str_slice(&text), NULL, &with);
    n_bad += differs(file, str_slice(&text), "all", &with);
    for (uint32_t i = 0; pass_name(i); i++)
        n_bad += differs(file, str_slice(&text), pass_name(i), &with);
    log_free(&with);
    str_free(&text);
    return n_bad;
}

int main(int argc, char **argv)
{
    uint32_t n_bad = 0;
    for (int i = 1; i < argc; i++)
        n_bad += compare(argv[i]);
    printf("%d programs, %u differences\n", argc - 1, n_bad);
    return n_bad != 0;
}
