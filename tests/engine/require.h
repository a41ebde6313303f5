/* require.h - what must hold: a test of the engine ends where it does not, and says where. */
#ifndef TESTS_ENGINE_REQUIRE_H
#define TESTS_ENGINE_REQUIRE_H

#include <stdio.h>
#include <stdlib.h>

#define REQUIRE(cond)                                                                       \
    do {                                                                                    \
        if (!(cond)) {                                                                      \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                      \
            exit(1);                                                                        \
        }                                                                                   \
    } while (0)

#endif
