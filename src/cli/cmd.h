/* cmd.h - the verbs of sglrun: each takes the arguments behind its name and gives an exit code. */
#ifndef CLI_CMD_H
#define CLI_CMD_H

/* verb, usage behind "sglrun VERB", sentence */
#define CMD_ROWS(X)                                                                            \
    X(run, "[flags] FILE [--param value ...]", "run a program; FILE - is standard input")      \
    X(check, "[flags] FILE...", "parse and check programs; needs no model")                    \
    X(test, "[flags] FILE...", "run the tests of programs")                                    \
    X(eval, "[flags] FILE...", "score the evals of programs over their rows")                  \
    X(show, "[flags] FILE", "the exact prompt, or how the program was compiled")               \
    X(match, "[flags]", "which lines a regex, JSON Schema or grammar accepts; needs no model") \
    X(build, "[flags] FILE", "compile a program and all it reads into one .sglc file")         \
    X(fmt, "[flags] FILE...", "lay programs out in the one style")                             \
    X(explain, "[CODE]", "what a diagnostic means, with an example and a fix")                   \
    X(repl, "[flags] [FILE]", "an interactive prompt")                                         \
    X(serve, "[flags]", "an HTTP server: OpenAI's and SGLang's routes")                        \
    X(models, "[NAME]", "models known and present; what one says of itself")                   \
    X(pull, "NAME", "download a model")                                                        \
    X(tokenize, "[flags] [TEXT]", "token ids and pieces of a text or of standard input")       \
    X(template, "[flags] FILE", "render a chat template over a conversation")                  \
    X(version, "", "version and build")

#define X(verb, usage, sentence) int cmd_##verb(int argc, char **argv);
CMD_ROWS(X)
#undef X

enum exit_code {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,        /* error in the program, its model or the engine */
    EXIT_USAGE = 2,
    EXIT_TEST = 3,
    EXIT_CHECK = 4,
    EXIT_BUDGET = 124,
    EXIT_INTERRUPT = 130,
};

#endif
