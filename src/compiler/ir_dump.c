/* ir_dump.c - the text form of the IR (LANGUAGE.md 15.1). */
#include <string.h>

#include "compiler/ir.h"

struct dump {
    const struct ir_func  *f;
    const struct ir_names *names;
    struct str            *out;
};

static void value_text(struct dump *d, uint32_t v)
{
    str_addf(d->out, "%c%u", d->f->value[v].is_var ? '@' : '%', v);
}

static void escaped(struct str *out, struct slice s, size_t n)
{
    str_addc(out, '"');
    for (size_t i = 0; i < n; i++) {
        if (s.ptr[i] == '\n')
            str_adds(out, "\\n");
        else if (s.ptr[i] == '"' || s.ptr[i] == '\\')
            str_addf(out, "\\%c", s.ptr[i]);
        else
            str_addc(out, s.ptr[i]);
    }
    str_adds(out, n < s.len ? "...\"" : "\"");
}

static void quoted(struct str *out, struct slice s)
{
    escaped(out, s, s.len > 40 ? 37 : s.len);
}

static void konst_short(struct dump *d, uint32_t k)
{
    if (k >= d->names->n_konst)
        return;
    const struct konst *x = &d->names->konst[k];
    str_adds(d->out, "            ; ");
    switch (x->kind) {
    case KONST_NULL: str_adds(d->out, "null"); break;
    case KONST_BOOL: str_adds(d->out, x->i ? "true" : "false"); break;
    case KONST_INT: str_addf(d->out, "%lld", (long long)x->i); break;
    case KONST_FLOAT: str_add_double(d->out, x->f); break;
    case KONST_STR: case KONST_REGEX:
        str_addf(d->out, "%zu bytes ", x->text.len);
        quoted(d->out, x->text);
        break;
    case KONST_DURATION: str_addf(d->out, "%lldms", (long long)x->i); break;
    case KONST_ENUM: str_addf(d->out, "variant %lld", (long long)x->i); break;
    case KONST_FUNC: str_addf(d->out, "function %lld", (long long)x->i); break;
    case KONST_TOOL: str_adds(d->out, "tool"); break;
    default: str_addf(d->out, "%u items", x->n); break;
    }
}

static void imm_text(struct dump *d, const struct ir_insn *i)
{
    static const char *const role[] = { "system", "user", "assistant", "tool" };
    static const char *const query[] = { "tokens", "left", "text", "messages", "role", "model" };
    switch (i->op) {
    case IR_CONST: case IR_TEXT: case IR_MEMBER:
        str_addf(d->out, " #%u", i->imm);
        break;
    case IR_CALL: case IR_CALL_DEFERRED: case IR_CLOSURE:
        if (i->imm < d->names->n_func) {
            struct slice n = d->names->func[i->imm]->out.name;
            str_addf(d->out, " %.*s:%u", (int)n.len, n.ptr, i->imm);
        }
        break;
    case IR_NATIVE: {
        static const char *const text[] = {
#define X(name, text, n) text,
            NATIVE_ROWS(X)
#undef X
        };
        str_addf(d->out, " %s", i->imm < NATIVE_N ? text[i->imm] : "?");
        break;
    }
    case IR_TURN_OPEN:
        str_addf(d->out, " %s", i->imm < 4 ? role[i->imm] : "?");
        break;
    case IR_QUERY:
        str_addf(d->out, " %s", i->imm < 6 ? query[i->imm] : "?");
        break;
    case IR_GEN: case IR_SELECT: case IR_SCORE: case IR_STREAM_OPEN:
        str_addf(d->out, " g%u", i->imm);
        break;
    case IR_FORK: case IR_SCOPE_PUSH: case IR_ATTEMPT_ENTER:
        str_addf(d->out, " s%u", i->imm);
        break;
    case IR_FIELD: case IR_ITEM: case IR_PUT_FIELD: case IR_BRANCHES: case IR_ENV_GET:
    case IR_ENV_SET: case IR_CALL_EXTERN:
        str_addf(d->out, " %u", i->imm);
        break;
    case IR_CONVERT: case IR_CHECK: case IR_CHECK_FIELDS: case IR_IS: case IR_PARSE: case IR_STRUCT:
    case IR_CALLVAL:
        str_addf(d->out, " t%u", i->imm);
        break;
    case IR_STORE:
        if (i->imm != BC_NO_INDEX)
            str_addf(d->out, " t%u", i->imm);
        break;
    default:
        break;
    }
}

