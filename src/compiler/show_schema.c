/* show_schema.c - the types of a frozen module as JSON Schema.
 *
 * Structs are written once, under "$defs" of the one document that holds everything, and referred
 * to by name; so recursive types need no special case, and nesting is bounded by what the compiler
 * accepts of a type as written. */
#include "compiler/show.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/jsonio.h"

struct schema {
    const struct module *m;
    struct str          *out;
    bool                *named;         /* [n_rtype] it stands under "$defs", or will */
    uint32_t            *todo;          /* [n_rtype] structs to write */
    uint32_t             n_todo;
};

static void write_type(struct schema *s, uint32_t rtype);

static void pair(struct schema *s, const char *key, struct slice text)
{
    str_addf(s->out, "\"%s\": ", key);
    jsonio_quote(text, s->out);
}

static void bound_int(struct schema *s, const char *key, int64_t n, int64_t none)
{
    if (n != none)
        str_addf(s->out, ", \"%s\": %lld", key, (long long)n);
}

static void bound_float(struct schema *s, const char *key, double x)
{
    if (isinf(x))
        return;
    str_addf(s->out, ", \"%s\": ", key);
    str_add_double(s->out, x);
}

static void write_length(struct schema *s, const struct rtype *t, const char *lo, const char *hi)
{
    bound_int(s, lo, t->refined ? t->lo : 0, 0);
    bound_int(s, hi, t->refined ? t->hi : -1, -1);
}

static void write_list(struct schema *s, const char *key, const uint32_t *rtype, uint32_t n,
                       bool or_null)
{
    str_addf(s->out, "{\"%s\": [", key);
    for (uint32_t i = 0; i < n; i++) {
        str_adds(s->out, i ? ", " : "");
        write_type(s, rtype[i]);
    }
    str_adds(s->out, or_null ? ", {\"type\": \"null\"}]}" : "]}");
}

static void write_konst(struct schema *s, const struct konst *k)
{
    switch (k->kind) {
    case KONST_STR: jsonio_quote(k->text, s->out); break;
    case KONST_BOOL: str_adds(s->out, k->i ? "true" : "false"); break;
    case KONST_INT: str_addf(s->out, "%lld", (long long)k->i); break;
    case KONST_FLOAT: str_add_double(s->out, k->f); break;
    default: str_adds(s->out, "null"); break;
    }
}

static void write_pattern(struct schema *s, const struct rtype *t)
{
    struct str p = { 0 };
    str_addf(&p, "^(?:%.*s)$", (int)t->text.len, t->text.ptr);
    str_adds(s->out, "{\"type\": \"string\", ");
    pair(s, "pattern", str_slice(&p));
    str_addc(s->out, '}');
    str_free(&p);
}

static void write_call(struct schema *s, const struct rtype *t)
{
    str_adds(s->out, "{\"anyOf\": [");
    for (uint32_t i = 0; i < t->n_tool; i++) {
        str_adds(s->out, i ? ", " : "");
        str_adds(s->out, "{\"type\": \"object\", \"properties\": {\"name\": {\"const\": ");
        jsonio_quote(t->tool[i].name, s->out);
        str_adds(s->out, "}, \"arguments\": ");
        write_type(s, t->tool[i].args);
        str_adds(s->out, "}, \"required\": [\"name\", \"arguments\"]");
        if (t->tool[i].doc.len) {
            str_adds(s->out, ", ");
            pair(s, "description", t->tool[i].doc);
        }
        str_addc(s->out, '}');
    }
    str_adds(s->out, "]}");
}

static void write_ref(struct schema *s, uint32_t rtype)
{
    struct str ref = { 0 };
    const struct rtype *t = &s->m->rtype[rtype];
    str_addf(&ref, "#/$defs/%.*s", (int)t->name.len, t->name.ptr);
    str_addc(s->out, '{');
    pair(s, "$ref", str_slice(&ref));
    str_addc(s->out, '}');
    str_free(&ref);
    if (!s->named[rtype]) {
        s->named[rtype] = true;
        s->todo[s->n_todo++] = rtype;
    }
}

