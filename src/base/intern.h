/* intern.h - strings to small ids, counted from 0 in the order of first appearance. */
#ifndef BASE_INTERN_H
#define BASE_INTERN_H

#include <stdint.h>

#include "base/arena.h"
#include "base/hashmap.h"

enum { INTERN_NONE = 0xffffffffu };

struct intern {                     /* zeroed is empty */
    struct arena   text;
    struct hashmap map;
    struct slice  *at;
    uint32_t       n;
    uint32_t       cap;
};

uint32_t     intern_add(struct intern *t, struct slice s);          /* INTERN_NONE: out of memory */
uint32_t     intern_find(const struct intern *t, struct slice s);   /* INTERN_NONE: not there */
struct slice intern_text(const struct intern *t, uint32_t id);
void         intern_free(struct intern *t);

#endif
