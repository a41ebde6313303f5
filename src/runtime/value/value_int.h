/* value_int.h - what the files of this folder share. */
#ifndef RUNTIME_VALUE_VALUE_INT_H
#define RUNTIME_VALUE_VALUE_INT_H

#include "base/alloc.h"
#include "runtime/value/value.h"

bool     value_is_counted(struct value v);
uint32_t value_depth(struct value v);
void     map_destroy(struct obj_map *m);

#endif
