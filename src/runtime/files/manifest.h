/* manifest.h - what a model says of itself (LANGUAGE.md 18, "Manifest"), with the source of each field.
 *
 * The first source that has a field wins: <file>.manifest.json beside the model,
 * generation_config.json beside it, metadata of the file, the defaults. */
#ifndef RUNTIME_FILES_MANIFEST_H
#define RUNTIME_FILES_MANIFEST_H

#include "base/arena.h"
#include "runtime/files/bundle.h"

enum { MANIFEST_MAX_END = 16 };

enum manifest_json_style { MANIFEST_JSON_SPACED, MANIFEST_JSON_COMPACT, MANIFEST_JSON_PRETTY };

struct manifest {
    uint32_t    context;                    /* tokens the model was trained for */
    uint32_t    end_token[MANIFEST_MAX_END];
    uint32_t    n_end_token;
    bool        has_bos;                    /* bos is put first in a fresh context */
    uint32_t    bos;
    double      temp, top_p, min_p, repetition_penalty;
    int32_t     top_k;
    enum manifest_json_style json_style;
    const char *think_open, *think_close, *think_off;   /* NULL when the model has no channel */
    const char *name;                       /* general.name or the file's name */
    const char *arch;
    const char *chat_template;              /* NULL when there is none */
    struct { const char *context, *end_tokens, *bos, *sampling, *json_style, *think, *chat_template; } source;
};

/* Strings live in the arena. */
enum status manifest_load(const struct bundle *b, struct arena *arena, struct manifest *ret,
                          struct error *err);

#endif
