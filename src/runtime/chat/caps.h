/* caps.h - role markers of a template, found by rendering probes. */
#ifndef RUNTIME_CHAT_CAPS_H
#define RUNTIME_CHAT_CAPS_H

#include "runtime/chat/chat.h"

/* Fills *ret; its text lies in the arena.  A role that no probe shows is left out; only running
 * out of memory fails. */
enum status caps_probe(const struct chat *c, struct arena *arena, struct chat_markers *ret,
                       struct error *err);

#endif
