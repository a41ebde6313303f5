/* value_measure.c - bytes that places and values cost at least, and what can be given at all. */

#include "base/array.h"
#include "compiler/pattern/derive.h"
#include "compiler/pattern/value_int.h"

/* ---- costs ---------------------------------------------------------------------------------- */

static size_t quoted(struct slice name)
{
    size_t n = 2;
    for (size_t i = 0; i < name.len; i++)
        n += (uint8_t)name.ptr[i] < 0x80 ? cp_bytes((uint8_t)name.ptr[i], true) : 1;
    return n;
}

static size_t value_min(const struct rules *r, uint32_t value)
{
    return value == VALUE_NONE ? SIZE_MAX : r->value[value].min;
}

/* `n` items from pos on, each with a comma. */
static size_t items_cost(const struct rules *r, const struct value_array *a, uint32_t pos, uint32_t n)
{
    size_t sum = 0;
    for (; n && pos < a->n_prefix; n--, pos++)
        sum = add_size(sum, add_size(value_comma_bytes(r), value_min(r, a->prefix[pos])));
    if (n) {
        size_t one = add_size(value_comma_bytes(r), value_min(r, a->item));
        sum = one > SIZE_MAX / n ? SIZE_MAX : add_size(sum, one * n);
    }
    return sum;
}

/* What the items still owed cost, each with a comma.  One that must count costs what such an item
 * does: were it less, giving others for ever would look cheaper. */
static size_t array_debt(const struct rules *r, const struct value_array *a,
                         const struct rule_state *s)
{
    uint32_t need = value_contains_need(s), n = s->missing > need ? s->missing - need : 0;
    size_t one = SIZE_MAX, sum = items_cost(r, a, s->pos, n);
    if (!need)
        return sum;
    if (a->counted != VALUE_NONE)
        one = value_min(r, a->counted);
    for (uint32_t i = s->pos; i < a->n_prefix; i++)
        if (value_min(r, a->prefix_counted[i]) < one)
            one = value_min(r, a->prefix_counted[i]);
    one = add_size(one, value_comma_bytes(r));
    return one > SIZE_MAX / need ? SIZE_MAX : add_size(sum, one * need);
}

static size_t array_cost(const struct rules *r, const struct rule_state *s)
{
    const struct value_array *a = &r->array[s->a];
    size_t debt = array_debt(r, a, s);
    if (s->phase == PH_MEMBER && debt)
        return add_size(debt, 1) - value_comma_bytes(r);
    if (s->phase == PH_MEMBER)
        return add_size(value_min(r, value_item_at(a, s->pos)), 1);
    return add_size(debt, s->phase != PH_NEXT && s->phase != PH_OPEN);
}

/* What the keys still owed from the state on cost, each with its comma. */
static size_t object_debt(const struct value_object *o, const struct rule_state *s, uint32_t pos)
{
    uint32_t required = value_required_from(o, pos);
    uint32_t pay = value_pay_keys(o, s->bits);
    size_t owed = s->missing > required + pay ? s->missing - required - pay : 0;
    if ((owed && o->extra_min > SIZE_MAX / owed) || (pay && o->pay_min > SIZE_MAX / pay))
        return SIZE_MAX;
    return add_size(o->tail[pos], add_size(owed * o->extra_min, pay * o->pay_min));
}

static size_t object_cost(const struct rules *r, const struct rule_state *s)
{
    const struct value_object *o = &r->object[s->a];
    if (!o->tail)
        return 1;
    struct rule_state next;
    size_t debt, colon = value_comma_bytes(r);
    switch (s->phase) {
    case PH_COLON:
    case PH_VALUE:
    case PH_EXTRA:
        next = value_with_key(o, s, s->pos);
        debt = add_size(value_min(r, value_key_value(o, s->pos)), object_debt(o, &next, next.pos) + 1);
        return add_size(debt, s->phase == PH_VALUE ? 0 : colon);
    case PH_KEY:
    case PH_MEMBER:
        debt = object_debt(o, s, s->pos);
        return add_size(debt ? debt : o->extra_min, 1) - value_comma_bytes(r);
    default:
        return add_size(object_debt(o, s, s->pos), s->phase == PH_AFTER);
    }
}

size_t value_cost(struct rules *r, const struct rule_state *s)
{
    if (s->kind == RULE_VALUE)
        return r->value[s->a].min;
    return s->kind == RULE_ARRAY ? array_cost(r, s) : object_cost(r, s);
}

/* ---- productivity --------------------------------------------------------------------------- */

