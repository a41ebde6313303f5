/* value.c - JSON values as rules: what may follow at each place of an array or object.
 *
 *      {  "a"  :  value  ,  "b"  :  value  }
 *      OPEN KEY COLON VALUE NEXT ...
 *
 * Texts between values ("glue") are leaves whose labels say which way to go: 0 another member,
 * 1 the end.  Every guard looks ahead, so that a key or an item is offered only where the rest can
 * still be given. */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "compiler/pattern/value_int.h"

/* ---- making --------------------------------------------------------------------------------- */

static void *added(struct rules *r, void *slot)
{
    if (!slot)
        rules_fail(r, ST_NOMEM);
    return slot;
}

uint32_t value_new(struct rules *r)
{
    struct value *v = added(r, array_push(&r->value, &r->n_value, &r->cap_value, sizeof *v));
    if (!v)
        return 0;
    v->min = SIZE_MAX;
    expr_work(&r->t.ex, 1);
    return r->n_value - 1;
}

uint32_t value_rule(struct rules *r, uint32_t value, uint32_t depth)
{
    if (r->spelling != SPELL_PRETTY)
        depth = 0;
    return rule_intern(r, (struct rule_state){ .kind = RULE_VALUE, .a = value, .depth = (uint16_t)depth });
}

void value_add_term(struct rules *r, uint32_t value, uint32_t term)
{
    if (term == TERM_DEAD || rules_failed(r))
        return;
    struct value *v = &r->value[value];
    for (uint32_t i = 0; i < v->n_term; i++)
        if (v->term[i] == term)
            return;
    uint32_t *x = added(r, array_push(&v->term, &v->n_term, &v->cap_term, sizeof *x));
    if (x)
        *x = term;
}

uint32_t value_add_array(struct rules *r, uint32_t value)
{
    struct value_array *a = added(r, array_push(&r->array, &r->n_array, &r->cap_array, sizeof *a));
    if (!a)
        return 0;
    a->item = a->counted = a->other = VALUE_NONE;
    a->hi = a->contains_hi = EXPR_INF;
    struct value *v = &r->value[value];
    uint32_t *x = added(r, array_push(&v->arr, &v->n_arr, &v->cap_arr, sizeof *x));
    if (x)
        *x = r->n_array - 1;
    return r->n_array - 1;
}

uint32_t value_add_object(struct rules *r, uint32_t value)
{
    struct value_object *o = added(r, array_push(&r->object, &r->n_object, &r->cap_object, sizeof *o));
    if (!o)
        return 0;
    o->hi = EXPR_INF;
    struct value *v = &r->value[value];
    uint32_t *x = added(r, array_push(&v->obj, &v->n_obj, &v->cap_obj, sizeof *x));
    if (x)
        *x = r->n_object - 1;
    return r->n_object - 1;
}

void object_add_key(struct rules *r, uint32_t object, struct slice name, uint32_t value, bool required)
{
    if (rules_failed(r))
        return;
    struct value_object *o = &r->object[object];
    struct value_key *k = added(r, array_push(&o->key, &o->n_key, &o->cap_key, sizeof *k));
    if (!k)
        return;
    *k = (struct value_key){ arena_slice(&r->arena, name), value, required };
    o->n_required += required;
    expr_work(&r->t.ex, 1);
}

void object_add_class(struct rules *r, uint32_t object, uint32_t name, uint32_t value, uint8_t pays)
{
    if (rules_failed(r) || name == EXPR_EMPTY)
        return;
    struct value_object *o = &r->object[object];
    struct value_class *c = added(r, array_push(&o->cls, &o->n_cls, &o->cap_cls, sizeof *c));
    if (c)
        *c = (struct value_class){ .name = name, .value = value, .pays = pays };
}

/* ---- glue ----------------------------------------------------------------------------------- */

static void indent(struct str *s, uint32_t depth)
{
    str_addc(s, '\n');
    for (uint32_t i = 0; i < depth; i++)
        str_adds(s, "  ");
}

