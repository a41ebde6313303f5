/* jinja.h - inside of the chat folder: the template language, from text to rendered pieces.
 *
 *     source --jinja.re--> tokens --jinja.y--> nodes (struct jn) --jinja_eval.c--> struct jbuf
 *
 * Values know where their text came from.  A struct jtext is bytes cut into runs, each written by
 * the template (markup) or brought in by a message (data), and every operation on text keeps the
 * two apart; this is what lets a caller tokenise a user's text without its control tokens.
 *
 * Nodes live in the template's arena and are read-only after parsing.  Values live in the arena of
 * one rendering.  Nothing is freed singly. */
#ifndef RUNTIME_CHAT_JINJA_H
#define RUNTIME_CHAT_JINJA_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

#include "grammar/jinja.h"      /* token codes JK_*, made by Lemon */

enum {
    JINJA_MAX_DEPTH = 200,              /* nesting of nodes in a template */
    JINJA_MAX_CALLS = 1500,             /* nesting of evaluation, macros included */
    JINJA_MAX_STEPS = 5000000,          /* nodes evaluated in one rendering */
    JINJA_MAX_OUTPUT = 32 << 20,        /* bytes of one text */
    JINJA_MAX_MEMORY = 256 << 20,       /* bytes of values in one rendering */
    JINJA_MAX_RANGE = 100000,           /* numbers of one range(), as in the reference */
    JINJA_MAX_ARGS = 8,                 /* parameters of a filter, test or method */
};

/* ---- scanning -------------------------------------------------------------------------- */

struct jinja_token {
    int          code;
    struct slice text;
    uint32_t     off;
};

enum jinja_mode { JINJA_TEXT, JINJA_VAR, JINJA_TAG };

struct jinja_lexer {
    const char     *src, *end, *p;
    enum jinja_mode mode;
    bool            line_start;         /* p follows a line end or the start */
    int             last;               /* code of the token before */
    char            open[JINJA_MAX_DEPTH];  /* closing brackets that are due */
    int             n_open;
};

/* Code 0 at the end.  Errors have their place. */
enum status jinja_lex(struct jinja_lexer *lx, struct jinja_token *ret, struct error *err);

int          jinja_blank(const char *p, const char *end);   /* bytes of a blank at p, or 0 */
struct slice jinja_rstrip(struct slice s);
uint32_t     jinja_line(const char *src, const char *at);

/* ---- values ---------------------------------------------------------------------------- */

struct jrun {
    uint32_t end;
    bool     markup;
};

/* n_run 0: all of it is `markup` or not; otherwise runs in order, the last one ending at len. */
struct jtext {
    const char        *ptr;
    uint32_t           len;
    uint32_t           n_run;
    const struct jrun *run;
    bool               markup;
};

enum jkind {
    J_ABSENT,           /* an argument that was not given */
    J_UNDEF,
    J_NONE,
    J_BOOL,
    J_INT,
    J_FLOAT,
    J_STR,
    J_LIST,
    J_TUPLE,
    J_DICT,
    J_SPACE,            /* namespace(): the one thing that changes */
    J_MACRO,
    J_LOOP,
    J_METHOD,           /* a method with its receiver */
    J_FUNC,
};

struct jval {
    enum jkind kind;
    union {
        bool                 b;
        int64_t              i;
        double               f;
        const struct jtext  *s;
        struct jlist        *l;
        struct jdict        *d;
        const char          *undef;     /* what is undefined, for the message */
        struct jmacro       *macro;
        struct jloop        *loop;
        struct jmethod      *method;
        const struct jfunc  *func;
    };
};

struct jlist {
    struct jval *at;
    uint32_t     n, cap;
};

struct jpair {
    struct jval key, val;
};

struct jdict {
    struct jpair *at;
    uint32_t      n, cap;
};

struct jmacro {
    const struct jn *node;              /* JN_MACRO, or JN_CALLBLOCK for its caller */
    struct jscope   *scope;             /* where it was written */
};

struct jloop {
    struct jlist *items;
    uint32_t      index;
    struct jval   changed;
};

struct jkw {
    struct slice name;
    struct jval  val;
};

struct jargs {
    struct jval *pos;
    struct jkw  *kw;
    uint32_t     n_pos, n_kw;
};

