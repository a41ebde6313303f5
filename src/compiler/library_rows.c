/* library_rows.c - io.write_jsonl of branches: a loop that writes each row as soon as it is there.
 *
 *      write_jsonl(file, [])           the file is empty now
 *      for row in branches             in branch order, each when it has ended
 *          row_jsonl(file, [row])
 *
 * Nothing else may take branches without joining them first, so the call is expanded here and no
 * function has to be able to hold them.  A list is written at once, as any other call. */
#include "compiler/lower.h"

/* The argument of that place or name; NULL: left out, or given in another way. */
static const struct node *argument(const struct arg_list *args, uint32_t place, const char *name)
{
    for (uint32_t i = 0; i < args->n; i++)
        if (args->at[i].name.text.len ? slice_is(args->at[i].name.text, name) : i == place)
            return args->at[i].value;
    return NULL;
}

static void write_branches(struct low *l, uint32_t file, struct ex rows, struct span at)
{
    struct type *null = type_plain(T_NULL), *list = type_list(&l->c->arena, type_plain(T_ANY));
    struct loop p;
    if (!list)
        comp_nomem(l->c);
    uint32_t two[2] = { file, ir_opn(l, IR_LIST, list, NULL, 0, 0, at) };
    call_native(l, NATIVE_IO_WRITE_JSONL, two, 2, null, at);
    struct type *t = iter_type(l, &rows, at);
    uint32_t it = ir_op1(l, IR_ITER, type_plain(T_ANY), ex_value(l, rows), 0, at);
    loop_begin(l, &p, at);
    uint32_t row = ir_value_new(l, t);
    struct ir_insn *next = ir_add(l, IR_NEXT, at);
    next->dst = row;
    next->label = p.out;
    ir_args(l, next, &it, 1);
    ir_block(l, ir_block_new(l), at);
    two[1] = ir_opn(l, IR_LIST, list, &row, 1, 0, at);
    call_native(l, NATIVE_IO_ROW_JSONL, two, 2, null, at);
    loop_end(l, &p, at);
}

bool library_writes_rows(struct low *l, struct sym *s, const struct arg_list *args, struct span at)
{
    if (s->kind != SYM_EXTERN || !s->mod->is_std || !slice_is(s->name, "write_jsonl"))
        return false;
    const struct node *to = argument(args, 0, "file"), *what = argument(args, 1, "rows");
    if (args->n != 2 || !to || !what || to == what)
        return false;
    resolve_func(l->c, s);
    struct ex file = lower_to(l, to, s->param[0].type);
    uint32_t v[2] = { ex_value(l, file), IR_NO };
    struct ex rows = lower_expr(l, what, s->param[1].type);
    if (rows.t->kind == T_BRANCHES) {
        write_branches(l, v[0], rows, at);
        return true;
    }
    v[1] = ex_value(l, coerce(l, rows, s->param[1].type, what->span));
    call_native(l, NATIVE_IO_WRITE_JSONL, v, 2, s->result, at);
    return true;
}
