/* pass.c - runs the passes, and the verifier between them. */
#include "compiler/pass.h"

#include <string.h>

static const struct {
    const char    *name;
    pass_fn        run;
    enum pass_kind kind;
} rows[] = {
#define X(name, function, kind, sentence) { #name, function, PASS_##kind },
    PASS_ROWS(X)
#undef X
};

enum { N_ROW = sizeof rows / sizeof rows[0] };

const char *pass_name(uint32_t i)
{
    for (size_t k = 0; k < N_ROW; k++)
        if (rows[k].kind != PASS_ALWAYS && !i--)
            return rows[k].name;
    return NULL;
}

bool pass_known(const char *name)
{
    for (uint32_t i = 0; pass_name(i); i++)
        if (strcmp(pass_name(i), name) == 0)
            return true;
    return strcmp(name, "all") == 0;
}

bool pass_on(const struct comp *c, const char *name)
{
    for (uint32_t i = 0; i < c->opts->n_no_opt; i++)
        if (strcmp(c->opts->no_opt[i], name) == 0 || strcmp(c->opts->no_opt[i], "all") == 0)
            return false;
    return true;
}

bool pass_of_std(const struct comp *c, const struct ir_func *f)
{
    for (uint32_t i = 0; i < c->n_mod; i++)
        if (c->mod[i]->source == f->out.source)
            return c->mod[i]->is_std;
    return false;
}

static void check(struct comp *c, const struct ir_func *f)
{
    struct error err = { 0 };
    if (ir_verify(f, &err) == ST_OK)
        return;
    if (err.status == ST_NOMEM)
        comp_nomem(c);
    c->failed = err;
    longjmp(c->oom, 2);
}

static void check_all(struct comp *c)
{
    for (uint32_t i = 0; i < c->n_func; i++)
        check(c, c->func[i]);
}

static void run(struct comp *c, size_t row)
{
    if (rows[row].kind != PASS_ALWAYS && !pass_on(c, rows[row].name))
        return;
    for (uint32_t i = 0; i < c->n_func; i++)
        rows[row].run(c, c->func[i], i);
#ifndef NDEBUG
    if (rows[row].kind != PASS_LAST)
        check_all(c);
#endif
}

void passes_run(struct comp *c)
{
    check_all(c);
    for (size_t i = 0; i < N_ROW; i++)
        if (rows[i].kind != PASS_LAST)
            run(c, i);
    check_all(c);
}

void passes_run_last(struct comp *c)
{
    for (size_t i = 0; i < N_ROW; i++)
        if (rows[i].kind == PASS_LAST)
            run(c, i);
}
