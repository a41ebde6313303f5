/* ast_dump.c - the tree as s-expressions, one node a line, for goldens and for `fmt`'s own check.
 *
 *      (STMT_LET
 *        pattern (PAT_NAME x)
 *        value (EXPR_INT 3))
 *
 * The depth of a tree is limited where it is built, so this recurses. */
#include <inttypes.h>

#include "frontend/ast.h"

static const char *const kind_name[] = {
#define X(name, sentence) #name,
    AST_ROWS(X)
#undef X
};

const char *ast_kind_name(enum ast_kind kind)
{
    return (unsigned)kind < AST_N ? kind_name[kind] : "?";
}

struct dump {
    struct str *out;
    uint32_t    depth;
};

static void dump_node(struct dump *d, const char *label, const struct node *x);

static void line(struct dump *d, const char *label)
{
    str_addf(d->out, "\n%*s", (int)(2 * d->depth), "");
    if (label)
        str_addf(d->out, "%s ", label);
}

static void add_text(struct dump *d, struct slice s)
{
    str_addc(d->out, '"');
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '"' || c == '\\')
            str_addf(d->out, "\\%c", c);
        else if (c == '\n')
            str_adds(d->out, "\\n");
        else if ((unsigned char)c < 32)
            str_addf(d->out, "\\x%02x", (unsigned)c);
        else
            str_addc(d->out, c);
    }
    str_addc(d->out, '"');
}

static void add_name(struct dump *d, struct name n)
{
    if (!n.text.len)
        return;
    str_addc(d->out, ' ');
    str_add_slice(d->out, n.text);
}

static void add_path(struct dump *d, struct path p)
{
    for (uint32_t i = 0; i < p.n; i++) {
        str_addc(d->out, i ? '.' : ' ');
        str_add_slice(d->out, p.at[i].text);
    }
}

static void dump_list(struct dump *d, const char *label, struct node_list list)
{
    for (uint32_t i = 0; i < list.n; i++)
        dump_node(d, label, list.at[i]);
}

static void dump_args(struct dump *d, struct arg_list args)
{
    for (uint32_t i = 0; i < args.n; i++) {
        struct str label = { 0 };
        str_adds(&label, "arg");
        if (args.at[i].name.text.len) {
            str_addc(&label, ' ');
            str_add_slice(&label, args.at[i].name.text);
            str_addc(&label, ':');
        }
        dump_node(d, label.ptr, args.at[i].value);
        d->out->failed |= label.failed;
        str_free(&label);
    }
}

static void open_row(struct dump *d, const char *word)
{
    line(d, NULL);
    str_addf(d->out, "(%s", word);
    d->depth++;
}

static void close_row(struct dump *d)
{
    d->depth--;
    str_addc(d->out, ')');
}

static void dump_annots(struct dump *d, const struct annotation *a, uint32_t n, struct slice doc)
{
    for (uint32_t i = 0; i < n; i++) {
        open_row(d, "annotation");
        add_name(d, a[i].name);
        dump_args(d, a[i].args);
        close_row(d);
    }
    if (doc.len) {
        line(d, "doc");
        add_text(d, doc);
    }
}

static void dump_params(struct dump *d, const struct param *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        open_row(d, "param");
        add_name(d, p[i].name);
        dump_node(d, "type", p[i].type);
        dump_node(d, "default", p[i].fallback);
        close_row(d);
    }
}

static void dump_fields(struct dump *d, const struct decl *x)
{
    for (uint32_t i = 0; i < x->u.strct.n; i++) {
        const struct field *f = &x->u.strct.field[i];
        open_row(d, "field");
        add_name(d, f->name);
        dump_annots(d, f->annot, f->n_annot, f->doc);
        dump_node(d, "type", f->type);
        dump_node(d, "default", f->fallback);
        close_row(d);
    }
}

static void dump_variants(struct dump *d, const struct decl *x)
{
    for (uint32_t i = 0; i < x->u.enm.n; i++) {
        const struct variant *v = &x->u.enm.variant[i];
        open_row(d, "variant");
        add_name(d, v->name);
        if (v->has_text) {
            str_addc(d->out, ' ');
            add_text(d, v->text);
        }
        dump_annots(d, NULL, 0, v->doc);
        close_row(d);
    }
}

