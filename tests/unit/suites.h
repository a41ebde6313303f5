/* suites.h - every unit suite, one row each, sorted by name: tests/unit/test_<name>.c makes it. */
#ifndef TESTS_UNIT_SUITES_H
#define TESTS_UNIT_SUITES_H

#include <check.h>

#define SUITE_ROWS(X)                                           \
    X(alloc)                                                    \
    X(allow)                                                    \
    X(api_prompt)                                               \
    X(api_run)                                                  \
    X(api_value)                                                \
    X(arena)                                                    \
    X(array)                                                    \
    X(artifact)                                                 \
    X(backend)                                                  \
    X(bitset)                                                   \
    X(bundle)                                                   \
    X(chat)                                                     \
    X(checkpoint)                                               \
    X(compiler)                                                 \
    X(diag)                                                     \
    X(error)                                                    \
    X(format)                                                   \
    X(fs)                                                       \
    X(grammar)                                                  \
    X(tags)                                                     \
    X(hashmap)                                                  \
    X(http)                                                     \
    X(intern)                                                   \
    X(jsonio)                                                   \
    X(matcher)                                                  \
    X(num)                                                      \
    X(order)                                                    \
    X(overlap)                                                  \
    X(parser)                                                   \
    X(pool)                                                     \
    X(queue)                                                    \
    X(regex)                                                    \
    X(rng)                                                      \
    X(sampler)                                                  \
    X(score)                                                    \
    X(schema)                                                   \
    X(shape)                                                    \
    X(slab)                                                     \
    X(stop)                                                     \
    X(store)                                                    \
    X(str)                                                      \
    X(tokenizer)                                                \
    X(utf8)                                                     \
    X(value)                                                    \
    X(vm)

#define X(name) Suite *suite_##name(void);
SUITE_ROWS(X)
#undef X

#endif
