/* rope.c - the table of rotations: cosines and sines of every position.
 *
 * Angles are computed in double precision from whole positions and rounded once, so that a
 * position far out is as exact as the first.  rope_freqs.weight, where a file has it, divides the
 * frequencies (the "llama3" scaling). */
#include <math.h>

#include "base/alloc.h"
#include "runtime/model/model_int.h"

enum status rope_table(const struct bundle *b, const struct model_config *c, uint32_t context,
                       struct device *d, float **ret, struct error *err)
{
    uint32_t half = c->head_dim / 2;
    float divisor[128];
    for (uint32_t i = 0; i < half; i++)
        divisor[i] = 1.0f;
    const struct bundle_tensor *t = bundle_tensor(b, "rope_freqs.weight");
    if (t && (t->dtype != DT_F32 || t->n_dim != 1 || t->dim[0] != half))
        return error_set(err, ST_INVALID, "%s: rope_freqs.weight has another shape",
                         bundle_path(b));
    if (t)
        tensor_row(DT_F32, t->data, divisor, half);

    float *table = mem_calloc((size_t)context * c->head_dim, sizeof *table);
    if (!table)
        return error_nomem(err);
    for (uint32_t i = 0; i < half; i++) {
        double freq = pow(c->rope_base, -(double)i / half) / (double)divisor[i];
        for (uint32_t pos = 0; pos < context; pos++) {
            double sine, cosine;
            sincos(pos * freq, &sine, &cosine);
            table[(size_t)pos * c->head_dim + i] = (float)cosine;
            table[(size_t)pos * c->head_dim + half + i] = (float)sine;
        }
    }
    size_t bytes = (size_t)context * c->head_dim * sizeof *table;
    *ret = d->ops->mem_new(d, bytes);
    enum status st = *ret ? d->ops->upload(d, *ret, table, bytes, err) : error_nomem(err);
    mem_free(table);
    return st;
}
