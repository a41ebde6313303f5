/* bytecode_verify.c - what the machine takes for granted, checked before anything runs.
 *
 * The operand texts of bytecode_ops.h are read, so that an operation is checked by its row: every
 * index is inside its table, every register inside the frame, every jump inside the code, and
 * control never runs off the end. */
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "compiler/bytecode.h"

enum {
    NESTING_MAX = 64,               /* of constants, and of unions in each other */
    ARMS_MAX = 100000,
    SITE_BY_LAST = 4,               /* sample */
};

struct verify {
    const struct module *m;
    const struct func   *f;
    uint32_t             func, pc;
    struct error        *err;
};

static const char *const operands[OP_N] = {
#define X(name, text, sentence) [OP_##name] = text,
    BYTECODE_OPS(X)
#undef X
};

static enum status bad(const struct verify *v, const char *what)
{
    return error_set(v->err, ST_INTERNAL, "bytecode of %.*s, operation %u (%s): %s",
                     (int)v->f->name.len,
                     v->f->name.ptr, v->pc, bytecode_op_name(v->f->code[v->pc].op), what);
}

static bool is(const char *kind, size_t len, const char *name)
{
    return strlen(name) == len && memcmp(kind, name, len) == 0;
}

static const char *check_operand(const struct verify *v, const char *kind, size_t len, uint32_t x)
{
    const struct module *m = v->m;
    if (is(kind, len, "reg") || is(kind, len, "ctx"))
        return x < v->f->n_reg ? NULL : "register outside the frame";
    if (is(kind, len, "base"))
        return x < v->f->n_reg ? NULL : "group outside the frame";
    if (is(kind, len, "konst"))
        return x < m->n_konst ? NULL : "no such constant";
    if (is(kind, len, "rtype"))
        return x < m->n_rtype ? NULL : "no such type";
    if (is(kind, len, "func"))
        return x < m->n_func ? NULL : "no such function";
    if (is(kind, len, "ext"))
        return x < m->n_ext ? NULL : "no such extern";
    if (is(kind, len, "native"))
        return x < NATIVE_N ? NULL : "no such native";
    if (is(kind, len, "gen"))
        return x < m->n_gen ? NULL : "no such generation";
    if (is(kind, len, "fork"))
        return x < m->n_fork ? NULL : "no such fork";
    if (is(kind, len, "scope"))
        return x < m->n_scope ? NULL : "no such scope";
    if (is(kind, len, "attempt"))
        return x < m->n_attempt ? NULL : "no such attempt";
    if (is(kind, len, "slot"))
        return x < m->n_env ? NULL : "no such slot";
    if (is(kind, len, "role"))
        return x < 4 ? NULL : "no such role";
    if (is(kind, len, "rel")) {
        int64_t to = (int64_t)v->pc + 1 + (int32_t)x;
        return to >= 0 && to < v->f->n_code ? NULL : "jump outside the code";
    }
    return NULL;
}

static const char *check_operands(const struct verify *v)
{
    const struct insn *i = &v->f->code[v->pc];
    for (const char *p = operands[i->op]; *p;) {
        size_t field = strcspn(p, ":");
        const char *kind = p + field + 1;
        size_t len = strcspn(kind, " ");
        uint32_t x = field == 2 ? i->b | (uint32_t)i->c << 16 : p[0] == 'a' ? i->a : p[0] == 'b' ? i->b : i->c;
        const char *wrong = check_operand(v, kind, len, x);
        if (wrong)
            return wrong;
        p = kind + len;
        p += *p == ' ';
    }
    return NULL;
}

static bool area(const struct verify *v, uint32_t base, uint32_t n)
{
    return base + n <= v->f->n_reg;
}

