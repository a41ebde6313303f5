/* value.h - the values of the language: 16 bytes each, tagged, counted, immutable to programs.
 *
 *      struct value           a counted object
 *    +-----+-----+          +------+------+-------+----
 *    | tag | aux |          | refs | tag  | depth | ...
 *    +-----+-----+          +------+------+-------+----
 *    | i, f or obj ----------^
 *    +-----------+
 *
 * Rule of counting: a function that takes a `struct value` borrows it, unless its name ends in
 * `_take`; what comes back through `ret` is the caller's, unless its comment says borrowed.
 * Counts are not atomic: a value is used by one thread at a time, and value_detach makes a copy
 * that shares nothing, for handing to another one.  An object with one reference may be changed
 * in place, which is how `push` in a loop stays cheap; nobody else can see that.
 *
 * Invariants: texts are valid UTF-8; containers nest at most VALUE_MAX_DEPTH deep, so that
 * walks over a value may recurse; a map has no two equal keys. */
#ifndef RUNTIME_VALUE_VALUE_H
#define RUNTIME_VALUE_VALUE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/jsonio.h"
#include "base/str.h"

/* name, name of the type as a message says it */
#define VALUE_TAG_ROWS(X)                   \
    X(NULL, "null")                         \
    X(BOOL, "bool")                         \
    X(INT, "int")                           \
    X(FLOAT, "float")                       \
    X(DURATION, "duration")                 \
    X(ENUM, "enum")                         \
    X(TOOL, "tool")                         \
    X(STR, "str")                           \
    X(BYTES, "bytes")                       \
    X(REGEX, "regex")                       \
    X(LIST, "list")                         \
    X(TUPLE, "tuple")                       \
    X(MAP, "map")                           \
    X(STRUCT, "struct")                     \
    X(CALL, "call")                         \
    X(ERROR, "error")                       \
    X(MATCH, "match")                       \
    X(META, "meta")                         \
    X(TOKEN, "token")                       \
    X(RANGE, "range")                       \
    X(FN, "fn")                             \
    X(CONTEXT, "context")                   \
    X(MARK, "mark")                         \
    X(BRANCHES, "branches")                 \
    X(STREAM, "stream")                     \
    X(FUTURE, "future")                     \
    X(ITER, "iterator")

enum value_tag {
#define X(name, text) VAL_##name,
    VALUE_TAG_ROWS(X)
#undef X
    VAL_N
};

enum {
    VALUE_MAX_DEPTH = 64,
    VALUE_MAX_ITEMS = 1000000,
    VALUE_MAX_TEXT = 64 << 20,
};

/* What every counted object begins with. */
struct obj {
    uint32_t refs;
    uint16_t tag;
    uint16_t depth;         /* 0 for leaves, else one more than the deepest element */
};

struct value {
    uint32_t tag;           /* enum value_tag */
    uint32_t aux;           /* ENUM: variant; TOOL: 1 for an extern */
    union {
        bool        b;
        int64_t     i;      /* INT; DURATION in ms; TOOL: index */
        double      f;
        struct obj *obj;    /* STR and everything behind it; ENUM: its vtype */
    };
};

struct obj_str {            /* STR, BYTES */
    struct obj hdr;
    uint32_t   n_cp;        /* code points; UINT32_MAX: not counted yet */
    size_t     len;
    char       byte[];      /* NUL-terminated */
};

struct obj_regex {
    struct obj hdr;
    uint32_t   flags;       /* as the compiler gives them */
    void      *code;        /* compiled form, made and freed by whoever matches */
    void     (*code_free)(void *code);
    size_t     len;
    char       byte[];
};

struct obj_list {           /* LIST, TUPLE */
    struct obj    hdr;
    uint32_t      n, cap;
    struct value *item;
};

struct map_entry {
    struct value key, val;
};

struct obj_map {
    struct obj        hdr;
    uint32_t          n, cap;
    struct map_entry *entry;    /* in order of insertion */
    uint32_t         *index;    /* open addressing over entry numbers + 1; NULL while small */
    uint32_t          n_index;
};

/* The names behind a struct or an enum. */
struct vtype {
    struct obj    hdr;
    struct slice  name;
    uint32_t      n;
    struct slice *field;        /* names of fields or variants */
    struct slice *key;          /* JSON keys of fields, texts of variants */
};

struct obj_struct {             /* STRUCT, CALL, ERROR, MATCH, META, TOKEN */
    struct obj    hdr;
    uint32_t      n;
    struct vtype *type;
    struct value  field[];
};

struct obj_range {
    struct obj hdr;
    int64_t    lo, hi;          /* both included; hi < lo: empty */
};

/* FN, CONTEXT, MARK, BRANCHES, STREAM, FUTURE, ITER: made by the machine. */
struct obj_opaque {
    struct obj hdr;
    void     (*destroy)(struct obj *o);
};