static void write_type(struct schema *s, uint32_t rtype)
{
    const struct rtype *t = &s->m->rtype[rtype];
    switch (t->kind) {
    case RT_STR: case RT_PATH:
        str_adds(s->out, "{\"type\": \"string\"");
        write_length(s, t, "minLength", "maxLength");
        str_addc(s->out, '}');
        break;
    case RT_REGEX_STR:
        write_pattern(s, t);
        break;
    case RT_GRAMMAR:
        str_adds(s->out, "{\"type\": \"string\", \"description\": \"a text of a grammar\"}");
        break;
    case RT_INT:
        str_adds(s->out, "{\"type\": \"integer\"");
        bound_int(s, "minimum", t->lo, INT64_MIN);
        bound_int(s, "maximum", t->hi, INT64_MAX);
        str_addc(s->out, '}');
        break;
    case RT_FLOAT:
        str_adds(s->out, "{\"type\": \"number\"");
        bound_float(s, "minimum", t->flo);
        bound_float(s, "maximum", t->fhi);
        str_addc(s->out, '}');
        break;
    case RT_BOOL:
        str_adds(s->out, "{\"type\": \"boolean\"}");
        break;
    case RT_NULL:
        str_adds(s->out, "{\"type\": \"null\"}");
        break;
    case RT_LITERAL:
        str_adds(s->out, "{\"const\": ");
        write_konst(s, &s->m->konst[t->konst]);
        str_addc(s->out, '}');
        break;
    case RT_ENUM:
        str_adds(s->out, "{\"type\": \"string\", \"enum\": [");
        for (uint32_t i = 0; i < t->n_variant; i++) {
            str_adds(s->out, i ? ", " : "");
            jsonio_quote(t->variant[i].text, s->out);
        }
        str_adds(s->out, "]}");
        break;
    case RT_LIST:
        str_adds(s->out, "{\"type\": \"array\", \"items\": ");
        write_type(s, t->elem[0]);
        write_length(s, t, "minItems", "maxItems");
        str_addc(s->out, '}');
        break;
    case RT_MAP:
        str_adds(s->out, "{\"type\": \"object\", \"additionalProperties\": ");
        write_type(s, t->elem[1]);
        write_length(s, t, "minProperties", "maxProperties");
        str_addc(s->out, '}');
        break;
    case RT_TUPLE:
        write_list(s, "prefixItems", t->elem, t->n, false);
        str_cut(s->out, s->out->len - 1);
        str_addf(s->out, ", \"type\": \"array\", \"minItems\": %u, \"maxItems\": %u}", t->n, t->n);
        break;
    case RT_UNION:
        write_list(s, "anyOf", t->elem, t->n, false);
        break;
    case RT_OPTIONAL:
        write_list(s, "anyOf", t->elem, 1, true);
        break;
    case RT_STRUCT:
        write_ref(s, rtype);
        break;
    case RT_CALL:
        write_call(s, t);
        break;
    case RT_SCHEMA:
        str_add_slice(s->out, t->text);
        break;
    default:
        str_adds(s->out, "{}");
        break;
    }
}

/* The object as it stands under "$defs". */
static void write_struct(struct schema *s, const struct rtype *t)
{
    str_adds(s->out, "{\"type\": \"object\", \"properties\": {");
    for (uint32_t i = 0; i < t->n_field; i++) {
        const struct rfield *f = &t->field[i];
        str_adds(s->out, i ? ", " : "");
        jsonio_quote(f->key, s->out);
        str_adds(s->out, ": ");
        write_type(s, f->rtype);
        if (f->doc.len && s->out->len > 1 && s->out->ptr[s->out->len - 1] == '}') {
            str_cut(s->out, s->out->len - 1);
            str_adds(s->out, s->out->ptr[s->out->len - 1] == '{' ? "" : ", ");
            pair(s, "description", f->doc);
            str_addc(s->out, '}');
        }
    }
    str_adds(s->out, "}, \"required\": [");
    for (uint32_t i = 0; i < t->n_field; i++) {
        str_adds(s->out, i ? ", " : "");
        jsonio_quote(t->field[i].key, s->out);
    }
    str_adds(s->out, "], \"additionalProperties\": false}");
}