struct jeval;

/* A filter, test, method or function: `params` are names separated by blanks, the ones from '?'
 * on may be missing; NULL: it reads the arguments itself. */
struct jfunc {
    const char *name;
    const char *params;
    bool (*fn)(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret);
    bool (*raw)(struct jeval *e, struct jval self, const struct jargs *args, struct jval *ret);
};

struct jmethod {
    const struct jfunc *func;
    struct jval         self;
};

/* ---- nodes ----------------------------------------------------------------------------- */

enum jn_kind {
    JN_CONST, JN_NAME, JN_LIST, JN_TUPLE, JN_DICT, JN_PAIR, JN_COND, JN_OR, JN_AND, JN_NOT,
    JN_COMPARE, JN_BINARY, JN_CONCAT, JN_NEG, JN_POS, JN_ATTR, JN_ITEM, JN_SLICE, JN_CALL,
    JN_FILTER, JN_TEST, JN_KWARG, JN_STAR, JN_STARSTAR, JN_PARAM,
    JN_TEXT, JN_OUTPUT, JN_IF, JN_BRANCH, JN_FOR, JN_SET, JN_SETBLOCK, JN_MACRO, JN_CALLBLOCK,
    JN_FILTERBLOCK, JN_WITH, JN_GENERATION, JN_BREAK, JN_CONTINUE,
};

enum jop {
    J_NO_OP, J_EQ, J_NE, J_LT, J_LE, J_GT, J_GE, J_IN, J_NOT_IN,
    J_ADD, J_SUB, J_MUL, J_DIV, J_FLOORDIV, J_MOD, J_POW,
};

struct jn_list {
    struct jn *head, *tail;
    uint32_t   n;
    uint32_t   depth;
    bool       present;                 /* an else that is there, if empty */
};

struct jn {
    enum jn_kind   kind;
    enum jop       op;
    uint32_t       off;                 /* place in the source */
    uint32_t       depth;
    struct slice   name;
    struct jn     *a, *b, *c;
    struct jn_list list;                /* items, arguments, parameters, branches */
    struct jn_list body;
    struct jn_list other;               /* else */
    struct jval    val;
    bool           takes_rest;          /* a macro that names varargs or kwargs */
    struct jn     *next;
};

struct jinja {
    const char    *src;                 /* NUL-terminated, line ends are "\n" */
    size_t         len;
    struct jn_list root;
};

/* What the grammar works on. */
struct jinja_build {
    struct arena  *arena;
    struct jinja  *t;
    struct jn_list root;
    uint32_t       n_rest_name;         /* uses of varargs and kwargs so far */
    enum status    st;
    struct error  *err;
};

enum status jinja_parse(struct slice source, struct arena *arena, struct jinja **ret,
                        struct error *err);

/* Constructors, called by the grammar; NULL after a failure, which is kept in b. */
struct jn_list jn_none(void);
struct jn_list jn_append(struct jinja_build *b, struct jn_list l, struct jn *n);
struct jn_list jn_prepend(struct jinja_build *b, struct jn *n, struct jn_list l);
struct jn *jn_text(struct jinja_build *b, struct jinja_token t);
struct jn *jn_one(struct jinja_build *b, enum jn_kind kind, struct jinja_token t, struct jn *a);
struct jn *jn_two(struct jinja_build *b, enum jn_kind kind, struct jinja_token t, struct jn *a,
                  struct jn *b2);
struct jn *jn_three(struct jinja_build *b, enum jn_kind kind, struct jinja_token t, struct jn *a,
                    struct jn *b2, struct jn *c);
struct jn *jn_op(struct jinja_build *b, enum jop op, struct jinja_token t, struct jn *left,
                 struct jn *right);
