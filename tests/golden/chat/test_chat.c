/* test_chat.c - every case of chat.json against what the reference made of it. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "runtime/chat/chat.h"

struct tally {
    unsigned n_case, n_bad;
};

static void text_of(const struct chat_text *t, struct str *out)
{
    for (uint32_t i = 0; i < t->n_piece; i++)
        str_add_slice(out, t->piece[i].text);
}

/* want: the text, or an object where the reference refuses. */
static void check(struct tally *tally, const char *name, const json_t *source, const json_t *vars,
                  json_int_t now, const json_t *want)
{
    struct error err = { 0 };
    struct arena arena = { 0 };
    struct str out = { 0 };
    struct chat *chat = NULL;
    struct chat_text text = { 0 };
    struct slice bos = slice_of(json_string_value(json_object_get(vars, "bos_token")));
    struct slice eos = slice_of(json_string_value(json_object_get(vars, "eos_token")));
    struct slice template = { json_string_value(source), json_string_length(source) };
    json_t *none = json_array();
    const json_t *messages = json_object_get(vars, "messages");
    struct chat_vars v = { .tools = json_object_get(vars, "tools"), .extra = vars, .now = now };
    enum status st = chat_new(template, bos, eos, &chat, &err);
    if (st == ST_OK)
        st = chat_render(chat, messages ? messages : none, &v, &arena, &text, &err);
    text_of(&text, &out);
    bool good = json_is_string(want)
                    ? st == ST_OK && out.len == json_string_length(want) &&
                          memcmp(out.ptr ? out.ptr : "", json_string_value(want), out.len) == 0
                    : st != ST_OK && err.text[0];
    tally->n_case++;
    if (!good) {
        tally->n_bad++;
        printf("%s: %.200s\n  have %d %s%.*s\n", name, template.ptr, (int)st, err.text,
               (int)out.len, out.ptr ? out.ptr : "");
    }
    json_decref(none);
    chat_free(chat);
    arena_free(&arena);
    str_free(&out);
}

int main(int argc, char **argv)
{
    json_error_t at;
    json_t *all = argc == 2 ? json_load_file(argv[1], JSON_ALLOW_NUL, &at) : NULL;
    if (!all) {
        fprintf(stderr, "usage: golden_chat chat.json\n");
        return 2;
    }
    struct tally tally = { 0, 0 };
    json_int_t now = json_integer_value(json_object_get(all, "now"));
    const json_t *vars = json_object_get(all, "vars"), *small = json_object_get(all, "small");
    const json_t *talks = json_object_get(all, "conversations");
    for (size_t i = 0; i < json_array_size(small); i++) {
        const json_t *one = json_array_get(small, i);
        check(&tally, "small", json_array_get(one, 0), vars, now, json_array_get(one, 1));
    }
    const char *name;
    json_t *t;
    json_object_foreach(json_object_get(all, "templates"), name, t) {
        for (size_t i = 0; i < json_array_size(talks); i++)
            check(&tally, name, json_object_get(t, "text"), json_array_get(talks, i), now,
                  json_array_get(json_object_get(t, "out"), i));
    }
    json_decref(all);
    printf("golden-chat: %u cases, %u differ\n", tally.n_case, tally.n_bad);
    return tally.n_case == 0 || tally.n_bad ? 1 : 0;
}
