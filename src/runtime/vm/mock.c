/* mock.c - answers that stand in for a model inside a test (LANGUAGE.md 13).
 *
 * Positions are part of the settings object, so every task under one `mock` takes from the same
 * list; nothing runs ahead under it (branch.c), so that order is program order. */
#include "runtime/vm/vm_int.h"

#include <string.h>

struct settings *mock_find(struct task *t)
{
    for (struct settings *s = t->settings; s; s = s->up)
        if (s->kind == SCOPE_MOCK)
            return s;
    return NULL;
}

static enum step none_left(struct task *t, struct slice name)
{
    if (!name.len)
        return task_fail(t, "R0802", "the mock has no answer left");
    return task_fail(t, "R0802", "the mock has no answer left for `%.*s`", (int)name.len, name.ptr);
}

static enum step from_list(struct task *t, struct value list, uint32_t *at, struct slice name,
                           struct value *ret)
{
    if (*at >= value_len(list))
        return none_left(t, name);
    *ret = value_ref(value_at(list, (*at)++));
    return STEP_NEXT;
}

static enum step from_map(struct task *t, struct settings *mock, struct slice name,
                          struct value *ret)
{
    struct value v;
    if (!value_map_find(mock->value, name, &v))
        return none_left(t, name);
    if (v.tag != VAL_LIST) {
        *ret = value_ref(v);
        return STEP_NEXT;
    }
    for (uint32_t i = 0; i < mock->n_name; i++)
        if (slice_eq(value_text(mock->name[i].name), name))
            return from_list(t, v, &mock->name[i].at, name, ret);
    struct mock_name *m = array_push(&mock->name, &mock->n_name, &mock->cap_name, sizeof *m);
    if (!m || value_str(name, &m->name) != ST_OK)
        return task_fail_status(t, ST_NOMEM);
    return from_list(t, v, &m->at, name, ret);
}

static enum step from_function(struct task *t, struct settings *mock, struct context *c,
                               struct value *ret)
{
    struct frame *f = t->top;
    if (f->stage_i)
        return STEP_NEXT;           /* *ret has it */
    struct str text = { 0 };
    struct value arg;
    context_show(c->tail, &text);
    enum status st = text.failed ? ST_NOMEM : value_str(str_slice(&text), &arg);
    str_free(&text);
    if (st != ST_OK)
        return task_fail_status(t, st);
    (void)ret;
    f->stage_i = 1;
    enum step s = call_value(t, mock->value, &arg, 1, THEN_TMP, TMP_ANSWER);
    value_unref(arg);
    return s;
}

enum step mock_answer(struct task *t, struct settings *mock, const struct gen_site *site,
                      struct context *c, struct value *ret)
{
    enum step s;
    t->steps = 0;
    switch (mock->value.tag) {
    case VAL_LIST:
        s = from_list(t, mock->value, &mock->at, SLICE(""), ret);
        break;
    case VAL_MAP:
        s = from_map(t, mock, site->name, ret);
        break;
    case VAL_FN:
        s = from_function(t, mock, c, ret);
        break;
    default:
        s = task_fail(t, "R0801", "a mock is a list, a map or a function, not a %s",
                      value_tag_name(mock->value.tag));
    }
    return s;
}

static enum step raise_answer(struct task *t, struct value e)
{
    struct value text;
    struct slice message = value_field_find(e, SLICE("message"), &text) ? value_text(text)
                                                                         : SLICE("");
    struct slice code = error_code_of(e);
    char buf[12] = "R0301";
    if (code.len && code.len < sizeof buf) {
        memcpy(buf, code.ptr, code.len);
        buf[code.len] = 0;
    }
    return task_fail_kind(t, buf, error_kind(e), message);
}

static void show(struct value v, struct str *out)
{
    if (v.tag == VAL_STR)
        jsonio_quote(value_text(v), out);
    else if (!value_format(v, out))
        str_adds(out, value_tag_name(v.tag));
}

static enum step outside(struct task *t, struct value answer, const char *why)
{
    struct str text = { 0 };
    show(answer, &text);
    enum step s = task_fail(t, "R0801", "the mock answer %.*s does not fit: %s",
                            (int)(text.len < 120 ? text.len : 120), text.ptr ? text.ptr : "", why);
    str_free(&text);
    return s;
}

