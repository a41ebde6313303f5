/* fuzz_schema.c - any bytes as a JSON Schema; what compiles has a shortest value and accepts it. */
#include "compiler/pattern/automaton.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = { (const char *)data, size > 65536 ? 65536 : size };
    struct pattern_source src = { .kind = PATTERN_SCHEMA, .text = text, .spelling = SPELL_FLEXIBLE,
                                  .work_limit = 300000 };
    struct pattern *p = NULL;
    struct str s = { 0 };
    struct error err = { 0 };
    if (pattern_compile(&src, &p, &err) != ST_OK)
        return 0;
    bool found = pattern_shortest(p, &s, NULL) == ST_OK;
    if ((!found || !pattern_accepts(p, str_slice(&s), NULL)) && !pattern_spent(p))
        __builtin_trap();
    pattern_longest(p);
    pattern_unref(p);
    str_free(&s);
    return 0;
}
