/* hole.c - a site and its arguments to a hole, the options of a choice, and what meta(x) tells. */
#include "runtime/vm/vm_int.h"

#include <math.h>

#include "base/hashmap.h"
#include "base/utf8.h"

/* ---- arguments (LANGUAGE.md 6.2) ---- */

static double number(struct value v)
{
    return v.tag == VAL_INT ? (double)v.i : v.tag == VAL_FLOAT ? v.f : NAN;
}

static bool arg(struct task *t, const struct gen_site *s, enum site_arg_kind k, struct value *v)
{
    return settings_arg(t, s->arg, s->n_arg, k, v) && v->tag != VAL_NULL;
}

static enum step range_fail(struct task *t, const char *name)
{
    return task_fail(t, "R0404", "`%s` is out of range", name);
}

static enum step take_numbers(struct task *t, const struct gen_site *s, struct hole *h)
{
    const struct {
        enum site_arg_kind kind;
        const char        *name;
        double             lo, hi;
        double            *to;
    } row[] = {
        { ARG_TEMP, "temp", 0, 1e9, &h->temp },
        { ARG_TOP_P, "top_p", 0, 1, &h->top_p },
        { ARG_MIN_P, "min_p", 0, 1, &h->min_p },
        { ARG_FREQ_PENALTY, "freq_penalty", -2, 2, &h->freq_penalty },
        { ARG_PRESENCE_PENALTY, "presence_penalty", -2, 2, &h->presence_penalty },
        { ARG_REPETITION_PENALTY, "repetition_penalty", 0, 2, &h->repetition_penalty },
    };
    struct value v;
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        if (!arg(t, s, row[i].kind, &v))
            continue;
        double x = number(v);
        bool open = row[i].kind == ARG_TOP_P || row[i].kind == ARG_REPETITION_PENALTY;
        if (!(x >= row[i].lo && x <= row[i].hi) || (open && x == 0))
            return range_fail(t, row[i].name);
        *row[i].to = x;
    }
    return STEP_NEXT;
}

static enum step take_ints(struct task *t, const struct gen_site *s, struct hole *h)
{
    struct value v;
    if (arg(t, s, ARG_MAX, &v)) {
        if (v.tag != VAL_INT || v.i < 1 || v.i > INT32_MAX)
            return range_fail(t, "max");
        h->max = (uint32_t)v.i;
    }
    if (arg(t, s, ARG_MIN, &v)) {
        if (v.tag != VAL_INT || v.i < 0 || v.i > h->max)
            return range_fail(t, "min");
        h->min = (uint32_t)v.i;
    }
    if (arg(t, s, ARG_TOP_LOGPROBS, &v)) {
        if (v.tag != VAL_INT || v.i < 0 || v.i > 64)
            return range_fail(t, "top_logprobs");
        h->top_logprobs = (uint32_t)v.i;
    }
    return STEP_NEXT;
}

static enum step take_top_k(struct task *t, const struct gen_site *s, struct hole *h)
{
    struct value v;
    if (!arg(t, s, ARG_TOP_K, &v))
        return STEP_NEXT;
    if (v.tag != VAL_INT || (v.i != -1 && v.i < 1) || v.i > INT32_MAX)
        return range_fail(t, "top_k");
    h->top_k = (int32_t)v.i;
    return STEP_NEXT;
}

static void take_bool(struct task *t, const struct gen_site *s, enum site_arg_kind k, bool *to)
{
    struct value v;
    if (arg(t, s, k, &v) && v.tag == VAL_BOOL)
        *to = v.b;
}

/* One text or a list of them. */
static enum step take_texts(struct task *t, struct value v, uint32_t max, const char *name,
                            struct arena *a, const struct slice **ret, uint32_t *ret_n)
{
    uint32_t n = v.tag == VAL_LIST ? value_len(v) : 1;
    if (n > max)
        return range_fail(t, name);
    struct slice *list = arena_array(a, n ? n : 1, sizeof *list);
    for (uint32_t i = 0; list && i < n; i++) {
        struct slice text = value_text(v.tag == VAL_LIST ? value_at(v, i) : v);
        if (!text.len)
            return range_fail(t, name);
        list[i] = arena_slice(a, text);
    }
    *ret = list;
    *ret_n = list ? n : 0;
    return STEP_NEXT;
}

