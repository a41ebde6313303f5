/* lib_math.c - natives over numbers, and the evaluator of arithmetic texts (math.eval).
 *
 * math.eval keeps its own stacks, so that the depth of brackets costs memory and never C stack. */
#include "runtime/vm/vm_int.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double num(struct value v)
{
    return v.tag == VAL_INT ? (double)v.i : v.f;
}

static enum step give(struct task *t, double f, const char *what, struct value *ret)
{
    if (!isfinite(f))
        return task_fail(t, "R0404", "%s is not defined there", what);
    *ret = value_float(f);
    return STEP_NEXT;
}

static enum step to_int(struct task *t, double f, struct value *ret)
{
    if (!(f >= -0x1p63 && f < 0x1p63))
        return task_fail(t, "R0203", "integer overflow");
    *ret = value_int((int64_t)f);
    return STEP_NEXT;
}

static enum step fixed(struct task *t, struct value *arg, struct value *ret)
{
    char buf[400];
    if (arg[1].tag != VAL_INT || arg[1].i < 0 || arg[1].i > 20)
        return task_fail(t, "R0404", "fixed takes 0 to 20 digits");
    int n = snprintf(buf, sizeof buf, "%.*f", (int)arg[1].i, num(arg[0]));
    return step_of(t, value_str((struct slice){ buf, (size_t)n }, ret));
}

static enum step int_div(struct task *t, struct value *arg, struct value *ret)
{
    if (arg[0].tag != VAL_INT || arg[1].tag != VAL_INT)
        return task_fail(t, "R0205", "div takes whole numbers");
    int64_t a = arg[0].i, b = arg[1].i;
    if (b == 0)
        return task_fail(t, "R0204", "division by zero");
    if (a == INT64_MIN && b == -1)
        return task_fail(t, "R0203", "integer overflow");
    int64_t q = a / b;
    *ret = value_int(a % b && (a < 0) != (b < 0) ? q - 1 : q);
    return STEP_NEXT;
}

/* ---- arithmetic in a text ---- */

enum { EVAL_DEPTH = 256 };

struct eval {
    double value[EVAL_DEPTH];
    char   op[EVAL_DEPTH];      /* + - * / % ^, ( and n for a sign */
    int    n_value, n_op;
    bool   bad;
};

static int rank(char op)
{
    switch (op) {
    case '+': case '-':
        return 1;
    case '*': case '/': case '%':
        return 2;
    case 'n':
        return 3;
    case '^':
        return 4;
    default:
        return 0;
    }
}

static void apply(struct eval *e)
{
    char op = e->op[--e->n_op];
    if (op == 'n') {
        if (e->n_value < 1)
            e->bad = true;
        else
            e->value[e->n_value - 1] = -e->value[e->n_value - 1];
        return;
    }
    if (e->n_value < 2 || op == '(') {
        e->bad = true;
        return;
    }
    double b = e->value[--e->n_value], a = e->value[e->n_value - 1];
    double r = op == '+' ? a + b : op == '-' ? a - b : op == '*' ? a * b
        : op == '/' ? a / b : op == '%' ? a - b * floor(a / b) : pow(a, b);
    e->value[e->n_value - 1] = r;
}

static void push_op(struct eval *e, char op)
{
    bool right = op == '^' || op == 'n';
    while (e->n_op && rank(e->op[e->n_op - 1]) && !e->bad &&
           (right ? rank(e->op[e->n_op - 1]) > rank(op) : rank(e->op[e->n_op - 1]) >= rank(op)))
        apply(e);
    if (e->n_op >= EVAL_DEPTH)
        e->bad = true;
    else
        e->op[e->n_op++] = op;
}

static void close_bracket(struct eval *e)
{
    while (e->n_op && e->op[e->n_op - 1] != '(' && !e->bad)
        apply(e);
    if (!e->n_op)
        e->bad = true;
    else
        e->n_op--;
}

static size_t push_number(struct eval *e, struct slice s, size_t at)
{
    char buf[64];
    size_t n = 0;
    while (at + n < s.len && n < sizeof buf - 1 &&
           ((s.ptr[at + n] >= '0' && s.ptr[at + n] <= '9') || s.ptr[at + n] == '.'))
        n++;
    memcpy(buf, s.ptr + at, n);
    buf[n] = 0;
    char *end;
    double f = strtod(buf, &end);
    if (!n || *end || e->n_value >= EVAL_DEPTH)
        e->bad = true;
    else
        e->value[e->n_value++] = f;
    return at + n;
}

static enum step eval(struct task *t, struct slice s, struct value *ret)
{
    struct eval e = { .n_value = 0 };
    bool operand = true;            /* one is expected next */
    for (size_t at = 0; at < s.len && !e.bad;) {
        char c = s.ptr[at];
        if (c == ' ' || c == '\t' || c == '\n') {
            at++;
        } else if ((c >= '0' && c <= '9') || c == '.') {
            e.bad = !operand;
            at = e.bad ? at : push_number(&e, s, at);
            operand = false;
        } else if (c == '(' && operand) {
            if (e.n_op >= EVAL_DEPTH)
                e.bad = true;
            else
                e.op[e.n_op++] = '(';
            at++;
        } else if (c == ')' && !operand) {
            close_bracket(&e);
            at++;
        } else if ((c == '-' || c == '+') && operand) {
            if (c == '-')
                push_op(&e, 'n');
            at++;
        } else if (strchr("+-*/%^", c) && c && !operand) {
            bool power = c == '*' && at + 1 < s.len && s.ptr[at + 1] == '*';
            push_op(&e, power ? '^' : c);
            at += power ? 2 : 1;
            operand = true;
        } else {
            e.bad = true;
        }
    }
    while (e.n_op && !e.bad)
        apply(&e);
    if (e.bad || operand || e.n_value != 1)
        return task_fail(t, "R0206", "\"%.*s\" is not arithmetic",
                         (int)(s.len < 60 ? s.len : 60), s.ptr);
    if (!isfinite(e.value[0]))
        return task_fail(t, "R0204", "division by zero, or a result too large");
    *ret = value_float(e.value[0]);
    return STEP_NEXT;
}

enum step native_math(struct task *t, enum native_id id, struct value *arg, struct value *ret)
{
    if (id == NATIVE_MATH_EVAL)
        return eval(t, value_text(arg[0]), ret);
    if (arg[0].tag != VAL_INT && arg[0].tag != VAL_FLOAT)
        return task_fail(t, "R0205", "a %s where a number is wanted", value_tag_name(arg[0].tag));
    double x = num(arg[0]);
    switch (id) {
    case NATIVE_NUM_FIXED:
        return fixed(t, arg, ret);
    case NATIVE_NUM_ROUND:
        return arg[0].tag == VAL_INT ? (*ret = arg[0], STEP_NEXT) : to_int(t, round(x), ret);
    case NATIVE_NUM_FLOOR:
        return arg[0].tag == VAL_INT ? (*ret = arg[0], STEP_NEXT) : to_int(t, floor(x), ret);
    case NATIVE_NUM_CEIL:
        return arg[0].tag == VAL_INT ? (*ret = arg[0], STEP_NEXT) : to_int(t, ceil(x), ret);
    case NATIVE_INT_DIV:
        return int_div(t, arg, ret);
    case NATIVE_MATH_SQRT:
        return give(t, sqrt(x), "sqrt", ret);
    case NATIVE_MATH_EXP:
        return give(t, exp(x), "exp", ret);
    case NATIVE_MATH_LOG:
        return give(t, log(x), "log", ret);
    default:
        return give(t, pow(x, num(arg[1])), "pow", ret);
    }
}
