/* automaton_int.h - threads, frames and configs, for the files that run automata. */
#ifndef COMPILER_PATTERN_AUTOMATON_INT_H
#define COMPILER_PATTERN_AUTOMATON_INT_H

#include "compiler/pattern/automaton.h"
#include "compiler/pattern/pattern_data.h"

struct thread {
    uint32_t q, g, below, cap;      /* cap: name read so far, when it is captured */
};

struct frame {
    uint32_t ret, below;
};

struct set {
    uint32_t at, n;                 /* in family.item */
};

struct config {
    uint32_t  at, n;                /* threads */
    bool      accepts;
    bool      doubt;
    uint8_t   n_step;
    uint32_t *row;                  /* [256], CONFIG_UNKNOWN where not computed */
};

struct table {                      /* ids by hash */
    uint32_t *slot;
    uint32_t  n_slot, n;
};

struct capture {                    /* bytes read, newest first; 0 is the empty text */
    uint32_t below;
    uint8_t  byte;
};

struct family {
    struct pattern *p;
    struct thread  *thread;
    uint32_t        n_thread, cap_thread;
    struct frame   *frame;
    uint32_t        n_frame, cap_frame;
    size_t         *close;          /* [n_frame] bytes to complete it and all below, 0 unknown */
    uint32_t        cap_close;
    uint32_t       *item;
    uint32_t        n_item, cap_item;
    struct set     *set;
    uint32_t        n_set, cap_set;
    struct config  *config;
    uint32_t        n_config, cap_config;
    struct capture *capture;
    uint32_t        n_capture, cap_capture;
    struct table    frames, sets, configs, captures;
    size_t          n_row;
    uint32_t        start;
    bool            failed;
    /* the step at work */
    struct thread  *out;
    uint32_t        n_out, cap_out;
    uint64_t       *todo;           /* rule state << 32 | set */
    uint32_t        n_todo, cap_todo;
    bool            accepts, doubt;
};

#endif
