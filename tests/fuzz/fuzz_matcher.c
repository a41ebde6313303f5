/* fuzz_matcher.c - drives a matcher: the first byte picks a constraint, the others are tokens to
 * accept, ways back and closings.  A mask must agree with what is accepted. */
#include <string.h>

#include "base/bitset.h"
#include "runtime/constrain/matcher.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const source[] = {
    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"maxLength\":5}},\"required\":[\"a\"]}",
    "{\"type\":\"array\",\"items\":{\"type\":\"integer\",\"minimum\":-9,\"maximum\":120},\"maxItems\":3}",
    "{\"anyOf\":[{\"type\":\"string\",\"pattern\":\"^[ab]+$\"},{\"enum\":[1,2,null,\"x\"]}]}",
    "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"boolean\"},\"maxProperties\":3}",
};

static const char *const more[] = { "\":", "\",\"", "{\"", "\"}", "true", "false", "null", "ab", "12", ": ", ", ", "\xc3", "\xa9\"" };

enum { N_BYTE = 128, N_MORE = sizeof more / sizeof *more, N = N_BYTE + N_MORE };

static void drive(struct matcher *m, const uint8_t *data, size_t size)
{
    uint32_t row[N / 32 + 1];
    for (size_t i = 0; i < size; i++) {
        uint32_t t = data[i] % (N + 3);
        bool known = matcher_mask(m, row, NULL) == ST_OK;
        if (t >= N) {
            struct str s = { 0 };
            if (t == N)
                matcher_rollback(m, 1 + i % 3);
            else if (t == N + 1 && matcher_close(m, &s, NULL) == ST_OK && s.len &&
                     (!matcher_accept_bytes(m, str_slice(&s)) || !matcher_may_stop(m)))
                __builtin_trap();
            else
                matcher_forced(m, 100, &s);
            str_free(&s);
            continue;
        }
        bool took = matcher_accept(m, t, NULL) != MATCHER_REFUSED;
        if (known && took != bitset_has(row, t))
            __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice token[N];
    char byte[N_BYTE];
    struct vocab *v = NULL;
    struct constraint_table *table = NULL;
    struct constraint *c = NULL;
    struct matcher *m = NULL;
    if (size < 2)
        return 0;
    for (int i = 0; i < N_BYTE; i++) {
        byte[i] = (char)i;
        token[i] = (struct slice){ byte + i, 1 };
    }
    for (int i = 0; i < (int)N_MORE; i++)
        token[N_BYTE + i] = slice_of(more[i]);
    struct pattern_source src = { .kind = PATTERN_SCHEMA, .text = slice_of(source[data[0] % 4]),
                                  .spelling = (enum json_spelling)(data[0] / 4 % 4) };
    if (vocab_from_bytes(token, N, N, &v, NULL) == ST_OK && constraint_table_new(v, 0, &table, NULL) == ST_OK &&
        constraint_get(table, &src, &c, NULL) == ST_OK && matcher_new(c, NULL, &m, NULL) == ST_OK)
        drive(m, data + 1, size > 600 ? 599 : size - 1);
    matcher_free(m);
    constraint_unref(c);
    constraint_table_free(table);
    vocab_free(v);
    return 0;
}
