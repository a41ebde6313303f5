/* fuzz_grammar.c - any bytes as a grammar of either dialect; what compiles has a shortest text and
 * accepts it. */
#include "closes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pattern_source src = { .kind = PATTERN_GRAMMAR, .work_limit = 200000,
                                  .text = { (const char *)data, size > 16384 ? 16384 : size } };
    struct pattern *p = pattern_promised(&src);
    if (!p)
        return 0;
    pattern_accepts(p, src.text, NULL);
    pattern_unref(p);
    return 0;
}
