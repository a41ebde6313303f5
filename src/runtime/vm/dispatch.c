/* dispatch.c - the loop over bytecode_ops.h, the one long function.
 *
 * An operation answers with a step: NEXT goes to the next instruction, JUMP leaves the program
 * counter as the operation set it, AGAIN means that frames were pushed or the operation is
 * entered again, WAIT suspends the task where it is, FAIL unwinds.  A result is written to its
 * register only by NEXT, so an operation may be entered any number of times. */
#include "runtime/vm/vm_int.h"


static int32_t rel(struct insn in)
{
    return (int32_t)((uint32_t)in.b | (uint32_t)in.c << 16);
}

static uint32_t wide(struct insn in)
{
    return (uint32_t)in.b | (uint32_t)in.c << 16;
}

/* Hands a result to whoever called; STEP_END when that was the host or a fork. */
static enum step ret(struct task *t, struct value v)
{
    struct frame *f = t->top;
    enum frame_then then = f->then;
    struct frame *into = f->into;
    uint32_t dst = f->dst;
    struct image *im = image_ref(f->image);
    enum step s = STEP_AGAIN;
    frame_pop(t);
    switch (then) {
    case THEN_REG:
        value_set_take(&into->reg[dst], v);
        /* the last default of a call by the host: now all parameters are there */
        if (into->unchecked && t->top == into && task_check_params(t) == STEP_FAIL)
            s = STEP_FAIL;
        break;
    case THEN_CALL:
        value_set_take(&into->reg[dst], v);
        into->pc++;
        break;
    case THEN_TMP:
        value_set_take(&into->tmp[dst], v);
        break;
    case THEN_FALLBACK:
        value_set_take(&im->fallback[dst], v);
        im->has_fallback[dst] = true;
        if (t->top && t->top->unchecked && task_check_params(t) == STEP_FAIL)
            s = STEP_FAIL;
        break;
    case THEN_FEEDBACK:
        s = attempt_feedback(t, v);
        value_unref(v);
        break;
    case THEN_END:
        value_set_take(&t->result, v);
        s = STEP_END;
        break;
    }
    image_unref(im);
    return s;
}

static enum step op_format(struct task *t, const struct value *base, uint32_t n,
                           struct value *out)
{
    struct str text = { 0 };
    for (uint32_t i = 0; i < n; i++) {
        if (!value_format(base[i], &text)) {
            str_free(&text);
            return task_fail(t, "R0205", "a %s has no text form", value_tag_name(base[i].tag));
        }
    }
    enum status st = text.failed ? ST_NOMEM : value_str(str_slice(&text), out);
    str_free(&text);
    return step_of(t, st);
}

static enum status make_list(const struct value *base, uint32_t n, struct value *out)
{
    enum status st = value_list(n, out);
    for (uint32_t i = 0; i < n && st == ST_OK; i++) {
        st = value_list_push_take(out, value_ref(base[i]));
        if (st != ST_OK)
            value_unref(*out);
    }
    return st;
}

static enum status make_map(const struct value *base, uint32_t n, struct value *out)
{
    enum status st = value_map(out);
    for (uint32_t i = 0; i < n && st == ST_OK; i++) {
        st = value_map_put_take(out, value_ref(base[2 * i]), value_ref(base[2 * i + 1]));
        if (st != ST_OK)
            value_unref(*out);
    }
    return st;
}

static enum step op_struct(struct task *t, uint32_t rtype, const struct value *base,
                           struct value *out)
{
    struct image *im = t->top->image;
    struct vtype *type = im->vtype[rtype];
    if (!type)
        return task_fail(t, "R0205", "not a struct");
    struct value *field = mem_calloc(type->n + 1u, sizeof *field);
    if (!field)
        return task_fail_status(t, ST_NOMEM);
    for (uint32_t i = 0; i < type->n; i++)
        field[i] = value_ref(base[i]);
    enum status st = value_struct_take(type, field, out);
    mem_free(field);
    return step_of(t, st);
}

static enum status call_type(struct run *r)
{
    const struct slice names[] = { SLICE("name"), SLICE("args"), SLICE("_tool") };
    const struct slice keys[] = { SLICE("name"), SLICE("arguments"), SLICE("_tool") };
    return r->t_call ? ST_OK : vtype_new(SLICE("call"), 3, names, keys, &r->t_call);
}

