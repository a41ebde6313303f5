/* fuzz_grammar.c - any bytes as a grammar of either dialect; what compiles has a shortest text and
 * accepts it. */
#include "compiler/pattern/automaton.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pattern_source src = { .kind = PATTERN_GRAMMAR, .work_limit = 200000,
                                  .text = { (const char *)data, size > 16384 ? 16384 : size } };
    struct pattern *p = NULL;
    struct str s = { 0 };
    struct error err = { 0 };
    if (pattern_compile(&src, &p, &err) != ST_OK)
        return 0;
    bool found = pattern_shortest(p, &s, NULL) == ST_OK;
    if ((!found || !pattern_accepts(p, str_slice(&s), NULL)) && !pattern_spent(p))
        __builtin_trap();
    pattern_accepts(p, src.text, NULL);
    pattern_unref(p);
    str_free(&s);
    return 0;
}
