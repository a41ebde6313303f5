/* main.c - runs the unit suites: all of them, or those named on the command line.
 *
 * The last line is `unit: N passed, N failed`, which the CI script adds up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suites.h"

struct row {
    const char *name;
    Suite    *(*make)(void);
};

static const struct row rows[] = {
#define X(name) { #name, suite_##name },
    SUITE_ROWS(X)
#undef X
};

enum { N_ROWS = sizeof rows / sizeof rows[0] };

static int is_wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return 1;
    return argc < 2;
}

int main(int argc, char **argv)
{
    SRunner *runner = NULL;
    for (int i = 0; i < N_ROWS; i++) {
        if (!is_wanted(rows[i].name, argc, argv))
            continue;
        if (!runner)
            runner = srunner_create(rows[i].make());
        else
            srunner_add_suite(runner, rows[i].make());
    }
    if (!runner) {
        fprintf(stderr, "no such suite\n");
        return 2;
    }
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    int run = srunner_ntests_run(runner);
    srunner_free(runner);
    printf("unit: %d passed, %d failed\n", run - failed, failed);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
