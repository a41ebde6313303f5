/* fuzz_compile.c - any bytes as a program: diagnostics or a module that verifies, never a crash. */
#include "compiler/compile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = { 0 };
    struct diag_list diags;
    struct module *m = NULL;
    struct error err = { 0 };
    diag_list_init(&diags, &arena);
    struct compile_opts opts = { .name = "fuzz", .text = { (const char *)data, size } };
    enum status st = compile_module(&opts, &diags, &m, NULL, &err);
    if (st == ST_INTERNAL)
        __builtin_trap();
    module_unref(m);
    diag_list_free(&diags);
    arena_free(&arena);
    return 0;
}