static uint32_t blanks(struct rules *r)
{
    struct ranges s = { 0 };
    ranges_add(&s, 9, 10);
    ranges_add(&s, 13, 13);
    ranges_add(&s, 32, 32);
    uint32_t e = expr_rep(&r->t.ex, expr_set(&r->t.ex, &s), 0, FLEX_BLANKS);
    ranges_free(&s);
    return e;
}

static uint32_t around(struct rules *r, const char *before, const char *text, const char *behind,
                       uint32_t tail)
{
    struct expr_pool *p = &r->t.ex;
    bool flex = r->spelling == SPELL_FLEXIBLE;
    if (flex && *behind)
        tail = expr_cat(p, blanks(r), tail);
    tail = expr_cat(p, expr_text(p, slice_of(text)), tail);
    return flex && *before ? expr_cat(p, blanks(r), tail) : tail;
}

static uint32_t label(struct rules *r, uint32_t n)
{
    return expr_range(&r->t.ex, EXPR_LABEL + n, EXPR_LABEL + n);
}

static uint32_t glue_expr(struct rules *r, enum glue kind, uint32_t arms, uint32_t depth)
{
    bool object = kind == GLUE_OBJECT_OPEN || kind == GLUE_OBJECT_NEXT;
    bool open = kind == GLUE_ARRAY_OPEN || kind == GLUE_OBJECT_OPEN;
    bool wide = r->spelling == SPELL_SPACED || r->spelling == SPELL_PRETTY;
    if (kind == GLUE_COLON)
        return around(r, "x", wide ? ": " : ":", "x", EXPR_EPS);
    struct str member = { 0 }, end = { 0 };
    const char *close = object ? "}" : "]";
    if (!open)
        str_adds(&member, r->spelling == SPELL_SPACED ? ", " : ",");
    if (r->spelling == SPELL_PRETTY) {
        indent(&member, depth + 1);
        if (!open)
            indent(&end, depth);
    }
    str_adds(&end, close);
    str_addc(&member, '\0');
    str_addc(&end, '\0');
    uint32_t x = EXPR_EMPTY, y = EXPR_EMPTY;
    if (member.failed || end.failed)
        rules_fail(r, ST_NOMEM);
    else if (arms & ARM_MEMBER)
        x = around(r, open ? "" : "x", member.ptr, open ? "" : "x", label(r, 0));
    if (!rules_failed(r) && (arms & ARM_END))
        y = around(r, open ? "" : "x", end.ptr, "", label(r, 1));
    str_free(&member);
    str_free(&end);
    uint32_t e = expr_or2(&r->t.ex, x, y);
    return open ? around(r, "", object ? "{" : "[", "x", e) : e;
}

static uint32_t glue(struct rules *r, enum glue kind, uint32_t arms, uint32_t depth)
{
    uint64_t key = (uint64_t)kind << 40 | (uint64_t)arms << 32 | depth, known;
    if (idmap_get(&r->glue, key, &known))
        return (uint32_t)known;
    uint32_t q = terminal_start(&r->t, glue_expr(r, kind, arms, depth), ENC_RAW);
    if (!rules_failed(r) && !idmap_put(&r->glue, key, q))
        rules_fail(r, ST_NOMEM);
    return q;
}

size_t value_comma_bytes(const struct rules *r)
{
    return r->spelling == SPELL_SPACED || r->spelling == SPELL_PRETTY ? 2 : 1;
}

/* ---- edges ---------------------------------------------------------------------------------- */

struct edges {
    struct rule_edge *e;
    uint32_t          n, cap;
};

static void edge(struct rules *r, struct edges *l, uint8_t kind, bool capture, uint32_t to, uint32_t next)
{
    if (kind == EDGE_TERM && to == TERM_DEAD)
        return;
    struct rule_edge *e = added(r, array_push(&l->e, &l->n, &l->cap, sizeof *e));
    if (e)
        *e = (struct rule_edge){ kind, capture, to, next };
}

uint32_t value_item_at(const struct value_array *a, uint32_t pos)
{
    return pos < a->n_prefix ? a->prefix[pos] : a->item;
}

static uint32_t less(uint32_t n)
{
    return n == EXPR_INF || !n ? n : n - 1;
}

