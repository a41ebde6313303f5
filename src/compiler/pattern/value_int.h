/* value_int.h - places inside a JSON value, for the files that write its rules. */
#ifndef COMPILER_PATTERN_VALUE_INT_H
#define COMPILER_PATTERN_VALUE_INT_H

#include "compiler/pattern/rules.h"

enum phase {
    PH_OPEN,        /* behind the opening bracket's leaf: label 0 a member, 1 closed */
    PH_MEMBER,      /* an item or a key comes */
    PH_KEY,         /* a declared key was read; label: which */
    PH_EXTRA,       /* another name was read; pos: its class.  Array: a unique item */
    PH_COLON,       /* before the colon; pos: the key, behind them classes */
    PH_VALUE,       /* before the value */
    PH_AFTER,       /* behind a member */
    PH_NEXT,        /* behind the comma or the closing bracket, by label */
};

enum glue { GLUE_ARRAY_OPEN, GLUE_ARRAY_NEXT, GLUE_OBJECT_OPEN, GLUE_OBJECT_NEXT, GLUE_COLON };

enum { ARM_MEMBER = 1, ARM_END = 2, FLEX_BLANKS = 20, ROOMY_WORDS = 1 << 20 };

/* Debts of an object, at most: bits of `owes`. */
enum { PAY_DEBTS = 4 };

/* Items of an array that must be distinct, at most; how many fit into one token, at most. */
enum { UNIQUE_MAX = 1024, UNIQUE_SLACK = 256 };

size_t value_comma_bytes(const struct rules *r);
uint32_t value_contains_need(const struct rule_state *s);
bool value_gives(const struct rules *r, uint32_t value);
uint32_t value_item_at(const struct value_array *a, uint32_t pos);
bool value_items_finish(const struct rules *r, const struct value_array *a, uint32_t pos, uint32_t missing, uint32_t room_items, uint32_t need, uint32_t room);
uint32_t value_key_value(const struct value_object *o, uint32_t pos);
uint32_t value_pay_keys(const struct value_object *o, uint64_t bits);
uint32_t value_required_from(const struct value_object *o, uint32_t pos);
/* Whether names that are not used yet pay what is owed with at most `keys` keys, after one of class
 * `taken` (n_cls: none). */
bool value_can_pay(struct rules *r, const struct value_object *o, const struct rule_state *s,
                   uint32_t taken, uint32_t keys);
struct rule_state value_with_key(const struct value_object *o, const struct rule_state *s, uint32_t key);

/* value_seen.c: the language without what is on the list; how long the list is. */
uint32_t value_unused(struct rules *r, uint32_t e, uint32_t seen, bool word);
uint32_t value_n_seen(const struct rules *r, uint32_t seen);

#endif
