/* schema_word.h - the keywords of JSON Schema as rows, in the order of their lengths and bytes.
 *
 * A name is looked up once, when a node is made; from then on a keyword is a small number, and
 * asking a node for it is a test of one bit. */
#ifndef COMPILER_PATTERN_SCHEMA_WORD_H
#define COMPILER_PATTERN_SCHEMA_WORD_H

#include "base/str.h"

enum schema_draft { DRAFT_NONE, DRAFT_4 = 4, DRAFT_6 = 6, DRAFT_7 = 7, DRAFT_2019 = 19, DRAFT_2020 = 20, DRAFT_LAST = 99 };

/* X(word, name, first draft that asserts something with it, last one, honoured too where no draft is
 * named); no draft: it names or holds schemas, and says nothing about values. */
#define SCHEMA_WORDS(X) \
    X(OLD_ID, "id", DRAFT_NONE, DRAFT_NONE, false) \
    X(IF, "if", DRAFT_7, DRAFT_LAST, false) \
    X(AT_ID, "$id", DRAFT_NONE, DRAFT_NONE, false) \
    X(NOT, "not", DRAFT_4, DRAFT_LAST, false) \
    X(REF, "$ref", DRAFT_4, DRAFT_LAST, false) \
    X(ELSE, "else", DRAFT_4, DRAFT_LAST, false) \
    X(ENUM, "enum", DRAFT_4, DRAFT_LAST, false) \
    X(THEN, "then", DRAFT_4, DRAFT_LAST, false) \
    X(TYPE, "type", DRAFT_4, DRAFT_LAST, false) \
    X(DEFS, "$defs", DRAFT_NONE, DRAFT_NONE, false) \
    X(ALL_OF, "allOf", DRAFT_4, DRAFT_LAST, false) \
    X(ANY_OF, "anyOf", DRAFT_4, DRAFT_LAST, false) \
    X(CONST, "const", DRAFT_6, DRAFT_LAST, false) \
    X(ITEMS, "items", DRAFT_4, DRAFT_LAST, false) \
    X(ONE_OF, "oneOf", DRAFT_4, DRAFT_LAST, false) \
    X(FORMAT, "format", DRAFT_4, DRAFT_LAST, false) \
    X(ANCHOR, "$anchor", DRAFT_NONE, DRAFT_NONE, false) \
    X(AT_SCHEMA, "$schema", DRAFT_NONE, DRAFT_NONE, false) \
    X(MAXIMUM, "maximum", DRAFT_4, DRAFT_LAST, false) \
    X(MINIMUM, "minimum", DRAFT_4, DRAFT_LAST, false) \
    X(PATTERN, "pattern", DRAFT_4, DRAFT_LAST, false) \
    X(CONTAINS, "contains", DRAFT_6, DRAFT_LAST, false) \
    X(MAX_ITEMS, "maxItems", DRAFT_4, DRAFT_LAST, false) \
    X(MIN_ITEMS, "minItems", DRAFT_4, DRAFT_LAST, false) \
    X(REQUIRED, "required", DRAFT_4, DRAFT_LAST, false) \
    X(MAX_LENGTH, "maxLength", DRAFT_4, DRAFT_LAST, false) \
    X(MIN_LENGTH, "minLength", DRAFT_4, DRAFT_LAST, false) \
    X(MULTIPLE_OF, "multipleOf", DRAFT_4, DRAFT_LAST, false) \
    X(PROPERTIES, "properties", DRAFT_4, DRAFT_LAST, false) \
    X(DYNAMIC_REF, "$dynamicRef", DRAFT_2020, DRAFT_LAST, false) \
    X(DEFINITIONS, "definitions", DRAFT_NONE, DRAFT_NONE, false) \
    X(MAX_CONTAINS, "maxContains", DRAFT_2019, DRAFT_LAST, false) \
    X(MIN_CONTAINS, "minContains", DRAFT_2019, DRAFT_LAST, false) \
    X(PREFIX_ITEMS, "prefixItems", DRAFT_2020, DRAFT_LAST, false) \
    X(UNIQUE_ITEMS, "uniqueItems", DRAFT_4, DRAFT_LAST, false) \
    X(DEPENDENCIES, "dependencies", DRAFT_4, DRAFT_LAST, false) \
    X(RECURSIVE_REF, "$recursiveRef", DRAFT_2019, DRAFT_2019, false) \
    X(MAX_PROPERTIES, "maxProperties", DRAFT_4, DRAFT_LAST, false) \
    X(MIN_PROPERTIES, "minProperties", DRAFT_4, DRAFT_LAST, false) \
    X(PROPERTY_NAMES, "propertyNames", DRAFT_6, DRAFT_LAST, false) \
    X(DYNAMIC_ANCHOR, "$dynamicAnchor", DRAFT_NONE, DRAFT_NONE, false) \
    X(ADDITIONAL_ITEMS, "additionalItems", DRAFT_4, DRAFT_2019, true) \
    X(CONTENT_ENCODING, "contentEncoding", DRAFT_4, DRAFT_LAST, false) \
    X(RECURSIVE_ANCHOR, "$recursiveAnchor", DRAFT_NONE, DRAFT_NONE, false) \
    X(CONTENT_MEDIA_TYPE, "contentMediaType", DRAFT_4, DRAFT_LAST, false) \
    X(DEPENDENT_SCHEMAS, "dependentSchemas", DRAFT_2019, DRAFT_LAST, false) \
    X(EXCLUSIVE_MAXIMUM, "exclusiveMaximum", DRAFT_4, DRAFT_LAST, false) \
    X(EXCLUSIVE_MINIMUM, "exclusiveMinimum", DRAFT_4, DRAFT_LAST, false) \
    X(UNEVALUATED_ITEMS, "unevaluatedItems", DRAFT_2019, DRAFT_LAST, false) \
    X(DEPENDENT_REQUIRED, "dependentRequired", DRAFT_2019, DRAFT_LAST, false) \
    X(PATTERN_PROPERTIES, "patternProperties", DRAFT_4, DRAFT_LAST, false) \
    X(ADDITIONAL_PROPERTIES, "additionalProperties", DRAFT_4, DRAFT_LAST, false) \
    X(UNEVALUATED_PROPERTIES, "unevaluatedProperties", DRAFT_2019, DRAFT_LAST, false)

enum schema_word {
    WORD_NONE,
#define X(word, name, from, to, legacy) WORD_##word,
    SCHEMA_WORDS(X)
#undef X
    N_SCHEMA_WORD
};

/* A set of keywords is a word of bits. */
#define WORD_BIT(word) (1ull << WORD_##word)

enum schema_word schema_word_of(struct slice name);         /* WORD_NONE: it is no keyword */
/* Whether the draft asserts something with the word. */
bool schema_word_known(enum schema_word word, uint8_t draft, bool legacy);
const char *schema_word_name(enum schema_word word);        /* "" for WORD_NONE */

#endif
