/* pattern_data.h - what a pattern is made of; for the files that build and run one.
 *
 * The rules grow while the automaton is driven, by any family of any thread: `lock` is held
 * around every call that may grow them. */
#ifndef COMPILER_PATTERN_PATTERN_DATA_H
#define COMPILER_PATTERN_PATTERN_DATA_H

#include <pthread.h>
#include <stdatomic.h>

#include "compiler/pattern/pattern.h"
#include "compiler/pattern/rules.h"

struct pattern {
    atomic_uint          n_ref;
    pthread_mutex_t      lock;
    struct rules         r;
    uint32_t             root;      /* rule state that reads the whole text */
    struct pattern_note *note;
    uint32_t             n_note, cap_note;
};

/* Texts are copied into the pattern. */
enum status pattern_add_note(struct pattern *p, int kind, const char *pointer, const char *text);

#endif
