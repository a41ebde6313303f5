/* schema_data.h - a JSON Schema being compiled, shared by the schema*.c files.
 *
 *   text --schema_node.c--> nodes (places that hold a schema, with base URI, draft and pointer)
 *   goal = set of signed nodes: "valid for these, not valid for those"
 *   goal --schema_set.c--> for each type, clauses: conjunctions of atoms of that type
 *   clause --schema_lower.c, schema_object.c, schema_array.c--> alternatives of a JSON value
 *
 * The algebra is on values; spelling and order come in when a clause is lowered, so that nothing
 * narrowed leaks into a complement.  Everything lives in the document's arena. */
#ifndef COMPILER_PATTERN_SCHEMA_DATA_H
#define COMPILER_PATTERN_SCHEMA_DATA_H

#include "compiler/pattern/jtree.h"
#include "compiler/pattern/lower.h"
#include "compiler/pattern/num.h"
#include "compiler/pattern/schema_word.h"

struct schema_node {
    const struct jnode *json;
    uint32_t            parent;     /* node that holds it, in keyword `held`; its own number: a root */
    uint8_t             held;
    int32_t             index;      /* which of a list, or -1 */
    const struct slice *key;        /* which of a map, or NULL */
    struct slice        pointer;    /* where it begins otherwise than in the node that holds it */
    struct slice        base;       /* URI of the resource, without fragment */
    uint8_t             draft;
    bool                legacy;     /* no $schema: older spellings are honoured too */
    uint8_t             n_word;
    uint32_t            target;     /* where its $ref leads, plus one; 0 not asked yet */
    uint8_t             types;      /* bits of the types it may admit, TYPES_KNOWN among them */
    uint64_t            names;      /* bit: enum schema_word that it has at all */
    uint64_t            has;        /* those its draft knows */
    const struct jnode *const *value;   /* of the set bits, in their order */
    const uint8_t      *word;       /* [n_word] as they were written */
};

struct schema_name {                /* $id, $anchor: URI (with #anchor) to a node */
    struct slice uri;
    uint32_t     node;
    bool         dynamic;
};

/* What a clause owes beside numbers and strings. */
enum atom_kind {
    ATOM_ARRAY,         /* the array keywords of `node` */
    ATOM_OBJECT,        /* the object keywords of `node` */
    ATOM_ITEM,          /* item `n` exists and meets `lit` */
    ATOM_SOME_ITEM,     /* at least `lo` items at or behind `n` meet `lit` */
    ATOM_ALL_ITEMS,     /* every item meets `lit` */
    ATOM_ITEMS,         /* number of items: lo..hi */
    ATOM_KEY,           /* key `name` is there; its value meets `lit`, if any */
    ATOM_NO_KEY,        /* key `name` is not there */
    ATOM_KEYS,          /* number of keys: lo..hi */
    ATOM_SOME_KEY,      /* some key is there that `n` tells about `node`, and its value meets `lit` */
    ATOM_UNSUPPORTED,   /* cannot be decoded: refused if the clause lives */
};

struct atom {
    struct atom *below;
    uint8_t      kind;
    uint32_t     node;
    uint32_t     lit;           /* LIT_NONE: any value */
    uint32_t     n, lo, hi;
    struct slice name;
    const char  *why;           /* UNSUPPORTED */
};

enum { LIT_NONE = UINT32_MAX };

/* `n` of ATOM_SOME_KEY: a key that is not declared, that the propertyNames refuse, or, from
 * SOME_PATTERN on, that matches the node's pattern of that number. */
enum { SOME_UNDECLARED, SOME_BAD_NAME, SOME_PATTERN };

static inline uint32_t lit_pos(uint32_t node) { return node << 1; }
static inline uint32_t lit_neg(uint32_t node) { return node << 1 | 1; }

enum { N_JKIND = J_OBJECT + 1 };

struct pending;
struct clause {
    uint8_t              type;
    uint8_t              bools;         /* 1 true, 2 false */
    bool                 has_values;
    bool                 open_text;     /* the string has lengths only: any spelling */
    const struct num_set *num;          /* NULL: any number */
    uint32_t             scalar_node;   /* the last node that narrowed it, or listed values */
    uint32_t             str;           /* expression */
    const struct jnode **value;         /* only these, where has_values */
    uint32_t             n_value;
    struct atom         *atom;          /* newest first */
    struct pending      *pending;
    struct pending      *done;          /* what was expanded, to stop at loops */
};

struct clauses {
    struct clause *c;
    uint32_t       n, cap;
};

struct schema_goal {
    const uint32_t *lit;
    uint32_t        n;
    uint32_t        value;
};

struct schema {
    struct pattern     *p;
    struct rules       *r;
    struct error       *err;
    enum status         st;             /* sticky */
    struct arena        arena;
    uint32_t            flags;
    struct schema_node *node;
    uint32_t            n_node, cap_node;
    uint32_t           *node_at;        /* [cap_node_at] by place in the text: node + 1 */
    uint32_t            cap_node_at;
    struct idmap        by_key;         /* large object and hash of a key -> its place in it */
    struct schema_name *name;
    uint32_t            n_name, cap_name;
    struct schema_goal *goal;
    uint32_t            n_goal, cap_goal;
    struct hashmap      by_lits;        /* literal set -> goal */
    struct hashmap      by_names;       /* list of names -> expression of all others */
    struct idmap        disjoint;       /* pair of literals -> 1 disjoint, 2 not, 3 being asked */
    struct idmap        patterns;       /* jnode -> expression + 1 */
    struct idmap        formats;        /* kind -> expression + 1 */
    struct idmap        verdicts;       /* node and place of a value -> whether it is valid */
    bool                own_values;     /* values asked about are parts of the text */
    uint32_t            nest;
    bool                search_bad;     /* a recursive question met its limit */
};

