/* backend.h - one model on one device: computes one batch at a time.
 *
 * A backend knows rows, positions and pages; it knows no requests.  Only the scheduler thread
 * calls it.  The KV pool is made at open; pages are numbered from 0, page 0 is the scratch page
 * that nobody owns (padding rows write there), so a pool of n_page has n_page - 1 to give out.
 *
 *      rows of a batch      seq 0: rows 0..4      seq 1: row 5      seq 2: rows 6..9
 *                           a prefill chunk       a decode row      another chunk
 *
 * Rows of one sequence are consecutive positions; the K and V of all rows of a layer are written
 * before any attention of that layer reads, so that two sequences of one batch may share a page
 * that one of them fills.  Results of a row depend on that row's tokens alone, never on the batch
 * it is in (reference: batch invariance), on every device in numerics mode `exact`. */
#ifndef RUNTIME_BACKEND_BACKEND_H
#define RUNTIME_BACKEND_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "runtime/files/bundle.h"
#include "runtime/sample/sampler.h"

struct backend;

enum { BACKEND_KEPT = 64 };

struct backend_opts {
    uint32_t    n_page;         /* 0: chosen from memory and context */
    uint32_t    max_batch_tok;  /* rows of one forward; 0: 512 */
    uint32_t    max_seq;        /* sequences of one batch; 0: 64 */
    uint32_t    context;        /* 0: the model's own */
    int         n_thread;       /* 0: one a core */
    const char *device;         /* "auto", "cpu", "cuda", "cuda:1"; NULL: "auto" */
};

struct backend_info {
    const char *device;         /* "cpu (avx512)", ... */
    uint32_t    n_vocab;        /* width of a row of logits */
    uint32_t    context;
    uint32_t    page_tokens;    /* tokens a page holds */
    uint32_t    n_page;         /* pool size, scratch page included */
    uint32_t    max_batch_tok;
    uint32_t    max_seq;
    uint64_t    weight_bytes;
    uint64_t    kv_bytes;
    uint64_t    model_hash;     /* of the weights' identity: part of every cache key */
};

struct batch_seq {
    uint32_t        row;        /* first row of this sequence in the batch */
    uint32_t        n_row;
    uint32_t        pos;        /* absolute position of its first row */
    const uint32_t *page;       /* [ceil((pos + n_row) / page_tokens)] page ids */
};

struct batch {
    const uint32_t         *tok;        /* [n_row] */
    uint32_t                n_row;
    const struct batch_seq *seq;        /* [n_seq], rows ascending, without gaps */
    uint32_t                n_seq;
    const uint32_t         *logit_row;  /* [n_logit] rows whose logits are wanted, ascending */
    uint32_t                n_logit;    /* at most BACKEND_KEPT when they stay */
    bool                    keep;       /* logits stay on the device: fetch, draw_add */
};

/* What was drawn from one row. */
struct backend_drawn {
    uint32_t          id;
    enum sample_fault fault;    /* SAMPLE_FINE: id is good */
};

struct backend_vtable {
    const char *name;
    enum status (*open)(const struct bundle *b, const struct backend_opts *opts,
                        struct backend **ret, struct error *err);
    void (*close)(struct backend *be);
    const struct backend_info *(*info)(const struct backend *be);
    /* logits: [n_logit, n_vocab] float in host memory; not written when the batch keeps them, which
     * takes a device that draws. */
    enum status (*forward)(struct backend *be, const struct batch *batch, float *logits,
                           struct error *err);
    /* Copies the first n_tok tokens' K and V of one page into another. */
    void (*copy_page)(struct backend *be, uint32_t dst, uint32_t src, uint32_t n_tok);
    /* All three are NULL where logits are host memory anyway.  Until the pass behind one that kept
     * its logits: rows of them for the host, and tokens drawn there, the same that sampler_draw
     * gives.  A drawn row is used up: one that is wanted in both ways is fetched first.
     * in->logits is not looked at; ST_LIMIT: no room beside the rows that were added, draw_run
     * first. */
    enum status (*fetch)(struct backend *be, uint32_t first, uint32_t n, float *logits,
                         struct error *err);
    enum status (*draw_add)(struct backend *be, uint32_t logit, const struct sampling *p,
                            const struct sample_input *in, struct error *err);
    /* Of all rows that were added, in that order. */
    enum status (*draw_run)(struct backend *be, struct backend_drawn *ret, struct error *err);
};

struct backend {
    const struct backend_vtable *vt;    /* first member of every implementation */
};

/* Picks by opts->device.  ST_UNSUPPORTED by name for an unknown architecture or device. */
enum status backend_open(const struct bundle *b, const struct backend_opts *opts,
                         struct backend **ret, struct error *err);
void        backend_close(struct backend *be);                          /* NULL is fine */

#endif