static const char *check_group(const struct verify *v)
{
    static const uint8_t native_arg[NATIVE_N] = {
#define X(name, text, n) [NATIVE_##name] = n,
        NATIVE_ROWS(X)
#undef X
    };
    const struct insn *i = &v->f->code[v->pc];
    const struct module *m = v->m;
    bool ok = true;
    switch (i->op) {
    case OP_FORMAT: case OP_LIST: case OP_TUPLE:
        ok = area(v, i->b, i->c);
        break;
    case OP_MAP:
        ok = area(v, i->b, 2u * i->c);
        break;
    case OP_STRUCT:
        ok = m->rtype[i->c].kind == RT_STRUCT && area(v, i->b, m->rtype[i->c].n_field);
        break;
    case OP_CALLVAL:
        ok = area(v, i->b, 2);
        break;
    case OP_ASSERT_CMP:
        ok = i->a >= OP_EQ && i->a <= OP_GE && area(v, i->b, 3);
        break;
    case OP_CALL_VALUE: case OP_CALL_VALUE_DEFERRED:
        ok = area(v, i->b, 1u + i->c);
        break;
    case OP_CALL: case OP_CALL_DEFERRED:
        ok = area(v, i->c, m->func[i->b].n_param) && !m->func[i->b].n_capture;
        break;
    case OP_CLOSURE:
        ok = area(v, i->c, m->func[i->b].n_capture);
        break;
    case OP_CALL_EXTERN:
        ok = area(v, i->c, m->ext[i->b].n_param);
        break;
    case OP_NATIVE:
        ok = area(v, i->c, native_arg[i->b]);
        break;
    case OP_FORK:
        ok = area(v, i->c, m->fork[i->b].n_forker ? m->fork[i->b].n_forker : 1);
        break;
    case OP_QUERY:
        ok = i->c <= QUERY_MODEL;
        break;
    case OP_BRANCHES:
        ok = i->c <= BRANCHES_INDEX;
        break;
    default:
        break;
    }
    return ok ? NULL : "group outside the frame";
}

static bool regs_ok(const struct verify *v, const struct site_arg *arg, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (arg[i].reg >= v->f->n_reg || arg[i].kind >= ARG_KIND_N)
            return false;
    return true;
}

static bool opt_reg(const struct verify *v, uint16_t r)
{
    return r == BC_NONE || r < v->f->n_reg;
}

static bool list_ok(const struct verify *v, const uint16_t *r, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (r[i] >= v->f->n_reg)
            return false;
    return true;
}

static const char *check_site(const struct verify *v)
{
    const struct insn *i = &v->f->code[v->pc];
    const struct module *m = v->m;
    bool ok = true;
    switch (i->op) {
    case OP_GEN: case OP_SELECT: case OP_SCORE: case OP_STREAM_OPEN: {
        const struct gen_site *g = &m->gen[i->c];
        ok = regs_ok(v, g->arg, g->n_arg) && opt_reg(v, g->options) && opt_reg(v, g->meta) &&
             g->rtype < m->n_rtype && g->next <= SITE_NEXT_TURN_END && g->by <= SITE_BY_LAST;
        break;
    }
    case OP_FORK: {
        const struct fork_site *s = &m->fork[i->b];
        ok = s->func < m->n_func && s->rtype < m->n_rtype && list_ok(v, s->capture, s->n_capture) &&
             (!s->uses_ctx || s->ctx < v->f->n_reg) && opt_reg(v, s->parallel) &&
             m->func[s->func].n_capture == s->n_capture && m->func[s->func].n_param == s->n_forker;
        break;
    }
    case OP_SCOPE_PUSH: {
        const struct scope_site *s = &m->scope[i->a];
        bool needs = s->kind == SCOPE_MOCK || s->kind == SCOPE_STUB;
        ok = s->kind <= SCOPE_MODEL && regs_ok(v, s->arg, s->n_arg) &&
             (needs ? s->value < v->f->n_reg : opt_reg(v, s->value)) &&
             (s->stub_func == BC_NO_INDEX || s->stub_func < m->n_func) &&
             (s->stub_ext == BC_NO_INDEX || s->stub_ext < m->n_ext);
        break;
    }
    case OP_ATTEMPT_ENTER: {
        const struct attempt_site *s = &m->attempt[i->a];
        ok = regs_ok(v, s->arg, s->n_arg) && opt_reg(v, s->ctx) &&
             list_ok(v, s->restore, s->n_restore);
        break;
    }
    default:
        break;
    }
    return ok ? NULL : "its site is not valid";
}

static const char *check_flow(const struct verify *v)
{
    const struct insn *i = &v->f->code[v->pc];
    bool last = v->pc + 1 == v->f->n_code;
    bool skips = i->op == OP_NEXT || i->op == OP_STREAM_NEXT || i->op == OP_JOIN_NEXT;
    if (skips && (v->pc + 2 >= v->f->n_code || v->f->code[v->pc + 1].op != OP_JUMP))
        return "no jump behind it";
    if (last && i->op != OP_RET && i->op != OP_RAISE && i->op != OP_JUMP)
        return "control runs off the end";
    return NULL;
}

