/* fuzz_bytecode.c - damaged bytecode through the verifier into the machine: refused, or a run that
 * ends, with no crash, no hang and nothing left behind.
 *
 * The input is a program.  It is compiled, and then its module is damaged again and again, each
 * time in another way that the input decides: instructions in place, or bytes of the packed form.
 * What the verifier lets through runs for a bounded number of steps over a scripted engine. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "base/rng.h"
#include "compiler/bytecode_pack.h"
#include "compiler/compile.h"
#include "runtime/vm/vm.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { N_DAMAGED = 48, HANG_MS = 20000, RUN_MS = 300 };

struct dice {
    struct rng_key key;
    uint64_t       n;
};

static uint32_t roll(struct dice *d, uint32_t n)
{
    return n ? (uint32_t)(rng_u64(d->key, d->n++) % n) : 0;
}

static enum status answer(void *ctx, const struct scripted_hole *hole, struct arena *a,
                          struct scripted_answer *ret, struct error *err)
{
    static const char *const texts[] = { "", "1", "a b", "true", "[1]", "{}", "null" };
    (void)a, (void)err, (void)ctx;
    if (hole->hole->n_option)
        ret->text = hole->hole->option[hole->context.len % hole->hole->n_option];
    else
        ret->text = slice_of(texts[hole->context.len % 7]);
    return ST_OK;
}

static void any_extern(void *ctx, struct run_call *call)
{
    (void)ctx;
    run_call_answer(call, run_call_n_arg(call) % 2 ? value_int(1) : value_null());
}

/* ---- running ---- */

static void drain(struct run *r)
{
    struct run_event ev;
    enum status st;
    while ((st = run_next(r, HANG_MS, &ev)) == ST_OK) {
        if (ev.kind == RUN_INPUT)
            run_answer_input(r, ev.request, SLICE("line"), ev.request % 2 == 0);
        run_event_free(&ev);
    }
    if (st != ST_END)
        abort();                /* it hangs */
}

static void run_func(struct vm *vm, struct engine *e, struct module *m, uint32_t func, bool cancel)
{
    struct run_opts o;
    struct run *r;
    struct error err = { 0 };
    struct run_extern *ext = calloc(m->n_ext + 1u, sizeof *ext);
    if (!ext)
        abort();
    for (uint32_t i = 0; i < m->n_ext; i++)
        ext[i] = (struct run_extern){ m->ext[i].name, any_extern, NULL, false };
    run_opts_init(&o);
    o.module = m;
    o.engine = e;
    o.func = func;
    o.has_seed = true;
    o.ext = ext;
    o.n_ext = m->n_ext;
    o.max_steps = 2000;
    o.max_depth = 24;
    o.max_contexts = 200;
    o.max_branches = 40;
    o.budget_calls = 60;
    o.budget_tokens = 20000;
    o.budget_ms = RUN_MS;
    o.chunks = true;
    o.names = true;
    if (run_start(vm, &o, &r, &err) == ST_OK) {
        if (cancel)
            run_cancel(r);
        drain(r);
        run_free(r);
    }
    free(ext);
}

static void run_module(struct vm *vm, struct engine *e, struct module *m, struct dice *d)
{
    struct error err = { 0 };
    if (bytecode_verify(m, &err) != ST_OK || !m->n_func)
        return;
    uint32_t func = m->main_func < m->n_func && roll(d, 4) ? m->main_func : roll(d, m->n_func);
    run_func(vm, e, m, func, roll(d, 8) == 0);
}

/* ---- damage ---- */

static uint16_t any_operand(struct dice *d, const struct func *f)
{
    switch (roll(d, 4)) {
    case 0:  return (uint16_t)roll(d, f->n_reg + 1);
    case 1:  return (uint16_t)roll(d, 16);
    case 2:  return (uint16_t)(BC_NONE - roll(d, 3));
    default: return (uint16_t)roll(d, 200);
    }
}

