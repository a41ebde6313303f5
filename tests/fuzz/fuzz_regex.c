/* fuzz_regex.c - any bytes as a regular expression of either dialect, then some text through it;
 * what compiles has a shortest text and accepts it. */
#include "closes.h"
#include "compiler/pattern/regex.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = { (const char *)data, size > 4096 ? 4096 : size };
    struct pattern_source src = { .kind = PATTERN_REGEX, .text = text, .work_limit = 200000 };
    struct pattern *p;
    struct str s = { 0 };
    struct error err = { 0 };
    regex_check(text, REGEX_SCHEMA, 0, &err);
    if (regex_to_pcre(text, SHAPE_ICASE, &s, &err) == ST_OK)
        str_cut(&s, 0);
    if ((p = pattern_promised(&src))) {
        pattern_accepts(p, text, NULL);
        pattern_longest(p);
        pattern_unref(p);
    }
    str_free(&s);
    return 0;
}
