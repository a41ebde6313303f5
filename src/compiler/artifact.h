/* artifact.h - .sglc: a compiled program in one file.
 *
 *      "SGLC" version | fingerprint | hash | files | module
 *
 *      files      the main file, then every file the compiler was given (imports, data, schemas,
 *                 grammars), with the name it was asked for: enough to compile again anywhere
 *      module     bytecode_pack.h, for builds of the same fingerprint
 *
 * A file whose fingerprint differs is compiled again from the files inside.  The hash finds damage,
 * not malice: everything is checked anyway.  Nothing in it depends on a tokenizer: static prefixes
 * are texts, constraints are shapes, and both are bound to a model in well under a millisecond. */
#ifndef COMPILER_ARTIFACT_H
#define COMPILER_ARTIFACT_H

#include "compiler/compile.h"

struct artifact_file {
    const char  *from;          /* the file that asked; "" for the main file */
    struct slice asked;         /* the name it used */
    const char  *name;          /* of the file found */
    struct slice text;
};

struct artifact {
    struct arena                  arena;        /* owns what the lists hold */
    const struct artifact_file   *file;         /* 0 is the main file */
    uint32_t                      n_file;
    struct slice                  module;       /* packed; empty when another build made it */
};

bool        artifact_is(struct slice bytes);            /* begins like one */
enum status artifact_write(const struct artifact *a, const struct module *m, struct str *out, struct error *err);
/* Lists point into `bytes`, which has to stay.  ST_SYNTAX: damaged, or of a version from the future. */
enum status artifact_read(struct slice bytes, struct artifact *ret, struct error *err);
void        artifact_free(struct artifact *a);
/* Gives the compiler the files inside; ctx is the artifact. */
enum status artifact_load(void *ctx, struct arena *arena, const char *from, struct slice name,
                          const char **ret_name, struct slice *ret_text, struct error *err);

/* A loader that notes what it was asked for, so that it can be put into an artifact. */
struct file_recorder {
    struct loader         inner;
    struct arena          arena;
    struct artifact_file *file;
    uint32_t              n, cap;
};

enum status recorder_load(void *ctx, struct arena *arena, const char *from, struct slice name,
                          const char **ret_name, struct slice *ret_text, struct error *err);
void        recorder_free(struct file_recorder *r);

#endif