uint32_t value_contains_need(const struct rule_state *s)
{
    return (uint32_t)s->bits;
}

static uint32_t contains_room(const struct rule_state *s)
{
    return (uint32_t)(s->bits >> 32);
}

static uint32_t counted_at(const struct value_array *a, uint32_t pos)
{
    return pos < a->n_prefix ? a->prefix_counted[pos] : a->counted;
}

static uint32_t other_at(const struct value_array *a, uint32_t pos)
{
    return pos < a->n_prefix ? a->prefix_other[pos] : a->other;
}

bool value_gives(const struct rules *r, uint32_t value)
{
    return value != VALUE_NONE && r->value[value].min != SIZE_MAX;
}

/* Whether the items still owed can be given: `need` of them counted, at most `room` counted.
 * Behind the leading items all places are alike, so the answer is arithmetic there. */
bool value_items_finish(const struct rules *r, const struct value_array *a, uint32_t pos,
                         uint32_t missing, uint32_t room_items, uint32_t need, uint32_t room)
{
    uint32_t able = 0, forced = 0, free_from = missing;
    if (need > room)
        return false;
    for (uint32_t i = 0; pos + i < a->n_prefix && (i < missing || able < need); i++) {
        if (i >= room_items)
            return able >= need;
        bool counted = value_gives(r, counted_at(a, pos + i)), other = value_gives(r, other_at(a, pos + i));
        if (!counted && !other)
            return i >= missing && able >= need;
        able += counted;
        if (!other && i < missing)
            forced++;
        free_from = missing > i + 1 ? missing - i - 1 : 0;
    }
    if (pos < a->n_prefix && !free_from && able >= need)
        return forced <= room;
    bool counted = value_gives(r, a->counted), other = value_gives(r, a->other);
    uint32_t lead = pos < a->n_prefix ? a->n_prefix - pos : 0;
    uint32_t rest = missing > lead ? missing - lead : 0;
    uint32_t places = room_items == EXPR_INF ? EXPR_INF : room_items > lead ? room_items - lead : 0;
    if (rest && !counted && !other)
        return false;
    if (need > able && (!counted || need - able > places))
        return false;
    if (!other)
        forced += rest;
    return forced <= room;
}

/* Whether there are unused values for one item more and for all that are owed. */
static bool unique_room(struct rules *r, const struct value_array *a, const struct rule_state *s)
{
    uint32_t want = s->missing ? s->missing : 1;
    if (value_n_seen(r, s->seen) >= UNIQUE_MAX)
        return false;
    if (a->roomy)
        return true;
    uint32_t n = expr_words(&r->t.ex, value_unused(r, a->text, s->seen, false), want);
    return n >= want || n + expr_words(&r->t.ex, value_unused(r, a->word, s->seen, true), want) >= want;
}

/* Items that must be distinct are leaves; what they said is noted behind them. */
static void unique_member(struct rules *r, const struct value_array *a, const struct rule_state *s,
                          struct rule_state next, struct edges *l)
{
    uint32_t text = value_unused(r, a->text, s->seen, false), word = value_unused(r, a->word, s->seen, true);
    next.phase = PH_EXTRA;
    if (!unique_room(r, a, s))
        return;
    if (expr_live(&r->t.ex, text))
        edge(r, l, EDGE_TERM, true, terminal_start(&r->t, text, ENC_CANON), rule_intern(r, next));
    if (expr_live(&r->t.ex, word))
        edge(r, l, EDGE_TERM, true, terminal_start(&r->t, word, ENC_RAW), rule_intern(r, next));
}

