/* hole.c - gen, select, score and streams: a site and its arguments to a hole, a result to a value.
 *
 * Each operation is entered several times: it opens the turn, waits for a session, hands out the
 * plan, and takes the answer; frame->stage says which of these is next.  Under `mock` no engine
 * is asked and all of it happens at once. */
#include "runtime/vm/vm_int.h"

#include <math.h>
#include <string.h>

#include "base/hashmap.h"
#include "base/utf8.h"

enum stage { STAGE_BEGIN, STAGE_OPENED, STAGE_ASKED, STAGE_MOCK };
enum { TMP_CTX, TMP_OPTIONS, TMP_ANSWER };

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
    if (arg(t, s, ARG_TOP_K, &v)) {
        if (v.tag != VAL_INT || (v.i != -1 && v.i < 1) || v.i > INT32_MAX)
            return range_fail(t, "top_k");
        h->top_k = (int32_t)v.i;
    }
    if (arg(t, s, ARG_TOP_LOGPROBS, &v)) {
        if (v.tag != VAL_INT || v.i < 0 || v.i > 64)
            return range_fail(t, "top_logprobs");
        h->top_logprobs = (uint32_t)v.i;
    }
    if (arg(t, s, ARG_THINK, &v)) {
        if (v.tag != VAL_INT || v.i < 0 || v.i > INT32_MAX)
            return range_fail(t, "think");
        h->think = (uint32_t)v.i;
    }
    if (arg(t, s, ARG_SEED, &v)) {
        if (v.tag != VAL_INT || v.i < 0)
            return range_fail(t, "seed");
        h->key = rng_key_seed((uint64_t)v.i);
    }
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

enum step hole_fill(struct task *t, const struct gen_site *s, struct hole *h, struct arena *a)
{
    const struct module *m = t->top->image->module;
    h->name = s->name.len ? arena_strdup(a, s->name) : NULL;
    h->key = frame_key(t->top, KEY_GEN, s->ordinal);
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
        st = take_numbers(t, s, h);
    if (st == STEP_NEXT)
        st = take_stops(t, s, h, a);
    if (st == STEP_NEXT)
        st = take_bias(t, s, h, a);
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

/* ---- meta(x) ---- */

static enum status field_text(struct value *at, struct slice text, bool optional)
{
    return optional && !text.len ? ST_OK : value_str(text, at);
}

static enum status meta_token(struct task *t, const struct plan_result *res, uint32_t i,
                              struct value *list)
{
    struct run *r = t->run;
    const struct slice names[] = { SLICE("id"), SLICE("text"), SLICE("logprob"), SLICE("forced"),
                                   SLICE("top") };
    const struct slice top_names[] = { SLICE("id"), SLICE("text"), SLICE("logprob") };
    const struct plan_token *tok = &res->token[i];
    struct value field[5] = { value_int(tok->id), value_null(), value_float(tok->logprob),
                              value_bool(tok->forced), value_null() };
    if (isnan(tok->logprob))
        field[2] = value_null();
    enum status st = r->t_tok ? ST_OK : vtype_new(SLICE("Tok"), 5, names, NULL, &r->t_tok);
    if (st == ST_OK && !r->t_top)
        st = vtype_new(SLICE("Top"), 3, top_names, NULL, &r->t_top);
    if (st == ST_OK) {
        /* half a character is shown as the replacement character */
        struct slice text = slice_sub(res->token_text, tok->text_off, tok->text_len);
        st = value_str(utf8_valid(text) ? text : SLICE("\xef\xbf\xbd"), &field[1]);
    }
    if (st == ST_OK)
        st = value_list(tok->n_top, &field[4]);
    for (uint32_t k = 0; k < tok->n_top && st == ST_OK; k++) {
        struct value pair[3] = { value_int(tok->top[k].id), value_null(),
                                 value_float(tok->top[k].logprob) };
        struct str text = { 0 };
        struct value top;
        if (r->engine)
            engine_decode(r->engine, &tok->top[k].id, 1, true, &text, NULL);
        st = value_str(utf8_valid(str_slice(&text)) ? str_slice(&text) : SLICE("\xef\xbf\xbd"),
                       &pair[1]);
        str_free(&text);
        if (st == ST_OK)
            st = value_struct_take(r->t_top, pair, &top);
        if (st == ST_OK)
            st = value_list_push_take(&field[4], top);
    }
    struct value v;
    if (st == ST_OK)
        st = value_struct_take(r->t_tok, field, &v);
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
            st = meta_token(t, res, i, &field[M_TOKENS]);
        field[M_LOGPROB] = value_float(isnan(res->logprob) ? 0 : res->logprob);
        field[M_FORCED] = value_int(res->n_forced);
        if (st == ST_OK)
            st = field_text(&field[M_THINKING], res->thinking, true);
    }
    if (st == ST_OK && parts->probs.tag == VAL_MAP)
        field[M_PROBS] = value_ref(parts->probs);
    else if (st == ST_OK)
        st = value_map(&field[M_PROBS]);
    if (st != ST_OK) {
        for (int i = 0; i < M_N; i++)
            value_unref(field[i]);
        return task_fail_status(t, st);
    }
    return step_of(t, value_record_take(VAL_META, r->t_meta, field, ret));
}

