/* cmd_eval.c - `eval`: every eval block of a program: a score a row, means, and a threshold.
 *
 * The rows of an eval are branches of one run, so a model answers them together.  A row gives bool
 * (1 or 0), a number, or a map of numbers, whose keys are scores of their own.  A row that fails
 * scores nothing: it counts as 0 under every key, and its error is shown.  Every mean must reach
 * the threshold. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/batch.h"
#include "cli/cmd.h"
#include "cli/load.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/program.h"

static const struct flag flags[] = {
    FLAGS_ENGINE,
    FLAG(FLAG_TEXT, "filter", filter, "TEXT", "only evals whose name holds this"),
    FLAG(FLAG_BOOL, "list", list, NULL, "print the names; run nothing"),
    FLAG(FLAG_TEXT, "seed", seed, "N", "seed of all draws, in place of the eval's own"),
    FLAG(FLAG_BOOL, "json", json, NULL, "each eval as a JSON object on a line"),
    FLAG(FLAG_LIST, "set", set, "NAME=V", "default of a sampling argument, such as temp=0.7"),
    FLAG(FLAG_TEXT, "budget", budget, "B", "tokens=5000,time=30s,calls=4, for each eval"),
    FLAG(FLAG_LIST, "limit", limit, "NAME=N", "changes a limit, such as contexts=1000"),
    FLAG(FLAG_LIST, "allow-read", allow_read, "DIR", "folder that the program may read"),
    FLAG(FLAG_LIST, "allow-write", allow_write, "DIR", "folder that the program may write"),
    FLAG(FLAG_LIST, "allow-run", allow_run, "PROG", "program that an extern may start"),
    FLAG(FLAG_LIST, "load", load, "LIB", "shared library whose functions bind externs"),
    FLAG(FLAG_LIST, "no-opt", no_opt, "PASS", "leaves an optimisation pass out"),
    FLAG(FLAG_BOOL, "quiet", quiet, NULL, "only the verdict of each eval"),
};
enum { N_FLAG = sizeof flags / sizeof *flags };

struct evals {
    const struct options *o;
    sgl_run_config        config;
    const char           *file;
    size_t                reached, missed;
};

/* ---- scores ---- */

/* The means so far, by key; rows that are no maps have the one key "". */
struct mean {
    char  *key;
    double sum;
};

struct means {
    struct mean *at;
    size_t       n;
    size_t       n_row;
};

static double *mean_of(struct means *m, const char *key)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->at[i].key, key) == 0)
            return &m->at[i].sum;
    struct mean *grown = realloc(m->at, (m->n + 1) * sizeof *grown);
    if (grown)
        m->at = grown;
    char *own = grown ? strdup(key) : NULL;
    if (!own) {
        fprintf(stderr, "sglrun: out of memory\n");
        exit(EXIT_FAILED);
    }
    m->at[m->n] = (struct mean){ own, 0 };
    return &m->at[m->n++].sum;
}

static void means_free(struct means *m)
{
    for (size_t i = 0; i < m->n; i++)
        free(m->at[i].key);
    free(m->at);
}

static bool is_number(const sgl_value *v)
{
    sgl_kind k = sgl_value_kind(v);
    return k == SGL_BOOL || k == SGL_INT || k == SGL_FLOAT;
}

static double number_of(const sgl_value *v)
{
    return sgl_value_kind(v) == SGL_BOOL ? sgl_value_bool(v) : sgl_value_float(v);
}

/* Adds a row; false: it failed. */
static bool add_row(struct means *m, const sgl_value *row)
{
    m->n_row++;
    if (is_number(row)) {
        *mean_of(m, "") += number_of(row);
        return true;
    }
    if (sgl_value_kind(row) != SGL_MAP)
        return false;
    for (size_t i = 0; i < sgl_value_len(row); i++) {
        const char *key = sgl_value_key(row, i, NULL);
        const sgl_value *v = sgl_value_at(row, i);
        if (key && v && is_number(v))
            *mean_of(m, key) += number_of(v);
    }
    return true;
}

static double mean_at(const struct means *m, size_t i)
{
    return m->n_row ? m->at[i].sum / (double)m->n_row : 0;
}

static bool reaches(const struct means *m, double threshold)
{
    bool good = m->n > 0 || threshold <= 0;
    for (size_t i = 0; i < m->n; i++)
        good = good && mean_at(m, i) >= threshold - 1e-9;
    return good;
}

