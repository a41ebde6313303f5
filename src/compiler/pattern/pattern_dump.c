/* pattern_dump.c - a pattern as text: its values, arrays and objects, or the nodes of its grammar. */
#include "compiler/pattern/pattern_data.h"

static void dump_count(uint32_t lo, uint32_t hi, struct str *out)
{
    str_addf(out, "%u..", lo);
    if (hi != EXPR_INF)
        str_addf(out, "%u", hi);
}

static void dump_array(const struct value_array *a, struct str *out)
{
    str_adds(out, "  array ");
    dump_count(a->lo, a->hi, out);
    for (uint32_t i = 0; i < a->n_prefix; i++)
        str_addf(out, " v%u", a->prefix[i]);
    if (a->item != VALUE_NONE)
        str_addf(out, " v%u*", a->item);
    if (a->contains) {
        str_addf(out, ", of them v%d ", a->counted == VALUE_NONE ? -1 : (int)a->counted);
        dump_count(a->contains_lo, a->contains_hi, out);
    }
    str_addc(out, '\n');
}

static void dump_object(const struct rules *r, const struct value_object *o, struct str *out)
{
    str_adds(out, "  object");
    if (o->counts) {
        str_addc(out, ' ');
        dump_count(o->lo, o->hi, out);
    }
    str_addc(out, '\n');
    for (uint32_t i = 0; i < o->n_key; i++)
        str_addf(out, "    \"%.*s\"%s v%u\n", (int)o->key[i].name.len, o->key[i].name.ptr,
                 o->key[i].required ? "" : "?", o->key[i].value);
    for (uint32_t i = 0; i < o->n_cls; i++) {
        str_adds(out, "    ");
        expr_dump(&r->t.ex, o->cls[i].name, out);
        str_addf(out, " v%u%s\n", o->cls[i].value, o->cls[i].pays ? " pays" : "");
    }
}

static void dump_values(const struct rules *r, struct str *out)
{
    for (uint32_t i = 1; i < r->n_value; i++) {
        const struct value *v = &r->value[i];
        str_addf(out, "v%u", i);
        if (v->min != SIZE_MAX)
            str_addf(out, " shortest %zu", v->min);
        str_addc(out, '\n');
        for (uint32_t k = 0; k < v->n_term; k++) {
            str_adds(out, "  ");
            terminal_dump(&r->t, v->term[k], out);
            str_addc(out, '\n');
        }
        for (uint32_t k = 0; k < v->n_arr; k++)
            dump_array(&r->array[v->arr[k]], out);
        for (uint32_t k = 0; k < v->n_obj; k++)
            dump_object(r, &r->object[v->obj[k]], out);
        if (v->same)
            str_addf(out, "  as v%u\n", v->same);
    }
}

static void dump_state(const struct rules *r, uint32_t state, struct str *out)
{
    const struct rule_state *s = &r->st[state];
    if (s->kind == RULE_RETURN)
        str_adds(out, "end");
    else
        str_addf(out, "%c%u", s->kind == RULE_NODE ? 'n' : 'v', s->a);
}

static void dump_nodes(const struct rules *r, struct str *out)
{
    for (uint32_t i = 0; i < r->n_node; i++) {
        const struct rule_node *n = &r->node[i];
        str_addf(out, "n%u%s\n", i, n->final ? " final" : "");
        for (uint32_t k = 0; k < n->n; k++) {
            str_adds(out, "  ");
            if (n->edge[k].kind == EDGE_TERM) {
                terminal_dump(&r->t, n->edge[k].to, out);
            } else {
                str_adds(out, "call ");
                dump_state(r, n->edge[k].to, out);
            }
            str_adds(out, " -> ");
            dump_state(r, n->edge[k].next, out);
            str_addc(out, '\n');
        }
    }
}

void pattern_size(struct pattern *p, struct pattern_size *ret)
{
    pthread_mutex_lock(&p->lock);
    const struct rules *r = &p->r;
    *ret = (struct pattern_size){ r->n_st, r->t.n, r->t.ex.n, r->n_value, r->n_object, r->n_array, r->n_node };
    pthread_mutex_unlock(&p->lock);
}

void pattern_dump(struct pattern *p, struct str *out)
{
    pthread_mutex_lock(&p->lock);
    str_adds(out, "root ");
    dump_state(&p->r, p->root, out);
    str_addc(out, '\n');
    dump_nodes(&p->r, out);
    dump_values(&p->r, out);
    for (uint32_t i = 0; i < p->n_note; i++)
        str_addf(out, "note %s: %s\n", p->note[i].pointer, p->note[i].text);
    pthread_mutex_unlock(&p->lock);
}
