/* format.h - `fmt`: one style for a source, without options. */
#ifndef FRONTEND_FORMAT_H
#define FRONTEND_FORMAT_H

#include "base/error.h"
#include "base/str.h"

/* Adds the formatted text to `ret`.  ST_SYNTAX when the text does not parse: `err` has the first
 * message with its place.  Formatting what it gave changes nothing; the tree stays the same. */
enum status format_source(struct slice text, struct str *ret, struct error *err);

#endif
