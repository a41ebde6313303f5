/* jtree.h - JSON text as a tree that keeps what schemas need: the order of keys and the digits of
 * numbers as they were written.  Lives in an arena. */
#ifndef COMPILER_PATTERN_JTREE_H
#define COMPILER_PATTERN_JTREE_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

enum jkind { J_NULL, J_BOOL, J_NUMBER, J_STRING, J_ARRAY, J_OBJECT };

struct jnode {
    enum jkind     kind;
    bool           truth;       /* BOOL */
    uint32_t       n;           /* members */
    struct slice   text;        /* STRING: decoded; NUMBER: as written */
    struct jnode **kid;
    struct slice  *key;         /* OBJECT */
    uint32_t       order;       /* position in the text */
};

enum { JTREE_NEST_MAX = 512, JTREE_TEXT_MAX = 8 << 20 };

enum status jtree_read(struct arena *a, struct slice text, struct jnode **ret, struct error *err);
const struct jnode *jtree_get(const struct jnode *object, const char *key);     /* NULL: none */
const struct jnode *jtree_find(const struct jnode *object, struct slice key);
bool jtree_equal(const struct jnode *a, const struct jnode *b);     /* by value, as JSON Schema has it */
void jtree_write(const struct jnode *j, const char *comma, const char *colon, struct str *out);

#endif