static enum step take_stops(struct task *t, const struct gen_site *s, struct hole *h,
                            struct arena *a)
{
    struct value v;
    enum step st = STEP_NEXT;
    if (arg(t, s, ARG_STOP, &v))
        st = take_texts(t, v, 64, "stop", a, &h->stop, &h->n_stop);
    if (st == STEP_NEXT && arg(t, s, ARG_STOP_REGEX, &v))
        st = take_texts(t, v, 64, "stop_regex", a, &h->stop_regex, &h->n_stop_regex);
    if (st != STEP_NEXT || !arg(t, s, ARG_STOP_TOKENS, &v))
        return st;
    uint32_t n = value_len(v);
    uint32_t *id = arena_array(a, n ? n : 1, sizeof *id);
    for (uint32_t i = 0; id && i < n; i++)
        id[i] = (uint32_t)value_at(v, i).i;
    h->stop_token = id;
    h->n_stop_token = id ? n : 0;
    return STEP_NEXT;
}

static enum step take_bias(struct task *t, const struct gen_site *s, struct hole *h,
                           struct arena *a)
{
    struct value v;
    if (!arg(t, s, ARG_LOGIT_BIAS, &v) || v.tag != VAL_MAP)
        return STEP_NEXT;
    uint32_t n = value_len(v);
    uint32_t *id = arena_array(a, n + 1u, sizeof *id);
    float *bias = arena_array(a, n + 1u, sizeof *bias);
    struct slice *text = arena_array(a, n + 1u, sizeof *text);
    if (!id || !bias || !text)
        return task_fail_status(t, ST_NOMEM);
    bool texts = false;
    for (uint32_t i = 0; i < n; i++) {
        const struct map_entry *e = value_map_entry(v, i);
        double x = number(e->val);
        if (!(x >= -100 && x <= 100))
            return range_fail(t, "logit_bias");
        bias[i] = (float)x;
        id[i] = e->key.tag == VAL_INT ? (uint32_t)e->key.i : 0;
        text[i] = arena_slice(a, value_text(e->key));
        texts = texts || e->key.tag != VAL_INT;
    }
    h->bias_id = id;
    h->bias = bias;
    h->n_bias = n;
    h->bias_text = texts ? text : NULL;
    return STEP_NEXT;
}

static enum json_spelling spelling_of(struct task *t, const struct gen_site *s)
{
    struct value v;
    if (!arg(t, s, ARG_JSON_STYLE, &v))
        return t->run->engine ? engine_info(t->run->engine)->spelling : SPELL_SPACED;
    struct slice x = value_text(v);
    return slice_is(x, "compact") ? SPELL_COMPACT : slice_is(x, "pretty") ? SPELL_PRETTY
                                                                          : SPELL_SPACED;
}

enum step hole_think(struct task *t, const struct gen_site *s, uint32_t *ret_max)
{
    struct value v;
    *ret_max = 0;
    if (!arg(t, s, ARG_THINK, &v))
        return STEP_NEXT;
    if (v.tag != VAL_INT || v.i < 0 || v.i > INT32_MAX)
        return range_fail(t, "think");
    *ret_max = (uint32_t)v.i;
    return STEP_NEXT;
}

bool hole_keeps_thinking(struct task *t, const struct gen_site *s)
{
    bool keep = false;
    take_bool(t, s, ARG_KEEP_THINKING, &keep);
    return keep;
}

static enum step take_seed(struct task *t, const struct gen_site *s, struct hole *h)
{
    struct value v;
    if (!arg(t, s, ARG_SEED, &v))
        return STEP_NEXT;
    if (v.tag != VAL_INT || v.i < 0)
        return range_fail(t, "seed");
    h->key = rng_key_seed((uint64_t)v.i);
    return STEP_NEXT;
}

enum step hole_fill_sampling(struct task *t, const struct gen_site *s, struct hole *h,
                             struct arena *a)
{
    enum step st = take_numbers(t, s, h);
    if (st == STEP_NEXT)
        st = take_top_k(t, s, h);
    if (st == STEP_NEXT)
        st = take_seed(t, s, h);
    return st == STEP_NEXT ? take_bias(t, s, h, a) : st;
}