/* ---- what a result leaves in the transcript ---- */

static enum step keep_result(struct task *t, struct context *c, const struct plan_result *res)
{
    struct node *n;
    enum status st = context_node(c, NODE_GEN, c->tail->role, &n);
    if (st != ST_OK)
        return task_fail_status(t, st);
    str_add_slice(&n->text, res->text);
    n->total += res->text.len;
    n->head = res->n_value_head;
    n->cover = (uint32_t)res->text.len;
    if (res->n_token) {
        n->id = mem_calloc(res->n_token, sizeof *n->id);
        if (!n->id)
            return task_fail_status(t, ST_NOMEM);
        for (uint32_t i = 0; i < res->n_token; i++)
            n->id[i] = res->token[i].id;
        n->n_id = res->n_token;
        n->cover = (uint32_t)res->token_text.len - n->head;
    }
    node_unref(c->sent);
    c->sent = node_ref(n);
    return n->text.failed ? task_fail_status(t, ST_NOMEM) : STEP_NEXT;
}

static enum step keep_text(struct task *t, struct context *c, struct slice text)
{
    struct node *n;
    enum status st = context_node(c, NODE_GEN, c->tail->role, &n);
    if (st != ST_OK)
        return task_fail_status(t, st);
    str_add_slice(&n->text, text);
    n->total += text.len;
    c->n_tok = (uint32_t)((n->total + 3) / 4);
    return settings_charge(t, (text.len + 3) / 4);
}

/* The plan of this operation has been answered. */
static enum step plan_failed(struct task *t, struct op_wait *w)
{
    struct error *e = &w->ev.error;
    uint64_t n = w->ev.result ? w->ev.result->n_charged : 0;
    if (n) {
        enum step s = settings_charge(t, n);
        if (s != STEP_NEXT)
            return s;
    }
    if (e->status == ST_TIMEOUT)
        return task_fail(t, "R0702", "the time budget is spent");
    if (!strcmp(e->code, "R0401") && settings_tokens_left(t) != UINT64_MAX && t->top->stage_i)
        return task_fail(t, "R0701", "the token budget is spent");
    return task_fail_error(t, e);
}

static void drop_wait(struct task *t)
{
    struct op_wait *w = t->wait;
    t->wait = NULL;
    if (w)
        planner_abandon(w);
}

/* ---- gen ---- */

static enum step open_turn(struct task *t, const struct gen_site *site, struct context *c,
                           bool *ret_opened)
{
    *ret_opened = site->opens_turn && c->tail->mode == MODE_CHAT && c->tail->role < 0;
    if (!*ret_opened)
        return STEP_NEXT;
    return step_of(t, context_node(c, NODE_OPEN, PLAN_ASSISTANT, NULL));
}

