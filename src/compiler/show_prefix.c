/* show_prefix.c - the constant text that begins the contexts of each function (`show --prefix`).
 *
 *     == label == 3 operations, 61 bytes, 17 tokens, 5b0f3c21d2a94e10
 *     --- system ---
 *     You answer with one word.
 *     --- user ---
 *     Ticket:
 *
 * This is what an engine computes once when it meets the module, and keeps. */
#include "compiler/compile.h"

static void paint(struct str *out, bool color, const char *code)
{
    if (color)
        str_addf(out, "\033[%sm", code);
}

static void operations(const struct module *m, const struct bc_prefix *p, bool color,
                       struct str *out)
{
    static const char *const role[] = { "system", "user", "assistant", "tool" };
    for (uint32_t i = 0; i < p->n_op; i++) {
        uint32_t operand = PREFIX_OPERAND(p->op[i]);
        bool fresh = !out->len || out->ptr[out->len - 1] == '\n';
        switch ((enum prefix_op)PREFIX_OP(p->op[i])) {
        case PREFIX_TEXT:
            str_add_slice(out, m->konst[operand].text);
            break;
        case PREFIX_OPEN:
            paint(out, color, "1");
            str_addf(out, "%s--- %s ---\n", fresh ? "" : "\n", role[operand & 3]);
            paint(out, color, "0");
            break;
        case PREFIX_CLOSE:
            str_adds(out, fresh ? "" : "\n");
            break;
        case PREFIX_SEAL:
            paint(out, color, "2");
            str_adds(out, "|");             /* a fork stands here */
            paint(out, color, "0");
            break;
        }
    }
    if (out->ptr[out->len - 1] != '\n')
        str_addc(out, '\n');
}

void show_prefix(const struct module *m, const uint32_t *n_tok, bool color, struct str *out)
{
    for (uint32_t i = 0; i < m->n_prefix; i++) {
        const struct bc_prefix *p = &m->prefix[i];
        const struct func *f = &m->func[p->func];
        if (out->len)
            str_addc(out, '\n');
        paint(out, color, "1");
        str_addf(out, "== %.*s", (int)f->name.len, f->name.ptr);
        if (f->flags & FUNC_BRANCH)
            str_addf(out, " %u", p->func);
        str_adds(out, " ==");
        paint(out, color, "0");
        str_addf(out, " %u operation%s, %u bytes", p->n_op, p->n_op == 1 ? "" : "s", p->n_byte);
        if (n_tok)
            str_addf(out, ", %u tokens", n_tok[i]);
        str_addf(out, ", %016llx\n", (unsigned long long)p->hash.lo);
        operations(m, p, color, out);
    }
    if (!m->n_prefix)
        str_adds(out, "no context begins with constant text\n");
}