static size_t array_min(const struct rules *r, const struct value_array *a)
{
    if (a->lo > a->hi)
        return SIZE_MAX;
    if (!a->contains) {
        size_t sum = add_size(items_cost(r, a, 0, a->lo), 2);
        return a->lo && sum != SIZE_MAX ? sum - value_comma_bytes(r) : sum;
    }
    if (!value_items_finish(r, a, 0, a->lo, a->hi, a->contains_lo, a->contains_hi))
        return SIZE_MAX;
    const struct rule_state first = { .missing = a->lo, .bits = a->contains_lo };
    size_t debt = array_debt(r, a, &first);
    return debt == SIZE_MAX ? SIZE_MAX - 1 : add_size(debt, 2) - (debt ? value_comma_bytes(r) : 0);
}

static size_t member_min(const struct rules *r, size_t name, uint32_t value)
{
    return add_size(value_min(r, value), name + 2 * value_comma_bytes(r));
}

/* Cheapest member that need not be there. */
static size_t extra_min(struct rules *r, const struct value_object *o)
{
    size_t best = SIZE_MAX, n;
    for (uint32_t i = 0; i < o->n_key; i++)
        if (!o->key[i].required && (n = member_min(r, quoted(o->key[i].name), o->key[i].value)) < best)
            best = n;
    for (uint32_t i = 0; i < o->n_cls; i++) {
        size_t name = expr_shortest(&r->t.ex, o->cls[i].name, true);
        if (name < SIZE_MAX / 2 && (n = member_min(r, name + 2, o->cls[i].value)) < best)
            best = n;
    }
    return best;
}

/* The dearest of the cheapest members that pay each debt, so that paying is never put off. */
static size_t pay_min(struct rules *r, const struct value_object *o)
{
    size_t most = 0;
    for (uint32_t left = o->owes; left; left &= left - 1) {
        size_t best = SIZE_MAX, n;
        for (uint32_t i = 0; i < o->n_cls; i++) {
            size_t name = o->cls[i].pays & left & -left ? expr_shortest(&r->t.ex, o->cls[i].name, true) : SIZE_MAX;
            if (name < SIZE_MAX / 2 && (n = member_min(r, name + 2, o->cls[i].value)) < best)
                best = n;
        }
        most = best > most ? best : most;
    }
    return most;
}

static size_t object_min(struct rules *r, const struct value_object *o)
{
    size_t sum = 2;
    uint32_t live = 0;
    for (uint32_t i = 0; i < o->n_key; i++) {
        live += value_min(r, o->key[i].value) != SIZE_MAX;
        if (o->key[i].required)
            sum = add_size(sum, member_min(r, quoted(o->key[i].name), o->key[i].value));
    }
    if (sum == SIZE_MAX || (o->counts && (o->n_required > o->hi || o->lo > o->hi)))
        return SIZE_MAX;
    uint32_t pay = value_pay_keys(o, o->owes);
    uint32_t owed = o->counts && o->lo > o->n_required ? o->lo - o->n_required : pay;
    const struct rule_state first = { .bits = o->owes };
    uint32_t keys = o->counts && o->hi != EXPR_INF ? o->hi - o->n_required : EXPR_INF;
    if (!value_can_pay(r, o, &first, o->n_cls, keys))
        return SIZE_MAX;
    for (uint32_t i = 0; i < o->n_cls && o->counts && live < o->lo; i++)
        if (value_min(r, o->cls[i].value) != SIZE_MAX)
            live += expr_words(&r->t.ex, o->cls[i].name, o->lo - live);
    if (owed && o->counts && live < o->lo)
        return SIZE_MAX;
    size_t one = owed ? extra_min(r, o) : 0;
    if (owed && one > SIZE_MAX / 2 / owed)
        return SIZE_MAX;
    sum = add_size(sum, one * owed);
    return o->n_required || owed ? sum - value_comma_bytes(r) : sum;
}

static size_t value_measure(struct rules *r, const struct value *v)
{
    size_t best = v->same ? r->value[v->same].min : SIZE_MAX, n;
    for (uint32_t i = 0; i < v->n_term; i++)
        if ((n = terminal_shortest(&r->t, v->term[i])) < best)
            best = n;
    for (uint32_t i = 0; i < v->n_arr; i++)
        if ((n = array_min(r, &r->array[v->arr[i]])) < best)
            best = n;
    for (uint32_t i = 0; i < v->n_obj && expr_work(&r->t.ex, r->object[v->obj[i]].n_key / 16); i++)
        if ((n = object_min(r, &r->object[v->obj[i]])) < best)
            best = n;
    return best;
}

