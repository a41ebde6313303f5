/* golden.c - see golden.h. */
#include "golden.h"

#include <stdlib.h>

#include "base/alloc.h"

uint32_t golden_ids(const char *at, uint32_t most, uint32_t *ret)
{
    uint32_t n = 0;
    for (char *end; n < most; at = end) {
        unsigned long id = strtoul(at, &end, 10);
        if (end == at)
            break;
        ret[n++] = (uint32_t)id;
    }
    return n;
}

enum status golden_logits(struct backend *be, const uint32_t *id, uint32_t n, uint32_t chunk,
                          const uint32_t *page, float *ret, struct error *err)
{
    const struct backend_info *info = be->vt->info(be);
    uint32_t most = chunk < info->max_batch_tok ? chunk : info->max_batch_tok;
    uint32_t *row = mem_calloc(most, sizeof *row);
    enum status st = row ? ST_OK : error_nomem(err);
    for (uint32_t i = 0; row && i < most; i++)
        row[i] = i;
    for (uint32_t at = 0, k; at < n && st == ST_OK; at += k) {
        k = n - at < most ? n - at : most;
        struct batch_seq seq = { .n_row = k, .pos = at, .page = page };
        struct batch b = { .tok = id + at, .n_row = k, .seq = &seq, .n_seq = 1,
                           .logit_row = row, .n_logit = k };
        st = be->vt->forward(be, &b, ret + (size_t)at * info->n_vocab, err);
    }
    mem_free(row);
    return st;
}
