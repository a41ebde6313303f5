/* fuzz_schema.c - any bytes as a JSON Schema; what compiles has a shortest value and accepts it. */
#include "closes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = { (const char *)data, size > 65536 ? 65536 : size };
    struct pattern_source src = { .kind = PATTERN_SCHEMA, .text = text, .spelling = SPELL_FLEXIBLE,
                                  .work_limit = 300000 };
    struct pattern *p = pattern_promised(&src);
    if (!p)
        return 0;
    pattern_longest(p);
    pattern_unref(p);
    return 0;
}
