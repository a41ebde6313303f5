/* fuzz_tags.c - any bytes as a structural tag, and the text of the tag read by it. */
#include "closes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pattern_source src = { .kind = PATTERN_TAGS, .work_limit = 200000, .spelling = SPELL_FLEXIBLE,
                                  .text = { (const char *)data, size > 16384 ? 16384 : size } };
    struct pattern *p = pattern_promised(&src);
    if (!p)
        return 0;
    pattern_accepts(p, src.text, NULL);
    pattern_unref(p);
    return 0;
}