static enum step close_turn(struct task *t, struct context *c, bool opened)
{
    return opened ? step_of(t, context_node(c, NODE_CLOSE, -1, NULL)) : STEP_NEXT;
}

static enum step give(struct task *t, struct insn in, const struct gen_site *site, struct value v,
                      const struct meta_parts *parts)
{
    struct frame *f = t->top;
    if (site->meta != BC_NONE) {
        struct value meta;
        enum step s = hole_meta(t, parts, &meta);
        if (s != STEP_NEXT) {
            value_unref(v);
            return s;
        }
        value_set_take(&f->reg[site->meta], meta);
    }
    if (t->run->opts.names && site->name.len) {
        struct run_event ev = { .kind = RUN_VALUE, .branch = task_branch(t) };
        ev.owned = mem_strndup(site->name.ptr, site->name.len);
        ev.name = (struct slice){ ev.owned, ev.owned ? site->name.len : 0 };
        if (value_detach(v, &ev.value) == ST_OK)
            run_emit(t->run, &ev);
        else
            mem_free(ev.owned);
    }
    value_set_take(&f->reg[in.a], v);
    return STEP_NEXT;
}

static enum step gen_mock(struct task *t, struct insn in, const struct gen_site *site,
                          struct settings *mock, struct value ctx)
{
    struct frame *f = t->top;
    struct context *c = context_of(ctx);
    enum step s;
    if (f->stage == STAGE_BEGIN) {
        t->run->stats.n_gen++;
        s = settings_call(t);
        if (s != STEP_NEXT)
            return s;
        f->stage = STAGE_MOCK;
    }
    if (f->tmp[TMP_ANSWER].tag == VAL_NULL) {
        s = mock_answer(t, mock, site, c, &f->tmp[TMP_ANSWER]);
        if (s != STEP_NEXT)
            return s;
    }
    struct value v;
    struct str text = { 0 };
    bool opened = false;
    s = mock_gen(t, site, f->tmp[TMP_ANSWER], &v, &text);
    if (s == STEP_NEXT) {
        s = open_turn(t, site, c, &opened);
        if (s == STEP_NEXT)
            s = keep_text(t, c, str_slice(&text));
        if (s == STEP_NEXT)
            s = close_turn(t, c, opened);
        struct meta_parts parts = { .probs = value_null() };
        if (s == STEP_NEXT)
            s = give(t, in, site, v, &parts);
        else
            value_unref(v);
    }
    str_free(&text);
    return s;
}

static enum step gen_submit(struct task *t, const struct gen_site *site, struct context *c,
                            enum wait_kind kind, struct stream *stream)
{
    struct plan *p = plan_new();
    if (!p)
        return task_fail_status(t, ST_NOMEM);
    hole_init(&p->hole, HOLE_GEN);
    enum step s = hole_fill(t, site, &p->hole, &p->arena);
    if (s != STEP_NEXT) {
        plan_free(p);
        return s;
    }
    if (t->top->tmp[TMP_CTX].b)         /* the turn that was opened for it ends behind it */
        p->hole.next = NEXT_TURN_END;
    p->hole.stream = kind == WAIT_STREAM || t->run->opts.chunks;
    uint64_t left = settings_tokens_left(t);
    t->top->stage_i = 0;
    if (left < p->hole.max) {
        p->hole.max = left ? (uint32_t)left : 1;
        if (p->hole.min > p->hole.max)
            p->hole.min = p->hole.max;
        t->top->stage_i = 1;        /* reaching max now means that the budget is spent */
    }
    return planner_submit(t, c, p, kind, stream, site);
}

