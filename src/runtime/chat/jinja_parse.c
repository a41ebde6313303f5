/* jinja_parse.c - the loop from scanner to grammar, and the constructors that the grammar calls.
 *
 * A constructor that fails keeps the first error in the build and returns NULL; the ones above it
 * pass NULL on, and the loop stops at the next token.  The depth of every node is known when it is
 * made, so a template that is nested too deeply is refused before anything recurses over it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "runtime/chat/jinja.h"

enum { MAX_SOURCE = 1 << 20 };

int jinja_blank(const char *p, const char *end)
{
    uint32_t cp;
    int n = utf8_decode(p, end, &cp);
    /* 1C-1F are blanks to the reference, though not to Unicode. */
    return n && (utf8_is_space(cp) || (cp >= 0x1c && cp <= 0x1f)) ? n : 0;
}

struct slice jinja_rstrip(struct slice s)
{
    while (s.len) {
        size_t from = s.len - 1;
        while (from > 0 && ((uint8_t)s.ptr[from] & 0xc0) == 0x80)
            from--;
        if (jinja_blank(s.ptr + from, s.ptr + s.len) != (int)(s.len - from))
            break;
        s.len = from;
    }
    return s;
}

uint32_t jinja_line(const char *src, const char *at)
{
    uint32_t line = 1;
    for (const char *p = src; p < at; p++)
        line += *p == '\n';
    return line;
}

static void *build_fail(struct jinja_build *b, uint32_t off, const char *what, struct slice arg)
{
    if (b->st != ST_OK)
        return NULL;
    int len = (int)(arg.len < 40 ? arg.len : 40);
    b->st = error_at(b->err, ST_SYNTAX, NULL, (struct span){ off, 1 },
                     "chat template, line %u: %s%s%.*s%s", jinja_line(b->t->src, b->t->src + off),
                     what, len ? " '" : "", len, len ? arg.ptr : "", len ? "'" : "");
    return NULL;
}

static struct jn *node(struct jinja_build *b, enum jn_kind kind, uint32_t off)
{
    if (b->st != ST_OK)
        return NULL;
    struct jn *n = arena_zalloc(b->arena, sizeof *n);
    if (!n) {
        b->st = error_nomem(b->err);
        return NULL;
    }
    n->kind = kind;
    n->off = off;
    return n;
}

/* Sets the depth from the children; NULL when it is too much, or when a child failed. */
static struct jn *grown(struct jinja_build *b, struct jn *n)
{
    if (!n || b->st != ST_OK)
        return NULL;
    uint32_t depth = n->list.depth;
    const struct jn *kids[] = { n->a, n->b, n->c };
    for (int i = 0; i < 3; i++)
        if (kids[i] && kids[i]->depth > depth)
            depth = kids[i]->depth;
    depth = n->body.depth > depth ? n->body.depth : depth;
    depth = n->other.depth > depth ? n->other.depth : depth;
    n->depth = depth + 1;
    if (n->depth > JINJA_MAX_DEPTH)
        return build_fail(b, n->off, "nested too deeply", (struct slice){ 0 });
    return n;
}

struct jn_list jn_none(void)
{
    return (struct jn_list){ 0 };
}

struct jn_list jn_append(struct jinja_build *b, struct jn_list l, struct jn *n)
{
    if (!n || b->st != ST_OK)
        return l;
    if (l.tail)
        l.tail->next = n;
    else
        l.head = n;
    l.tail = n;
    l.n++;
    if (n->depth > l.depth)
        l.depth = n->depth;
    return l;
}

struct jn_list jn_prepend(struct jinja_build *b, struct jn *n, struct jn_list l)
{
    if (!n || b->st != ST_OK)
        return l;
    n->next = l.head;
    l.head = n;
    if (!l.tail)
        l.tail = n;
    l.n++;
    if (n->depth > l.depth)
        l.depth = n->depth;
    return l;
}

static bool const_text(struct jinja_build *b, struct jn *n, const char *ptr, size_t len)
{
    struct jtext *t = arena_zalloc(b->arena, sizeof *t);
    if (!t) {
        b->st = error_nomem(b->err);
        return false;
    }
    *t = (struct jtext){ .ptr = ptr, .len = (uint32_t)len, .markup = true };
    n->val = (struct jval){ .kind = J_STR, .s = t };
    return true;
}

struct jn *jn_text(struct jinja_build *b, struct jinja_token t)
{
    struct jn *n = node(b, JN_TEXT, t.off);
    return n && const_text(b, n, t.text.ptr, t.text.len) ? grown(b, n) : NULL;
}

struct jn *jn_one(struct jinja_build *b, enum jn_kind kind, struct jinja_token t, struct jn *a)
{
    return jn_three(b, kind, t, a, NULL, NULL);
}