/* ---- counting ---- */
struct value value_ref(struct value v);
void         value_unref(struct value v);
void         value_clear(struct value *v);              /* unref and set to null */
void         value_set_take(struct value *at, struct value v);  /* old one released behind the change */
enum status  value_detach(struct value v, struct value *ret);   /* shares nothing; data only, else ST_UNSUPPORTED */

/* ---- scalars ---- */
static inline struct value value_null(void) { return (struct value){ .tag = VAL_NULL }; }
static inline struct value value_bool(bool b) { return (struct value){ .tag = VAL_BOOL, .b = b }; }
static inline struct value value_int(int64_t i) { return (struct value){ .tag = VAL_INT, .i = i }; }
static inline struct value value_float(double f) { return (struct value){ .tag = VAL_FLOAT, .f = f }; }
static inline struct value value_duration(int64_t ms)
{
    return (struct value){ .tag = VAL_DURATION, .i = ms };
}
static inline struct value value_tool(bool is_extern, int64_t index)
{
    return (struct value){ .tag = VAL_TOOL, .aux = is_extern, .i = index };
}

/* ---- texts ---- ST_NOMEM, ST_LIMIT */
enum status  value_str(struct slice text, struct value *ret);           /* text must be valid UTF-8 */
enum status  value_bytes(struct slice bytes, struct value *ret);
enum status  value_regex(struct slice text, uint32_t flags, struct value *ret);
struct slice value_text(struct value v);        /* borrowed: STR, BYTES, REGEX, ENUM (its text), TOKEN; else empty */
size_t       value_str_count(struct value v);   /* code points */

/* ---- containers ---- ST_NOMEM, ST_LIMIT */
enum status value_list(uint32_t room, struct value *ret);
enum status value_tuple_take(const struct value *item, uint32_t n, struct value *ret);
enum status value_list_push_take(struct value *list, struct value item);    /* copies when shared */
enum status value_list_put_take(struct value *list, uint32_t at, struct value item);
uint32_t    value_len(struct value v);                  /* LIST, TUPLE, MAP, RANGE */
struct value value_at(struct value v, uint32_t i);      /* borrowed; LIST, TUPLE */

enum status value_map(struct value *ret);
enum status value_map_put_take(struct value *map, struct value key, struct value val);
bool        value_map_get(struct value map, struct value key, struct value *ret);   /* borrowed */
bool        value_map_find(struct value map, struct slice key, struct value *ret);  /* borrowed */
enum status value_map_del(struct value *map, struct value key);
const struct map_entry *value_map_entry(struct value map, uint32_t i);

enum status value_range(int64_t lo, int64_t hi, struct value *ret);

/* ---- structs and enums ---- */
/* Names are copied; the caller owns one reference. */
enum status vtype_new(struct slice name, uint32_t n, const struct slice *field,
                      const struct slice *key, struct vtype **ret);
struct vtype *vtype_ref(struct vtype *t);
void        vtype_unref(struct vtype *t);               /* NULL is fine */
bool        vtype_eq(const struct vtype *a, const struct vtype *b);     /* same name and members */

enum status value_struct_take(struct vtype *type, const struct value *field, struct value *ret);
/* The same layout under another tag (ERROR, MATCH, ...). */
enum status value_record_take(enum value_tag tag, struct vtype *type, const struct value *field,
                              struct value *ret);
enum status value_struct_put_take(struct value *s, uint32_t field, struct value v);
struct vtype *value_vtype(struct value v);              /* borrowed; STRUCT and its kin, ENUM; else NULL */
struct value value_field(struct value v, uint32_t i);   /* borrowed */
bool        value_field_find(struct value v, struct slice name, struct value *ret);     /* borrowed */
struct value value_enum(struct vtype *type, uint32_t variant);      /* counts the type */
struct slice value_enum_name(struct value v);

/* ---- comparing ---- */
bool     value_eq(struct value a, struct value b);      /* deep; an enum equals its text; 1 == 1.0 */
uint64_t value_hash(struct value v);                    /* equal values, equal hashes */
/* -1, 0, 1; numbers, texts by code point, durations, enums by text, bools, tuples and lists of
 * these.  False when the two have no order. */
bool     value_cmp(struct value a, struct value b, int *ret);

/* ---- text and JSON ---- */
/* The text form of LANGUAGE.md 3.4; false for a value that has none (or holds one that has none). */
bool value_format(struct value v, struct str *out);
/* JSON of any data value; false as above. */
bool value_json(struct value v, enum jsonio_style style, struct str *out);
void value_format_float(double f, struct str *out);         /* shortest, always with . or exponent */
void value_format_duration(int64_t ms, struct str *out);

enum status value_from_json(const json_t *json, struct value *ret, struct error *err);
enum status value_parse_json(struct slice text, struct value *ret, struct error *err);

const char *value_tag_name(enum value_tag tag);

#endif
