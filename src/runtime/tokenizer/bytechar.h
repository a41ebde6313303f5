/* bytechar.h - the alphabet of byte-level vocabularies: a printable character for each byte.
 *
 * Printable Latin-1 stands for itself; the 68 others are U+0100 and up, in order.  A space is
 * therefore written U+0120. */
#ifndef RUNTIME_TOKENIZER_BYTECHAR_H
#define RUNTIME_TOKENIZER_BYTECHAR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* The byte that a character stands for, or -1. */
int bytechar_byte(uint32_t cp);

/* Vocabulary text to bytes, written behind *out.  False (and nothing written) when a character is
 * not of the alphabet. */
bool bytechar_decode(struct slice text, struct str *out);

#endif