/* A function that the machine calls by itself, without captures; or none. */
static bool helper_ok(const struct module *m, uint32_t func, uint32_t n_param)
{
    return func == BC_NO_INDEX ||
           (func < m->n_func && !m->func[func].n_capture && m->func[func].n_param == n_param);
}

static bool params_ok(const struct module *m, const struct bc_param *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (p[i].rtype >= m->n_rtype || !helper_ok(m, p[i].fallback, 0))
            return false;
    return true;
}

static bool ext_ok(const struct module *m, const struct bc_extern *x)
{
    return params_ok(m, x->param, x->n_param) && x->result < m->n_rtype &&
           helper_ok(m, x->cmd_argv, x->n_param) && helper_ok(m, x->cmd_stdin, x->n_param) &&
           (!x->is_cmd || x->cmd_argv != BC_NO_INDEX);
}

static enum status check_func(struct verify *v)
{
    const struct func *f = v->f;
    if ((uint64_t)f->n_capture + f->n_param > f->n_reg || !f->n_code || f->n_reg > BC_NONE ||
        (f->ctx != BC_NONE && f->ctx >= f->n_reg) || f->result >= v->m->n_rtype ||
        !params_ok(v->m, f->param, f->n_param))
        return error_set(v->err, ST_INTERNAL, "bytecode of %.*s: its frame is not valid",
                         (int)f->name.len,
                         f->name.ptr);
    for (v->pc = 0; v->pc < f->n_code; v->pc++) {
        if (f->code[v->pc].op >= OP_N)
            return error_set(v->err, ST_INTERNAL, "bytecode of %.*s: unknown operation",
                             (int)f->name.len,
                             f->name.ptr);
        const char *wrong = check_operands(v);
        if (!wrong)
            wrong = check_group(v);
        if (!wrong)
            wrong = check_site(v);
        if (!wrong)
            wrong = check_flow(v);
        if (wrong)
            return bad(v, wrong);
    }
    return ST_OK;
}

static uint32_t konst_words(const struct konst *k)
{
    return k->kind == KONST_MAP ? 2 * k->n : k->kind >= KONST_LIST &&
           k->kind <= KONST_STRUCT ? k->n : 0;
}

/* A function that needs no captures. */
static bool is_callable(const struct module *m, uint64_t func)
{
    return func < m->n_func && !m->func[func].n_capture;
}

static bool konst_ok(const struct module *m, const struct konst *k, uint32_t self)
{
    uint32_t words = konst_words(k);
    if (k->kind > KONST_TOOL || (k->kind == KONST_MAP && k->n > UINT32_MAX / 2))
        return false;
    for (uint32_t i = 0; i < words; i++)
        if (k->item[i] >= self)             /* items come first: no cycles */
            return false;
    if (k->kind == KONST_STR || k->kind == KONST_REGEX)
        return utf8_valid(k->text);
    if (k->kind == KONST_STRUCT)
        return k->rtype < m->n_rtype && m->rtype[k->rtype].kind == RT_STRUCT &&
        m->rtype[k->rtype].n_field == k->n;
    if (k->kind == KONST_ENUM)
        return k->rtype < m->n_rtype && m->rtype[k->rtype].kind == RT_ENUM && k->i >= 0 &&
               (uint64_t)k->i < m->rtype[k->rtype].n_variant;
    if (k->kind == KONST_FUNC)
        return k->i >= 0 && is_callable(m, (uint64_t)k->i);
    if (k->kind == KONST_TOOL)
        return k->i < 0 ? (uint64_t)(-1 - k->i) < m->n_ext : is_callable(m, (uint64_t)k->i);
    return true;
}

/* Constants are made into values by a walk that recurses. */
static bool konst_depth_ok(const struct module *m)
{
    uint8_t *depth = mem_calloc(m->n_konst + 1u, sizeof *depth);
    bool ok = depth != NULL;
    for (uint32_t i = 0; i < m->n_konst && ok; i++) {
        uint32_t words = konst_words(&m->konst[i]);
        for (uint32_t k = 0; k < words; k++) {
            uint8_t below = depth[m->konst[i].item[k]] + 1u;
            depth[i] = depth[i] > below ? depth[i] : below;
        }
        ok = depth[i] <= NESTING_MAX;
    }
    mem_free(depth);
    return ok;
}

