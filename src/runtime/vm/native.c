/* native.c - calls that leave the program: functions of the host, programs of the system, and
 * tool calls that the program runs itself. */
#include "runtime/vm/vm_int.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "runtime/effect/cmd.h"
#include "runtime/effect/permit.h"

/* ---- host functions ---- */

struct slice run_call_name(const struct run_call *c)
{
    return c->name;
}

uint32_t run_call_n_arg(const struct run_call *c)
{
    return c->n_arg;
}

struct value run_call_arg(const struct run_call *c, uint32_t i)
{
    return i < c->n_arg ? c->arg[i] : value_null();
}

void run_call_answer(struct run_call *c, struct value v)
{
    c->answer = v;
    vm_post(c->vm, &c->post);
}

void run_call_fail(struct run_call *c, const char *kind, const char *text)
{
    c->failed = true;
    snprintf(c->kind, sizeof c->kind, "%s", kind ? kind : "Tool");
    str_adds(&c->text, text ? text : "");
    vm_post(c->vm, &c->post);
}

static void call_free(struct run_call *c)
{
    for (uint32_t i = 0; i < c->n_arg; i++)
        value_unref(c->arg[i]);
    mem_free(c->arg);
    value_unref(c->answer);
    str_free(&c->text);
    mem_free((char *)c->name.ptr);
    mem_free(c);
}

/* The host has answered; a task that has gone leaves the call to be freed here. */
void call_done(struct run_call *c)
{
    bool first = !c->done;
    c->done = true;
    if (c->task && first) {
        task_ready(c->task);
        return;
    }
    call_free(c);
}

static void slow_call(void *arg)
{
    struct run_call *c = arg;
    c->fn(c->fn_ctx, c);
}

static const struct run_extern *binding(const struct run *r, struct slice name)
{
    for (uint32_t i = 0; i < r->opts.n_ext; i++)
        if (slice_eq(r->opts.ext[i].name, name))
            return &r->opts.ext[i];
    return NULL;
}

static struct run_call *call_new(struct task *t, const struct bc_extern *ext,
                                 const struct value *arg)
{
    struct run_call *c = mem_zalloc(sizeof *c);
    if (!c)
        return NULL;
    c->post.kind = POST_ANSWER;
    c->vm = t->run->vm;
    c->run = t->run;
    c->task = t;
    char *name = mem_strndup(ext->name.ptr, ext->name.len);
    c->name = (struct slice){ name, name ? ext->name.len : 0 };
    c->arg = mem_calloc(ext->n_param + 1u, sizeof *c->arg);
    enum status st = c->arg && name ? ST_OK : ST_NOMEM;
    for (uint32_t i = 0; i < ext->n_param && st == ST_OK; i++) {
        st = value_detach(arg[i], &c->arg[i]);
        c->n_arg += st == ST_OK;
    }
    if (st == ST_OK)
        return c;
    call_free(c);
    return NULL;
}

static enum step host_call(struct task *t, const struct bc_extern *ext, const struct value *arg)
{
    const struct run_extern *b = binding(t->run, ext->name);
    if (!b)
        return task_fail(t, "R0102", "the extern function `%.*s` is not bound",
                         (int)ext->name.len, ext->name.ptr);
    struct run_call *c = call_new(t, ext, arg);
    if (!c)
        return task_fail(t, "R0205", "an argument cannot be handed to the host");
    t->call = c;
    t->run->stats.n_call++;
    if (!b->fn) {
        struct run_event ev = { .kind = RUN_EXTERN, .branch = task_branch(t), .call = c };
        run_emit(t->run, &ev);
        return STEP_WAIT;
    }
    if (!b->slow) {
        b->fn(b->ctx, c);
        return STEP_WAIT;
    }
    c->fn = b->fn;
    c->fn_ctx = b->ctx;
    if (pool_submit(t->run->vm->pool, slow_call, c) == ST_OK)
        return STEP_WAIT;
    t->call = NULL;
    call_free(c);
    return task_fail_status(t, ST_NOMEM);
}

