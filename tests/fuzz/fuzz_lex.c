/* fuzz_lex.c - any bytes through the lexer: it ends, moves forward, and stays inside the text. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "frontend/lexer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct source *source;
    struct lexer lx;
    struct token t;
    if (source_new(&arena, "fuzz", (struct slice){ (const char *)data, size }, &source, NULL) != ST_OK)
        abort();
    lexer_init(&lx, source, NULL);
    size_t n = 0;
    uint32_t end = 0;
    do {
        if (!lexer_next(&lx, &t) || n++ > 3 * size + 8)
            abort();
        if (t.at.off < end || t.at.off + t.at.len > source->text.len)
            abort();
        end = t.at.off + t.at.len;
    } while (t.code);
    lexer_free(&lx);
    arena_free(&arena);
    return 0;
}