static enum step gen_take(struct task *t, struct insn in, const struct gen_site *site,
                          struct context *c, bool opened)
{
    struct op_wait *w = t->wait;
    if (w->ev.kind == PLAN_FAILED)
        return plan_failed(t, w);
    const struct plan_result *res = w->ev.result;
    enum step s = keep_result(t, c, res);
    if (s == STEP_NEXT)
        s = close_turn(t, c, opened);
    if (s == STEP_NEXT)
        s = settings_charge(t, res->n_charged);
    if (s == STEP_NEXT && t->top->stage_i &&
        (res->finish == FINISH_LENGTH || res->finish == FINISH_CLOSED))
        s = task_fail(t, "R0701", "the token budget is spent");
    struct value v;
    struct type_fault fault = { .need = BC_NO_INDEX };
    if (s == STEP_NEXT) {
        enum status st = type_read(t->top->image, site->rtype, res->text, &v, &fault);
        if (st != ST_OK)
            s = task_fail(t, "R0206", "the model's text \"%.*s\" cannot be read: %s",
                          (int)(res->text.len < 80 ? res->text.len : 80), res->text.ptr,
                          fault.text);
    }
    struct meta_parts parts = { .res = res, .probs = value_null() };
    return s == STEP_NEXT ? give(t, in, site, v, &parts) : s;
}

/* The first stage of gen and of a stream: the call is counted and the turn stands open; whether this
 * call opened it is in TMP_CTX.  Once behind it, does nothing. */
static enum step begin_gen(struct task *t, const struct gen_site *site, struct context *c)
{
    struct frame *f = t->top;
    if (f->stage != STAGE_BEGIN)
        return STEP_NEXT;
    if (c->busy) {
        wait_on(&c->idle, t);
        return STEP_WAIT;
    }
    bool opened;
    t->run->stats.n_gen++;
    enum step s = settings_call(t);
    if (s == STEP_NEXT)
        s = open_turn(t, site, c, &opened);
    if (s != STEP_NEXT)
        return s;
    f->tmp[TMP_CTX] = value_bool(opened);
    f->stage = STAGE_OPENED;
    return STEP_NEXT;
}

enum step op_gen(struct task *t, struct insn in)
{
    struct frame *f = t->top;
    const struct gen_site *site = &f->image->module->gen[in.c];
    struct value ctx = f->reg[in.b];
    struct context *c = context_of(ctx);
    struct settings *mock = mock_find(t);
    if (mock)
        return gen_mock(t, in, site, mock, ctx);
    enum step s = begin_gen(t, site, c);
    if (s != STEP_NEXT)
        return s;
    if (f->stage == STAGE_OPENED) {
        s = planner_session(t, c);
        if (s != STEP_NEXT)
            return s;
        f->stage = STAGE_ASKED;
        s = gen_submit(t, site, c, WAIT_GEN, NULL);
        if (s != STEP_WAIT)
            return s;
    }
    if (!t->wait || !t->wait->done)
        return STEP_WAIT;
    s = gen_take(t, in, site, c, f->tmp[TMP_CTX].b);
    drop_wait(t);
    return s;
}

/* ---- select and score ---- */

static enum status probs_map(struct value options, const double *prob, uint32_t n,
                             struct value *ret)
{
    enum status st = value_map(ret);
    for (uint32_t i = 0; i < n && i < value_len(options) && st == ST_OK; i++) {
        st = value_map_put_take(ret, value_ref(value_at(options, i)), value_float(prob[i]));
        if (st != ST_OK)
            value_unref(*ret);
    }
    return st;
}

static enum step select_give(struct task *t, struct insn in, const struct gen_site *site,
                             struct value options, uint32_t best, struct value probs, bool score,
                             const struct plan_result *res)
{
    struct meta_parts parts = { .res = res, .probs = probs };
    struct value v = value_ref(score ? probs : value_at(options, best));
    return give(t, in, site, v, &parts);
}