static void dump_import(struct dump *d, const struct decl *x)
{
    if (x->u.import.is_file) {
        str_addc(d->out, ' ');
        add_text(d, x->u.import.file);
    } else {
        add_path(d, x->u.import.path);
    }
    if (x->u.import.has_as) {
        str_adds(d->out, " as");
        add_name(d, x->name);
    }
}

static void dump_decl(struct dump *d, const struct node *node)
{
    const struct decl *x = node->u.decl;
    if (node->kind == AST_DECL_IMPORT)
        dump_import(d, x);
    else if (node->kind == AST_DECL_TEST || node->kind == AST_DECL_EVAL)
        str_addc(d->out, ' '), add_text(d, x->name.text);
    else
        add_name(d, x->name);
    if (node->kind == AST_DECL_FN && x->u.fn.is_part)
        str_adds(d->out, " part");
    dump_annots(d, x->annot, x->n_annot, x->doc);
    switch (node->kind) {
    case AST_DECL_FN:
        dump_params(d, x->u.fn.param, x->u.fn.n);
        dump_node(d, "result", x->u.fn.result);
        dump_node(d, "body", x->u.fn.body);
        break;
    case AST_DECL_EXTERN:
        dump_params(d, x->u.ext.param, x->u.ext.n);
        dump_node(d, "result", x->u.ext.result);
        dump_node(d, "binding", x->u.ext.binding);
        break;
    case AST_DECL_STRUCT:
        dump_fields(d, x);
        break;
    case AST_DECL_ENUM:
        dump_variants(d, x);
        break;
    case AST_DECL_TYPE:
        dump_node(d, "type", x->u.alias.type);
        break;
    case AST_DECL_CONST:
        dump_node(d, "type", x->u.konst.type);
        dump_node(d, "value", x->u.konst.value);
        break;
    case AST_DECL_TEST:
        dump_args(d, x->u.test.args);
        dump_node(d, "body", x->u.test.body);
        break;
    case AST_DECL_EVAL:
        dump_args(d, x->u.eval.args);
        dump_node(d, "pattern", x->u.eval.pattern);
        dump_node(d, "in", x->u.eval.list);
        dump_node(d, "body", x->u.eval.body);
        break;
    default:
        break;
    }
}

static void dump_pieces(struct dump *d, const struct node *x)
{
    str_adds(d->out, x->u.text.raw ? " raw" : "");
    str_adds(d->out, x->u.text.block ? " block" : "");
    for (uint32_t i = 0; i < x->u.text.n; i++) {
        const struct piece *p = &x->u.text.piece[i];
        if (p->kind == PIECE_TEXT) {
            line(d, "text");
            add_text(d, p->text);
        } else if (p->kind == PIECE_INSERT) {
            dump_node(d, "insert", p->expr);
        } else {
            open_row(d, "hole");
            add_name(d, p->name);
            dump_node(d, "type", p->type);
            dump_args(d, p->args);
            close_row(d);
        }
    }
}

static void dump_arms(struct dump *d, const struct node *x)
{
    dump_node(d, "subject", x->u.match.subject);
    for (uint32_t i = 0; i < x->u.match.n; i++) {
        const struct arm *a = &x->u.match.arm[i];
        open_row(d, "arm");
        if (a->as.text.len)
            str_adds(d->out, " as");
        add_name(d, a->as);
        dump_list(d, NULL, a->patterns);
        dump_node(d, "if", a->guard);
        dump_node(d, "body", a->body);
        close_row(d);
    }
}

static void dump_try(struct dump *d, const struct node *x)
{
    dump_node(d, "body", x->u.tri.body);
    for (uint32_t i = 0; i < x->u.tri.n; i++) {
        const struct catch_clause *c = &x->u.tri.clause[i];
        open_row(d, "catch");
        add_name(d, c->name);
        dump_node(d, "type", c->type);
        dump_node(d, "body", c->body);
        close_row(d);
    }
    dump_node(d, "finally", x->u.tri.finally);
}

static const char *const binary_mark[] = {
    "*", "/", "%", "+", "-", "??", "..", "..<", "==", "!=", "<", "<=", ">", ">=", "matches",
    "and", "or", "catch",
};

