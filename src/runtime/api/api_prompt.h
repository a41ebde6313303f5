/* api_prompt.h - a prompt loop's entries, shared by the two files that know them. */
#ifndef RUNTIME_API_API_PROMPT_H
#define RUNTIME_API_API_PROMPT_H

#include "runtime/api/api_int.h"

struct prompt_entry {
    char               *text;
    size_t              len;
    char               *type;           /* of its value */
    struct compile_env *before;         /* the names that undo goes back to */
    bool                value;          /* it ends in one that was shown */
    bool                prints;         /* and which has a text form */
    bool                settled, ok;    /* how its run ended, once that was looked at */
};

struct sgl_prompt {
    struct sgl_runtime  *rt;
    struct sgl_engine   *engine;        /* counted, or NULL */
    struct run_env      *env;
    struct compile_env  *names;
    struct arena         arena;         /* texts of the config and of :set */
    sgl_run_config       config;
    const char         **folder;        /* where files of entries are looked for, behind the current one */
    uint32_t             n_folder, cap_folder;
    struct prompt_entry *entry;
    uint32_t             n_entry, cap_entry;
};

/* The entries that ran well, as a program. */
enum status prompt_source(const struct sgl_prompt *p, struct str *out, struct error *err);

#endif
