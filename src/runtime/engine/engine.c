/* engine.c - the door of the seam: every public call finds the implementation behind its handle.
 *
 * Nothing is decided here.  Counting references is the one thing all implementations share. */
#include "runtime/engine/engine_int.h"

#include <string.h>

struct engine *engine_ref(struct engine *e)
{
    atomic_fetch_add_explicit(&e->n_ref, 1, memory_order_relaxed);
    return e;
}

void engine_unref(struct engine *e)
{
    if (!e)
        return;
    if (atomic_fetch_sub_explicit(&e->n_ref, 1, memory_order_acq_rel) == 1)
        e->vt->close(e);
}

const struct engine_info *engine_info(const struct engine *e)
{
    return &e->info;
}

void engine_stats(struct engine *e, struct engine_stats *ret)
{
    memset(ret, 0, sizeof *ret);
    e->vt->stats(e, ret);
}

bool engine_check(struct engine *e, struct error *err)
{
    return e->vt->check(e, err);
}

enum status engine_flush(struct engine *e, struct error *err)
{
    return e->vt->flush(e, err);
}

enum status session_new(struct engine *e, const struct session_opts *opts, struct session **ret,
                        struct error *err)
{
    static const struct session_opts none = {0};

    struct session *s;
    enum status st = e->vt->session_new(e, opts ? opts : &none, &s, err);
    if (st != ST_OK)
        return st;
    s->engine = engine_ref(e);
    *ret = s;
    return ST_OK;
}

enum status session_fork(struct session *s, struct session **ret, struct error *err)
{
    struct session *copy;
    enum status st = s->engine->vt->session_fork(s, &copy, err);
    if (st != ST_OK)
        return st;
    copy->engine = engine_ref(s->engine);
    *ret = copy;
    return ST_OK;
}

void session_drop(struct session *s)
{
    session_drop_as(s, SESSION_KEEP);
}

void session_drop_as(struct session *s, enum session_end end)
{
    if (!s)
        return;
    struct engine *e = s->engine;
    e->vt->session_drop(s, end);
    engine_unref(e);
}

enum status session_mark(struct session *s, struct session_mark *ret, struct error *err)
{
    return s->engine->vt->session_mark(s, ret, err);
}

enum status session_rollback(struct session *s, const struct session_mark *m, struct error *err)
{
    return s->engine->vt->session_rollback(s, m, err);
}

uint32_t session_n_tok(const struct session *s)
{
    return s->engine->vt->session_n_tok(s);
}

enum status session_submit(struct session *s, struct plan *p, struct error *err)
{
    return s->engine->vt->session_submit(s, p, err);
}

void session_cancel(struct session *s)
{
    s->engine->vt->session_cancel(s);
}

enum status engine_encode(struct engine *e, struct slice text, bool markup, struct token_list *ret,
                          struct error *err)
{
    return e->vt->encode(e, text, markup, ret, err);
}

enum status engine_decode(struct engine *e, const uint32_t *id, uint32_t n, bool control,
                          struct str *ret, struct error *err)
{
    return e->vt->decode(e, id, n, control, ret, err);
}

enum status engine_chat(struct engine *e, const json_t *messages, const json_t *tools,
                        const json_t *vars, bool add_generation_prompt, struct plan *into,
                        struct error *err)
{
    return e->vt->chat(e, messages, tools, vars, add_generation_prompt, into, err);
}

enum status engine_chat_text(struct engine *e, const json_t *messages, const json_t *tools,
                             const json_t *vars, bool add_generation_prompt, struct str *ret,
                             struct error *err)
{
    return e->vt->chat_text(e, messages, tools, vars, add_generation_prompt, ret, err);
}

enum status engine_check_constraint(struct engine *e, const struct pattern_source *src,
                                    uint32_t *ret_min_tokens, struct error *err)
{
    return e->vt->check_constraint(e, src, ret_min_tokens, err);
}

bool engine_role_text(struct engine *e, enum plan_role role, struct slice *ret_open,
                      struct slice *ret_close)
{
    return e->vt->role_text(e, role, ret_open, ret_close);
}

enum status engine_message_text(const json_t *message, struct str *ret, struct error *err)
{
    const json_t *content = json_object_get(message, "content");
    if (!content || json_is_null(content))
        return ST_OK;
    if (json_is_string(content)) {
        str_add(ret, json_string_value(content), json_string_length(content));
        return ST_OK;
    }
    if (!json_is_array(content))
        return error_set(err, ST_INVALID, "content of a message is neither a string nor an array");
    for (size_t i = 0; i < json_array_size(content); i++) {
        const json_t *part = json_array_get(content, i);
        const char *type = json_string_value(json_object_get(part, "type"));
        const json_t *text = json_object_get(part, "text");
        if (!type || strcmp(type, "text") != 0 || !json_is_string(text))
            return error_set(err, ST_UNSUPPORTED,
                             "content part %zu of a message is not text", i);
        str_add(ret, json_string_value(text), json_string_length(text));
    }
    return ret->failed ? error_nomem(err) : ST_OK;
}
