/* fuzz_matcher.c - drives a matcher: the first byte picks a constraint and its spelling, the others
 * are tokens to accept, ways back and closings.  A mask must agree with what is accepted.
 *
 * The vocabulary is made once and stays: making it costs more than thousands of tokens, and what
 * other inputs have left in its memos must make no difference. */
#include <string.h>

#include "base/bitset.h"
#include "runtime/constrain/matcher.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
    enum pattern_source_kind kind;
    const char              *text;
} source[] = {
    { PATTERN_SCHEMA,
      "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"maxLength\":5}},"
      "\"required\":[\"a\"]}" },
    { PATTERN_SCHEMA,
      "{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"minimum\":-9,\"maximum\":120},"
      "\"maxItems\":3}" },
    { PATTERN_SCHEMA,
      "{\"anyOf\":[{\"type\":\"string\",\"pattern\":\"^[ab]+$\"},{\"enum\":[1,2,null,"
      "\"x\"]}]}" },
    { PATTERN_SCHEMA,
      "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"boolean\"},"
      "\"maxProperties\":3}" },
    { PATTERN_SCHEMA,
      "{\"type\":\"array\",\"uniqueItems\":true,\"items\":{\"type\":[\"integer\",\"string\"],"
      "\"maxLength\":2,\"minimum\":0,\"maximum\":12}}" },
    { PATTERN_SCHEMA,
      "{\"type\":\"object\",\"patternProperties\":{\"^a\":{\"type\":\"null\"}},"
      "\"propertyNames\":{\"maxLength\":3},\"minProperties\":2,"
      "\"not\":{\"required\":[\"b\"]}}" },
    { PATTERN_SCHEMA,
      "{\"$ref\":\"#/$defs/t\",\"$defs\":{\"t\":{\"anyOf\":[{\"type\":\"array\","
      "\"items\":{\"$ref\":\"#/$defs/t\"}},{\"format\":\"date\"},{\"type\":\"number\","
      "\"multipleOf\":0.25}]}}}" },
    { PATTERN_SCHEMA,
      "{\"type\":\"object\",\"properties\":{\"ab\":true,\"a1\":true,"
      "\"b2\":{\"type\":\"string\"}},\"additionalProperties\":false,"
      "\"dependentRequired\":{\"ab\":[\"a1\"]},\"minProperties\":1}" },
    { PATTERN_JSON_OBJECT, "" },
    { PATTERN_REGEX, "(?:[a-c]{2,5}\\.){0,3}(?:\xc3\xa9|\\d+|\"[^\"]*\")x?" },
    { PATTERN_REGEX, "(?=.*1).{3,40}a{20,}" },
    { PATTERN_GRAMMAR,
      "root ::= e\ne ::= e \" + \" t | t\nt ::= [a-z]+ | \"(\" e \")\" | \"12\" [0-9]{0,3}\n" },
};

static const char *const more[] = { "\":",  "\",\"", "{\"", "\"}", "true", "false",    "null",
                                    "ab",   "12",    ": ",  ", ",  "\xc3", "\xa9\"",   "\"a\":",
                                    "}]",   "  ",    "1,",  "a.",  "+ (",  "\\u00",    "aaaa" };

enum { N_SOURCE = sizeof source / sizeof *source, N_BYTE = 128, N_MORE = sizeof more / sizeof *more,
       N = N_BYTE + N_MORE, SIZE_MOST = 600 };

/* What is forced may be read, and a copy knows the same as the first. */
static void follow_forced(struct matcher *m, size_t max)
{
    struct matcher *copy = NULL;
    struct str s = { 0 };
    matcher_forced(m, max, &s);
    if (matcher_clone(m, &copy, NULL) == ST_OK && s.len &&
        !matcher_accept_bytes(copy, str_slice(&s)))
        __builtin_trap();
    matcher_free(copy);
    str_free(&s);
}

static void close_value(struct matcher *m)
{
    struct str s = { 0 };
    if (matcher_close(m, &s, NULL) == ST_OK && s.len &&
        (!matcher_accept_bytes(m, str_slice(&s)) || !matcher_may_stop(m)))
        __builtin_trap();
    str_free(&s);
}

static void drive(struct matcher *m, const uint8_t *data, size_t size)
{
    uint32_t row[N / 32 + 1];
    for (size_t i = 0; i < size; i++) {
        uint32_t t = data[i] % (N + 3);
        bool known = matcher_mask(m, row, NULL) == ST_OK;
        if (t == N) {
            matcher_rollback(m, 1 + i % 3);
        } else if (t == N + 1) {
            close_value(m);
        } else if (t == N + 2) {
            follow_forced(m, 100);
        } else {
            bool took = matcher_accept(m, t, NULL) != MATCHER_REFUSED;
            if (known && took != bitset_has(row, t))
                __builtin_trap();
        }
    }
}

static struct vocab *vocabulary(void)
{
    static struct vocab *kept;
    struct slice token[N];
    char byte[N_BYTE];
    for (int i = 0; i < N_BYTE && !kept; i++) {
        byte[i] = (char)i;
        token[i] = (struct slice){ byte + i, 1 };
    }
    for (int i = 0; i < (int)N_MORE && !kept; i++)
        token[N_BYTE + i] = slice_of(more[i]);
    if (!kept && vocab_from_bytes(token, N, N, &kept, NULL) != ST_OK)
        kept = NULL;
    return kept;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vocab *v = vocabulary();
    struct constraint_table *table = NULL;
    struct constraint *c = NULL;
    struct matcher *m = NULL;
    if (size < 2 || !v)
        return 0;
    struct pattern_source src = { .kind = source[data[0] % N_SOURCE].kind,
                                  .text = slice_of(source[data[0] % N_SOURCE].text),
                                  .spelling = (enum json_spelling)(data[0] / N_SOURCE % 4) };
    struct matcher_opts opts = { .open_end = data[0] / N_SOURCE / 4 % 2 };
    if (constraint_table_new(v, 0, &table, NULL) == ST_OK &&
        constraint_get(table, &src, &c, NULL) == ST_OK && matcher_new(c, &opts, &m, NULL) == ST_OK)
        drive(m, data + 1, size > SIZE_MOST ? SIZE_MOST - 1 : size - 1);
    matcher_free(m);
    constraint_unref(c);
    constraint_table_free(table);
    return 0;
}