/* ---- telling ---- */

static void error_text(const sgl_value *row, char *buf, size_t size)
{
    const sgl_value *kind = sgl_value_get(row, "kind"), *text = sgl_value_get(row, "message");
    const char *k = kind ? sgl_value_str(kind, NULL) : NULL;
    const char *t = text ? sgl_value_str(text, NULL) : NULL;
    snprintf(buf, size, "%s%s%s", k ? k : "error", t ? ": " : "", t ? t : "");
}

static void print_row(size_t i, const sgl_value *row, bool ok)
{
    char buf[300];
    printf("  %-5zu ", i);
    if (!ok) {
        error_text(row, buf, sizeof buf);
        printf("failed, %s\n", buf);
    } else if (is_number(row)) {
        printf("%g\n", number_of(row));
    } else {
        for (size_t k = 0; k < sgl_value_len(row); k++)
            printf("%s%s %g", k ? ", " : "", sgl_value_key(row, k, NULL),
                   number_of(sgl_value_at(row, k)));
        putchar('\n');
    }
}

static void print_means(const struct evals *e, const sgl_function *f, const struct means *m,
                        bool good)
{
    printf("%-7s %s%s%s: ", good ? "reached" : "missed", e->o->rest.n > 1 ? e->file : "",
           e->o->rest.n > 1 ? ": " : "", f->name);
    for (size_t i = 0; i < m->n; i++)
        printf("%s%s%smean %.4f", i ? ", " : "", m->at[i].key, *m->at[i].key ? " " : "",
               mean_at(m, i));
    printf("%s%zu row%s", m->n ? ", " : "", m->n_row, m->n_row == 1 ? "" : "s");
    if (f->pass > 0)
        printf(", threshold %g", f->pass);
    putchar('\n');
}

static json_t *row_json(const sgl_value *row, bool ok)
{
    char *text = NULL, buf[300];
    if (!ok) {
        error_text(row, buf, sizeof buf);
        return json_pack("{s:s}", "error", buf);
    }
    bool good = sgl_value_json(row, &text) == SGL_OK;
    json_t *v = good ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    sgl_free(text);
    return v ? v : json_null();
}

static void tell_json(const struct evals *e, const sgl_function *f, const sgl_value *rows,
                      const struct means *m, bool good)
{
    json_t *list = json_array(), *by_key = json_object();
    for (size_t i = 0; i < sgl_value_len(rows); i++) {
        const sgl_value *row = sgl_value_at(rows, i);
        bool ok = is_number(row) || sgl_value_kind(row) == SGL_MAP;
        json_array_append_new(list, row_json(row, ok));
    }
    for (size_t i = 0; i < m->n; i++)
        json_object_set_new(by_key, *m->at[i].key ? m->at[i].key : "score",
                            json_real(mean_at(m, i)));
    json_t *o = json_pack("{s:s, s:s, s:i, s:b, s:f, s:o, s:o}", "file", e->file, "name", f->name,
                          "line", (int)f->line, "reached", (int)good, "threshold", f->pass,
                          "mean", by_key, "rows", list);
    json_dumpf(o, stdout, JSON_REAL_PRECISION(12));
    putchar('\n');
    json_decref(o);
}

static void tell(struct evals *e, const sgl_function *f, const sgl_value *rows)
{
    struct means m = { 0 };
    size_t n = sgl_value_len(rows);
    for (size_t i = 0; i < n; i++) {
        const sgl_value *row = sgl_value_at(rows, i);
        bool ok = add_row(&m, row);
        if (!e->o->json && !e->o->quiet)
            print_row(i, row, ok);
    }
    bool good = reaches(&m, f->pass);
    e->reached += good;
    e->missed += !good;
    if (e->o->json)
        tell_json(e, f, rows, &m, good);
    else
        print_means(e, f, &m, good);
    means_free(&m);
}

static void on_told(void *ctx, struct batch_run *r)
{
    struct evals *e = ctx;
    const sgl_function *f = r->ctx;
    if (!e->o->json && r->n_out)
        fwrite(r->out, 1, r->n_out, stdout);
    if (r->n_err)
        fwrite(r->err, 1, r->n_err, stderr);
    if (r->ok) {
        tell(e, f, r->value);
        return;
    }
    e->missed++;
    if (e->o->json) {
        json_t *o = json_pack("{s:s, s:s, s:i, s:b, s:s}", "file", e->file, "name", f->name, "line",
                              (int)f->line, "reached", 0, "error", r->why ? r->why : "");
        json_dumpf(o, stdout, 0);
        putchar('\n');
        json_decref(o);
    } else {
        printf("failed  %s\n", f->name);
    }
    fflush(stdout);
    fprintf(stderr, "%s\n", r->why ? r->why : "");
}

