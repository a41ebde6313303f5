/* fuzz_jinja.c - any text as a chat template, rendered over one conversation. */
#include <stdint.h>

#include "runtime/chat/chat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = { 0 };
    struct arena arena = { 0 };
    struct chat *c = NULL;
    struct chat_text text;
    struct slice source = { (const char *)data, size };
    if (chat_new(source, SLICE("<s>"), SLICE("</s>"), &c, &err) != ST_OK)
        return 0;
    json_t *messages = json_loads("[{\"role\":\"system\",\"content\":\"s\"},"
                                  "{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]},"
                                  "{\"role\":\"assistant\",\"content\":null}]", 0, NULL);
    struct chat_vars vars = { .add_generation_prompt = true, .now = 1 };
    chat_render(c, messages, &vars, &arena, &text, &err);
    json_decref(messages);
    arena_free(&arena);
    chat_free(c);
    return 0;
}
