/* engine_int.h - what an implementation of the engine seam fills in; for this folder only.
 *
 * Every implementation embeds struct engine and struct session as the first member of its own
 * structs.  A session counts as a reference to its engine, so that an engine never closes under a
 * session that is still alive. */
#ifndef RUNTIME_ENGINE_ENGINE_INT_H
#define RUNTIME_ENGINE_ENGINE_INT_H

#include <stdatomic.h>

#include "runtime/engine/engine.h"
#include "runtime/tokenizer/tokenizer.h"

struct engine_vtable {
    void (*close)(struct engine *e);
    void (*stats)(struct engine *e, struct engine_stats *ret);
    bool (*check)(struct engine *e, struct error *err);
    enum status (*flush)(struct engine *e, struct error *err);

    enum status (*session_new)(struct engine *e, const struct session_opts *opts,
                               struct session **ret, struct error *err);
    enum status (*session_fork)(struct session *s, struct session **ret, struct error *err);
    void        (*session_drop)(struct session *s, enum session_end end);
    enum status (*session_mark)(struct session *s, struct session_mark *ret, struct error *err);
    enum status (*session_rollback)(struct session *s, const struct session_mark *m,
                                    struct error *err);
    uint32_t    (*session_n_tok)(const struct session *s);
    enum status (*session_submit)(struct session *s, struct plan *p, struct error *err);
    void        (*session_cancel)(struct session *s);

    enum status (*encode)(struct engine *e, struct slice text, bool markup, struct token_list *ret,
                          struct error *err);
    enum status (*decode)(struct engine *e, const uint32_t *id, uint32_t n, bool control,
                          struct str *ret, struct error *err);
    enum status (*chat)(struct engine *e, const json_t *messages, const json_t *tools,
                        const json_t *vars, bool add_generation_prompt, struct plan *into,
                        struct error *err);
    enum status (*chat_text)(struct engine *e, const json_t *messages, const json_t *tools,
                             const json_t *vars, bool add_generation_prompt, struct str *ret,
                             struct error *err);
    enum status (*check_constraint)(struct engine *e, const struct pattern_source *src,
                                    uint32_t *ret_min_tokens, struct error *err);
    bool        (*role_text)(struct engine *e, enum plan_role role, struct slice *ret_open,
                             struct slice *ret_close);
};

struct engine {
    const struct engine_vtable *vt;
    atomic_int                  n_ref;
    struct engine_info          info;
};

struct session {
    struct engine *engine;      /* one reference */
};

/* Text of a message's content: a string, or an array of {"type": "text", "text": ...} parts. */
enum status engine_message_text(const json_t *message, struct str *ret, struct error *err);

const char *plan_role_name(enum plan_role role);
bool        plan_role_by_name(const char *name, enum plan_role *ret);

#endif