/* One option needs no model: nothing is asked and its probability is 1. */
static enum step select_local(struct task *t, struct insn in, const struct gen_site *site,
                              struct context *c, struct value options, uint32_t best,
                              struct value probs, bool score)
{
    enum step s = STEP_NEXT;
    if (!score) {
        struct str text = { 0 };
        bool opened = false;
        value_format(value_at(options, best), &text);
        s = open_turn(t, site, c, &opened);
        if (s == STEP_NEXT)
            s = keep_text(t, c, str_slice(&text));
        if (s == STEP_NEXT)
            s = close_turn(t, c, opened);
        str_free(&text);
    }
    return s == STEP_NEXT ? select_give(t, in, site, options, best, probs, score, NULL) : s;
}

static enum step select_mock(struct task *t, struct insn in, const struct gen_site *site,
                             struct settings *mock, struct value ctx, bool score)
{
    struct frame *f = t->top;
    enum step s;
    if (f->tmp[TMP_ANSWER].tag == VAL_NULL) {
        s = mock_answer(t, mock, site, context_of(ctx), &f->tmp[TMP_ANSWER]);
        if (s != STEP_NEXT)
            return s;
    }
    struct value probs;
    uint32_t best = 0;
    s = mock_probs(t, f->tmp[TMP_OPTIONS], f->tmp[TMP_ANSWER], score, &probs, &best);
    if (s != STEP_NEXT)
        return s;
    s = select_local(t, in, site, context_of(ctx), f->tmp[TMP_OPTIONS], best, probs, score);
    value_unref(probs);
    return s;
}

static enum step select_begin(struct task *t, const struct gen_site *site, bool score)
{
    struct frame *f = t->top;
    if (score)
        t->run->stats.n_score++;
    else
        t->run->stats.n_select++;
    enum step s = settings_call(t);
    if (s == STEP_NEXT)
        s = hole_options(t, site, &f->tmp[TMP_OPTIONS]);
    f->stage = STAGE_MOCK;
    return s;
}

/* Score looks at the head of an assistant turn without opening one: it works on a copy. */
static enum step select_place(struct task *t, const struct gen_site *site, struct value ctx,
                              bool score)
{
    struct frame *f = t->top;
    struct context *c = context_of(ctx);
    bool outside = site->opens_turn && c->tail->mode == MODE_CHAT && c->tail->role < 0;
    if (score && outside) {
        enum status st = context_copy(ctx, t->owner, false, &f->tmp[TMP_CTX]);
        if (st != ST_OK)
            return task_fail_status(t, st);
        c = context_of(f->tmp[TMP_CTX]);
    } else {
        f->tmp[TMP_CTX] = value_ref(ctx);
    }
    bool opened;
    enum step s = open_turn(t, site, c, &opened);
    f->stage_i = opened;
    f->stage = STAGE_OPENED;
    return s;
}

static enum step select_submit(struct task *t, const struct gen_site *site, struct context *c,
                               bool score)
{
    struct frame *f = t->top;
    struct plan *p = plan_new();
    if (!p)
        return task_fail_status(t, ST_NOMEM);
    hole_init(&p->hole, score ? HOLE_SCORE : HOLE_SELECT);
    enum step s = hole_fill(t, site, &p->hole, &p->arena);
    if (s == STEP_NEXT)
        s = hole_option_texts(t, &p->hole, f->tmp[TMP_OPTIONS], &p->arena);
    if (s != STEP_NEXT) {
        plan_free(p);
        return s;
    }
    if (f->stage_i)
        p->hole.next = NEXT_TURN_END;
    return planner_submit(t, c, p, WAIT_GEN, NULL, site);
}

static enum step select_take(struct task *t, struct insn in, const struct gen_site *site,
                             struct context *c, bool score)
{
    struct frame *f = t->top;
    struct op_wait *w = t->wait;
    if (w->ev.kind == PLAN_FAILED)
        return plan_failed(t, w);
    const struct plan_result *res = w->ev.result;
    struct value options = f->tmp[TMP_OPTIONS], probs;
    enum step s = STEP_NEXT;
    if (!score) {
        s = keep_result(t, c, res);
        if (s == STEP_NEXT)
            s = close_turn(t, c, f->stage_i);
    }
    if (s == STEP_NEXT)
        s = settings_charge(t, res->n_charged);
    if (s == STEP_NEXT)
        s = step_of(t, probs_map(options, res->prob, res->n_prob, &probs));
    if (s != STEP_NEXT)
        return s;
    s = select_give(t, in, site, options, res->option, probs, score, res);
    value_unref(probs);
    return s;
}