enum step hole_fill(struct task *t, const struct gen_site *s, struct hole *h, struct arena *a)
{
    const struct module *m = t->top->image->module;
    h->name = s->name.len ? arena_strdup(a, s->name) : NULL;
    h->strict = s->shape && !type_is_bare(m, s->rtype);
    if (s->shape && h->kind == HOLE_GEN) {
        h->constrained = true;
        h->constraint.kind = PATTERN_SHAPE;
        h->constraint.shape = s->shape;
        h->constraint.spelling = spelling_of(t, s);
    }
    h->by = (enum select_by)s->by;
    h->next = s->next == SITE_NEXT_TEXT ? NEXT_TEXT
        : s->next == SITE_NEXT_TURN_END ? NEXT_TURN_END : NEXT_NONE;
    h->follow = arena_slice(a, slice_sub(s->follow, 0, 64));
    take_bool(t, s, ARG_STRICT, &h->strict);
    take_bool(t, s, ARG_HEAL, &h->heal);
    take_bool(t, s, ARG_IGNORE_EOS, &h->ignore_eos);
    take_bool(t, s, ARG_LOGPROBS, &h->logprobs);
    h->logprobs = h->logprobs || s->needs_logprob;
    enum step st = take_ints(t, s, h);
    if (st == STEP_NEXT)
        st = hole_fill_sampling(t, s, h, a);
    if (st == STEP_NEXT)
        st = take_stops(t, s, h, a);
    h->logprobs = h->logprobs || h->top_logprobs;
    return st;
}

/* ---- options (LANGUAGE.md 7) ---- */

enum step hole_options(struct task *t, const struct gen_site *site, struct value *ret)
{
    struct frame *f = t->top;
    if (site->options == BC_NONE) {
        enum status st = type_options(f->image, site->rtype, ret);
        return st == ST_INVALID ? task_fail(t, "R0403", "this type has no options")
                                : step_of(t, st);
    }
    struct value v = f->reg[site->options];
    uint32_t n = value_len(v);
    if (!n)
        return task_fail(t, "R0403", "there are no options to choose from");
    if (n > 4096)
        return task_fail(t, "R0403", "%u options, at most 4096 are possible", n);
    if (v.tag == VAL_LIST) {
        *ret = value_ref(v);
        return STEP_NEXT;
    }
    return task_fail(t, "R0205", "options must be a list");
}

enum step hole_option_texts(struct task *t, struct hole *h, struct value options, struct arena *a)
{
    uint32_t n = value_len(options);
    struct slice *text = arena_array(a, n, sizeof *text);
    struct hashmap seen = { 0 };
    enum step s = text ? STEP_NEXT : task_fail_status(t, ST_NOMEM);
    for (uint32_t i = 0; i < n && s == STEP_NEXT; i++) {
        struct str one = { 0 };
        uint64_t at;
        if (!value_format(value_at(options, i), &one) || !one.len)
            s = task_fail(t, "R0403", "option %u has no text", i);
        else
            text[i] = arena_slice(a, str_slice(&one));
        str_free(&one);
        if (s == STEP_NEXT && hashmap_get(&seen, text[i], &at))
            s = task_fail(t, "R0403", "the option \"%.*s\" stands twice", (int)text[i].len,
                          text[i].ptr);
        if (s == STEP_NEXT && !hashmap_put(&seen, text[i], i))
            s = task_fail_status(t, ST_NOMEM);
    }
    hashmap_free(&seen);
    h->option = text;
    h->n_option = n;
    return s;
}

/* Every option has a text, and no two have the same (R0403). */
enum step hole_check_options(struct task *t, struct value options)
{
    struct arena a = { 0 };
    struct hole h = { 0 };
    enum step s = hole_option_texts(t, &h, options, &a);
    arena_free(&a);
    return s;
}

/* What an option is in a table of probabilities: itself where it can be a key, else its text. */
enum status option_key(struct value option, struct value *ret)
{
    if (option.tag == VAL_STR || option.tag == VAL_INT || option.tag == VAL_BOOL ||
        option.tag == VAL_ENUM) {
        *ret = value_ref(option);
        return ST_OK;
    }
    struct str text = { 0 };
    value_format(option, &text);
    enum status st = text.failed ? ST_NOMEM : value_str(str_slice(&text), ret);
    str_free(&text);
    return st;
}

/* ---- meta(x) ---- */

/* The table of probabilities, its keys as texts. */
static enum status by_text(struct value probs, struct value *ret)
{
    enum status st = value_map(ret);
    for (uint32_t i = 0; i < value_len(probs) && st == ST_OK; i++) {
        const struct map_entry *e = value_map_entry(probs, i);
        struct str text = { 0 };
        struct value key;
        value_format(e->key, &text);
        st = text.failed ? ST_NOMEM : value_str(str_slice(&text), &key);
        str_free(&text);
        if (st == ST_OK)
            st = value_map_put_take(ret, key, value_ref(e->val));
        if (st != ST_OK)
            value_unref(*ret);
    }
    return st;
}