/* schema.c */
void        schema_open(struct schema *s, struct slice text);       /* reads it: its nodes, 0 the root */
void        schema_free(struct schema *s);
void        schema_split_uri(struct slice u, struct slice *uri, struct slice *fragment);
/* ref against base, both without fragment. */
struct slice schema_join_uri(struct schema *s, struct slice base, struct slice ref);
bool     schema_resolve(struct schema *s, uint32_t node, enum schema_word keyword, uint32_t *ret_node);
enum status schema_refuse(struct schema *s, uint32_t node, enum schema_word keyword, const char *why);
enum status schema_malformed(struct schema *s, uint32_t node, enum schema_word keyword, const char *why);
void        schema_nomem(struct schema *s);

/* schema_node.c */
/* The node of a place: the root of a text, one that `from` holds, or one that a reference leads to. */
uint32_t    schema_add_node(struct schema *s, struct schema_node place);
bool        schema_node_at(const struct schema *s, const struct jnode *json, uint32_t *ret_node);
void        schema_add_held(struct schema *s, uint32_t node);       /* all that the node holds */
bool        schema_is_schema(const struct jnode *j);
void        schema_add_pointer(const struct schema *s, uint32_t node, struct str *out);
/* Place of a key in an object, UINT32_MAX: it has none.  Large objects are indexed. */
uint32_t    schema_find_key(struct schema *s, const struct jnode *object, struct slice key);
/* Keyword of a node, if the node's draft knows it. */
const struct jnode *schema_keyword(const struct schema *s, uint32_t node, enum schema_word keyword);
/* Kid schema: keyword alone, or its member i. */
uint32_t schema_kid(struct schema *s, uint32_t node, enum schema_word keyword);
uint32_t schema_member(struct schema *s, uint32_t node, enum schema_word keyword, uint32_t i);
bool     schema_is_true(const struct schema *s, uint32_t node);
bool     schema_is_false(const struct schema *s, uint32_t node);
/* A count such as minItems; `unset` when absent. */
uint32_t schema_count(struct schema *s, uint32_t node, enum schema_word keyword, uint32_t unset);

/* schema_set.c */
bool     schema_expand(struct schema *s, const uint32_t *lit, uint32_t n, enum jkind type, struct clauses *out);
void     clauses_free(struct clauses *c);
uint32_t schema_goal_value(struct schema *s, const uint32_t *lit, uint32_t n);
bool     schema_evaluates_alone(const struct schema *s, uint32_t node);
bool     schema_clause_dead(struct schema *s, const struct clause *c);
bool     schema_goal_dead(struct schema *s, const uint32_t *lit, uint32_t n);
bool     schema_disjoint(struct schema *s, uint32_t a, uint32_t b);
/* The leaf that reads the numbers of a clause, TERM_DEAD where there are none. */
uint32_t schema_number_leaf(struct schema *s, const struct clause *c);

/* schema_string.c, schema_format.c */
uint32_t schema_pattern_expr(struct schema *s, uint32_t node, enum schema_word keyword, const struct jnode *text);
uint32_t schema_pattern_text(struct schema *s, uint32_t node, enum schema_word keyword, const struct slice *text,
                             uint64_t key);
uint32_t schema_string_expr(struct schema *s, uint32_t node, bool *ret_open);
uint32_t schema_content_expr(struct schema *s, uint32_t node, bool *ret_untold);
/* The texts of a format; false: it asserts nothing (unknown).  *ret_narrow: a subset only. */
bool     schema_format_expr(struct schema *s, struct slice name, uint32_t *ret_expr, bool *ret_narrow);
/* Strings that meet the goal, as one expression (names of keys). */
uint32_t schema_goal_texts(struct schema *s, const uint32_t *lit, uint32_t n);

/* A growing set of literals in order of appearance. */
struct lits {
    uint32_t *lit;
    uint32_t  n, cap;
};

void lits_add(struct schema *s, struct lits *l, uint32_t lit);

/* schema_lower.c, schema_object.c, schema_array.c */
void schema_lower_goal(struct schema *s, uint32_t goal);
void schema_lower_object(struct schema *s, const struct clause *c, uint32_t value);
void schema_lower_array(struct schema *s, const struct clause *c, uint32_t value);
/* Whether the clause certainly has no value; looks a few levels deep. */
bool schema_object_dead(struct schema *s, const struct clause *c);
bool schema_array_dead(struct schema *s, const struct clause *c);

/* schema_unique.c: strings and other scalars of a goal, each value in one spelling.  False: there are
 * items that cannot be told apart. */
bool schema_unique_words(struct schema *s, const uint32_t *lit, uint32_t n, uint32_t *ret_text, uint32_t *ret_word);

/* schema_check.c */
bool schema_valid(struct schema *s, uint32_t node, const struct jnode *value, uint32_t depth);

/* schema_string.c: the bounds and divisors of a node. */
bool schema_number_set(struct schema *s, uint32_t node, struct num_set *ret);

#endif
