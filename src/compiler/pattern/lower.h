/* lower.h - the front ends of a pattern: each turns its source into rules. */
#ifndef COMPILER_PATTERN_LOWER_H
#define COMPILER_PATTERN_LOWER_H

#include "compiler/pattern/pattern_data.h"

/* The whole text is a value of this type, bare or JSON as shape_is_bare says. */
enum status lower_shape(struct pattern *p, const struct shape *s, struct error *err);
/* The whole text is a JSON value of this schema. */
enum status lower_schema(struct pattern *p, struct slice text, uint32_t flags, struct error *err);
/* The same as a value inside another; `value` is a fresh number. */
enum status lower_schema_value(struct pattern *p, struct slice text, uint32_t flags, uint32_t value,
                               struct error *err);
enum status lower_grammar(struct pattern *p, struct slice text, struct error *err);
/* The whole text is free text with tagged values in it, as a JSON description says. */
enum status lower_tags(struct pattern *p, struct slice text, uint32_t flags, struct error *err);

/* Any JSON value, by number; any object. */
uint32_t lower_any_value(struct rules *r);
uint32_t lower_any_object(struct rules *r);

/* Status and text when the pool of the rules has failed. */
enum status lower_failed(const struct pattern *p, struct error *err);

void shape_hash_text(const struct shape *s, struct str *out);

#endif
