/* instance.h - the ways in which a runner writes one JSON value. */
#ifndef TESTS_CONFORMANCE_INSTANCE_H
#define TESTS_CONFORMANCE_INSTANCE_H

#include "compiler/pattern/jtree.h"

/* The value with the keys of its objects in the order in which the schema declares them.  Follows
 * properties, items, allOf, anyOf, oneOf, conditions and local references; asks no engine. */
struct jnode *instance_reorder(struct arena *a, const struct jnode *schema, const struct jnode *value);
/* ", " and ": "; `plain`: numbers without exponent and without a fraction of zeros. */
void instance_write(const struct jnode *value, bool plain, struct str *out);

#endif
