/* chat.c - a conversation through its template: variables in, pieces out.
 *
 * A chat is a parsed template and its probed markers, immutable after chat_new and shared by any
 * number of threads; a rendering has an arena of its own, of which only the pieces survive. */
#include "runtime/chat/chat.h"

#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "runtime/chat/caps.h"
#include "runtime/chat/jinja.h"

struct chat {
    struct arena        arena;
    struct jinja       *t;
    struct slice        bos, eos;
    struct chat_markers markers;
};

enum status chat_new(struct slice template_text, struct slice bos, struct slice eos,
                     struct chat **ret, struct error *err)
{
    struct chat *c = mem_zalloc(sizeof *c);
    if (!c)
        return error_nomem(err);
    enum status st = jinja_parse(template_text, &c->arena, &c->t, err);
    if (st != ST_OK)
        goto fail;
    c->bos = arena_slice(&c->arena, bos);
    c->eos = arena_slice(&c->arena, eos);
    if (c->arena.failed) {
        st = error_nomem(err);
        goto fail;
    }
    st = caps_probe(c, &c->arena, &c->markers, err);
    if (st != ST_OK)
        goto fail;
    *ret = c;
    return ST_OK;

fail:
    chat_free(c);
    return st;
}

void chat_free(struct chat *c)
{
    if (!c)
        return;
    arena_free(&c->arena);
    mem_free(c);
}

struct slice chat_bos(const struct chat *c)
{
    return c->bos;
}

const struct chat_markers *chat_markers(const struct chat *c)
{
    return &c->markers;
}

/* ---- variables ------------------------------------------------------------------------- */

static bool put_var(struct jeval *e, struct jdict *vars, const char *name, struct jval v)
{
    struct jval key;
    return j_str(e, slice_of(name), true, &key) && j_dict_put(e, vars, key, v);
}

static bool put_json(struct jeval *e, struct jdict *vars, const char *name, const json_t *json)
{
    struct jval v = j_none();
    return (!json || j_from_json(e, json, 0, &v)) && put_var(e, vars, name, v);
}

static bool put_text(struct jeval *e, struct jdict *vars, const char *name, struct slice text)
{
    struct jval v;
    return j_str(e, text, true, &v) && put_var(e, vars, name, v);
}

/* Names of special tokens among the further variables are markup, all else there is data. */
static bool put_extra(struct jeval *e, struct jdict *vars, const json_t *extra)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)extra, key, v) {
        struct slice name = slice_of(key);
        struct slice text = { json_string_value(v), json_string_length(v) };
        bool ok = json_is_string(v) && slice_ends(name, SLICE("_token"))
                      ? put_text(e, vars, key, text)
                      : put_json(e, vars, key, v);
        if (!ok)
            return false;
    }
    return true;
}

static bool all_vars(struct jeval *e, const struct chat *c, const json_t *messages,
                     const struct chat_vars *vars, struct jdict *ret)
{
    return put_text(e, ret, "bos_token", c->bos) && put_text(e, ret, "eos_token", c->eos) &&
           put_json(e, ret, "tools", vars->tools) && put_json(e, ret, "documents", NULL) &&
           put_var(e, ret, "add_generation_prompt", j_bool(vars->add_generation_prompt)) &&
           put_extra(e, ret, vars->extra) && put_json(e, ret, "messages", messages);
}

static int64_t time_of(const struct chat_vars *vars)
{
    const json_t *now = json_object_get(vars->extra, "now");
    if (vars->now)
        return vars->now;
    if (json_is_number(now))
        return (int64_t)json_number_value(now);
    return (int64_t)time(NULL);
}

/* ---- pieces ---------------------------------------------------------------------------- */

static enum status take_pieces(const struct jbuf *out, struct arena *arena, struct chat_text *ret,
                               struct error *err)
{
    char *text = arena_dup(arena, out->text.ptr ? out->text.ptr : "", out->text.len + 1);
    struct chat_piece *piece = arena_array(arena, out->n_run + 1, sizeof *piece);
    if (!text || !piece)
        return error_nomem(err);
    uint32_t from = 0;
    for (uint32_t i = 0; i < out->n_run; i++) {
        piece[i].markup = out->run[i].markup;
        piece[i].text = (struct slice){ text + from, out->run[i].end - from };
        from = out->run[i].end;
    }
    *ret = (struct chat_text){ piece, out->n_run };
    return ST_OK;
}

enum status chat_render(const struct chat *c, const json_t *messages, const struct chat_vars *vars,
                        struct arena *arena, struct chat_text *ret, struct error *err)
{
    if (!json_is_array(messages))
        return error_set(err, ST_INVALID, "messages must be a list");
    if (vars->extra && !json_is_object(vars->extra))
        return error_set(err, ST_INVALID, "further variables must be an object");

    struct arena work = { 0 };
    struct jbuf out = { 0 };
    struct jdict dict = { 0 };
    struct jeval e = { .t = c->t, .arena = &work, .err = err };
    enum status st = all_vars(&e, c, messages, vars, &dict) ? ST_OK : e.st;
    if (st == ST_OK)
        st = jinja_render(c->t, &dict, time_of(vars), &work, &out, err);
    if (st == ST_OK)
        st = take_pieces(&out, arena, ret, err);
    jbuf_free(&out);
    arena_free(&work);
    return st;
}