static void dump_expr(struct dump *d, const struct node *x)
{
    static const char *const unary[] = { "-", "not", "stream" };
    static const char *const model[] = { "gen", "select", "score", "parse" };

    switch (x->kind) {
    case AST_EXPR_TEXT:
        dump_pieces(d, x);
        break;
    case AST_EXPR_MAP:
        for (uint32_t i = 0; i < x->u.map.key.n; i++) {
            dump_node(d, "key", x->u.map.key.at[i]);
            dump_node(d, "value", x->u.map.value.at[i]);
        }
        break;
    case AST_EXPR_MODEL:
        str_addf(d->out, " %s", model[x->u.model.op]);
        dump_node(d, "type", x->u.model.type);
        dump_args(d, x->u.model.args);
        break;
    case AST_EXPR_IF:
        dump_node(d, "cond", x->u.cond.cond);
        dump_node(d, "then", x->u.cond.then);
        dump_node(d, "else", x->u.cond.other);
        break;
    case AST_EXPR_MATCH:
        dump_arms(d, x);
        break;
    case AST_EXPR_FORK:
        dump_node(d, "count", x->u.fork.count);
        for (uint32_t i = 0; i < x->u.fork.n; i++) {
            dump_node(d, "pattern", x->u.fork.forker[i].pattern);
            dump_node(d, "in", x->u.fork.forker[i].list);
        }
        dump_node(d, "body", x->u.fork.body);
        break;
    case AST_EXPR_SCRATCH:
        dump_node(d, "body", x->u.scratch.body);
        break;
    case AST_EXPR_WITH:
        dump_list(d, "subject", x->u.with.subject);
        dump_node(d, "body", x->u.with.body);
        break;
    case AST_EXPR_ATTEMPT: case AST_EXPR_INFER:
        add_name(d, x->u.attempt.name);
        dump_args(d, x->u.attempt.args);
        dump_node(d, "body", x->u.attempt.body);
        break;
    case AST_EXPR_TRY:
        dump_try(d, x);
        break;
    case AST_EXPR_UNARY:
        str_addf(d->out, " %s", unary[x->u.unary.op]);
        dump_node(d, NULL, x->u.unary.operand);
        break;
    case AST_EXPR_BINARY:
        str_addf(d->out, " %s", binary_mark[x->u.binary.op]);
        dump_node(d, NULL, x->u.binary.left);
        dump_node(d, NULL, x->u.binary.right);
        break;
    case AST_EXPR_JOIN:
        str_adds(d->out, x->u.join.as_text ? " text" : "");
        dump_node(d, NULL, x->u.join.branches);
        dump_node(d, "until", x->u.join.until);
        break;
    case AST_EXPR_LAMBDA:
        dump_list(d, "param", x->u.lambda.params);
        dump_node(d, "body", x->u.lambda.body);
        break;
    case AST_EXPR_MEMBER:
        str_adds(d->out, x->u.member.optional ? " ?." : " .");
        str_add_slice(d->out, x->u.member.name.text);
        dump_node(d, NULL, x->u.member.object);
        break;
    case AST_EXPR_CALL:
        dump_node(d, NULL, x->u.call.callee);
        dump_args(d, x->u.call.args);
        break;
    case AST_EXPR_INDEX:
        dump_node(d, NULL, x->u.index.object);
        dump_node(d, "index", x->u.index.index);
        break;
    default:
        break;
    }
}

static void dump_stmt(struct dump *d, const struct node *x)
{
    static const char *const assign[] = { "=", "+=", "-=" };
    static const char *const role[] = { "system", "user", "assistant", "tool" };

    switch (x->kind) {
    case AST_STMT_LET:
        str_adds(d->out, x->u.let.is_var ? " var" : "");
        dump_node(d, "pattern", x->u.let.pattern);
        dump_node(d, "type", x->u.let.type);
        dump_node(d, "value", x->u.let.value);
        break;
    case AST_STMT_ASSIGN:
        str_addf(d->out, " %s", assign[x->u.assign.op]);
        dump_node(d, NULL, x->u.assign.target);
        dump_node(d, NULL, x->u.assign.value);
        break;
    case AST_STMT_EMIT: case AST_STMT_WEIGH:
        dump_node(d, NULL, x->u.emit.value);
        break;
    case AST_STMT_ROLE:
        str_addf(d->out, " %s", role[x->u.role.role]);
        dump_node(d, NULL, x->u.role.body);
        break;
    case AST_STMT_FOR: case AST_STMT_WHILE:
        dump_node(d, "pattern", x->u.loop.pattern);
        dump_node(d, x->kind == AST_STMT_FOR ? "in" : "cond", x->u.loop.list);
        dump_node(d, "body", x->u.loop.body);
        break;
    default:
        break;
    }
}