/* Items that cannot be given end the array; keys and classes that cannot be given go. */
static void prune_array(struct rules *r, struct value_array *a)
{
    for (uint32_t i = 0; i < a->n_prefix; i++)
        if (!value_gives(r, a->prefix[i])) {
            a->n_prefix = i;
            a->item = a->counted = a->other = VALUE_NONE;
        }
    if (!value_gives(r, a->item))
        a->item = VALUE_NONE;
    if (a->item == VALUE_NONE && a->hi > a->n_prefix)
        a->hi = a->n_prefix;
}

bool value_roomy(struct rules *r, uint32_t e)
{
    return expr_open(&r->t.ex, e) || expr_words(&r->t.ex, e, ROOMY_WORDS) >= ROOMY_WORDS;
}

/* However a text begins, there are many others that begin so: `^[a-z]{1,9}$` is roomy and yet
 * "abcdefghi" is alone. */
bool value_open(struct rules *r, uint32_t e)
{
    enum { STATES = 64, LEFT = 4096 };
    uint32_t list[STATES], n = 1;
    struct expr_pool *p = &r->t.ex;
    if (expr_open(p, e))
        return true;
    list[0] = e;
    for (uint32_t i = 0; i < n; i++) {
        if (!expr_work(p, 1) || expr_words(p, list[i], LEFT) < LEFT)
            return false;
        struct arc_list l = expr_live_arcs(p, list[i]);
        for (uint32_t k = 0; k < l.n; k++) {
            uint32_t at = 0;
            while (at < n && list[at] != l.arc[k].to)
                at++;
            if (at == STATES)
                return false;
            if (at == n)
                list[n++] = l.arc[k].to;
        }
    }
    return !rules_failed(r);
}

static void prune_object(struct rules *r, struct value_object *o)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < o->n_key; i++)
        if (value_min(r, o->key[i].value) != SIZE_MAX)
            o->key[n++] = o->key[i];
    o->n_key = n;
    n = 0;
    for (uint32_t i = 0; i < o->n_cls; i++)
        if (value_min(r, o->cls[i].value) != SIZE_MAX && expr_live(&r->t.ex, o->cls[i].name))
            o->cls[n++] = o->cls[i];
    o->n_cls = n;
    o->tail = arena_array(&r->arena, o->n_key + 1ul, sizeof *o->tail);
    if (!o->tail) {
        rules_fail(r, ST_NOMEM);
        return;
    }
    for (uint32_t i = o->n_key; i-- > 0;) {
        o->tail[i] = o->tail[i + 1];
        if (o->key[i].required)
            o->tail[i] = add_size(o->tail[i], member_min(r, quoted(o->key[i].name), o->key[i].value));
    }
    o->extra_min = extra_min(r, o);
    o->pay_min = pay_min(r, o);
    for (uint32_t i = 0; i < o->n_cls && !rules_failed(r); i++) {
        o->cls[i].roomy = value_roomy(r, o->cls[i].name);
        o->cls[i].open = o->cls[i].roomy && value_open(r, o->cls[i].name);
    }
}

void values_measure(struct rules *r)
{
    for (bool changed = true; changed && !rules_failed(r);) {
        changed = false;
        for (uint32_t i = r->n_value; i-- > 0 && !rules_failed(r);) {
            size_t n = value_measure(r, &r->value[i]);
            expr_work(&r->t.ex, 1);
            if (n < r->value[i].min) {
                r->value[i].min = n;
                changed = true;
            }
        }
    }
    /* Dead alternatives go before their parts are pruned, while minima still tell them apart. */
    for (uint32_t i = 0; i < r->n_value && !rules_failed(r); i++) {
        struct value *v = &r->value[i];
        uint32_t n = 0;
        for (uint32_t k = 0; k < v->n_arr; k++)
            if (array_min(r, &r->array[v->arr[k]]) != SIZE_MAX)
                v->arr[n++] = v->arr[k];
        v->n_arr = n;
        n = 0;
        for (uint32_t k = 0; k < v->n_obj; k++)
            if (object_min(r, &r->object[v->obj[k]]) != SIZE_MAX)
                v->obj[n++] = v->obj[k];
        v->n_obj = n;
    }
    for (uint32_t i = 0; i < r->n_array; i++)
        prune_array(r, &r->array[i]);
    for (uint32_t i = 0; i < r->n_object && !rules_failed(r); i++)
        prune_object(r, &r->object[i]);
}
