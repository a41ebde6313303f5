/* fuzz_tags.c - any bytes as a structural tag, and the text of the tag read by it. */
#include "compiler/pattern/automaton.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pattern_source src = { .kind = PATTERN_TAGS, .work_limit = 200000, .spelling = SPELL_FLEXIBLE,
                                  .text = { (const char *)data, size > 16384 ? 16384 : size } };
    struct pattern *p = NULL;
    struct str s = { 0 };
    struct error err = { 0 };
    if (pattern_compile(&src, &p, &err) != ST_OK)
        return 0;
    if (pattern_shortest(p, &s, NULL) == ST_OK)
        pattern_accepts(p, str_slice(&s), NULL);
    pattern_accepts(p, src.text, NULL);
    pattern_unref(p);
    str_free(&s);
    return 0;
}