struct jn *jn_compare(struct jinja_build *b, struct jn *left, struct jn_list chain);
struct jn *jn_list(struct jinja_build *b, enum jn_kind kind, struct jn_list l);
struct jn *jn_name(struct jinja_build *b, struct jinja_token t);
struct jn *jn_attr(struct jinja_build *b, struct jn *of, struct jinja_token name);
struct jn *jn_int(struct jinja_build *b, struct jinja_token t);
struct jn *jn_float(struct jinja_build *b, struct jinja_token t);
struct jn *jn_piece(struct jinja_build *b, struct jinja_token t);
struct jn *jn_string(struct jinja_build *b, struct jn_list pieces);
struct jn *jn_named(struct jinja_build *b, enum jn_kind kind, struct jinja_token name, struct jn *a);
struct jn *jn_bind(struct jinja_build *b, struct jn *name, struct jn *a);
struct jn *jn_call(struct jinja_build *b, enum jn_kind kind, struct jinja_token t, struct jn *of,
                   struct jn_list args);
struct jn *jn_filter(struct jinja_build *b, struct jn *of, struct jn *filter);
struct jn *jn_test(struct jinja_build *b, struct jn *of, struct jn *test);
struct jn *jn_expect_call(struct jinja_build *b, struct jn *n);
struct jn *jn_if(struct jinja_build *b, struct jinja_token t, struct jn *cond, struct jn_list body,
                 struct jn_list elifs, struct jn_list other);
struct jn *jn_for(struct jinja_build *b, struct jinja_token t, struct jn *target, struct jn *iter,
                  struct jn *cond, struct jn_list body, struct jn_list other);
struct jn *jn_macro(struct jinja_build *b, struct jinja_token t, struct jinja_token name,
                    struct jn_list params, struct jn_list body);
struct jn *jn_block(struct jinja_build *b, enum jn_kind kind, struct jinja_token t, struct jn *a,
                    struct jn_list list, struct jn_list body);
void jinja_for_rest(struct jinja_build *b, const struct jinja_token *t);
void jinja_syntax_error(struct jinja_build *b, int code, const struct jinja_token *t);
void jinja_too_deep(struct jinja_build *b);

/* The parser that Lemon makes. */
void *jinja_parserAlloc(void *(*alloc)(size_t));
void  jinja_parser(void *parser, int code, struct jinja_token token, struct jinja_build *b);
void  jinja_parserFree(void *parser, void (*release)(void *));

/* ---- evaluation ------------------------------------------------------------------------ */

/* Text being written.  Zeroed is empty. */
struct jbuf {
    struct str   text;
    struct jrun *run;
    uint32_t     n_run, cap_run;
    bool         failed;
};

struct jscope {
    struct jscope *up;
    struct jvar   *var;
};

struct jeval {
    const struct jinja *t;
    struct arena       *arena;
    struct jbuf        *out;
    struct jscope      *scope;
    const struct jn    *at;             /* what is being evaluated, for messages */
    uint64_t            steps;
    uint32_t            calls;
    int64_t             now;
    enum status         st;
    struct error       *err;
};

/* Renders into *out; vars are the template's variables. */
enum status jinja_render(const struct jinja *t, const struct jdict *vars, int64_t now,
                         struct arena *arena, struct jbuf *out, struct error *err);