static enum step op_callval(struct task *t, uint32_t rtype, const struct value *base,
                            struct value *out)
{
    const struct module *m = t->top->image->module;
    const struct rtype *type = &m->rtype[rtype];
    if (base[0].tag != VAL_TOOL)
        return task_fail(t, "R0205", "a %s is not a tool", value_tag_name(base[0].tag));
    struct slice name = type->n_tool ? type->tool[0].name : SLICE("");  /* without its module */
    struct value field[3] = { value_null(), value_ref(base[1]), value_ref(base[0]) };
    enum status st = call_type(t->run);
    if (st == ST_OK)
        st = value_str(name, &field[0]);
    if (st != ST_OK) {
        value_unref(field[1]);
        value_unref(field[2]);
        return task_fail_status(t, st);
    }
    return step_of(t, value_record_take(VAL_CALL, t->run->t_call, field, out));
}

static enum step op_env(struct task *t, struct insn in, bool set)
{
    struct run_env *env = t->run->env;
    uint32_t slot = wide(in);
    if (!env)
        return task_fail(t, "R0205", "there is no environment here");
    if (slot >= env->n_slot) {
        struct value *p = mem_realloc(env->slot, (slot + 16u) * sizeof *p);
        if (!p)
            return task_fail_status(t, ST_NOMEM);
        for (uint32_t i = env->n_slot; i < slot + 16u; i++)
            p[i] = value_null();
        env->slot = p;
        env->n_slot = slot + 16u;
    }
    struct value *reg = &t->top->reg[in.a];
    if (set)
        value_set_take(&env->slot[slot], value_ref(*reg));
    else
        value_set_take(reg, value_ref(env->slot[slot]));
    return STEP_NEXT;
}

static enum step op_ctx_env(struct task *t, struct value *out)
{
    struct run_env *env = t->run->env;
    if (!env)
        return step_of(t, context_new(t->run, t->owner, out));
    if (env->ctx.tag == VAL_NULL) {
        enum status st = context_new(t->run, t->owner, &env->ctx);
        if (st != ST_OK)
            return task_fail_status(t, st);
    }
    context_of(env->ctx)->owner = t->owner;
    *out = value_ref(env->ctx);
    return STEP_NEXT;
}

/* A context that is in the middle of a generation is waited for. */
static bool ctx_wait(struct task *t, struct value v)
{
    struct context *c = context_of(v);
    if (!c->busy)
        return false;
    wait_on(&c->idle, t);
    return true;
}

/* What only appends need not wait for a stream: it gathers behind the place of its value. */
static bool append_wait(struct task *t, struct value v)
{
    return !context_of(v)->appends && ctx_wait(t, v);
}

static enum step op_text(struct task *t, struct value ctx, struct slice text)
{
    if (append_wait(t, ctx))
        return STEP_WAIT;
    struct context *c = context_of(ctx);
    uint64_t before = context_cost(c);
    enum step s = step_of(t, context_text(c, text));
    if (s == STEP_NEXT && mock_find(t))
        return settings_charge(t, context_cost(c) - before);
    return s;
}

static enum step op_insert(struct task *t, struct value ctx, struct value v)
{
    struct str text = { 0 };
    enum step s;
    if (!value_format(v, &text))
        s = task_fail(t, "R0205", "a %s has no text form", value_tag_name(v.tag));
    else
        s = text.failed ? task_fail_status(t, ST_NOMEM) : op_text(t, ctx, str_slice(&text));
    str_free(&text);
    return s;
}

static enum step op_turn(struct task *t, struct value ctx, bool open, int role)
{
    if (append_wait(t, ctx))
        return STEP_WAIT;
    struct context *c = context_of(ctx);
    enum status st = ST_OK;
    if (c->tail->role >= 0)         /* left open by an error, or about to be closed */
        st = context_node(c, NODE_CLOSE, -1, NULL);
    if (st == ST_OK && open)
        st = context_node(c, NODE_OPEN, role, NULL);
    return step_of(t, st);
}

