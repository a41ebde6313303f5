/* fuzz_schema.c - any bytes as a JSON Schema; what compiles has a shortest value and accepts it. */
#include "closes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = { (const char *)data, size > 65536 ? 65536 : size };
    struct pattern_source src = { .kind = PATTERN_SCHEMA, .text = text, .spelling = SPELL_FLEXIBLE,
                                  .work_limit = 300000 };
    struct pattern *p = NULL;
    struct error err = { 0 };
    if (pattern_compile(&src, &p, &err) != ST_OK)
        return 0;
    if (!pattern_closes(p))
        __builtin_trap();
    pattern_longest(p);
    pattern_unref(p);
    return 0;
}