static void results_text(struct dump *d, const struct ir_insn *i)
{
    const char *sep = "";
    if (i->op == IR_STORE)
        return;
    if (i->dst != IR_NO) {
        value_text(d, i->dst);
        sep = ", ";
    }
    if (i->dst2 != IR_NO) {
        str_adds(d->out, sep);
        value_text(d, i->dst2);
        sep = ", ";
    }
    if (i->kout != IR_NO) {
        str_addf(d->out, "%sk%u", sep, i->kout);
        sep = ", ";
    }
    if (sep[0])
        str_adds(d->out, " = ");
}

static void site_text(struct dump *d, const struct ir_insn *i)
{
    if (i->op != IR_GEN && i->op != IR_SELECT && i->op != IR_SCORE && i->op != IR_STREAM_OPEN)
        return;
    const struct gen_site *g = &d->names->gen[i->imm];
    str_adds(d->out, ", next=");
    if (g->next == SITE_NEXT_TEXT)
        quoted(d->out, g->follow);
    else
        str_adds(d->out, g->next == SITE_NEXT_TURN_END ? "turn.close" : "-");
    if (g->name.len)
        str_addf(d->out, "            ; %.*s", (int)g->name.len, g->name.ptr);
}

static void insn_text(struct dump *d, const struct ir_insn *i)
{
    if (i->op == IR_NOP)
        return;
    if (i->op == IR_BLOCK) {
        str_addf(d->out, " b%u:\n", i->label);
        return;
    }
    str_adds(d->out, "  ");
    results_text(d, i);
    str_adds(d->out, ir_op_text(i->op));
    const char *sep = " ";
    if (i->op == IR_STORE) {
        str_adds(d->out, " ");
        value_text(d, i->dst);
        sep = ", ";
    }
    if (i->op == IR_KPHI) {
        for (int n = 0; n < 2; n++) {
            uint32_t t = n ? i->label : i->imm;
            if (t == IR_NO)
                str_addf(d->out, "%s-", sep);
            else
                str_addf(d->out, "%sk%u", sep, t);
            sep = ", ";
        }
    }
    if (i->kin != IR_NO) {
        str_addf(d->out, "%sk%u", sep, i->kin);
        sep = ", ";
    }
    imm_text(d, i);
    for (uint32_t a = 0; a < i->n_arg; a++) {
        str_adds(d->out, a || sep[0] == ',' ? ", " : " ");
        value_text(d, i->arg[a]);
    }
    if (ir_has_label(i->op))
        str_addf(d->out, " -> b%u", i->label);
    site_text(d, i);
    if (i->op == IR_CONST || i->op == IR_TEXT || i->op == IR_MEMBER)
        konst_short(d, i->imm);
    str_addc(d->out, '\n');
}

static void head_text(struct dump *d)
{
    const struct func *o = &d->f->out;
    const char *what = o->flags & FUNC_SCRIPT ? "script" : o->flags & FUNC_BRANCH ? "branch"
                       : o->flags & FUNC_LAMBDA ? "lambda" : o->flags & FUNC_TEST ? "test"
                       : o->flags & FUNC_EVAL ? "eval" : o->flags & FUNC_HELPER ? "helper" : "fn";
    bool free_name = (o->flags & (FUNC_TEST | FUNC_EVAL)) != 0;      /* any text: quoted */
    str_addf(d->out, "%s ", what);
    if (free_name)
        escaped(d->out, o->name, o->name.len);
    else
        str_add_slice(d->out, o->name);
    str_addc(d->out, '(');
    for (uint32_t i = 0; i < d->f->n_input; i++) {
        if (i)
            str_adds(d->out, i == o->n_capture ? "; " : ", ");
        value_text(d, d->f->input[i]);
        str_adds(d->out, ": ");
        type_text(d->f->value[d->f->input[i]].type, d->out);
    }
    if (o->n_capture && o->n_capture == d->f->n_input)
        str_addc(d->out, ';');
    str_addc(d->out, ')');
    if (d->f->ctx != IR_NO) {
        str_adds(d->out, " in ");
        value_text(d, d->f->ctx);
    }
    str_addc(d->out, '\n');
}

void ir_dump(const struct ir_func *f, const struct ir_names *names, struct str *out)
{
    struct dump d = { f, names, out };
    head_text(&d);
    for (uint32_t i = 0; i < f->n_insn; i++)
        insn_text(&d, &f->insn[i]);
    str_addc(out, '\n');
}