/* An item that counts for `contains`, or one that need not; each only if the rest fits. */
static void array_member(struct rules *r, const struct rule_state *s, struct edges *l)
{
    const struct value_array a = r->array[s->a];
    struct rule_state next = *s;
    next.phase = PH_AFTER;
    next.pos = s->pos < a.n_prefix ? s->pos + 1 : s->pos;
    next.missing = s->missing ? s->missing - 1 : 0;
    next.room = less(s->room);
    uint32_t need = value_contains_need(s), room = contains_room(s), depth = s->depth + 1u;
    if (a.unique) {
        unique_member(r, &a, s, next, l);
        return;
    }
    if (!a.contains) {
        edge(r, l, EDGE_CALL, false, value_rule(r, value_item_at(&a, s->pos), depth), rule_intern(r, next));
        return;
    }
    uint32_t other = other_at(&a, s->pos), counted = counted_at(&a, s->pos);
    if (value_gives(r, other) && value_items_finish(r, &a, next.pos, next.missing, next.room, need, room))
        edge(r, l, EDGE_CALL, false, value_rule(r, other, depth), rule_intern(r, next));
    need = need ? need - 1 : 0;
    if (room && value_gives(r, counted) &&
        value_items_finish(r, &a, next.pos, next.missing, next.room, need, less(room))) {
        next.bits = need | (uint64_t)less(room) << 32;
        edge(r, l, EDGE_CALL, false, value_rule(r, counted, depth), rule_intern(r, next));
    }
}

static uint32_t array_arms(struct rules *r, const struct value_array *a,
                           const struct rule_state *s)
{
    uint32_t arms = 0, need = value_contains_need(s), room = contains_room(s);
    bool item = s->room && value_item_at(a, s->pos) != VALUE_NONE;
    if (item && a->contains) {
        uint32_t pos = s->pos < a->n_prefix ? s->pos + 1 : s->pos, left = less(s->room);
        uint32_t missing = s->missing ? s->missing - 1 : 0;
        item = (value_gives(r, other_at(a, s->pos)) && value_items_finish(r, a, pos, missing, left, need, room)) ||
               (room && value_gives(r, counted_at(a, s->pos)) &&
                value_items_finish(r, a, pos, missing, left, need ? need - 1 : 0, less(room)));
    }
    if (item && (!a->unique || unique_room(r, a, s)))
        arms |= ARM_MEMBER;
    if (!s->missing && !need)
        arms |= ARM_END;
    return arms;
}

static void array_open(struct rules *r, uint32_t id, uint32_t depth, struct edges *l)
{
    const struct value_array *a = &r->array[id];
    struct rule_state s = { .kind = RULE_ARRAY, .phase = PH_OPEN, .depth = (uint16_t)depth, .a = id,
                            .missing = a->lo, .room = a->hi };
    s.bits = a->contains_lo | (uint64_t)a->contains_hi << 32;
    uint32_t to = glue(r, GLUE_ARRAY_OPEN, array_arms(r, a, &s), depth);
    edge(r, l, EDGE_TERM, false, to, rule_intern(r, s));
}

static void array_expand(struct rules *r, const struct rule_state *s, struct edges *l)
{
    struct rule_state next = *s;
    if (s->phase == PH_MEMBER) {
        array_member(r, s, l);
        return;
    }
    next.phase = PH_NEXT;
    uint32_t to = glue(r, GLUE_ARRAY_NEXT, array_arms(r, &r->array[s->a], s), s->depth);
    edge(r, l, EDGE_TERM, false, to, rule_intern(r, next));
}

/* ---- objects -------------------------------------------------------------------------------- */

/* Required keys from `pos` on. */
uint32_t value_required_from(const struct value_object *o, uint32_t pos)
{
    uint32_t n = 0;
    for (uint32_t i = pos; n + pos <= o->n_key && i < o->n_key; i++)
        n += o->key[i].required;
    return n;
}

/* Index behind the last key that may be offered at pos: the next required one included. */
static uint32_t offered_end(const struct value_object *o, uint32_t pos)
{
    while (pos < o->n_key && !o->key[pos].required)
        pos++;
    return pos < o->n_key ? pos + 1 : pos;
}

static uint32_t class_expr(struct rules *r, const struct value_class *c, uint32_t seen)
{
    return value_unused(r, c->name, seen, false);
}

/* How many more undeclared names there can be, at most cap. */
static uint32_t class_room(struct rules *r, const struct value_object *o, uint32_t seen, uint32_t cap)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < o->n_cls && n < cap; i++)
        n += expr_words(&r->t.ex, class_expr(r, &o->cls[i], seen), cap);
    return n > cap ? cap : (uint32_t)n;
}

