/* terminal_int.h - kinds of leaf states and the steps that the files of terminals share. */
#ifndef COMPILER_PATTERN_TERMINAL_INT_H
#define COMPILER_PATTERN_TERMINAL_INT_H

#include "compiler/pattern/terminal.h"

enum kind {
    K_NONE, K_DEAD,
    K_AT,           /* between code points, residual e */
    K_OPEN,         /* before the opening quote */
    K_DONE,         /* behind the closing quote */
    K_CONT,         /* left continuation bytes to come, bits v so far, size bytes in all */
    K_SKIP,         /* left continuation bytes to come, whatever they are: then e */
    K_ESC,          /* behind a backslash */
    K_HEX,          /* behind \u and (4 - left) digits, v */
    K_LOW,          /* behind a high surrogate v: left = 6 \, 5 u, 4.. digits; lower half in size bits */
    K_NUM,
};

uint32_t terminal_give_up(struct terminals *t, enum status st);
uint32_t terminal_intern(struct terminals *t, struct term_state s);
/* The state between code points with the residual e; TERM_DEAD for none. */
uint32_t terminal_at(struct terminals *t, uint32_t e, uint8_t enc);
bool     terminal_accepts_here(struct terminals *t, uint32_t e);
/* Index of the first arc that meets lo..hi; l.n when none does. */
uint32_t arc_first(struct arc_list l, uint32_t lo, uint32_t hi);
/* The code point behind a backslash and this byte, -1: none. */
int      terminal_short_escape(uint8_t b, uint8_t enc);
bool     terminal_has_short(uint32_t cp);
/* Whether some code point that can be read may be written with a backslash. */
bool     terminal_escapes(struct terminals *t, uint32_t e, uint8_t enc);
/* The first bytes of a way on, up to the next border of code points. */
struct way {
    size_t cost;            /* bytes from here to the end; SIZE_MAX: there is none */
    char   byte[16];
    int    n;
};
/* Appends a code point as it stands in the text, or inside a JSON string. */
void     terminal_way_cp(struct way *w, uint32_t cp, bool json);

#endif