static void write_function(struct schema *s, const struct func *f)
{
    jsonio_quote(f->name, s->out);
    str_adds(s->out, ": {");
    if (f->doc.len) {
        pair(s, "description", f->doc);
        str_adds(s->out, ", ");
    }
    str_adds(s->out, "\"parameters\": {\"type\": \"object\", \"properties\": {");
    for (uint32_t i = 0; i < f->n_param; i++) {
        str_adds(s->out, i ? ", " : "");
        jsonio_quote(f->param[i].name, s->out);
        str_adds(s->out, ": ");
        write_type(s, f->param[i].rtype);
    }
    str_adds(s->out, "}, \"required\": [");
    bool any = false;
    for (uint32_t i = 0; i < f->n_param; i++) {
        if (f->param[i].fallback != BC_NO_INDEX)
            continue;
        str_adds(s->out, any ? ", " : "");
        jsonio_quote(f->param[i].name, s->out);
        any = true;
    }
    str_adds(s->out, "], \"additionalProperties\": false}, \"result\": ");
    write_type(s, f->result);
    str_addc(s->out, '}');
}

static void write_site(struct schema *s, const struct func *f, const struct gen_site *g)
{
    str_addc(s->out, '{');
    pair(s, "function", f->name);
    if (g->name.len) {
        str_adds(s->out, ", ");
        pair(s, "name", g->name);
    }
    struct place p = source_place(f->source, g->at.off);
    str_adds(s->out, ", ");
    pair(s, "file", slice_of(f->source->name));
    str_addf(s->out, ", \"line\": %u, \"col\": %u, ", p.line, p.col);
    pair(s, "type", s->m->rtype[g->rtype].name);
    str_adds(s->out, ", \"schema\": ");
    write_type(s, g->rtype);
    str_addc(s->out, '}');
}

static bool asks(enum bc_op op)
{
    return op == OP_GEN || op == OP_SELECT || op == OP_SCORE || op == OP_STREAM_OPEN;
}

static void write_sites(struct schema *s)
{
    bool any = false;
    for (uint32_t i = 0; i < s->m->n_func; i++) {
        const struct func *f = &s->m->func[i];
        for (uint32_t pc = 0; pc < f->n_code && !(f->flags & FUNC_TEST); pc++) {
            if (!asks(f->code[pc].op))
                continue;
            str_adds(s->out, any ? ", " : "");
            write_site(s, f, &s->m->gen[f->code[pc].c]);
            any = true;
        }
    }
}

void show_schema(const struct module *m, struct str *out)
{
    struct schema s = { .m = m, .out = out };
    s.named = mem_calloc(m->n_rtype + 1u, sizeof *s.named);
    s.todo = mem_calloc(m->n_rtype + 1u, sizeof *s.todo);
    if (!s.named || !s.todo) {
        out->failed = true;
        mem_free(s.named);
        mem_free(s.todo);
        return;
    }
    bool any = false;
    str_adds(out, "{\"functions\": {");
    for (uint32_t i = 0; i < m->n_func; i++) {
        if (i != m->main_func && !(m->func[i].flags & FUNC_EXPORTED))
            continue;
        str_adds(out, any ? ", " : "");
        write_function(&s, &m->func[i]);
        any = true;
    }
    str_adds(out, "}, \"constraints\": [");
    write_sites(&s);
    str_adds(out, "], \"$defs\": {");
    for (uint32_t i = 0; i < s.n_todo; i++) {       /* grows while it is written */
        const struct rtype *t = &m->rtype[s.todo[i]];
        str_adds(out, i ? ", " : "");
        jsonio_quote(t->name, out);
        str_adds(out, ": ");
        write_struct(&s, t);
    }
    str_adds(out, "}}");
    mem_free(s.named);
    mem_free(s.todo);
}