struct jn *jn_two(struct jinja_build *b, enum jn_kind kind, struct jinja_token t, struct jn *a,
                  struct jn *b2)
{
    return jn_three(b, kind, t, a, b2, NULL);
}

struct jn *jn_three(struct jinja_build *b, enum jn_kind kind, struct jinja_token t, struct jn *a,
                    struct jn *b2, struct jn *c)
{
    if (kind == JN_STAR || kind == JN_STARSTAR)
        return build_fail(b, t.off, "unpacking arguments is not supported:", t.text);
    struct jn *n = node(b, kind, t.off);
    if (!n)
        return NULL;
    n->a = a;
    n->b = b2;
    n->c = c;
    return grown(b, n);
}

struct jn *jn_op(struct jinja_build *b, enum jop op, struct jinja_token t, struct jn *left,
                 struct jn *right)
{
    struct jn *n = jn_two(b, JN_BINARY, t, left, right);
    if (n)
        n->op = op;
    return n;
}

struct jn *jn_compare(struct jinja_build *b, struct jn *left, struct jn_list chain)
{
    struct jn *n = node(b, JN_COMPARE, left ? left->off : 0);
    if (!n)
        return NULL;
    n->a = left;
    n->list = chain;
    return grown(b, n);
}

struct jn *jn_list(struct jinja_build *b, enum jn_kind kind, struct jn_list l)
{
    struct jn *n = node(b, kind, l.head ? l.head->off : 0);
    if (!n)
        return NULL;
    n->list = l;
    return grown(b, n);
}

struct jn *jn_name(struct jinja_build *b, struct jinja_token t)
{
    struct jn *n = node(b, JN_NAME, t.off);
    if (!n)
        return NULL;
    n->name = t.text;
    if (slice_is(t.text, "true") || slice_is(t.text, "True")) {
        n->kind = JN_CONST;
        n->val = (struct jval){ .kind = J_BOOL, .b = true };
    } else if (slice_is(t.text, "false") || slice_is(t.text, "False")) {
        n->kind = JN_CONST;
        n->val = (struct jval){ .kind = J_BOOL, .b = false };
    } else if (slice_is(t.text, "none") || slice_is(t.text, "None")) {
        n->kind = JN_CONST;
        n->val = (struct jval){ .kind = J_NONE };
    } else if (slice_is(t.text, "varargs") || slice_is(t.text, "kwargs")) {
        b->n_rest_name++;
    }
    return grown(b, n);
}

struct jn *jn_attr(struct jinja_build *b, struct jn *of, struct jinja_token name)
{
    struct jn *n = jn_one(b, JN_ATTR, name, of);
    if (n)
        n->name = name.text;
    return n;
}

/* Digits with "_" between them, and a base in front. */
struct jn *jn_int(struct jinja_build *b, struct jinja_token t)
{
    struct jn *n = node(b, JN_CONST, t.off);
    if (!n)
        return NULL;
    struct slice s = t.text;
    int64_t base = 10;
    if (s.len > 2 && s.ptr[0] == '0') {
        char c = (char)(s.ptr[1] | 0x20);
        base = c == 'b' ? 2 : c == 'o' ? 8 : c == 'x' ? 16 : 10;
        if (base != 10)
            s = slice_sub(s, 2, s.len);
    }
    int64_t x = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '_')
            continue;
        int64_t digit = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
        if (__builtin_mul_overflow(x, base, &x) || __builtin_add_overflow(x, digit, &x))
            return build_fail(b, t.off, "this number is too large:", t.text);
    }
    n->val = (struct jval){ .kind = J_INT, .i = x };
    return grown(b, n);
}

struct jn *jn_float(struct jinja_build *b, struct jinja_token t)
{
    struct jn *n = node(b, JN_CONST, t.off);
    if (!n)
        return NULL;
    char text[64];
    size_t len = 0;
    for (size_t i = 0; i < t.text.len; i++) {
        if (t.text.ptr[i] == '_')
            continue;
        if (len + 1 == sizeof text)
            return build_fail(b, t.off, "this number is too long:", t.text);
        text[len++] = t.text.ptr[i];
    }
    text[len] = '\0';
    n->val = (struct jval){ .kind = J_FLOAT, .f = strtod(text, NULL) };
    return grown(b, n);
}

/* Reads at most `most` digits of `base`; false when there are fewer than `least`. */
static bool read_digits(struct slice s, size_t *at, int base, size_t least, size_t most,
                        uint32_t *ret)
{
    uint32_t x = 0;
    size_t n = 0;
    while (n < most && *at < s.len) {
        char c = s.ptr[*at];
        int d = c >= '0' && c <= '9' ? c - '0'
              : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10 : 99;
        if (d >= base)
            break;
        x = x * (uint32_t)base + (uint32_t)d;
        (*at)++;
        n++;
    }
    *ret = x;
    return n >= least;
}