/* A result from outside: of its type, or read from text or JSON. */
static enum step take_result(struct task *t, const struct bc_extern *ext, struct value v,
                             struct value *ret)
{
    struct image *im = t->top->image;
    struct type_fault fault;
    if (im->module->rtype[ext->result].kind == RT_NULL) {
        *ret = value_null();
        return STEP_NEXT;
    }
    enum status st = type_accept(im, ext->result, v, TYPE_JSON, ret, &fault);
    if (st == ST_INVALID && v.tag == VAL_STR)
        st = type_read(im, ext->result, value_text(v), ret, &fault);
    return st == ST_OK ? STEP_NEXT : type_fault_step(t, im, st, &fault, "R0206");
}

static enum step host_answer(struct task *t, const struct bc_extern *ext, struct value *ret)
{
    struct run_call *c = t->call;
    if (!c->done)
        return STEP_WAIT;
    t->steps = 0;
    enum step s;
    if (c->failed)
        s = task_fail_kind(t, "R0601", slice_of(c->kind), str_slice(&c->text));
    else
        s = take_result(t, ext, c->answer, ret);
    if (s == STEP_AGAIN)
        return s;           /* a default runs first; the answer is looked at once more */
    t->call = NULL;
    call_free(c);
    return s;
}

/* ---- programs of the system ---- */

static void cmd_work(struct job *j)
{
    struct error err = { 0 };
    struct cmd c = { .argv = j->argv, .input = str_slice(&j->text), .timeout_ms = j->timeout_ms,
                     .cancel = &j->cancel };
    enum status st = command_run(&c, &err);
    if (st == ST_TIMEOUT) {
        snprintf(j->code, sizeof j->code, "R0604");
        snprintf(j->fail, sizeof j->fail, "%s", err.text);
    } else if (st != ST_OK || c.exit_code) {
        snprintf(j->code, sizeof j->code, "R0601");
        if (st != ST_OK)
            snprintf(j->fail, sizeof j->fail, "%s", err.text);
        else
            snprintf(j->fail, sizeof j->fail, "%s ended with exit code %d", j->argv[0],
                     c.exit_code);
    } else {
        struct slice out = str_slice(&c.output);
        if (slice_ends(out, SLICE("\n")))
            out.len--;
        if (!utf8_valid(out) || value_str(out, &j->result) != ST_OK) {
            snprintf(j->code, sizeof j->code, "R0601");
            snprintf(j->fail, sizeof j->fail, "%s wrote no valid text", j->argv[0]);
        }
    }
    str_free(&c.output);
}

static enum step cmd_start(struct task *t, const struct bc_extern *ext, struct value argv,
                           struct value input)
{
    const struct run_opts *o = &t->run->opts;
    uint32_t n = value_len(argv);
    struct job *j = mem_zalloc(sizeof *j);
    if (!j)
        return task_fail_status(t, ST_NOMEM);
    j->argv = mem_calloc(n + 1u, sizeof *j->argv);
    for (uint32_t i = 0; j->argv && i < n; i++) {
        struct slice a = value_text(value_at(argv, i));
        j->argv[i] = mem_strndup(a.ptr, a.len);
        j->n_argv++;
    }
    j->work = cmd_work;
    j->timeout_ms = ext->timeout_ms;
    str_add_slice(&j->text, value_text(input));
    enum step s = STEP_NEXT;
    if (!j->argv || !n || !j->argv[0])
        s = task_fail(t, "R0601", "there is no program to run");
    else if (!permit_program(o->allow_run, o->n_allow_run, j->argv[0]))
        s = task_fail(t, "R0602", "running %s needs --allow-run=%s", j->argv[0], j->argv[0]);
    if (s != STEP_NEXT) {
        job_free(j);
        return s;
    }
    t->run->stats.n_call++;
    return job_submit(t, j);
}

enum { CMD_ARGV = 1, CMD_INPUT, CMD_RUNS, CMD_RESULT };