/* Whether class i has a name left, whatever names the classes of the plan and `taken` have got. */
static bool spares_name(struct rules *r, const struct value_object *o, uint32_t seen,
                        const uint32_t *plan, uint32_t n, uint32_t i)
{
    uint32_t e = class_expr(r, &o->cls[i], seen), need = 1;
    if (o->cls[i].roomy)
        return true;
    for (uint32_t k = 0; k < n; k++)
        need += plan[k] < o->n_cls &&
                expr_live(&r->t.ex, expr_and2(&r->t.ex, e, class_expr(r, &o->cls[plan[k]], seen)));
    return expr_words(&r->t.ex, e, need) >= need;
}

/* A plan is a list of classes that pay all debts in this order.  Whoever has one takes a name of
 * its first class and has the rest of it as a plan, so debts never lead nowhere. */
bool value_can_pay(struct rules *r, const struct value_object *o, const struct rule_state *s,
                   uint32_t taken, uint32_t keys)
{
    uint64_t left[PAY_DEBTS + 1] = { s->bits };
    uint32_t at[PAY_DEBTS + 1] = { 0 }, plan[PAY_DEBTS + 2] = { taken }, n = 0;
    while (left[n]) {
        uint32_t i = n < keys ? at[n] : o->n_cls;
        while (i < o->n_cls &&
               !((o->cls[i].pays & left[n]) && value_gives(r, o->cls[i].value) &&
                 spares_name(r, o, s->seen, plan, n + 1, i)))
            i++;
        if (!expr_work(&r->t.ex, 1) || (i == o->n_cls && !n))
            return false;
        if (i == o->n_cls) {
            n--;
            continue;
        }
        at[n] = i + 1;
        plan[n + 1] = i;
        left[n + 1] = left[n] & ~(uint64_t)o->cls[i].pays;
        at[++n] = 0;
    }
    return true;
}

/* Keys that paying takes at least: the fewest classes that cover what is owed. */
uint32_t value_pay_keys(const struct value_object *o, uint64_t bits)
{
    uint8_t least[16];
    if (!bits)
        return 0;
    memset(least, 99, sizeof least);
    least[0] = 0;
    for (uint32_t have = 0; have < 16; have++)
        for (uint32_t i = 0; i < o->n_cls && least[have] < 99; i++) {
            uint32_t more = have | o->cls[i].pays;
            if (least[have] + 1 < least[more])
                least[more] = (uint8_t)(least[have] + 1);
        }
    uint32_t best = 99;
    for (uint32_t have = 0; have < 16; have++)
        if ((have & bits) == bits && least[have] < best)
            best = least[have];
    return best;
}

/* Whether an object with these debts can be closed by keys from pos on. */
static bool can_finish(struct rules *r, const struct value_object *o, const struct rule_state *s,
                       uint32_t pos)
{
    uint32_t required = value_required_from(o, pos);
    if (s->room != EXPR_INF && required > s->room)
        return false;
    uint32_t keys_most = s->room == EXPR_INF ? s->room : s->room - required;
    if (!value_can_pay(r, o, s, o->n_cls, keys_most))
        return false;
    if (!o->counts)
        return true;
    uint32_t keys = o->n_key > pos ? o->n_key - pos : 0;
    if (s->missing <= keys)
        return true;
    return class_room(r, o, s->seen, s->missing - keys) >= s->missing - keys;
}

struct rule_state value_with_key(const struct value_object *o, const struct rule_state *s, uint32_t key)
{
    struct rule_state next = *s;
    next.pos = key < o->n_key ? key + 1 : o->n_key;
    if (o->counts) {
        next.missing = s->missing ? s->missing - 1 : 0;
        next.room = less(s->room);
    }
    if (key >= o->n_key)
        next.bits &= ~(uint64_t)o->cls[key - o->n_key].pays;
    return next;
}

