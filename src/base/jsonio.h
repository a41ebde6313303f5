/* jsonio.h - jansson behind limits: depth, size, duplicate keys; a position in struct error.
 *
 * jansson's json_t is used as it is; this is only the door through which foreign text comes in.
 * Objects keep the order of their keys. */
#ifndef BASE_JSONIO_H
#define BASE_JSONIO_H

#include <jansson.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/str.h"

struct jsonio_limits {
    size_t max_bytes;       /* 0: 64 MiB */
    int    max_depth;       /* 0: 128 */
    bool   allow_duplicate; /* default: a repeated key is an error */
    bool   wide_numbers;    /* a number that fits no integer or float is read as the nearest float */
};

/* One JSON value and nothing behind it but blanks.  limits NULL: the defaults. */
enum status jsonio_load(struct slice text, const struct jsonio_limits *limits, json_t **ret_json,
                        struct error *err);

enum jsonio_style {
    JSONIO_COMPACT,         /* {"a":1,"b":[1,2]} */
    JSONIO_SPACED,          /* {"a": 1, "b": [1, 2]}: ", " and ": " */
    JSONIO_PRETTY,          /* two spaces a level */
};

void jsonio_dump(const json_t *json, enum jsonio_style style, struct str *out);    /* non-ASCII raw */
void jsonio_quote(struct slice text, struct str *out);      /* one JSON string with its quotes */

#endif