/* The escapes of the reference; one that it does not know stays as it is written. */
static bool unescape(struct slice s, struct str *out)
{
    static const char plain[] = "\\'\"abfnrtv";
    static const char means[] = "\\'\"\a\b\f\n\r\t\v";
    for (size_t i = 0; i < s.len;) {
        if (s.ptr[i] != '\\' || i + 1 == s.len) {
            str_addc(out, s.ptr[i++]);
            continue;
        }
        char c = s.ptr[i + 1];
        const char *found = memchr(plain, c, sizeof plain - 1);
        i += 2;
        uint32_t cp;
        if (found) {
            str_addc(out, means[found - plain]);
        } else if (c == '\n') {
            continue;
        } else if (c >= '0' && c <= '7') {
            i--;
            read_digits(s, &i, 8, 1, 3, &cp);
            str_add_cp(out, cp);
        } else if (c == 'x' || c == 'u' || c == 'U') {
            size_t n = c == 'x' ? 2 : c == 'u' ? 4 : 8;
            char utf8[4];
            if (!read_digits(s, &i, 16, n, n, &cp) || !utf8_encode(cp, utf8))
                return false;
            str_add_cp(out, cp);
        } else if (c == 'N') {
            return false;
        } else {
            str_addc(out, '\\');
            str_addc(out, c);
        }
    }
    return true;
}

struct jn *jn_piece(struct jinja_build *b, struct jinja_token t)
{
    struct jn *n = node(b, JN_CONST, t.off);
    if (!n)
        return NULL;
    struct str text = { 0 };
    if (!unescape(slice_sub(t.text, 1, t.text.len - 2), &text)) {
        str_free(&text);
        return build_fail(b, t.off, "an escape that is not supported in", t.text);
    }
    struct slice kept = arena_slice(b->arena, str_slice(&text));
    bool ok = !text.failed && !b->arena->failed;
    str_free(&text);
    if (!ok) {
        b->st = error_nomem(b->err);
        return NULL;
    }
    return const_text(b, n, kept.ptr, kept.len) ? grown(b, n) : NULL;
}

/* Neighbouring literals are one. */
struct jn *jn_string(struct jinja_build *b, struct jn_list pieces)
{
    if (pieces.n == 1 || b->st != ST_OK)
        return pieces.head;
    struct str all = { 0 };
    for (const struct jn *p = pieces.head; p; p = p->next)
        str_add(&all, p->val.s->ptr, p->val.s->len);
    struct slice kept = arena_slice(b->arena, str_slice(&all));
    bool ok = !all.failed && !b->arena->failed;
    str_free(&all);
    struct jn *n = ok ? node(b, JN_CONST, pieces.head->off) : NULL;
    return n && const_text(b, n, kept.ptr, kept.len) ? grown(b, n) : NULL;
}

struct jn *jn_named(struct jinja_build *b, enum jn_kind kind, struct jinja_token name, struct jn *a)
{
    struct jn *n = jn_one(b, kind, name, a);
    if (n)
        n->name = name.text;
    return n;
}

struct jn *jn_bind(struct jinja_build *b, struct jn *name, struct jn *a)
{
    struct jn *n = node(b, JN_SET, name ? name->off : 0);
    if (!n)
        return NULL;
    n->a = name;
    n->b = a;
    return grown(b, n);
}

struct jn *jn_call(struct jinja_build *b, enum jn_kind kind, struct jinja_token t, struct jn *of,
                   struct jn_list args)
{
    struct jn *n = node(b, kind, t.off);
    if (!n)
        return NULL;
    n->name = t.text;
    n->a = of;
    n->list = args;
    bool named = false;
    for (const struct jn *a = args.head; a; a = a->next) {
        if (named && a->kind != JN_KWARG)
            return build_fail(b, a->off, "a plain argument behind a named one",
                              (struct slice){ 0 });
        named = a->kind == JN_KWARG;
    }
    return grown(b, n);
}

struct jn *jn_filter(struct jinja_build *b, struct jn *of, struct jn *filter)
{
    if (!filter)
        return NULL;
    filter->a = of;
    return grown(b, filter);
}

struct jn *jn_test(struct jinja_build *b, struct jn *of, struct jn *test)
{
    return jn_filter(b, of, test);
}

struct jn *jn_expect_call(struct jinja_build *b, struct jn *n)
{
    if (n && n->kind != JN_CALL)
        return build_fail(b, n->off, "a call block needs a call", (struct slice){ 0 });
    return n;
}