/* Whether the text is one that the model could have written for a bare type. */
static bool could_be_written(const struct gen_site *site, struct slice text)
{
    struct pattern_source src = { .kind = PATTERN_SHAPE, .shape = site->shape };
    struct pattern *p;
    size_t at;
    if (pattern_compile(&src, &p, NULL) != ST_OK)
        return true;
    bool ok = pattern_accepts(p, text, &at);
    pattern_unref(p);
    return ok;
}

/* A value of the site's type, or its text; *ret_text is what the model would have written. */
enum step mock_gen(struct task *t, const struct gen_site *site, struct value answer,
                   struct value *ret, struct str *ret_text)
{
    struct image *im = t->top->image;
    struct type_fault fault = { .need = BC_NO_INDEX };
    if (answer.tag == VAL_ERROR)
        return raise_answer(t, answer);
    enum status st = ST_INVALID;
    if (answer.tag != VAL_STR || !site->shape)
        st = type_accept(im, site->rtype, answer, TYPE_JSON, ret, &fault);
    if (st == ST_INVALID && answer.tag == VAL_STR) {
        st = type_read(im, site->rtype, value_text(answer), ret, &fault);
        if (st == ST_INVALID)
            st = type_accept(im, site->rtype, answer, TYPE_STRICT, ret, &fault);
    }
    if (st == ST_INVALID)
        return outside(t, answer, fault.text);
    if (st != ST_OK)
        return type_fault_step(t, im, st, &fault, "R0801");
    bool bare = !site->shape || type_is_bare(im->module, site->rtype);
    if (bare && site->shape && answer.tag == VAL_STR && !could_be_written(site, value_text(answer))) {
        value_unref(*ret);
        *ret = value_null();
        return outside(t, answer, "the model cannot write it so");
    }
    if (bare)
        value_format(*ret, ret_text);
    else
        value_json(*ret, JSONIO_SPACED, ret_text);
    return STEP_NEXT;
}

static int64_t option_index(struct value options, struct value x)
{
    struct str want = { 0 }, have = { 0 };
    int64_t found = -1;
    value_format(x, &want);
    for (uint32_t i = 0; i < value_len(options) && found < 0; i++) {
        str_cut(&have, 0);
        value_format(value_at(options, i), &have);
        if (slice_eq(str_slice(&want), str_slice(&have)))
            found = i;
    }
    str_free(&want);
    str_free(&have);
    return found;
}

/* The answer to a choice: an option, its text, or a map from option to probability. */
enum step mock_probs(struct task *t, struct value options, struct value answer, bool score,
                     struct value *ret_probs, uint32_t *ret_best)
{
    (void)score;
    if (answer.tag == VAL_ERROR)
        return raise_answer(t, answer);
    uint32_t n = value_len(options);
    double *p = mem_calloc(n + 1u, sizeof *p);
    if (!p)
        return task_fail_status(t, ST_NOMEM);
    enum step s = STEP_NEXT;
    if (answer.tag == VAL_MAP) {
        for (uint32_t i = 0; i < value_len(answer) && s == STEP_NEXT; i++) {
            const struct map_entry *e = value_map_entry(answer, i);
            int64_t at = option_index(options, e->key);
            if (at < 0)
                s = outside(t, e->key, "it is not an option");
            else
                p[at] = e->val.tag == VAL_INT ? (double)e->val.i : e->val.f;
        }
    } else {
        int64_t at = option_index(options, answer);
        if (at < 0)
            s = outside(t, answer, "it is not an option");
        else
            p[at] = 1;
    }
    *ret_best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (p[i] > p[*ret_best])
            *ret_best = i;
    enum status st = s == STEP_NEXT ? value_map(ret_probs) : ST_OK;
    for (uint32_t i = 0; i < n && s == STEP_NEXT && st == ST_OK; i++) {
        struct value key;
        st = option_key(value_at(options, i), &key);
        if (st == ST_OK)
            st = value_map_put_take(ret_probs, key, value_float(p[i]));
        if (st != ST_OK)
            value_unref(*ret_probs);
    }
    mem_free(p);
    return s == STEP_NEXT ? step_of(t, st) : s;
}