static enum step op_control(struct task *t, struct value ctx, struct value token)
{
    if (append_wait(t, ctx))
        return STEP_WAIT;
    struct node *n;
    enum status st = context_node(context_of(ctx), NODE_CONTROL, context_of(ctx)->tail->role, &n);
    if (st == ST_OK)
        str_add_slice(&n->text, value_text(token));
    return step_of(t, st);
}

static enum step op_copy(struct task *t, struct value ctx, struct value *out)
{
    if (ctx_wait(t, ctx))
        return STEP_WAIT;
    return context_step(t, context_copy(ctx, t->owner, true, out));
}

static enum step op_enter(struct task *t, struct value ctx)
{
    if (ctx.tag != VAL_CONTEXT)
        return task_fail(t, "R0205", "a %s is not a context", value_tag_name(ctx.tag));
    if (context_of(ctx)->owner != t->owner)
        return task_fail(t, "R0501", "this context belongs to another branch: fork it");
    if (ctx_wait(t, ctx))
        return STEP_WAIT;
    return step_of(t, attempt_enter_ctx(t, ctx));
}

static enum step op_since(struct task *t, struct value ctx, struct value mark, struct value *out)
{
    if (ctx_wait(t, ctx))
        return STEP_WAIT;
    struct context *c = context_of(ctx);
    struct node *n = mark.tag == VAL_MARK ? ((struct mark *)mark.obj)->node : NULL;
    if (!n || !context_has(c, n))
        return task_fail(t, "R0504", "this mark is of another context");
    struct str text = { 0 };
    context_since(c->tail, n, &text);
    enum status st = text.failed ? ST_NOMEM : value_str(str_slice(&text), out);
    str_free(&text);
    return step_of(t, st);
}

static enum step op_rollback(struct task *t, struct value ctx, struct value mark)
{
    if (ctx_wait(t, ctx))
        return STEP_WAIT;
    struct context *c = context_of(ctx);
    struct node *n = mark.tag == VAL_MARK ? ((struct mark *)mark.obj)->node : NULL;
    if (!n || !context_has(c, n))
        return task_fail(t, "R0504", "this mark is of another context");
    context_set_tail(c, n);
    return STEP_NEXT;
}

static enum step op_drop_turns(struct task *t, struct value ctx, struct value n, struct value keep)
{
    if (ctx_wait(t, ctx))
        return STEP_WAIT;
    if (n.tag != VAL_INT || keep.tag != VAL_BOOL)
        return task_fail(t, "R0205", "drop_turns wants a number of turns and a bool");
    return step_of(t, context_drop_turns(context_of(ctx), n.i, keep.b));
}

static enum step op_mark(struct task *t, struct value ctx, struct value *out)
{
    if (ctx_wait(t, ctx))
        return STEP_WAIT;
    return step_of(t, mark_new(context_of(ctx), out));
}

static const char *const cmp_text[] = { "==", "!=", "<", "<=", ">", ">=" };

static enum step op_compare(struct task *t, enum bc_op op, struct value a, struct value b,
                            struct value *out)
{
    if (op == OP_EQ || op == OP_NE) {
        *out = value_bool(value_eq(a, b) == (op == OP_EQ));
        return STEP_NEXT;
    }
    int c;
    if (!value_cmp(a, b, &c))
        return task_fail(t, "R0205", "a %s and a %s have no order", value_tag_name(a.tag),
                         value_tag_name(b.tag));
    *out = value_bool(op == OP_LT ? c < 0 : op == OP_LE ? c <= 0 : op == OP_GT ? c > 0 : c >= 0);
    return STEP_NEXT;
}

static void add_side(struct str *out, struct value v)
{
    if (v.tag == VAL_STR)
        jsonio_quote(value_text(v), out);
    else if (!value_format(v, out))
        str_adds(out, value_tag_name(v.tag));
}

