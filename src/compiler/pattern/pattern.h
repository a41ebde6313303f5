/* pattern.h - constraint text to a byte automaton.  Knows bytes and code points, no vocabulary.
 *
 * A pattern is immutable to its callers, counted, and may be used from any thread; tables inside
 * grow lazily under its own lock.  Building is bounded in work units, never in time, so that a
 * refusal is the same on every machine.  Nothing is dropped in silence: a keyword is enforced,
 * refused with its place, or (on request) listed as residue. */
#ifndef COMPILER_PATTERN_PATTERN_H
#define COMPILER_PATTERN_PATTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"
#include "compiler/pattern/shape.h"

struct pattern;

enum pattern_source_kind {
    PATTERN_SHAPE,          /* a type of the language */
    PATTERN_REGEX,          /* `text`, whole match, dialect `gen` */
    PATTERN_SCHEMA,         /* `text` is a JSON Schema */
    PATTERN_JSON_OBJECT,    /* any JSON object */
    PATTERN_GRAMMAR,        /* `text` is GBNF or Lark */
    PATTERN_CHOICES,        /* one of choice[0..n) */
    PATTERN_TAGS,           /* `text` is a structural tag: free text with tagged values */
};

struct pattern_source {
    enum pattern_source_kind kind;
    const struct shape *shape;
    struct slice        text;
    const struct slice *choice;
    uint32_t            n_choice;
    uint32_t            flags;          /* SHAPE_ICASE, SHAPE_DOTALL, SHAPE_RESIDUE */
    enum json_spelling  spelling;
    uint64_t            work_limit;     /* 0: 4,000,000 units */
};

/* What the compiler of patterns has to tell beside yes or no; texts live in the pattern. */
struct pattern_note {
    enum { NOTE_RESIDUE, NOTE_NARROWED, NOTE_IGNORED } kind;
    const char *pointer;                /* JSON pointer, or "" */
    const char *text;
};

/* Errors carry a code (E0401 no value satisfies, E0402 too large, E0403 regex syntax, E0404 regex
 * feature, E0405 grammar, E0406 undefined rule, E0407 schema invalid, E0408 keyword cannot be
 * decoded, E0409 bounds), a JSON pointer for schemas and a byte offset in `at` for texts. */
enum status pattern_compile(const struct pattern_source *src, struct pattern **ret,
                            struct error *err);
struct pattern *pattern_ref(struct pattern *p);
void            pattern_unref(struct pattern *p);           /* NULL is fine */
size_t          pattern_bytes(struct pattern *p);           /* memory held, growing tables included */
bool            pattern_spent(struct pattern *p);           /* its tables are full: compile it again */

uint32_t pattern_n_note(const struct pattern *p);
const struct pattern_note *pattern_note(const struct pattern *p, uint32_t i);

/* Identity of a source and spelling: equal hashes, equal languages. */
struct hash128 pattern_source_hash(const struct pattern_source *src);

/* The shortest text of the language, in bytes. */
enum status pattern_shortest(struct pattern *p, struct str *ret, struct error *err);
/* Its longest text in bytes, or SIZE_MAX when there is none. */
size_t pattern_longest(struct pattern *p);
/* Whether the whole text belongs to the language; *ret_at is the first byte that cannot stand
 * there (the length, when the text ends too early). */
bool pattern_accepts(struct pattern *p, struct slice text, size_t *ret_at);
/* A text that belongs to both, the shortest one, appended to *ret.  False: none was found. */
bool pattern_common(struct pattern *a, struct pattern *b, struct str *ret);
/* Whether some whole text may go on with the byte; *ret gets such a text. */
bool pattern_goes_on(struct pattern *p, uint8_t byte, struct str *ret);

/* Whether a JSON text is valid for a JSON Schema: all keywords, those left out of decoding too. */
struct schema_checker;
enum status schema_checker_new(struct slice schema, struct schema_checker **ret, struct error *err);
void        schema_checker_free(struct schema_checker *c);          /* NULL is fine */
enum status schema_checker_valid(struct schema_checker *c, struct slice json, bool *ret_valid,
                                 struct error *err);

/* The regex dialect of the language for search (`matches`, `find`): checks it and rewrites it for
 * PCRE2 (UTF, no UCP).  Errors as above. */
enum status regex_to_pcre(struct slice text, uint32_t flags, struct str *ret, struct error *err);

/* What a pattern is made of; states are those met so far. */
struct pattern_size {
    uint32_t n_rule, n_leaf, n_expr;
    uint32_t n_value, n_object, n_array, n_node;
};

void pattern_size(struct pattern *p, struct pattern_size *ret);
void pattern_dump(struct pattern *p, struct str *out);

#endif