static bool offers_key(struct rules *r, const struct value_object *o, const struct rule_state *s,
                       uint32_t key)
{
    if (o->counts && !s->room)
        return false;
    struct rule_state next = value_with_key(o, s, key);
    return can_finish(r, o, &next, next.pos);
}

static bool offers_extra(struct rules *r, const struct value_object *o, const struct rule_state *s,
                         uint32_t cls)
{
    if (value_required_from(o, s->pos) || (o->counts && !s->room))
        return false;
    if (!expr_live(&r->t.ex, class_expr(r, &o->cls[cls], s->seen)))
        return false;
    struct rule_state next = value_with_key(o, s, o->n_key + cls);
    if (!value_can_pay(r, o, &next, cls, next.room))
        return false;
    if (!o->counts || !next.missing)
        return true;
    return class_room(r, o, s->seen, next.missing + 1) >= next.missing + 1;
}

static uint32_t object_arms(struct rules *r, const struct value_object *o, const struct rule_state *s)
{
    uint32_t arms = 0, end = offered_end(o, s->pos);
    if (!s->missing && !s->bits && !value_required_from(o, s->pos))
        arms |= ARM_END;
    for (uint32_t i = s->pos; i < end && !(arms & ARM_MEMBER); i++)
        if (offers_key(r, o, s, i))
            arms |= ARM_MEMBER;
    for (uint32_t i = 0; i < o->n_cls && !(arms & ARM_MEMBER); i++)
        if (offers_extra(r, o, s, i))
            arms |= ARM_MEMBER;
    return arms;
}

static void object_open(struct rules *r, uint32_t id, uint32_t depth, struct edges *l)
{
    const struct value_object o = r->object[id];
    struct rule_state s = { .kind = RULE_OBJECT, .phase = PH_OPEN, .depth = (uint16_t)depth, .a = id,
                            .missing = o.counts ? o.lo : 0, .room = o.counts ? o.hi : EXPR_INF,
                            .bits = o.owes };
    uint32_t to = glue(r, GLUE_OBJECT_OPEN, object_arms(r, &o, &s), depth);
    edge(r, l, EDGE_TERM, false, to, rule_intern(r, s));
}

/* Keys from .. to - 1, each behind its label. */
static uint32_t keys_expr(struct rules *r, uint32_t object, uint32_t from, uint32_t to)
{
    struct value_object *o = &r->object[object];
    if (!o->names) {
        struct slice *text = mem_calloc(o->n_key + 1ul, sizeof *text);
        uint32_t *tail = mem_calloc(o->n_key + 1ul, sizeof *tail);
        for (uint32_t i = 0; text && tail && i < o->n_key; i++) {
            text[i] = o->key[i].name;
            tail[i] = label(r, i);
        }
        if (text && tail)
            o->names = choices_new(text, tail, o->n_key);
        mem_free(text);
        mem_free(tail);
        if (!o->names) {
            rules_fail(r, ST_NOMEM);
            return EXPR_EMPTY;
        }
    }
    return choices_expr(&r->t.ex, o->names, from, to);
}

/* Keys that may come next.  Mostly all of a window may; where some may not, the windows between. */
static uint32_t offered_keys(struct rules *r, const struct rule_state *s)
{
    const struct value_object o = r->object[s->a];
    uint32_t e = EXPR_EMPTY, end = offered_end(&o, s->pos);
    for (uint32_t i = s->pos, from; i < end && !rules_failed(r); i++) {
        for (from = i; i < end && offers_key(r, &o, s, i); i++)
            ;
        if (i > from)
            e = expr_or2(&r->t.ex, e, keys_expr(r, s->a, from, i));
    }
    return e;
}

static void object_member(struct rules *r, const struct rule_state *s, struct edges *l)
{
    const struct value_object o = r->object[s->a];
    uint32_t e = offered_keys(r, s);
    struct rule_state next = *s;
    next.phase = PH_KEY;
    if (e != EXPR_EMPTY && !rules_failed(r))
        edge(r, l, EDGE_TERM, false, terminal_start(&r->t, e, ENC_CANON), rule_intern(r, next));
    for (uint32_t i = 0; i < o.n_cls && !rules_failed(r); i++) {
        if (!offers_extra(r, &o, s, i))
            continue;
        next = *s;
        next.phase = PH_EXTRA;
        next.pos = o.n_key + i;
        e = class_expr(r, &o.cls[i], s->seen);
        edge(r, l, EDGE_TERM, true, terminal_start(&r->t, e, ENC_CANON), rule_intern(r, next));
    }
}