enum step op_select(struct task *t, struct insn in, bool score)
{
    struct frame *f = t->top;
    const struct gen_site *site = &f->image->module->gen[in.c];
    struct value ctx = f->reg[in.b];
    enum step s = STEP_NEXT;
    if (f->stage == STAGE_BEGIN) {
        if (context_of(ctx)->busy) {
            wait_on(&context_of(ctx)->idle, t);
            return STEP_WAIT;
        }
        s = select_begin(t, site, score);
        if (s != STEP_NEXT)
            return s;
    }
    if (f->stage == STAGE_MOCK) {
        struct settings *mock = mock_find(t);
        if (mock)
            return select_mock(t, in, site, mock, ctx, score);
        if (value_len(f->tmp[TMP_OPTIONS]) == 1) {
            struct value probs;
            const double one = 1.0;
            s = step_of(t, probs_map(f->tmp[TMP_OPTIONS], &one, 1, &probs));
            if (s != STEP_NEXT)
                return s;
            s = select_local(t, in, site, context_of(ctx), f->tmp[TMP_OPTIONS], 0, probs, score);
            value_unref(probs);
            return s;
        }
        s = select_place(t, site, ctx, score);
        if (s != STEP_NEXT)
            return s;
    }
    struct context *c = context_of(f->tmp[TMP_CTX]);
    if (f->stage == STAGE_OPENED) {
        s = planner_session(t, c);
        if (s != STEP_NEXT)
            return s;
        f->stage = STAGE_ASKED;
        s = select_submit(t, site, c, score);
        if (s != STEP_WAIT)
            return s;
    }
    if (!t->wait || !t->wait->done)
        return STEP_WAIT;
    s = select_take(t, in, site, c, score);
    drop_wait(t);
    return s;
}

/* ---- streams (LANGUAGE.md 6.4) ---- */

static void stream_destroy(struct obj *o)
{
    struct stream *s = (struct stream *)o;
    if (s->wait)
        planner_abandon(s->wait);
    value_unref(s->ctx);
    value_unref(s->value);
    value_unref(s->meta);
    value_unref(s->error);
    str_free(&s->piece);
    waitlist_free(&s->waiters);
    image_unref(s->image);
    mem_free(s);
}

static struct stream *stream_new(struct task *t, const struct gen_site *site, struct value ctx)
{
    struct stream *s = mem_zalloc(sizeof *s);
    if (!s)
        return NULL;
    s->hdr.hdr = (struct obj){ .refs = 1, .tag = VAL_STREAM };
    s->hdr.destroy = stream_destroy;
    s->run = t->run;
    s->image = image_ref(t->top->image);
    s->site = site;
    s->ctx = value_ref(ctx);
    return s;
}

void stream_chunk(struct stream *s, struct slice text)
{
    str_add_slice(&s->piece, text);
    s->given += text.len;
    wake_all(&s->waiters);
}

/* The generation is over: the rest of its text becomes the last piece. */
void stream_ended(struct stream *s, struct op_wait *w)
{
    s->ended = true;
    const struct plan_result *res = w->ev.result;
    if (w->ev.kind == PLAN_DONE) {
        struct task *m = s->run->main;      /* whoever reads raises what goes wrong here */
        if (res->text.len > s->given)
            str_add(&s->piece, res->text.ptr + s->given, res->text.len - s->given);
        if (m && keep_result(m, context_of(s->ctx), res) == STEP_NEXT)
            close_turn(m, context_of(s->ctx), s->closes_turn);
        struct type_fault fault = { .need = BC_NO_INDEX };
        if (type_read(s->image, s->site->rtype, res->text, &s->value, &fault) != ST_OK)
            w->ev.kind = PLAN_FAILED;
    }
    if (w->ev.kind == PLAN_FAILED && s->run->main) {
        struct error *e = &w->ev.error;
        const char *code = e->code[0] ? e->code : "R0705";
        error_value(s->run->main, code, slice_of(kind_of_code(code)), slice_of(e->text),
                    value_null(), &s->error);
    }
    wake_all(&s->waiters);
}