static enum status field_text(struct value *at, struct slice text, bool optional)
{
    return optional && !text.len ? ST_OK : value_str(text, at);
}

/* One Tok; `top` is taken. */
static enum status tok_value(struct run *r, uint32_t id, struct slice text, float logprob,
                             bool forced, struct value top, struct value *ret)
{
    const struct slice names[] = { SLICE("id"), SLICE("text"), SLICE("logprob"), SLICE("forced"),
                                   SLICE("top") };
    struct value field[5] = { value_int(id), value_null(),
                              isnan(logprob) ? value_null() : value_float(logprob),
                              value_bool(forced), top };
    enum status st = r->t_tok ? ST_OK : vtype_new(SLICE("Tok"), 5, names, NULL, &r->t_tok);
    if (st == ST_OK)        /* half a character is shown as the replacement character */
        st = value_str(utf8_valid(text) ? text : SLICE("\xef\xbf\xbd"), &field[1]);
    if (st == ST_OK)
        return value_struct_take(r->t_tok, field, ret);
    value_unref(top);
    return st;
}

static enum status top_value(struct run *r, const struct plan_top *top, struct value *ret)
{
    struct str text = { 0 };
    struct error err = { 0 };
    struct value none;
    enum status st = value_list(0, &none);
    if (st == ST_OK && r->engine)
        engine_decode(r->engine, &top->id, 1, true, &text, &err);
    if (st == ST_OK)
        st = tok_value(r, top->id, str_slice(&text), top->logprob, false, none, ret);
    str_free(&text);
    return st;
}

static enum status meta_token(struct run *r, const struct plan_result *res, uint32_t i,
                              struct value *list)
{
    const struct plan_token *tok = &res->token[i];
    struct value top, v;
    enum status st = value_list(tok->n_top, &top);
    for (uint32_t k = 0; k < tok->n_top && st == ST_OK; k++) {
        st = top_value(r, &tok->top[k], &v);
        if (st == ST_OK)
            st = value_list_push_take(&top, v);
        if (st != ST_OK)
            value_unref(top);
    }
    if (st == ST_OK)
        st = tok_value(r, tok->id, slice_sub(res->token_text, tok->text_off, tok->text_len),
                       tok->logprob, tok->forced, top, &v);
    return st == ST_OK ? value_list_push_take(list, v) : st;
}

enum step hole_meta(struct task *t, const struct meta_parts *parts, struct value *ret)
{
    enum { M_FINISH, M_STOP, M_TOKENS, M_LOGPROB, M_FORCED, M_THINKING, M_PROBS, M_N };
    const struct slice names[M_N] = { SLICE("finish"), SLICE("stop"), SLICE("tokens"),
        SLICE("logprob"), SLICE("forced"), SLICE("thinking"), SLICE("probs") };
    struct run *r = t->run;
    const struct plan_result *res = parts->res;
    struct value field[M_N] = { 0 };
    enum status st = r->t_meta ? ST_OK : vtype_new(SLICE("Meta"), M_N, names, NULL, &r->t_meta);
    if (st == ST_OK)
        st = value_str(slice_of(res ? finish_name(res->finish) : "complete"), &field[M_FINISH]);
    if (st == ST_OK)
        st = value_list(0, &field[M_TOKENS]);
    field[M_LOGPROB] = value_float(0);
    field[M_FORCED] = value_int(0);
    if (res && st == ST_OK) {
        st = field_text(&field[M_STOP], res->stop, true);
        for (uint32_t i = 0; i < res->n_token && st == ST_OK; i++)
            st = meta_token(r, res, i, &field[M_TOKENS]);
        field[M_LOGPROB] = value_float(isnan(res->logprob) ? 0 : res->logprob);
        field[M_FORCED] = value_int(res->n_forced);
        if (st == ST_OK)
            st = field_text(&field[M_THINKING], parts->thinking, true);
    }
    if (st == ST_OK && parts->probs.tag == VAL_MAP)
        st = by_text(parts->probs, &field[M_PROBS]);
    else if (st == ST_OK)
        st = value_map(&field[M_PROBS]);
    if (st != ST_OK) {
        for (int i = 0; i < M_N; i++)
            value_unref(field[i]);
        return task_fail_status(t, st);
    }
    return step_of(t, value_record_take(VAL_META, r->t_meta, field, ret));
}