uint32_t value_key_value(const struct value_object *o, uint32_t pos)
{
    return pos < o->n_key ? o->key[pos].value : o->cls[pos - o->n_key].value;
}

static void object_expand(struct rules *r, const struct rule_state *s, struct edges *l)
{
    const struct value_object o = r->object[s->a];
    struct rule_state next = *s;
    switch (s->phase) {
    case PH_MEMBER:
        object_member(r, s, l);
        return;
    case PH_COLON:
        next.phase = PH_VALUE;
        edge(r, l, EDGE_TERM, false, glue(r, GLUE_COLON, 0, 0), rule_intern(r, next));
        return;
    case PH_VALUE:
        next = value_with_key(&o, s, s->pos);
        next.phase = PH_AFTER;
        edge(r, l, EDGE_CALL, false, value_rule(r, value_key_value(&o, s->pos), s->depth + 1u),
             rule_intern(r, next));
        return;
    default:
        next.phase = PH_NEXT;
        edge(r, l, EDGE_TERM, false,
             glue(r, GLUE_OBJECT_NEXT, object_arms(r, &o, s), s->depth), rule_intern(r, next));
    }
}

/* ---- the door to rules.c -------------------------------------------------------------------- */

void value_expand(struct rules *r, const struct rule_state *s, struct rule_exp *out)
{
    struct edges l = { 0 };
    if (s->kind == RULE_VALUE) {
        const struct value v = r->value[s->a];
        for (uint32_t i = 0; i < v.n_term; i++)
            edge(r, &l, EDGE_TERM, false, v.term[i], 0);
        for (uint32_t i = 0; i < v.n_arr; i++)
            array_open(r, v.arr[i], s->depth, &l);
        for (uint32_t i = 0; i < v.n_obj; i++)
            object_open(r, v.obj[i], s->depth, &l);
        if (v.same)
            edge(r, &l, EDGE_CALL, false, value_rule(r, v.same, s->depth), 0);
    } else if (s->kind == RULE_ARRAY) {
        array_expand(r, s, &l);
    } else {
        object_expand(r, s, &l);
    }
    out->edge = l.n ? arena_dup(&r->arena, l.e, l.n * sizeof *l.e) : NULL;
    out->n = l.n;
    if (l.n && !out->edge)
        rules_fail(r, ST_NOMEM);
    mem_free(l.e);
}

uint32_t value_label(struct rules *r, uint32_t state, uint32_t n)
{
    struct rule_state s = r->st[state];
    if (s.phase == PH_OPEN || s.phase == PH_NEXT) {
        if (n)
            return 0;
        s.phase = PH_MEMBER;
    } else if (s.phase == PH_KEY) {
        s.phase = PH_COLON;
        s.pos = n;
    }
    return rule_intern(r, s);
}

bool value_may_label(struct rules *r, uint32_t state, uint32_t n)
{
    const struct rule_state s = r->st[state];
    bool array = s.kind == RULE_ARRAY;
    if (!array && s.phase == PH_KEY)
        return offers_key(r, &r->object[s.a], &s, n);
    if (s.phase != PH_OPEN && s.phase != PH_NEXT)
        return !n;
    uint32_t arms = array ? array_arms(r, &r->array[s.a], &s) : object_arms(r, &r->object[s.a], &s);
    return arms & (n ? ARM_END : ARM_MEMBER);
}

void value_labels(struct rules *r, const struct rule_state *s, uint32_t *ret_lo, uint32_t *ret_hi)
{
    *ret_lo = 0;
    *ret_hi = 2;
    if (s->phase == PH_KEY) {
        *ret_lo = s->pos;
        *ret_hi = offered_end(&r->object[s->a], s->pos);
    }
}
