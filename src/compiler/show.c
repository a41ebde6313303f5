/* show.c - the prompt of every function as the model will read it, its parts told apart.
 *
 * Constant text stands as it is; inserted values are `${...}` with their source, generations are
 * `$[name: type]`; a turn is a line `--- role ---`.  Ways of control are marked where they part. */
#include <string.h>

#include "compiler/compile.h"

struct show {
    const struct module *m;
    const struct func   *f;
    struct str          *out;
    bool                 color;
};

static void paint(struct show *s, const char *code)
{
    if (s->color)
        str_addf(s->out, "\033[%sm", code);
}

static struct slice source_of(const struct show *s, uint32_t pc)
{
    struct span at = s->f->span[pc];
    return slice_sub(s->f->source->text, at.off, at.len);
}

static void site(struct show *s, const struct gen_site *g, const char *what)
{
    const struct rtype *t = &s->m->rtype[g->rtype];
    paint(s, "32");
    str_adds(s->out, "$[");
    if (g->name.len)
        str_add_slice(s->out, g->name);
    else
        str_adds(s->out, what);
    str_addf(s->out, ": %.*s]", (int)t->name.len, t->name.ptr);
    paint(s, "0");
}

static bool is_prompt_op(enum bc_op op)
{
    return op == OP_TEXT || op == OP_INSERT || op == OP_CONTROL || op == OP_TURN_OPEN || op == OP_TURN_CLOSE ||
           op == OP_GEN || op == OP_SELECT || op == OP_SCORE || op == OP_STREAM_OPEN || op == OP_FORK ||
           op == OP_CALL;
}

static void prompt_op(struct show *s, uint32_t pc)
{
    static const char *const role[] = { "system", "user", "assistant", "tool" };
    const struct insn *i = &s->f->code[pc];
    struct slice text;
    switch (i->op) {
    case OP_TEXT:
        str_add_slice(s->out, s->m->konst[i->b | (uint32_t)i->c << 16].text);
        break;
    case OP_INSERT:
    case OP_CONTROL:
        text = source_of(s, pc);
        paint(s, "36");
        if (slice_starts(text, SLICE("${")))
            str_add_slice(s->out, text);
        else
            str_addf(s->out, "${%.*s}", (int)text.len, text.ptr);
        paint(s, "0");
        break;
    case OP_TURN_OPEN:
        paint(s, "1");
        str_addf(s->out, "\n--- %s ---\n", role[i->b]);
        paint(s, "0");
        break;
    case OP_TURN_CLOSE:
        str_adds(s->out, "\n");
        break;
    case OP_GEN:
        site(s, &s->m->gen[i->c], "gen");
        break;
    case OP_STREAM_OPEN:
        site(s, &s->m->gen[i->c], "stream");
        break;
    case OP_SELECT:
        site(s, &s->m->gen[i->c], "select");
        break;
    case OP_SCORE:
        site(s, &s->m->gen[i->c], "score");
        break;
    case OP_FORK:
        paint(s, "33");
        str_addf(s->out, "\n[fork: %.*s %u]\n", (int)s->m->func[s->m->fork[i->b].func].name.len,
                 s->m->func[s->m->fork[i->b].func].name.ptr, s->m->fork[i->b].func);
        paint(s, "0");
        break;
    default:
        break;
    }
}

static bool prompts(const struct func *f)
{
    for (uint32_t pc = 0; pc < f->n_code; pc++)
        if (is_prompt_op(f->code[pc].op) && f->code[pc].op != OP_CALL)
            return true;
    return false;
}

void show_prompt(const struct module *m, bool color, struct str *out)
{
    bool first = true;
    for (uint32_t i = 0; i < m->n_func; i++) {
        struct show s = { m, &m->func[i], out, color };
        if (!prompts(s.f) || (s.f->flags & (FUNC_TEST | FUNC_HELPER)))
            continue;
        paint(&s, "1");
        str_addf(out, "%s== %.*s", first ? "" : "\n", (int)s.f->name.len, s.f->name.ptr);
        if (s.f->flags & FUNC_BRANCH)
            str_addf(out, " %u", i);
        str_adds(out, " ==\n");
        paint(&s, "0");
        first = false;
        for (uint32_t pc = 0; pc < s.f->n_code; pc++)
            prompt_op(&s, pc);
        if (out->len && out->ptr[out->len - 1] != '\n')
            str_addc(out, '\n');
    }
}