/* Its arguments and input are functions of the parameters: they run first. */
static enum step cmd_call(struct task *t, const struct bc_extern *ext, const struct value *arg,
                          struct value *ret)
{
    struct frame *f = t->top;
    if (f->stage == 0) {
        f->stage = CMD_ARGV;
        return call_func(t, f->image, ext->cmd_argv, arg, ext->n_param, THEN_TMP, 0);
    }
    if (f->stage == CMD_ARGV) {
        f->stage = CMD_INPUT;
        if (ext->cmd_stdin != BC_NO_INDEX)
            return call_func(t, f->image, ext->cmd_stdin, arg, ext->n_param, THEN_TMP, 1);
    }
    if (f->stage == CMD_INPUT) {
        f->stage = CMD_RUNS;
        return cmd_start(t, ext, f->tmp[0], f->tmp[1]);
    }
    if (f->stage == CMD_RUNS) {
        struct value out = value_null();
        enum step s = job_take(t, &out);
        if (s != STEP_NEXT)
            return s;
        value_set_take(&f->tmp[2], out);
        f->stage = CMD_RESULT;
    }
    return take_result(t, ext, f->tmp[2], ret);
}

static enum step extern_step(struct task *t, uint32_t index, const struct value *arg,
                             struct value *ret)
{
    const struct bc_extern *ext = &t->top->image->module->ext[index];
    if (ext->is_cmd)
        return cmd_call(t, ext, arg, ret);
    return t->call ? host_answer(t, ext, ret) : host_call(t, ext, arg);
}

enum step op_call_extern(struct task *t, struct insn in)
{
    struct frame *f = t->top;
    const struct bc_extern *ext = &f->image->module->ext[in.b];
    struct value stub, out = value_null();
    if (f->stage == 0 && !t->call && settings_stub(t, BC_NO_INDEX, in.b, &stub)) {
        return call_value(t, stub, &f->reg[in.c], ext->n_param, THEN_CALL, in.a);
    }
    enum step s = extern_step(t, in.b, &f->reg[in.c], &out);
    if (s == STEP_NEXT)
        value_set_take(&f->reg[in.a], out);
    return s;
}

/* ---- c.run() ---- */

enum { TOOL_CALLED = 100, TMP_TOOL = 2 };

static enum step tool_text(struct task *t, struct insn in, struct value result)
{
    struct str text = { 0 };
    struct value v;
    if (!value_format(result, &text)) {
        str_free(&text);
        return task_fail(t, "R0205", "a %s has no text form", value_tag_name(result.tag));
    }
    enum status st = text.failed ? ST_NOMEM : value_str(str_slice(&text), &v);
    str_free(&text);
    if (st != ST_OK)
        return task_fail_status(t, st);
    value_set_take(&t->top->reg[in.a], v);
    return STEP_NEXT;
}

enum step op_call_tool(struct task *t, struct insn in)
{
    struct frame *f = t->top;
    struct value c = f->reg[in.c], stub;
    if (c.tag != VAL_CALL)
        return task_fail(t, "R0205", "a %s is not a tool call", value_tag_name(c.tag));
    if (f->stage == TOOL_CALLED)
        return tool_text(t, in, f->tmp[TMP_TOOL]);
    struct value args = value_field(c, 1), tool = value_field(c, 2);
    const struct value *arg = ((const struct obj_struct *)args.obj)->field;
    uint32_t n = args.tag == VAL_STRUCT ? value_vtype(args)->n : 0;
    if (!tool.aux) {
        f->stage = TOOL_CALLED;
        return call_func(t, f->image, (uint32_t)tool.i, arg, n, THEN_TMP, TMP_TOOL);
    }
    if (f->stage == 0 && !t->call &&
        settings_stub(t, BC_NO_INDEX, (uint32_t)tool.i, &stub)) {
        f->stage = TOOL_CALLED;
        return call_value(t, stub, arg, n, THEN_TMP, TMP_TOOL);
    }
    struct value out = value_null();
    enum step s = extern_step(t, (uint32_t)tool.i, arg, &out);
    if (s != STEP_NEXT)
        return s;
    s = tool_text(t, in, out);
    value_unref(out);
    return s;
}
