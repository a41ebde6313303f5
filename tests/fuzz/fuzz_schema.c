/* fuzz_schema.c - any bytes as a JSON Schema; what compiles accepts its own shortest value. */
#include "compiler/pattern/automaton.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pattern_source src = { .kind = PATTERN_SCHEMA, .spelling = SPELL_FLEXIBLE, .work_limit = 300000,
                                  .text = { (const char *)data, size > 65536 ? 65536 : size } };
    struct pattern *p = NULL;
    struct str s = { 0 };
    struct error err = { 0 };
    if (pattern_compile(&src, &p, &err) != ST_OK)
        return 0;
    if (pattern_shortest(p, &s, NULL) == ST_OK && !pattern_accepts(p, str_slice(&s), NULL) && !pattern_spent(p))
        __builtin_trap();
    pattern_longest(p);
    pattern_unref(p);
    str_free(&s);
    return 0;
}
