/* rules.h - the grammar above the leaves: rule automata whose states are made when they are met.
 *
 * A rule state is a small tuple: what is being written (a value, an array, an object, a node of a
 * grammar) and what is still owed or allowed there (counts, keys).  Counters are counted down, so
 * that states with equal futures are equal.  Expanding a state gives its edges:
 *
 *      TERM  read a leaf, go on at `next` (or where the leaf's label says)
 *      CALL  read another rule, then go on at `next`
 *
 * A final state returns to whoever called.  Every state that can be met has a completion: what
 * could not be closed is never offered. */
#ifndef COMPILER_PATTERN_RULES_H
#define COMPILER_PATTERN_RULES_H

#include "compiler/pattern/shape.h"
#include "compiler/pattern/terminal.h"

enum rule_kind {
    RULE_RETURN,        /* state 0: nothing more, back to the caller */
    RULE_NODE,          /* a node of a grammar; a: its number */
    RULE_VALUE,         /* a JSON value; a: value number */
    RULE_ARRAY,         /* inside an array; a: array number */
    RULE_OBJECT,        /* inside an object; a: object number */
};

struct rule_state {
    uint8_t  kind, phase;
    uint16_t depth;     /* of nesting, where the spelling is pretty */
    uint32_t a, pos;
    uint32_t missing;   /* items or keys that are still owed */
    uint32_t room;      /* that may still come; EXPR_INF: any number */
    uint32_t seen;      /* names or values that are used up: a list, 0 none */
    uint64_t bits;      /* array: items that must count, that still may; object: what it owes */
};

enum edge_kind { EDGE_TERM, EDGE_CALL };

struct rule_edge {
    uint8_t  kind;
    bool     capture;   /* TERM: what is read is noted in the state behind it */
    uint32_t to;        /* TERM: first state of the leaf; CALL: the rule state called */
    uint32_t next;
};

struct rule_exp {       /* an expanded state */
    const struct rule_edge *edge;
    uint32_t                n;
    bool                    final, ready;
};

/* A node of a grammar; edges are fixed when the grammar is compiled. */
struct rule_node {
    struct rule_edge *edge;
    uint32_t          n, cap;
    bool              final;
    size_t            min;          /* bytes to the end of its rule */
};

/* Alternatives of a JSON value. */
struct value {
    uint32_t *term, *arr, *obj;
    uint32_t  n_term, n_arr, n_obj;
    uint32_t  cap_term, cap_arr, cap_obj;
    uint32_t  same;                 /* number of a value whose alternatives these are too, 0 none */
    size_t    min;                  /* bytes of the shortest, SIZE_MAX while none is known */
};

struct value_array {
    uint32_t *prefix;               /* [n_prefix] value of each leading item */
    uint32_t *prefix_counted;       /* the same, items that count for `contains` */
    uint32_t *prefix_other;         /* items that need not */
    uint32_t  n_prefix, cap_prefix;
    uint32_t  item;                 /* value of the others; VALUE_NONE: there are none */
    uint32_t  counted, other;       /* the same with and without counting */
    uint32_t  lo, hi;
    bool      contains;             /* items are counted: contains_lo..contains_hi of them */
    uint32_t  contains_lo, contains_hi;
    bool      unique;               /* no item twice: then it is one of the texts or words below */
    bool      roomy, open;          /* as with the names of a class */
    uint32_t  text, word;           /* expressions: contents of strings; other scalars as spelled */
};

struct value_key {
    struct slice name;
    uint32_t     value;
    bool         required;
};

/* Names that were not declared.  No name is in two classes, except that one that pays may repeat
 * names of another with a narrower value. */
struct value_class {
    uint32_t name;                  /* expression of the names */
    uint32_t value;
    uint8_t  pays;                  /* bits of what the object owes that a name of it settles */
    bool     roomy;                 /* so many that used ones never matter for whether there are more */
    bool     open;                  /* nor for how another one may begin, within a token */
};

struct value_object {
    struct value_key   *key;
    uint32_t            n_key, cap_key;
    struct value_class *cls;
    uint32_t            n_cls, cap_cls;
    uint32_t            lo, hi;     /* number of keys */
    uint32_t            n_required;
    bool                counts;     /* lo or hi matter */
    uint8_t             owes;       /* for each bit some name of a class that pays it must be there */
    size_t              pay_min;    /* bytes of a member that pays what is owed */
    size_t              extra_min;  /* bytes of the cheapest member that need not be there */
    size_t             *tail;       /* [n_key + 1] bytes of the required keys from here on */
    struct choices     *names;      /* of the keys, labelled by their numbers; NULL: not asked yet */
};

enum { VALUE_NONE = UINT32_MAX };