static void damage_insn(struct insn *x, const struct func *f, struct dice *d)
{
    const struct insn *from = &f->code[roll(d, f->n_code)];
    switch (roll(d, 7)) {
    case 0: x->op = (uint16_t)roll(d, OP_N);                break;
    case 1: x->a = any_operand(d, f);                       break;
    case 2: x->b = any_operand(d, f);                       break;
    case 3: x->c = any_operand(d, f);                       break;
    case 4: *x = *from;                                     break;
    case 5: x->a = from->a; x->b = from->b; x->c = from->c; break;
    default:
        *x = (struct insn){ (uint16_t)roll(d, OP_N), any_operand(d, f), any_operand(d, f),
                            any_operand(d, f) };
    }
}

/* The module is this one's alone, and it is put back as it was. */
static void damage_code(struct vm *vm, struct engine *e, struct module *m, struct dice *d)
{
    const struct func *f = &m->func[roll(d, 3) || m->main_func >= m->n_func ? roll(d, m->n_func)
                                                                             : m->main_func];
    size_t bytes = f->n_code * sizeof(struct insn);
    struct insn *code = (struct insn *)f->code, *kept = malloc(bytes + 1);
    if (!kept)
        abort();
    memcpy(kept, code, bytes);
    for (uint32_t n = 1 + roll(d, 4); n > 0; n--)
        damage_insn(&code[roll(d, f->n_code)], f, d);
    run_module(vm, e, m, d);
    memcpy(code, kept, bytes);
    free(kept);
}

static void damage_bytes(struct vm *vm, struct engine *e, struct slice packed, struct dice *d)
{
    struct error err;
    struct module *m;
    char *copy = malloc(packed.len + 1);
    if (!copy)
        abort();
    memcpy(copy, packed.ptr, packed.len);
    for (uint32_t n = 1 + roll(d, 6); n > 0 && packed.len; n--)
        copy[roll(d, (uint32_t)packed.len)] = (char)roll(d, roll(d, 2) ? 256 : 8);
    if (module_unpack((struct slice){ copy, packed.len }, &m, &err) == ST_OK) {
        run_module(vm, e, m, d);
        module_unref(m);
    }
    free(copy);
}

static struct module *compile(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct diag_list diags;
    struct module *m = NULL;
    struct error err = { 0 };
    diag_list_init(&diags, &arena);
    struct compile_opts opts = { .name = "fuzz", .text = { (const char *)data, size } };
    compile_module(&opts, &diags, &m, NULL, &err);
    diag_list_free(&diags);
    arena_free(&arena);
    return m;
}

static void damage_all(struct vm *vm, struct engine *e, struct module *m, struct dice *d)
{
    struct str packed = { 0 };
    struct error err;
    if (!m->n_func)
        return;
    for (uint32_t i = 0; i < m->n_func; i++)
        if (!m->func[i].n_capture)
            run_func(vm, e, m, i, false);
    bool ok = module_pack(m, &packed, &err) == ST_OK && !packed.failed;
    for (int i = 0; i < N_DAMAGED; i++) {
        if (ok && roll(d, 4) == 0)
            damage_bytes(vm, e, str_slice(&packed), d);
        else
            damage_code(vm, e, m, d);
    }
    str_free(&packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vm *vm;
    struct engine *e;
    struct error err = { 0 };
    int64_t blocks = mem_live_blocks();
    struct module *m = compile(data, size);
    struct dice d = { rng_key_seed(hash_bytes(data, size)), 0 };
    if (!m)
        return 0;
    if (vm_new(&vm, &err) != ST_OK || engine_open_scripted(answer, NULL, &e, &err) != ST_OK)
        abort();
    damage_all(vm, e, m, &d);
    engine_unref(e);
    vm_free(vm);
    module_unref(m);
    if (mem_live_blocks() != blocks)
        exit(1);                /* something was left behind: a sanitizer says what at exit */
    return 0;
}