/* ---- running ---- */

/* The evals that are wanted; the caller frees both lists.  False: out of memory. */
static bool gather(const struct evals *e, const sgl_module *m, sgl_function **ret_info,
                   struct batch_run **ret_run, size_t *ret_n)
{
    size_t n = sgl_module_functions(m), n_run = 0;
    sgl_function *info = calloc(n + 1, sizeof *info);
    struct batch_run *run = calloc(n + 1, sizeof *run);
    for (size_t i = 0; info && run && i < n; i++) {
        sgl_function *f = &info[n_run];
        sgl_module_function(m, i, f);
        if (!f->is_eval || (e->o->filter && !strstr(f->name, e->o->filter)))
            continue;
        uint64_t seed = e->config.has_seed ? e->config.seed : (uint64_t)f->seed;
        run[n_run++] = (struct batch_run){ .function = i, .seed = seed, .ctx = f };
    }
    *ret_info = info;
    *ret_run = run;
    *ret_n = n_run;
    return info && run;
}

static bool have_engine(const struct evals *e, struct program *p, sgl_engine **engine)
{
    if (*engine || !sgl_module_needs_model(p->module))
        return true;
    return output_engine(e->o, false, engine) && program_fits(p, *engine, SGL_ERROR, false, NULL);
}

static int eval_program(struct evals *e, struct program *p, sgl_engine **engine)
{
    sgl_function *info = NULL;
    struct batch_run *run = NULL;
    size_t n = 0;
    int rc = EXIT_FAILED;
    if (!gather(e, p->module, &info, &run, &n)) {
        fprintf(stderr, "sglrun: out of memory\n");
    } else if (e->o->list) {
        for (size_t i = 0; i < n; i++)
            printf("%s\n", info[i].name);
        rc = EXIT_DONE;
    } else if (n == 0 || have_engine(e, p, engine)) {
        struct batch b = { .rt = p->rt, .module = p->module, .engine = *engine,
                           .config = &e->config, .run = run, .n_run = n, .jobs = 1,
                           .told = on_told, .ctx = e };
        rc = batch_go(&b) ? EXIT_DONE : EXIT_INTERRUPT;
    }
    for (size_t i = 0; run && i < n; i++)
        batch_run_free(&run[i]);
    free(run);
    free(info);
    return rc;
}

static int eval_all(const struct options *o)
{
    struct evals e = { .o = o };
    sgl_engine *engine = NULL;
    struct loaded libs;
    if (!options_run(o, &e.config))
        return EXIT_USAGE;
    int rc = load_open(o, &libs, &e.config) ? EXIT_DONE : EXIT_FAILED;
    bool ready = rc == EXIT_DONE;
    for (size_t i = 0; ready && i < o->rest.n && rc != EXIT_INTERRUPT; i++) {
        struct program p;
        e.file = o->rest.at[i];
        int one = EXIT_FAILED;
        if (program_open(&p, e.file, NULL, o, false, SGL_ERROR, NULL)) {
            one = eval_program(&e, &p, &engine);
            program_close(&p);
        }
        rc = one != EXIT_DONE ? one : rc;
    }
    sgl_engine_unref(engine);
    load_close(&libs);
    if (rc == EXIT_DONE && !o->list && e.reached + e.missed == 0)
        fprintf(stderr, "sglrun: no eval is here%s%s\n", o->filter ? " whose name holds " : "",
                o->filter ? o->filter : "");
    return rc == EXIT_DONE && e.missed ? EXIT_TEST : rc;
}

int cmd_eval(int argc, char **argv)
{
    struct options o = { 0 };
    int rc = EXIT_USAGE;
    if (options_parse(&o, "eval", flags, N_FLAG, argc, argv, false)) {
        if (o.help) {
            options_help("eval", flags, N_FLAG);
            rc = EXIT_DONE;
        } else if (o.rest.n == 0) {
            fprintf(stderr, "sglrun: eval needs a program; see sglrun eval --help\n");
        } else {
            rc = eval_all(&o);
        }
    }
    options_free(&o);
    return rc;
}