static void dump_type(struct dump *d, const struct node *x)
{
    switch (x->kind) {
    case AST_TYPE_NAME:
        add_path(d, x->u.tname.path);
        dump_args(d, x->u.tname.args);
        dump_node(d, "index", x->u.tname.index);
        break;
    case AST_TYPE_STR_LIT: case AST_MPAT_STR:
        str_addc(d->out, ' ');
        add_text(d, x->u.str_lit);
        break;
    case AST_TYPE_NUM_LIT: case AST_MPAT_NUM:
        dump_node(d, NULL, x->u.num_lit.number);
        break;
    case AST_TYPE_LIST:
        dump_node(d, NULL, x->u.tlist.elem);
        dump_args(d, x->u.tlist.args);
        break;
    case AST_TYPE_MAP:
        dump_node(d, "key", x->u.tmap.key);
        dump_node(d, "value", x->u.tmap.value);
        dump_args(d, x->u.tmap.args);
        break;
    case AST_TYPE_CALL:
        for (uint32_t i = 0; i < x->u.tcall.n; i++) {
            str_adds(d->out, i ? " |" : "");
            add_path(d, x->u.tcall.tool[i]);
        }
        break;
    case AST_TYPE_FN:
        dump_list(d, "param", x->u.tfn.params);
        dump_node(d, "result", x->u.tfn.result);
        break;
    case AST_MPAT_RANGE:
        dump_node(d, NULL, x->u.range.lo);
        dump_node(d, NULL, x->u.range.hi);
        break;
    case AST_MPAT_PATH:
        add_path(d, x->u.mpath.path);
        str_adds(d->out, x->u.mpath.has_fields ? " ()" : "");
        for (uint32_t i = 0; i < x->u.mpath.n; i++) {
            open_row(d, "field");
            add_name(d, x->u.mpath.field[i].name);
            dump_list(d, NULL, x->u.mpath.field[i].patterns);
            close_row(d);
        }
        break;
    default:
        break;
    }
}

/* Leaves, and kinds that are only a list or only one inner node. */
static bool dump_simple(struct dump *d, const struct node *x)
{
    switch (x->kind) {
    case AST_EXPR_NAME: case AST_PAT_NAME:
        add_name(d, x->u.name);
        return true;
    case AST_EXPR_INT: case AST_EXPR_DURATION:
        str_addf(d->out, " %" PRId64, x->u.int_value);
        return true;
    case AST_EXPR_FLOAT:
        str_addc(d->out, ' ');
        str_add_double(d->out, x->u.float_value);
        return true;
    case AST_EXPR_BOOL: case AST_TYPE_BOOL_LIT: case AST_MPAT_BOOL:
        str_adds(d->out, x->u.bool_value ? " true" : " false");
        return true;
    case AST_EXPR_REGEX: case AST_TYPE_REGEX: case AST_MPAT_REGEX:
        str_addc(d->out, ' ');
        add_text(d, x->u.regex.text);
        str_adds(d->out, x->u.regex.icase ? " i" : "");
        str_adds(d->out, x->u.regex.dotall ? " s" : "");
        return true;
    case AST_EXPR_PAREN: case AST_TYPE_OPTIONAL: case AST_STMT_EXPR: case AST_STMT_RETURN:
        dump_node(d, NULL, x->u.inner);
        return true;
    case AST_MODULE: case AST_EXPR_TUPLE: case AST_EXPR_LIST: case AST_EXPR_BLOCK:
    case AST_TYPE_TUPLE: case AST_TYPE_UNION: case AST_PAT_TUPLE:
        dump_list(d, NULL, x->u.list);
        return true;
    default:
        return false;
    }
}

static void dump_node(struct dump *d, const char *label, const struct node *x)
{
    if (!x)
        return;
    line(d, label);
    str_addf(d->out, "(%s", ast_kind_name(x->kind));
    d->depth++;
    if (dump_simple(d, x))
        ;
    else if (x->kind >= AST_DECL_IMPORT)
        dump_decl(d, x);
    else if (x->kind >= AST_TYPE_NAME)
        dump_type(d, x);
    else if (x->kind >= AST_STMT_LET)
        dump_stmt(d, x);
    else
        dump_expr(d, x);
    close_row(d);
}

void ast_dump(const struct node *module, struct str *out)
{
    struct dump d = { .out = out };
    str_addf(out, "(%s", ast_kind_name(module->kind));
    d.depth++;
    if (!dump_simple(&d, module))
        dump_expr(&d, module);
    str_adds(out, ")\n");
}