struct name_list {                  /* names and items used up, newest first */
    uint32_t     below, n;          /* n: how many, this one included */
    struct slice text;
    bool         word;              /* an item that is no string */
    uint32_t     others[2];         /* all texts, all words that are not on the list; 0 not asked yet */
};

/* Mark in rule_state.seen: one more name is used up that is not named.  Masks use it where the name
 * cannot matter within a token. */
#define SEEN_UNNAMED 0x80000000u

struct rules {
    struct terminals     t;
    struct arena         arena;
    struct rule_state   *st;
    struct rule_exp     *exp;
    uint32_t             n_st, cap_st;
    uint32_t            *slot;
    uint32_t             n_slot;
    struct rule_node    *node;
    uint32_t             n_node, cap_node;
    struct value        *value;
    uint32_t             n_value, cap_value;
    struct value_array  *array;
    uint32_t             n_array, cap_array;
    struct value_object *object;
    uint32_t             n_object, cap_object;
    struct name_list    *name;
    uint32_t             n_name, cap_name;
    struct hashmap       by_name;   /* list below, kind and text to an entry */
    struct idmap         glue;      /* texts between values by kind and depth: first leaf states */
    struct idmap         unused;    /* texts of an expression that are not on a list, by both */
    enum json_spelling   spelling;
    struct num_spelling  num_spelling[2];   /* integers, others */
};

enum status rules_init(struct rules *r, enum json_spelling spelling, uint64_t work_limit,
                       struct error *err);
void        rules_free(struct rules *r);

static inline bool rules_failed(const struct rules *r)
{
    return r->t.ex.failed != ST_OK;
}

void     rules_fail(struct rules *r, enum status st);
uint32_t rule_intern(struct rules *r, struct rule_state s);

/* Grammar nodes. */
uint32_t rule_node_new(struct rules *r);                    /* its state */
struct rule_node *rule_node_of(struct rules *r, uint32_t state);
void     rule_node_term(struct rules *r, uint32_t from, uint32_t term, uint32_t next);
void     rule_node_call(struct rules *r, uint32_t from, uint32_t rule, uint32_t next);
void     rule_node_final(struct rules *r, uint32_t state);
/* Shortest completions of all nodes; call once the graph is complete. */
void     rule_nodes_measure(struct rules *r);

/* JSON values (value.c). */
uint32_t value_new(struct rules *r);
uint32_t value_rule(struct rules *r, uint32_t value, uint32_t depth);     /* the state that reads it */
void     value_add_term(struct rules *r, uint32_t value, uint32_t term);
uint32_t value_add_array(struct rules *r, uint32_t value);
uint32_t value_add_object(struct rules *r, uint32_t value);
void     object_add_key(struct rules *r, uint32_t object, struct slice name, uint32_t value, bool required);
void     object_add_class(struct rules *r, uint32_t object, uint32_t name_expr, uint32_t value, uint8_t pays);
/* Least fixpoint of the shortest values; what has none is unproductive.  Then keys and items that
 * cannot be given are taken out of what is offered. */
void     values_measure(struct rules *r);

bool     value_roomy(struct rules *r, uint32_t e);
bool     value_open(struct rules *r, uint32_t e);
/* Whether the state is before a name or an item for which an unnamed one before it may matter. */
bool     value_doubts(const struct rules *r, uint32_t state);

void     value_expand(struct rules *r, const struct rule_state *s, struct rule_exp *out);
uint32_t value_label(struct rules *r, uint32_t state, uint32_t label);
size_t   value_cost(struct rules *r, const struct rule_state *s);
void     value_labels(struct rules *r, const struct rule_state *s, uint32_t *ret_lo, uint32_t *ret_hi);
/* Whether some text leads to that label. */
bool     value_may_label(struct rules *r, uint32_t state, uint32_t label);
/* The state behind a captured name or item; text as it was read, with its quotes. */
uint32_t value_captured(struct rules *r, uint32_t state, struct slice text);
/* The same with the name left open; false where the name matters for what follows. */
bool     value_unnamed(struct rules *r, uint32_t state, uint32_t *ret_next);

struct rule_exp rule_expand(struct rules *r, uint32_t state);
/* Where a switch leads on label `label`; state is the edge's `next`. */
uint32_t rule_label(struct rules *r, uint32_t state, uint32_t label);
/* The labels that a switch may lead on with: lo..hi, hi excluded. */
void     rule_labels(struct rules *r, uint32_t state, uint32_t *ret_lo, uint32_t *ret_hi);
/* Bytes to the end of the rule; an estimate where the spelling is pretty or counts are owed. */
size_t   rule_cost(struct rules *r, uint32_t state);
#endif
