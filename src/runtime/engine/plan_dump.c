/* plan_dump.c - a plan as text, one operation a line, for tests and for people. */
#include <math.h>

#include "base/jsonio.h"
#include "runtime/engine/engine_int.h"

static const char *const op_name[] = {
    [PLAN_TEXT] = "text",           [PLAN_MARKUP] = "markup",        [PLAN_TOKENS] = "tokens",
    [PLAN_CONTROL] = "control",     [PLAN_TURN_OPEN] = "turn.open",
    [PLAN_TURN_CLOSE] = "turn.close",
    [PLAN_SEAL] = "seal",
};
static const char *const hole_name[] = { "none", "gen", "select", "score" };
static const char *const by_name[] = { "joint", "mean", "greedy", "pmi", "sample" };

static void dump_op(const struct plan_op *op, struct str *out)
{
    str_adds(out, op_name[op->kind]);
    if (op->kind == PLAN_TEXT || op->kind == PLAN_MARKUP || op->kind == PLAN_CONTROL) {
        str_addc(out, ' ');
        jsonio_quote(op->bytes, out);
    }
    if (op->kind == PLAN_TURN_OPEN || op->kind == PLAN_TURN_CLOSE)
        str_addf(out, " %s", plan_role_name(op->role));
    for (uint32_t i = 0; i < op->n_id; i++)
        str_addf(out, " %u", op->id[i]);
    str_addc(out, '\n');
}

static void dump_number(const char *name, double x, struct str *out)
{
    if (isnan(x))
        return;
    str_addf(out, " %s ", name);
    str_add_double(out, x);
}

static void dump_slices(const char *name, const struct slice *s, uint32_t n, struct str *out)
{
    for (uint32_t i = 0; i < n; i++) {
        str_addf(out, " %s ", name);
        jsonio_quote(s[i], out);
    }
}

void plan_dump(const struct plan *p, struct str *out)
{
    for (uint32_t i = 0; i < p->n_op; i++)
        dump_op(&p->op[i], out);

    const struct hole *h = &p->hole;
    if (h->kind == HOLE_NONE) {
        if (p->prefill)
            str_adds(out, "prefill\n");
        return;
    }
    str_adds(out, hole_name[h->kind]);
    if (h->name)
        str_addf(out, " name %s", h->name);
    if (h->kind != HOLE_GEN)
        str_addf(out, " by %s", by_name[h->by]);
    if (h->constrained)
        str_addf(out, " constraint %d", (int)h->constraint.kind);
    if (h->next == NEXT_TEXT)
        dump_slices("follow", &h->follow, 1, out);
    if (h->next == NEXT_TURN_END)
        str_adds(out, " turn-end");
    str_addf(out, " max %u", h->max);
    if (h->min)
        str_addf(out, " min %u", h->min);
    dump_number("temp", h->temp, out);
    dump_number("top_p", h->top_p, out);
    dump_number("min_p", h->min_p, out);
    dump_slices("stop", h->stop, h->n_stop, out);
    dump_slices("stop_regex", h->stop_regex, h->n_stop_regex, out);
    dump_slices("option", h->option, h->n_option, out);
    str_adds(out, h->strict ? " strict" : "");
    str_adds(out, h->heal ? "" : " no-heal");
    str_adds(out, h->stream ? " stream" : "");
    str_adds(out, h->logprobs ? " logprobs" : "");
    str_addc(out, '\n');
}