static bool arms_ok(const struct rtype *t)
{
    switch (t->kind) {
    case RT_LIST: case RT_OPTIONAL: case RT_BRANCHES:
        return t->n >= 1;
    case RT_MAP:
        return t->n >= 2;
    case RT_FN: case RT_UNION:
        return t->n >= 1;
    default:
        return true;
    }
}

static bool rtype_ok(const struct module *m, const struct rtype *t)
{
    if (t->kind > RT_META || !arms_ok(t))
        return false;
    for (uint32_t i = 0; i < t->n; i++)
        if (t->elem[i] >= m->n_rtype)
            return false;
    for (uint32_t i = 0; i < t->n_field; i++)
        if (t->field[i].rtype >= m->n_rtype || !helper_ok(m, t->field[i].fallback, 0) ||
            !helper_ok(m, t->field[i].check, 1))
            return false;
    for (uint32_t i = 0; i < t->n_tool; i++)
        if (t->tool[i].args >= m->n_rtype || m->rtype[t->tool[i].args].kind != RT_STRUCT ||
            (t->tool[i].func != BC_NO_INDEX ? !is_callable(m, t->tool[i].func)
                                            : t->tool[i].ext >= m->n_ext))
            return false;
    return t->kind != RT_LITERAL || t->konst < m->n_konst;
}

/* A union or an optional type that leads to itself has no value to stop at.  Each level of the walk
 * goes through one arm more than a value does; `work` bounds how many arms it sees. */
static bool ends(const struct module *m, uint32_t rtype, uint32_t depth, uint32_t *work)
{
    const struct rtype *t = &m->rtype[rtype];
    if (t->kind != RT_UNION && t->kind != RT_OPTIONAL)
        return true;
    if (depth >= NESTING_MAX || *work == 0)
        return false;
    --*work;
    for (uint32_t i = 0; i < t->n; i++)
        if (!ends(m, t->elem[i], depth + 1, work))
            return false;
    return true;
}

static bool prefix_ok(const struct module *m, const struct bc_prefix *p)
{
    for (uint32_t i = 0; i < p->n_op; i++) {
        uint32_t op = PREFIX_OP(p->op[i]), operand = PREFIX_OPERAND(p->op[i]);
        if (op == PREFIX_TEXT && (operand >= m->n_konst || m->konst[operand].kind != KONST_STR))
            return false;
        if (op == PREFIX_OPEN && operand > 3)
            return false;
    }
    return p->func < m->n_func;
}

enum status bytecode_verify(const struct module *m, struct error *err)
{
    for (uint32_t i = 0; i < m->n_konst; i++)
        if (!konst_ok(m, &m->konst[i], i))
            return error_set(err, ST_INTERNAL, "bytecode: constant %u is not valid", i);
    if (!konst_depth_ok(m))
        return error_set(err, ST_INTERNAL, "bytecode: constants nest too deep");
    for (uint32_t i = 0; i < m->n_rtype; i++)
        if (!rtype_ok(m, &m->rtype[i]))
            return error_set(err, ST_INTERNAL, "bytecode: type %u is not valid", i);
    for (uint32_t i = 0; i < m->n_rtype; i++) {
        uint32_t work = ARMS_MAX;
        if (!ends(m, i, 0, &work))
            return error_set(err, ST_INTERNAL, "bytecode: type %u is made of itself", i);
    }
    for (uint32_t i = 0; i < m->n_ext; i++)
        if (!ext_ok(m, &m->ext[i]))
            return error_set(err, ST_INTERNAL, "bytecode: extern %u is not valid", i);
    for (uint32_t i = 0; i < m->n_prefix; i++)
        if (!prefix_ok(m, &m->prefix[i]))
            return error_set(err, ST_INTERNAL, "bytecode: prefix %u is not valid", i);
    if (m->main_func != BC_NO_INDEX && m->main_func >= m->n_func)
        return error_set(err, ST_INTERNAL, "bytecode: no such main function");
    for (uint32_t i = 0; i < m->n_func; i++) {
        struct verify v = { m, &m->func[i], i, 0, err };
        enum status st = check_func(&v);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}
