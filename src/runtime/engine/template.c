/* template.c - conversations rendered with a chat template, as text and as tokens. */
#include "runtime/chat/chat.h"
#include "runtime/engine/engine.h"

static struct slice var_text(const json_t *vars, const char *key)
{
    const json_t *v = json_object_get(vars, key);
    if (!json_is_string(v))
        return (struct slice){0};
    return (struct slice){ json_string_value(v), json_string_length(v) };
}

enum status engine_template_render(struct slice template_text, const json_t *messages,
                                   const json_t *tools, const json_t *vars, struct str *ret,
                                   struct error *err)
{
    struct chat *chat;
    enum status st = chat_new(template_text, var_text(vars, "bos_token"),
                              var_text(vars, "eos_token"), &chat, err);
    if (st != ST_OK)
        return st;
    struct arena arena = {0};
    struct chat_text text;
    struct chat_vars cv = { .tools = tools, .extra = vars };
    st = chat_render(chat, messages, &cv, &arena, &text, err);
    for (uint32_t i = 0; st == ST_OK && i < text.n_piece; i++)
        str_add_slice(ret, text.piece[i].text);
    if (st == ST_OK && ret->failed)
        st = error_nomem(err);
    arena_free(&arena);
    chat_free(chat);
    return st;
}