static enum step stream_mock(struct task *t, struct insn in, const struct gen_site *site,
                             struct settings *mock)
{
    struct frame *f = t->top;
    struct context *c = context_of(f->reg[in.b]);
    enum step s = STEP_NEXT;
    if (f->stage == STAGE_BEGIN) {
        t->run->stats.n_gen++;
        s = settings_call(t);
        if (s != STEP_NEXT)
            return s;
        f->stage = STAGE_MOCK;
    }
    if (f->tmp[TMP_ANSWER].tag == VAL_NULL) {
        s = mock_answer(t, mock, site, c, &f->tmp[TMP_ANSWER]);
        if (s != STEP_NEXT)
            return s;
    }
    struct stream *st = stream_new(t, site, f->reg[in.b]);
    if (!st)
        return task_fail_status(t, ST_NOMEM);
    bool opened = false;
    s = mock_gen(t, site, f->tmp[TMP_ANSWER], &st->value, &st->piece);
    if (s == STEP_NEXT)
        s = open_turn(t, site, c, &opened);
    if (s == STEP_NEXT)
        s = keep_text(t, c, str_slice(&st->piece));
    if (s == STEP_NEXT)
        s = close_turn(t, c, opened);
    st->ended = true;
    struct value v = { .tag = VAL_STREAM, .obj = &st->hdr.hdr };
    if (s == STEP_NEXT)
        value_set_take(&f->reg[in.a], v);
    else
        value_unref(v);
    return s;
}

enum step op_stream_open(struct task *t, struct insn in)
{
    struct frame *f = t->top;
    const struct gen_site *site = &f->image->module->gen[in.c];
    struct context *c = context_of(f->reg[in.b]);
    struct settings *mock = mock_find(t);
    if (mock)
        return stream_mock(t, in, site, mock);
    enum step s = begin_gen(t, site, c);
    if (s != STEP_NEXT)
        return s;
    s = planner_session(t, c);
    if (s != STEP_NEXT)
        return s;
    struct stream *st = stream_new(t, site, f->reg[in.b]);
    if (!st)
        return task_fail_status(t, ST_NOMEM);
    st->closes_turn = f->tmp[TMP_CTX].b;
    struct value v = { .tag = VAL_STREAM, .obj = &st->hdr.hdr };
    s = gen_submit(t, site, c, WAIT_STREAM, st);
    if (s != STEP_WAIT) {
        value_unref(v);
        return s;
    }
    value_set_take(&f->reg[in.a], v);
    return STEP_NEXT;
}

static bool streams_text(const struct module *m, const struct gen_site *site)
{
    if (!site->shape)
        return true;
    enum rtype_kind k = m->rtype[site->rtype].kind;
    return k == RT_STR || k == RT_REGEX_STR || k == RT_GRAMMAR;
}

enum step op_stream_next(struct task *t, struct insn in)
{
    struct frame *f = t->top;
    if (f->reg[in.a].tag != VAL_STREAM)
        return task_fail(t, "R0205", "not a stream");
    struct stream *s = (struct stream *)f->reg[in.a].obj;
    if (s->error.tag == VAL_ERROR)
        return task_raise(t, value_ref(s->error));
    bool text = streams_text(s->image->module, s->site);
    bool piece = s->piece.len && (text || s->ended);
    if (!piece && !s->ended) {
        wait_on(&s->waiters, t);
        return STEP_WAIT;
    }
    if (!piece)
        return STEP_NEXT;           /* the end: what follows jumps out */
    struct value v = value_ref(s->value);
    if (text) {
        value_unref(v);
        enum status st = value_str(str_slice(&s->piece), &v);
        if (st != ST_OK)
            return task_fail_status(t, st);
    }
    str_cut(&s->piece, 0);
    value_set_take(&f->reg[in.b], v);
    f->pc++;
    return STEP_NEXT;
}

