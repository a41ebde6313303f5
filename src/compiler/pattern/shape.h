/* shape.h - the constraint that a type of the language stands for, before it becomes an automaton.
 *
 * The compiler makes shapes, a module keeps them, plans carry them.  A shape says which values
 * belong to the type; how a value is spelled (bare or JSON, spaced or compact) is decided when the
 * shape is compiled into a pattern, because that depends on the model's manifest.
 *
 *      struct Hero { name: str(1..32), age: int(12..120) }
 *
 *      STRUCT  key "name" --> STR lo 1 hi 32
 *              key "age"  --> INT lo 12 hi 120
 *
 * Shapes are immutable, live in an arena and may be cyclic only through REF. */
#ifndef COMPILER_PATTERN_SHAPE_H
#define COMPILER_PATTERN_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define SHAPE_ROWS(X)                                                                         \
    X(STR, "text of lo..hi code points; SHAPE_NO_LINES forbids newlines")                     \
    X(REGEX, "text that matches `text` as a whole, in the `gen` dialect")                     \
    X(INT, "decimal integer lo..hi")                                                          \
    X(FLOAT, "decimal number flo..fhi; `decimals` fixes the digits behind the point, or -1")  \
    X(BOOL, "true or false")                                                                  \
    X(NULL, "null")                                                                           \
    X(TEXT, "the literal text `text`: a string in JSON")                                      \
    X(NUMBER, "the literal number spelled `text`")                                            \
    X(ENUM, "one of key[0..n): a string in JSON")                                             \
    X(OR, "any of kid[0..n)")                                                                 \
    X(LIST, "JSON array of lo..hi values kid[0]")                                             \
    X(MAP, "JSON object with lo..hi distinct free keys kid[0] and values kid[1]")             \
    X(TUPLE, "JSON array of exactly kid[0..n)")                                               \
    X(STRUCT, "JSON object: keys key[0..n) in order, values kid[0..n)")                       \
    X(CALL, "{\"name\": key[i], \"arguments\": kid[i]} for one i")                            \
    X(REF, "the shape kid[0], which may contain this node")                                   \
    X(SCHEMA, "JSON Schema `text`; SHAPE_RESIDUE accepts keywords that are checked later")    \
    X(GRAMMAR, "grammar `text`, GBNF or Lark by its looks")                                   \
    X(ANY_JSON, "any JSON object (response_format json_object)")

enum shape_kind {
#define X(name, sentence) SHAPE_##name,
    SHAPE_ROWS(X)
#undef X
    SHAPE_N
};

enum shape_flag {
    SHAPE_NO_LINES = 1,
    SHAPE_RESIDUE = 2,
    SHAPE_ICASE = 4,        /* regex flag i */
    SHAPE_DOTALL = 8,       /* regex flag s */
    SHAPE_OPEN_LO = 16,     /* FLOAT: no lower bound */
    SHAPE_OPEN_HI = 32,     /* FLOAT: no upper bound */
};

enum { SHAPE_NO_MAX = -1 };     /* hi of STR, LIST, MAP: no upper bound */

struct shape {
    enum shape_kind kind;
    uint32_t        flags;
    int64_t         lo, hi;         /* INT: the range; STR, LIST, MAP: the length */
    double          flo, fhi;
    int32_t         decimals;
    uint32_t        n;
    struct slice    text;
    struct shape  **kid;
    struct slice   *key;
};

enum json_spelling { SPELL_SPACED, SPELL_COMPACT, SPELL_PRETTY, SPELL_FLEXIBLE };

/* True when a value of this type is written bare (LANGUAGE.md 4.2), false for JSON form. */
bool shape_is_bare(const struct shape *s);

#endif