/* side: left, right, and the reason or null. */
static enum step op_assert_cmp(struct task *t, uint16_t op, const struct value *side)
{
    struct value ok, why = side[2];
    enum step s = op_compare(t, (enum bc_op)op, side[0], side[1], &ok);
    if (s != STEP_NEXT || ok.b)
        return s;
    struct str text = { 0 };
    if (why.tag == VAL_STR) {
        str_add_slice(&text, value_text(why));
        str_adds(&text, ": ");
    }
    add_side(&text, side[0]);
    str_addf(&text, " %s ", cmp_text[op - OP_EQ]);
    add_side(&text, side[1]);
    str_adds(&text, " is false");
    s = task_fail_kind(t, "R0303", SLICE("Assert"), str_slice(&text));
    str_free(&text);
    return s;
}

static enum step op_check(struct task *t, struct value *at, uint32_t rtype)
{
    struct type_fault fault;
    struct value v;
    enum status st = type_accept(t->top->image, rtype, *at, TYPE_JSON, &v, &fault);
    if (st != ST_OK)
        return type_fault_step(t, t->top->image, st, &fault, "R0205");
    value_set_take(at, v);
    return STEP_NEXT;
}

static enum step op_typed(struct task *t, enum bc_op op, struct value v, uint32_t rtype,
                          struct value *out)
{
    struct image *im = t->top->image;
    struct type_fault fault = { .need = BC_NO_INDEX };
    enum status st = op == OP_PARSE ? type_parse(im, rtype, value_text(v), out, &fault)
                                    : type_convert(im, rtype, v, out, &fault);
    return st == ST_OK ? STEP_NEXT : type_fault_step(t, im, st, &fault, "R0206");
}

static enum step op_native(struct task *t, struct insn in, struct value *out)
{
    struct frame *f = t->top;
    /* `xs = xs.push(v)`: the old list is let go first, so that the new one is the same block */
    if (in.b == NATIVE_LIST_PUSH && in.a != in.c && in.a != in.c + 1 &&
        f->reg[in.a].tag == VAL_LIST && f->reg[in.a].obj == f->reg[in.c].obj)
        value_clear(&f->reg[in.a]);
    if (in.b == NATIVE_CALL_RUN)
        return op_call_tool(t, in);
    return native_call(t, (enum native_id)in.b, &f->reg[in.c], out);
}

static enum step op_try(struct task *t, struct insn in, bool finally)
{
    struct handler h = { .kind = HANDLER_TRY, .reg = in.a, .finally = finally,
                         .pc = t->top->pc + 1 + (uint32_t)rel(in) };
    return handler_push(t, &h) ? STEP_NEXT : task_fail_status(t, ST_NOMEM);
}

static enum step op_pop(struct task *t)
{
    if (t->n_handler <= t->top->n_handler)
        return task_fail(t, "R0705", "a scope ends that was never entered");
    handler_pop(t);
    return STEP_NEXT;
}

static enum step fail_type(struct task *t, struct value v, const char *want)
{
    return task_fail(t, "R0205", "a %s where a %s is wanted", value_tag_name(v.tag), want);
}

static bool wants_context(enum bc_op op)
{
    if (op == OP_JOIN_TEXT || op == OP_JOIN_KEEP)
        return true;
    return op >= OP_CTX_SNAP && op <= OP_QUERY && op != OP_CTX_ENTER && op != OP_CTX_DROP &&
           op != OP_STREAM_NEXT && op != OP_STREAM_VALUE && op != OP_STREAM_META;
}

/* Which operand of a context operation is the context. */
static uint16_t context_operand(struct insn in)
{
    switch (in.op) {
    case OP_TEXT: case OP_INSERT: case OP_CONTROL: case OP_TURN_OPEN: case OP_TURN_CLOSE:
    case OP_ROLLBACK: case OP_DROP_TURNS: case OP_JOIN_TEXT: case OP_JOIN_KEEP:
        return in.a;
    default:
        return in.b;
    }
}

enum step dispatch(struct task *t, uint64_t slice);

