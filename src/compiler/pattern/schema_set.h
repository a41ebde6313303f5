/* schema_set.h - clauses while they are expanded, for the files of the algebra. */
#ifndef COMPILER_PATTERN_SCHEMA_SET_H
#define COMPILER_PATTERN_SCHEMA_SET_H

#include "compiler/pattern/schema_data.h"

enum { EXCLUDED_NUMBERS = 64 };

enum pending_kind { P_LIT, P_ATOM, P_ANY, P_ONE, P_IF, P_DEP };

struct pending {
    struct pending *below;
    uint8_t         kind;
    uint32_t        x;          /* literal, or node */
    uint32_t        i;          /* DEP: member; keyword in `word` */
    enum schema_word word;
    struct atom    *atom;
};

struct expansion {
    struct schema  *s;
    enum jkind      type;
    const uint32_t *lit;
    uint32_t        n_lit;
    struct clauses  work;
    struct clauses *out;
    uint32_t        n_made;
};

void clause_add_atom(struct schema *s, struct clause *c, struct atom a);
struct clause *clause_branch(struct expansion *x, const struct clause *c);
uint32_t schema_listed(const struct schema *s, uint32_t node, enum schema_word word, struct jnode *const **ret);
void clause_push_lit(struct schema *s, struct clause *c, uint32_t lit);
bool schema_admits(struct schema *s, uint32_t node, enum jkind type);
bool schema_only_lists(const struct schema *s, uint32_t node);
bool schema_type_allows(struct schema *s, uint32_t node, enum jkind type, bool *ret_integer);
bool clause_meet_number(struct schema *s, struct clause *c, const struct num_set *set);
bool clause_add_integer(struct schema *s, struct clause *c, bool negated);
void clause_atom_branch(struct expansion *x, const struct clause *c, struct atom a);
bool schema_expand_neg(struct expansion *x, struct clause *c, uint32_t node);
void clause_lit_branch(struct expansion *x, const struct clause *c, uint32_t a, uint32_t b);

#endif
