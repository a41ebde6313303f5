/* bytecode_dump.c - disassembles a module. */
#include <string.h>

#include "compiler/bytecode.h"

static const char *const names[OP_N] = {
#define X(name, text, sentence) [OP_##name] = #name,
    BYTECODE_OPS(X)
#undef X
};

static const char *const operands[OP_N] = {
#define X(name, text, sentence) [OP_##name] = text,
    BYTECODE_OPS(X)
#undef X
};

static const char *const natives[NATIVE_N] = {
#define X(name, text, n) [NATIVE_##name] = text,
    NATIVE_ROWS(X)
#undef X
};

const char *bytecode_op_name(enum bc_op op)
{
    return op < OP_N ? names[op] : "?";
}

static void operand(const struct module *m, uint32_t pc, const char *kind, size_t len, uint32_t x,
                    struct str *out)
{
    if (len == 3 && memcmp(kind, "rel", 3) == 0)
        str_addf(out, " ->%u", (unsigned)((int64_t)pc + 1 + (int32_t)x));
    else if (len == 6 && memcmp(kind, "native", 6) == 0)
        str_addf(out, " %s", x < NATIVE_N ? natives[x] : "?");
    else if (len == 4 && memcmp(kind, "func", 4) == 0 && x < m->n_func)
        str_addf(out, " %.*s:%u", (int)m->func[x].name.len, m->func[x].name.ptr, x);
    else if ((len == 3 && (memcmp(kind, "reg", 3) == 0 || memcmp(kind, "ctx", 3) == 0)) ||
             (len == 4 && memcmp(kind, "base", 4) == 0))
        str_addf(out, " r%u", x);
    else if (len == 5 && memcmp(kind, "konst", 5) == 0)
        str_addf(out, " #%u", x);
    else if (len == 5 && memcmp(kind, "rtype", 5) == 0)
        str_addf(out, " t%u", x);
    else
        str_addf(out, " %u", x);
}

static void insn_text(const struct module *m, const struct func *f, uint32_t pc, struct str *out)
{
    const struct insn *i = &f->code[pc];
    struct place p = source_place(f->source, f->span[pc].off);
    str_addf(out, "%5u  %3u:%-3u %-14s", pc, p.line, p.col, bytecode_op_name(i->op));
    for (const char *o = operands[i->op]; *o;) {
        size_t field = strcspn(o, ":");
        const char *kind = o + field + 1;
        size_t len = strcspn(kind, " ");
        uint32_t x = field == 2 ? i->b | (uint32_t)i->c << 16 : o[0] == 'a' ? i->a : o[0] == 'b' ? i->b : i->c;
        operand(m, pc, kind, len, x, out);
        o = kind + len;
        o += *o == ' ';
    }
    str_addc(out, '\n');
}

static void konst_text(const struct konst *k, struct str *out)
{
    static const char *const kind[] = { "null", "bool", "int", "float", "str", "duration", "regex",
                                        "enum", "list",
                                        "tuple", "map", "struct", "func", "tool" };
    str_addf(out, "%s", kind[k->kind]);
    switch (k->kind) {
    case KONST_STR: case KONST_REGEX:
        str_adds(out, " \"");
        for (size_t i = 0; i < k->text.len; i++) {
            char ch = k->text.ptr[i];
            if (ch == '\n')
                str_adds(out, "\\n");
            else
                str_addc(out, ch);
        }
        str_addc(out, '"');
        break;
    case KONST_FLOAT:
        str_addc(out, ' ');
        str_add_double(out, k->f);
        break;
    case KONST_LIST: case KONST_TUPLE: case KONST_MAP: case KONST_STRUCT: {
        uint32_t n = k->kind == KONST_MAP ? 2 * k->n : k->n;
        for (uint32_t i = 0; i < n; i++)
            str_addf(out, " #%u", k->item[i]);
        break;
    }
    case KONST_NULL:
        break;
    default:
        str_addf(out, " %lld", (long long)k->i);
        break;
    }
    str_addc(out, '\n');
}

void bytecode_dump(const struct module *m, struct str *out)
{
    for (uint32_t i = 0; i < m->n_konst; i++) {
        str_addf(out, "#%u = ", i);
        konst_text(&m->konst[i], out);
    }
    for (uint32_t i = 0; i < m->n_rtype; i++)
        str_addf(out, "t%u = %.*s\n", i, (int)m->rtype[i].name.len, m->rtype[i].name.ptr);
    for (uint32_t i = 0; i < m->n_func; i++) {
        const struct func *f = &m->func[i];
        str_addf(out, "\nfunction %u %.*s: %u captures, %u parameters, %u registers%s\n", i,
                 (int)f->name.len,
                 f->name.ptr, f->n_capture, f->n_param, f->n_reg,
                 i == m->main_func ? ", main" : "");
        for (uint32_t pc = 0; pc < f->n_code; pc++)
            insn_text(m, f, pc, out);
    }
}
