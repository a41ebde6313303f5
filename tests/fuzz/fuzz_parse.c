/* fuzz_parse.c - any bytes through lexer, parser, dump and diagnostics; what parses is formatted,
 * and the formatted text must give the same tree and format to itself. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "frontend/format.h"
#include "frontend/parser.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The tree as text; the number of errors. */
static uint32_t parse(struct slice text, struct str *ret_tree)
{
    struct arena arena = { 0 };
    struct source *source;
    struct diag_list diags;
    struct parse_result parsed;
    struct str shown = { 0 };
    diag_list_init(&diags, &arena);
    if (source_new(&arena, "fuzz", text, &source, NULL) != ST_OK ||
        parse_module(&arena, source, &diags, &parsed, NULL) != ST_OK)
        abort();
    diag_sort(&diags);
    for (uint32_t i = 0; i < diags.n; i++) {
        diag_render(diags.at[i], false, &shown);
        diag_render_json(diags.at[i], &shown);
    }
    const char **expected;
    uint32_t n_expected, n_error = diags.n_error;
    if (parse_expected(&arena, source, &expected, &n_expected, NULL) != ST_OK)
        abort();
    ast_dump(parsed.module, ret_tree);
    str_free(&shown);
    diag_list_free(&diags);
    arena_free(&arena);
    return n_error;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = { (const char *)data, size };
    struct str tree = { 0 }, once = { 0 }, twice = { 0 }, tree_once = { 0 };
    uint32_t n_error = parse(text, &tree);
    enum status st = format_source(text, &once, NULL);
    if ((st == ST_OK) != (n_error == 0))
        abort();
    if (st == ST_OK) {
        if (parse(str_slice(&once), &tree_once) || !slice_eq(str_slice(&tree), str_slice(&tree_once)))
            abort();
        if (format_source(str_slice(&once), &twice, NULL) != ST_OK ||
            !slice_eq(str_slice(&once), str_slice(&twice)))
            abort();
    }
    str_free(&tree);
    str_free(&tree_once);
    str_free(&once);
    str_free(&twice);
    return 0;
}