enum step op_stream_value(struct task *t, struct insn in)
{
    struct frame *f = t->top;
    if (f->reg[in.b].tag != VAL_STREAM)
        return task_fail(t, "R0205", "not a stream");
    struct stream *s = (struct stream *)f->reg[in.b].obj;
    if (!s->ended) {
        wait_on(&s->waiters, t);
        return STEP_WAIT;
    }
    if (s->error.tag == VAL_ERROR)
        return task_raise(t, value_ref(s->error));
    value_set_take(&f->reg[in.a], value_ref(s->value));
    return STEP_NEXT;
}

/* ---- members of a context ---- */

static enum step query_tokens(struct task *t, struct context *c, bool left, struct value *ret)
{
    struct frame *f = t->top;
    if (mock_find(t) || !t->run->engine) {
        int64_t n = (int64_t)((c->tail->total + 3) / 4);
        *ret = value_int(left ? INT32_MAX - n : n);
        return STEP_NEXT;
    }
    if (f->stage == STAGE_BEGIN) {
        enum step s = planner_session(t, c);
        if (s != STEP_NEXT)
            return s;
        struct plan *p = plan_new();
        if (!p)
            return task_fail_status(t, ST_NOMEM);
        f->stage = STAGE_ASKED;
        s = planner_submit(t, c, p, WAIT_GEN, NULL, NULL);
        if (s != STEP_WAIT)
            return s;
    }
    if (!t->wait || !t->wait->done)
        return STEP_WAIT;
    if (t->wait->ev.kind == PLAN_FAILED) {
        enum step s = plan_failed(t, t->wait);
        drop_wait(t);
        return s;
    }
    int64_t n = t->wait->ev.result->n_tok;
    enum step s = settings_charge(t, t->wait->ev.result->n_charged);
    drop_wait(t);
    *ret = value_int(left ? (int64_t)engine_info(t->run->engine)->context - n : n);
    return s;
}

static enum step query_text(struct task *t, struct context *c, struct value *ret)
{
    struct str text = { 0 };
    context_show(c->tail, &text);
    enum status st = text.failed ? ST_NOMEM : value_str(str_slice(&text), ret);
    str_free(&text);
    return step_of(t, st);
}

enum step op_query(struct task *t, struct insn in)
{
    static const char *const roles[] = { "system", "user", "assistant", "tool" };
    struct frame *f = t->top;
    struct context *c = context_of(f->reg[in.b]);
    struct value v = value_null();
    enum step s = STEP_NEXT;
    if (c->busy && !t->wait) {
        wait_on(&c->idle, t);
        return STEP_WAIT;
    }
    switch ((enum ctx_query)in.c) {
    case QUERY_TOKENS:
    case QUERY_LEFT:
        s = query_tokens(t, c, in.c == QUERY_LEFT, &v);
        break;
    case QUERY_TEXT:
        s = query_text(t, c, &v);
        break;
    case QUERY_MESSAGES:
        s = step_of(t, context_messages(t->run, c->tail, &v));
        break;
    case QUERY_ROLE:
        if (c->tail->role >= 0)
            s = step_of(t, value_str(slice_of(roles[c->tail->role & 3]), &v));
        break;
    case QUERY_MODEL: {
        const char *name = t->run->engine ? engine_info(t->run->engine)->model : "mock";
        s = step_of(t, value_str(slice_of(name), &v));
        break;
    }
    }
    if (s == STEP_NEXT)
        value_set_take(&f->reg[in.a], v);
    return s;
}
