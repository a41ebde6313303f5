/* main.c - finds the verb.  A first argument that is a program (FILE.sgl, FILE.sglc, "-", or a flag of run) means run. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"

struct verb {
    const char *name;
    int       (*run)(int argc, char **argv);
    const char *usage;
    const char *sentence;
};

static const struct verb verbs[] = {
#define X(verb, usage, sentence) { #verb, cmd_##verb, usage, sentence },
    CMD_ROWS(X)
#undef X
};

static void help(FILE *to)
{
    fprintf(to, "sglrun - runs programs for large language models\n\n"
                "usage: sglrun FILE.sgl [--param value ...]\n"
                "       sglrun -e 'user \"Hi\"; print(gen(max: 8))'\n"
                "       sglrun VERB ...\n\nverbs\n");
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        fprintf(to, "  %-10s %s\n", verbs[i].name, verbs[i].sentence);
    fprintf(to, "\nsglrun VERB --help tells more.  The model is --model, else SGL_MODEL, else smollm2.\n"
                "exit codes: 0 done, 1 program failed, 2 usage, 3 test failed, 4 check failed,\n"
                "            124 budget or time spent, 130 interrupted\n");
}

static int is_program(const char *arg)
{
    size_t n = strlen(arg);
    return strcmp(arg, "-") == 0 || (n > 4 && strcmp(arg + n - 4, ".sgl") == 0) ||
           (n > 5 && strcmp(arg + n - 5, ".sglc") == 0);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);   /* a reader that went away is an error of writing, told where it happens */
    if (argc < 2) {
        help(stderr);
        return EXIT_USAGE;
    }
    const char *first = argv[1];
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0 || strcmp(first, "help") == 0) {
        help(stdout);
        return EXIT_DONE;
    }
    if (strcmp(first, "--version") == 0)
        return cmd_version(0, NULL);
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (strcmp(first, verbs[i].name) == 0)
            return verbs[i].run(argc - 2, argv + 2);
    if (is_program(first) || first[0] == '-')
        return cmd_run(argc - 1, argv + 1);

    fprintf(stderr, "sglrun: no verb \"%s\", and a program ends in .sgl or .sglc; see sglrun --help\n", first);
    return EXIT_USAGE;
}