/* All of these return false after a failure, whose words are in e->err. */
bool jfail(struct jeval *e, enum status st, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
bool jstep(struct jeval *e, uint64_t n);            /* counts work against the limit */
bool jeval_expr(struct jeval *e, const struct jn *n, struct jval *ret);
/* Positional and named arguments; behind each there is room for one more. */
bool jeval_args(struct jeval *e, const struct jn_list *list, struct jargs *ret);
/* Runs a body whose output becomes a text. */
bool jcapture(struct jeval *e, const struct jn_list *body, struct jval *ret);
struct jscope *jscope_new(struct jeval *e, struct jscope *up);         /* NULL after a failure */
bool jscope_set(struct jeval *e, struct jscope *s, struct slice name, struct jval val);
bool jeval_call(struct jeval *e, struct jval callee, const struct jargs *args, struct jval *ret);
bool jcall_func(struct jeval *e, const struct jfunc *f, struct jval self, const struct jargs *args,
                struct jval *ret);
bool jget_attr(struct jeval *e, struct jval of, struct slice name, struct jval *ret);
bool jget_item(struct jeval *e, struct jval of, struct jval key, struct jval *ret);
bool jget_slice(struct jeval *e, struct jval of, const struct jval range[3], struct jval *ret);
bool jbinary(struct jeval *e, enum jop op, struct jval a, struct jval b, struct jval *ret);
bool jcompare(struct jeval *e, enum jop op, struct jval a, struct jval b, bool *ret);
bool jnegate(struct jeval *e, struct jval a, struct jval *ret);

/* Tables by name; NULL when there is none. */
const struct jfunc *jfunc_find(const struct jfunc *rows, size_t n, struct slice name);
const struct jfunc *jfilter_find(struct slice name);
const struct jfunc *jtest_find(struct slice name);
const struct jfunc *jmethod_find(enum jkind kind, struct slice name, bool *ret_unsafe);
const struct jfunc *jglobal_find(struct slice name);
bool jfilter_call(struct jeval *e, struct slice name, struct jval self, const struct jargs *args,
                  struct jval *ret);
bool jtest_call(struct jeval *e, struct slice name, struct jval self, const struct jargs *args,
                bool *ret);
/* Rows of the files that have their own. */
extern const struct jfunc jsort_filters[], jtext_methods[], jcase_methods[];
extern const size_t n_jsort_filters, n_jtext_methods, n_jcase_methods;
bool jtext_format(struct jeval *e, struct jval self, const struct jargs *args, struct jval *ret);

/* Arguments: a flag that is given and true; a text, or a whole number, or a failure that names it. */
bool jflag(struct jval v);
bool jneed_text(struct jeval *e, const char *what, struct jval v);
bool jneed_int(struct jeval *e, const char *what, struct jval v, int64_t otherwise, int64_t *ret);
/* An item, or what "a.b.0" leads to from it; `otherwise` stands in for what is undefined. */
bool jget_path(struct jeval *e, struct jval item, struct jval path, struct jval otherwise,
               struct jval *ret);
bool jformat(struct jeval *e, const struct jtext *format, const struct jargs *args,
             struct jval *ret);         /* the % operator on text */

/* Values. */
struct jval j_none(void);
struct jval j_bool(bool b);
struct jval j_int(int64_t i);
struct jval j_float(double f);
struct jval j_undef(const char *what);
bool j_str(struct jeval *e, struct slice s, bool markup, struct jval *ret);     /* copied */
bool j_list_new(struct jeval *e, enum jkind kind, struct jval *ret);
bool j_list_push(struct jeval *e, struct jlist *l, struct jval v);
bool j_dict_new(struct jeval *e, enum jkind kind, struct jval *ret);
bool j_dict_put(struct jeval *e, struct jdict *d, struct jval key, struct jval val);
struct jval *j_dict_find(const struct jdict *d, struct slice key);
bool j_dict_get(struct jeval *e, const struct jdict *d, struct jval key, struct jval **ret);
bool j_from_json(struct jeval *e, const json_t *json, uint32_t depth, struct jval *ret);

const char *j_type(struct jval v);                  /* the reference's name of its type */
bool j_truth(struct jval v);
bool j_equal(struct jval a, struct jval b);
bool j_is_number(struct jval v);                    /* booleans are numbers */
double j_number(struct jval v);
int64_t j_whole(struct jval v);                     /* of an integer or boolean */
bool j_length(struct jeval *e, struct jval v, int64_t *ret);
bool j_items(struct jeval *e, struct jval v, struct jlist **ret);       /* what `for` walks */
bool j_text(struct jeval *e, struct jval v, const struct jtext **ret);  /* str(v) */
bool j_write(struct jeval *e, struct jbuf *out, struct jval v);         /* str(v) behind *out */
bool j_write_json(struct jeval *e, struct jbuf *out, struct jval v, const char *indent,
                  struct slice item_sep, struct slice key_sep, bool sort, bool ascii);
void j_format_float(double f, struct str *out);     /* as the reference prints it */

/* Text with its runs. */
struct slice jtext_slice(const struct jtext *t);
bool jtext_markup_at(const struct jtext *t, uint32_t off);
bool jtext_sub(struct jeval *e, const struct jtext *t, size_t off, size_t len, struct jval *ret);
void jbuf_add(struct jbuf *b, const char *ptr, size_t len, bool markup);
void jbuf_add_text(struct jbuf *b, const struct jtext *t, size_t off, size_t len);
bool jbuf_take(struct jeval *e, struct jbuf *b, struct jval *ret);      /* into the arena; frees b */
void jbuf_free(struct jbuf *b);

#endif