struct jn *jn_if(struct jinja_build *b, struct jinja_token t, struct jn *cond, struct jn_list body,
                 struct jn_list elifs, struct jn_list other)
{
    struct jn *first = jn_block(b, JN_BRANCH, t, cond, jn_none(), body);
    struct jn *n = node(b, JN_IF, t.off);
    if (!n || !first)
        return NULL;
    n->list = jn_prepend(b, first, elifs);
    n->other = other;
    return grown(b, n);
}

struct jn *jn_for(struct jinja_build *b, struct jinja_token t, struct jn *target, struct jn *iter,
                  struct jn *cond, struct jn_list body, struct jn_list other)
{
    struct jn *n = node(b, JN_FOR, t.off);
    if (!n)
        return NULL;
    n->a = target;
    n->b = iter;
    n->c = cond;
    n->body = body;
    n->other = other;
    return grown(b, n);
}

struct jn *jn_macro(struct jinja_build *b, struct jinja_token t, struct jinja_token name,
                    struct jn_list params, struct jn_list body)
{
    bool has_default = false;
    for (const struct jn *p = params.head; p; p = p->next) {
        if (has_default && !p->a)
            return build_fail(b, p->off, "a parameter without a default behind one with it:",
                              p->name);
        has_default = p->a != NULL;
    }
    struct jn *n = jn_block(b, JN_MACRO, t, NULL, params, body);
    if (!n)
        return NULL;
    n->name = name.text;
    n->takes_rest = b->n_rest_name > 0;
    return n;
}

struct jn *jn_block(struct jinja_build *b, enum jn_kind kind, struct jinja_token t, struct jn *a,
                    struct jn_list list, struct jn_list body)
{
    struct jn *n = node(b, kind, t.off);
    if (!n)
        return NULL;
    n->a = a;
    n->list = list;
    n->body = body;
    return grown(b, n);
}

void jinja_for_rest(struct jinja_build *b, const struct jinja_token *t)
{
    if (slice_is(t->text, "recursive"))
        build_fail(b, t->off, "this is not supported: for ...", t->text);
    else
        build_fail(b, t->off, "unexpected", t->text);
}

void jinja_syntax_error(struct jinja_build *b, int code, const struct jinja_token *t)
{
    if (code == 0 || !t)
        build_fail(b, (uint32_t)b->t->len, "the template ends inside of a block",
                   (struct slice){ 0 });
    else
        build_fail(b, t->off, code == JK_TEXT ? "unexpected text" : "unexpected",
                   code == JK_TEXT ? (struct slice){ 0 } : t->text);
}

void jinja_too_deep(struct jinja_build *b)
{
    build_fail(b, 0, "nested too deeply", (struct slice){ 0 });
}

/* Line ends become "\n", and one of them at the very end goes. */
static enum status keep_source(struct slice source, struct arena *arena, struct jinja *t,
                               struct error *err)
{
    char *src = arena_alloc(arena, source.len + 1);
    if (!src)
        return error_nomem(err);
    size_t n = 0;
    for (size_t i = 0; i < source.len; i++) {
        char c = source.ptr[i];
        if (c == '\r') {
            if (i + 1 < source.len && source.ptr[i + 1] == '\n')
                i++;
            c = '\n';
        }
        src[n++] = c;
    }
    if (n && src[n - 1] == '\n')
        n--;
    src[n] = '\0';
    t->src = src;
    t->len = n;
    return ST_OK;
}

static enum status parse_tokens(struct jinja_build *b, void *parser)
{
    struct jinja_lexer lx = { .src = b->t->src, .p = b->t->src, .end = b->t->src + b->t->len,
                              .line_start = true };
    for (;;) {
        struct jinja_token tok;
        enum status st = jinja_lex(&lx, &tok, b->err);
        if (st != ST_OK)
            return st;
        jinja_parser(parser, tok.code, tok, b);
        if (b->st != ST_OK || tok.code == 0)
            return b->st;
    }
}

enum status jinja_parse(struct slice source, struct arena *arena, struct jinja **ret,
                        struct error *err)
{
    if (source.len > MAX_SOURCE)
        return error_set(err, ST_LIMIT, "a chat template of %zu bytes, at most %d are read",
                         source.len, MAX_SOURCE);
    if (!utf8_valid(source))
        return error_set(err, ST_INVALID, "the chat template is not valid UTF-8");
    struct jinja *t = arena_zalloc(arena, sizeof *t);
    if (!t)
        return error_nomem(err);
    enum status st = keep_source(source, arena, t, err);
    if (st != ST_OK)
        return st;

    void *parser = jinja_parserAlloc(mem_alloc);
    if (!parser)
        return error_nomem(err);
    struct jinja_build b = { .arena = arena, .t = t, .err = err };
    st = parse_tokens(&b, parser);
    jinja_parserFree(parser, mem_free);
    if (st != ST_OK)
        return st;
    t->root = b.root;
    *ret = t;
    return ST_OK;
}
