/* grammar.h - the parsed form of a context-free grammar, between the dialects and the rules.
 *
 * A front end makes rules of items; grammar.c turns them into rule nodes: what is regular becomes
 * leaves, nullable rules are freed of the empty word, left recursion becomes iteration. */
#ifndef COMPILER_PATTERN_GRAMMAR_H
#define COMPILER_PATTERN_GRAMMAR_H

#include "base/intern.h"
#include "compiler/pattern/lower.h"

enum item_kind {
    ITEM_EXPR,          /* a regular language: an expression */
    ITEM_RULE,          /* a rule by number */
    ITEM_CAT, ITEM_ALT,
    ITEM_REP,           /* kid 0, lo..hi times */
    ITEM_STATE,         /* what a rule state reads, such as a JSON value; never empty */
};

struct item {
    enum item_kind kind;
    uint32_t       x;               /* expression, rule, or rule state */
    uint32_t       lo, hi;
    uint32_t       n;
    struct item  **kid;
    uint32_t       off;             /* where it stands in the text */
};

struct grammar_rule {
    struct item *body;              /* NULL: named, not defined */
    uint32_t     off;               /* first mention */
    uint8_t      state;             /* of the search for recursion */
    bool         recursive;
    bool         folded;
    uint32_t     expr;              /* where it is folded */
    uint32_t     start;             /* node, where it is not */
};

struct grammar {
    struct pattern      *p;
    struct expr_pool    *ex;
    struct arena         arena;
    struct slice         text;
    struct error        *err;
    enum status          st;        /* sticky */
    struct intern        name;
    struct grammar_rule *rule;      /* [name.n] */
    uint32_t             n_rule, cap_rule;
    uint32_t             at, nest;
    uint32_t             n_item;
};

enum { GRAMMAR_TEXT_MAX = 1 << 20, GRAMMAR_NEST_MAX = 1000, GRAMMAR_RULE_MAX = 100000,
       GRAMMAR_ITEM_MAX = 1000000 };

void        *grammar_bad(struct grammar *g, uint32_t off, const char *code, const char *why);
uint32_t     grammar_rule(struct grammar *g, struct slice name, uint32_t off);
struct item *grammar_item(struct grammar *g, enum item_kind kind, uint32_t off);
struct item *grammar_expr(struct grammar *g, uint32_t expr, uint32_t off);
/* A node over a list; the list is freed.  One kid is itself, no kid is the empty text. */
struct grammar_list { struct item **x; uint32_t n, cap; };
void         grammar_push(struct grammar *g, struct grammar_list *l, struct item *x);
struct item *grammar_join(struct grammar *g, enum item_kind kind, struct grammar_list *l, uint32_t off);
struct item *grammar_repeat(struct grammar *g, struct item *x, uint32_t lo, uint32_t hi);
/* Bounds `{m}`, `{m,}`, `{m,n}` behind the brace; false: none there. */
bool         grammar_bounds(struct grammar *g, uint32_t *lo, uint32_t *hi);

/* Makes rule nodes of the rules that `root` needs; the pattern's root reads them. */
void grammar_lower(struct grammar *g, uint32_t root);
void grammar_free(struct grammar *g);

void grammar_parse_gbnf(struct grammar *g);
void grammar_parse_lark(struct grammar *g);

#endif