/* Runs until the task waits, ends, fails with nobody catching, or has used up its slice. */
enum step dispatch(struct task *t, uint64_t slice)
{
    struct run *run = t->run;
    for (uint64_t left = slice; left; left--) {
        struct frame *f = t->top;
        struct value *reg = f->reg;
        struct insn in = f->fn->code[f->pc];
        enum bc_op op = (enum bc_op)in.op;
        struct value out = value_null();
        bool writes = false;
        enum step s = STEP_NEXT;

        run->stats.n_op++;
        if (++t->steps > run->opts.max_steps) {
            t->steps = 0;
            s = task_fail(t, "R0706", "more than %llu steps without a model operation",
                          (unsigned long long)run->opts.max_steps);
            goto done;
        }
        if (wants_context(op) && reg[context_operand(in)].tag != VAL_CONTEXT) {
            s = fail_type(t, reg[context_operand(in)], "context");
            goto done;
        }

        switch (op) {
        case OP_NOP: case OP_N:
            break;

        /* values */
        case OP_CONST:
            s = step_of(t, image_konst(f->image, wide(in), &out));
            writes = true;
            break;
        case OP_MOVE:
            out = value_ref(reg[in.b]);
            writes = true;
            break;
        case OP_NOT:
            if (reg[in.b].tag != VAL_BOOL) {
                s = fail_type(t, reg[in.b], "bool");
                break;
            }
            out = value_bool(!reg[in.b].b);
            writes = true;
            break;
        case OP_NEG:
            s = op_arith(t, op, reg[in.b], value_null(), &out);
            writes = true;
            break;
        case OP_ADD: case OP_SUB: case OP_MUL: case OP_DIV: case OP_MOD:
            if (op == OP_ADD && reg[in.b].tag == VAL_INT && reg[in.c].tag == VAL_INT &&
                !__builtin_add_overflow(reg[in.b].i, reg[in.c].i, &out.i))
                out.tag = VAL_INT;
            else
                s = op_arith(t, op, reg[in.b], reg[in.c], &out);
            writes = true;
            break;
        case OP_EQ: case OP_NE: case OP_LT: case OP_LE: case OP_GT: case OP_GE:
            s = op_compare(t, op, reg[in.b], reg[in.c], &out);
            writes = true;
            break;
        case OP_RANGE: case OP_RANGE_EX:
            if (reg[in.b].tag != VAL_INT || reg[in.c].tag != VAL_INT) {
                s = fail_type(t, reg[in.b].tag != VAL_INT ? reg[in.b] : reg[in.c], "int");
                break;
            }
            if (op == OP_RANGE_EX && reg[in.c].i == INT64_MIN)
                s = step_of(t, value_range(1, 0, &out));
            else
                s = step_of(t, value_range(reg[in.b].i, reg[in.c].i - (op == OP_RANGE_EX), &out));
            writes = true;
            break;
        case OP_MATCHES: case OP_MATCH_RE:
            s = op_match(t, in, op == OP_MATCH_RE);
            break;
        case OP_FORMAT:
            s = op_format(t, &reg[in.b], in.c, &out);
            writes = true;
            break;
        case OP_LIST:
            s = step_of(t, make_list(&reg[in.b], in.c, &out));
            writes = true;
            break;
        case OP_TUPLE:
            for (uint32_t i = 0; i < in.c; i++)
                value_ref(reg[in.b + i]);
            s = step_of(t, value_tuple_take(&reg[in.b], in.c, &out));
            writes = true;
            break;
        case OP_MAP:
            s = step_of(t, make_map(&reg[in.b], in.c, &out));
            writes = true;
            break;
        case OP_STRUCT:
            s = op_struct(t, in.c, &reg[in.b], &out);
            writes = true;
            break;
        case OP_CALLVAL:
            s = op_callval(t, in.c, &reg[in.b], &out);
            writes = true;
            break;
        case OP_FIELD:
            out = value_ref(value_field(reg[in.b], in.c));
            writes = true;
            break;
        case OP_MEMBER: {
            struct value name;
            s = step_of(t, image_konst(f->image, in.c, &name));
            if (s == STEP_NEXT) {
                s = op_member(t, reg[in.b], value_text(name), &out);
                value_unref(name);
            }
            writes = true;
            break;
        }
        case OP_INDEX:
            s = op_index(t, reg[in.b], reg[in.c], &out);
            writes = true;
            break;
        case OP_ITEM:
            out = value_ref(value_at(reg[in.b], in.c));
            writes = true;
            break;
        case OP_PUT_FIELD:
            if (!value_vtype(reg[in.a]) || reg[in.a].tag == VAL_ENUM)
                s = fail_type(t, reg[in.a], "struct");
            else
                s = step_of(t, value_struct_put_take(&reg[in.a], in.b, value_ref(reg[in.c])));
            break;
        case OP_PUT_INDEX:
            s = op_put_index(t, &reg[in.a], reg[in.b], reg[in.c]);
            break;
        case OP_CONVERT: case OP_PARSE:
            s = op_typed(t, op, reg[in.b], in.c, &out);
            writes = true;
            break;
        case OP_CHECK:
            s = op_check(t, &reg[in.a], wide(in));
            break;
        case OP_CHECK_FIELDS:
            s = op_check_fields(t, reg[in.a], wide(in));
            break;
        case OP_IS:
            out = value_bool(type_is(f->image, in.c, reg[in.b]));
            writes = true;
            break;
        case OP_CLOSURE:
            s = fn_new(t, f->image, in.b, &reg[in.c], &out);
            writes = true;
            break;
        case OP_ENV_GET: case OP_ENV_SET:
            s = op_env(t, in, op == OP_ENV_SET);
            break;

        /* control */
        case OP_JUMP:
            f->pc += 1 + (uint32_t)rel(in);
            s = STEP_JUMP;
            break;
        case OP_JUMP_TRUE: case OP_JUMP_FALSE:
            if (reg[in.a].tag != VAL_BOOL) {
                s = fail_type(t, reg[in.a], "bool");
            } else if (reg[in.a].b == (op == OP_JUMP_TRUE)) {
                f->pc += 1 + (uint32_t)rel(in);
                s = STEP_JUMP;
            }
            break;
        case OP_JUMP_NULL: case OP_JUMP_NOT_NULL:
            if ((reg[in.a].tag == VAL_NULL) == (op == OP_JUMP_NULL)) {
                f->pc += 1 + (uint32_t)rel(in);
                s = STEP_JUMP;
            }
            break;
        case OP_ITER:
            s = op_iter(t, reg[in.b], &out);
            writes = true;
            break;
        case OP_NEXT: {
            bool end = false;
            s = op_next(t, reg[in.a], &out, &end);
            if (s == STEP_NEXT && !end) {
                value_set_take(&reg[in.b], out);
                f->pc++;
            }
            break;
        }
        case OP_CALL:
            s = call_func(t, f->image, in.b, &reg[in.c], f->image->module->func[in.b].n_param,
                          THEN_CALL, in.a);
            break;
        case OP_CALL_DEFERRED:
            s = op_call_deferred(t, in);
            break;
        case OP_CALL_VALUE_DEFERRED:
            s = op_call_value_deferred(t, in);
            break;
        case OP_CALL_VALUE:
            s = call_value(t, reg[in.b], &reg[in.b + 1], in.c, THEN_CALL, in.a);
            break;
        case OP_FORCE:
            s = op_force(t, in);
            break;
        case OP_SETTLE:
            s = op_settle(t);
            break;
        case OP_CALL_EXTERN:
            s = op_call_extern(t, in);
            break;
        case OP_NATIVE:
            s = op_native(t, in, &out);
            writes = in.b != NATIVE_CALL_RUN;
            break;
        case OP_RET:
            if (t->sets && (s = branches_leave(t, f, 0)) != STEP_NEXT)
                break;
            if (t->cancel_frame == f)
                s = task_raise_cancelled(t);        /* a `return` in a finally does not end a cancel */
            else
                s = ret(t, value_ref(reg[in.a]));
            if (s == STEP_END)
                return STEP_END;
            break;
        case OP_RAISE:
            if (t->cancelled && reg[in.a].tag == VAL_NULL)
                s = task_raise_cancelled(t);
            else if (reg[in.a].tag != VAL_ERROR)
                s = fail_type(t, reg[in.a], "error");
            else
                s = task_raise(t, value_ref(reg[in.a]));
            break;
        case OP_TRY_ENTER: case OP_FINALLY_ENTER:
            s = op_try(t, in, op == OP_FINALLY_ENTER);
            break;
        case OP_TRY_LEAVE: case OP_SCOPE_POP:
            s = op_pop(t);
            break;

        /* contexts */
        case OP_CTX_NEW:
            s = context_step(t, context_new(run, t->owner, &out));
            writes = true;
            break;
        case OP_CTX_ENV:
            s = op_ctx_env(t, &out);
            writes = true;
            break;
        case OP_CTX_SNAP: case OP_CTX_FORK: case OP_CTX_SCRATCH:
            s = op_copy(t, reg[in.b], &out);
            writes = true;
            break;
        case OP_CTX_ENTER:
            s = op_enter(t, reg[in.a]);
            break;
        case OP_CTX_DROP:
            if (reg[in.a].tag == VAL_CONTEXT)
                context_release(&reg[in.a]);
            else
                value_clear(&reg[in.a]);
            break;
        case OP_TEXT: {
            const struct konst *k = &f->image->module->konst[wide(in)];
            s = op_text(t, reg[in.a], k->text);
            break;
        }
        case OP_INSERT:
            if (reg[in.b].tag == VAL_FUTURE && future_insert(t, reg[in.a], &reg[in.b], &s))
                break;
            s = op_insert(t, reg[in.a], reg[in.b]);
            break;
        case OP_CONTROL:
            s = op_control(t, reg[in.a], reg[in.b]);
            break;
        case OP_TURN_OPEN:
            s = op_turn(t, reg[in.a], true, in.b);
            break;
        case OP_TURN_CLOSE:
            s = op_turn(t, reg[in.a], false, -1);
            break;
        case OP_GEN:
            s = op_gen(t, in);
            break;
        case OP_SELECT: case OP_SCORE:
            s = op_select(t, in, op == OP_SCORE);
            break;
        case OP_STREAM_OPEN:
            s = op_stream_open(t, in);
            break;
        case OP_STREAM_NEXT:
            s = op_stream_next(t, in);
            break;
        case OP_STREAM_VALUE:
            s = op_stream_value(t, in);
            break;
        case OP_STREAM_META:
            s = op_stream_meta(t, in);
            break;
        case OP_MARK:
            s = op_mark(t, reg[in.b], &out);
            writes = true;
            break;
        case OP_SINCE:
            s = op_since(t, reg[in.b], reg[in.c], &out);
            writes = true;
            break;
        case OP_ROLLBACK:
            s = op_rollback(t, reg[in.a], reg[in.b]);
            break;
        case OP_DROP_TURNS:
            s = op_drop_turns(t, reg[in.a], reg[in.b], reg[in.c]);
            break;
        case OP_QUERY:
            s = op_query(t, in);
            break;
        case OP_FORK:
            s = op_fork(t, in);
            break;
        case OP_JOIN:
            s = op_join(t, in);
            break;
        case OP_JOIN_NEXT:
            s = op_join_next(t, in);
            break;
        case OP_JOIN_STOP:
            s = op_join_stop(t, in);
            break;
        case OP_JOIN_TEXT:
            s = op_join_text(t, in);
            break;
        case OP_JOIN_PASS:
            s = op_join_pass(t, in);
            break;
        case OP_JOIN_KEEP:
            s = op_join_keep(t, in);
            break;
        case OP_CANCEL:
            s = op_cancel(t, in);
            break;
        case OP_BRANCHES:
            s = op_branches(t, in);
            break;
        case OP_SCOPE_PUSH:
            s = op_scope_push(t, in.a);
            break;
        case OP_ATTEMPT_ENTER:
            s = op_attempt_enter(t, in);
            break;
        case OP_ATTEMPT_COMMIT:
            s = op_attempt_commit(t);
            break;
        case OP_ASSERT_CMP:
            s = op_assert_cmp(t, in.a, &reg[in.b]);
            break;
        }

done:
        switch (s) {
        case STEP_NEXT:
            if (writes)
                value_set_take(&reg[in.a], out);
            if (f->stage)
                task_clear_op(t);
            f->pc++;
            break;
        case STEP_JUMP: case STEP_AGAIN:
            break;
        case STEP_WAIT:
            return STEP_WAIT;
        case STEP_END:
            return STEP_END;
        case STEP_FAIL:
            s = task_unwind(t);
            if (s != STEP_AGAIN)
                return s;
            break;
        }
    }
    return STEP_AGAIN;
}
