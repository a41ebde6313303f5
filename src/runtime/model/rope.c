/* rope.c - the table of rotations: cosines and sines of every position.
 *
 * Angles are computed in double precision from whole positions and rounded once, so that a
 * position far out is as exact as the first.  A scaling is a list of divisors of the frequencies: the
 * tensor rope_freqs.weight ("llama3"), one factor for all ("linear"), or one of two tensors by the
 * longest context that this table serves ("longrope": chosen once, because a page that was computed
 * with one list could not be read with the other).  Layers with a window may have a base of their
 * own and no scaling. */
#include <math.h>

#include "base/alloc.h"
#include "runtime/model/model_int.h"

static enum status divisors(const struct bundle *b, const struct model_config *c,
                            uint32_t context, float *ret, struct error *err)
{
    uint32_t half = c->n_rot / 2;
    const char *name = !c->rope_short ? "rope_freqs.weight"
                     : context > c->rope_short ? "rope_factors_long.weight"
                                               : "rope_factors_short.weight";
    const struct bundle_tensor *t = bundle_tensor(b, name);
    if ((t && (t->dtype != DT_F32 || t->n_dim != 1 || t->dim[0] != half)) ||
        (!t && c->rope_short))
        return error_set(err, ST_INVALID, "%s: %s is missing or has another shape", bundle_path(b),
                         name);
    for (uint32_t i = 0; i < half; i++)
        ret[i] = (float)c->rope_factor;
    if (t)
        tensor_row(DT_F32, t->data, ret, half);
    return ST_OK;
}

enum status rope_table(const struct bundle *b, const struct model_config *c, bool window,
                       uint32_t context, struct device *d, float **ret, struct error *err)
{
    uint32_t half = c->n_rot / 2;
    bool own = window && c->rope_base_window > 0;
    double base = own ? c->rope_base_window : c->rope_base, gain = own ? 1 : c->rope_gain;
    float divisor[128];
    for (uint32_t i = 0; i < half; i++)
        divisor[i] = 1.0f;
    enum status st = own ? ST_OK : divisors(b, c, context, divisor, err);
    if (st != ST_OK)
        return st;

    float *table = mem_calloc((size_t)context * c->n_rot, sizeof *table);
    if (!table)
        return error_nomem(err);
    for (uint32_t i = 0; i < half; i++) {
        double freq = pow(base, -(double)i / half) / (double)divisor[i];
        for (uint32_t pos = 0; pos < context; pos++) {
            double sine, cosine;
            sincos(pos * freq, &sine, &cosine);
            table[(size_t)pos * c->n_rot + i] = (float)(gain * cosine);
            table[(size_t)pos * c->n_rot + half + i] = (float)(gain * sine);
        }
    }
    size_t bytes = (size_t)context * c->n_rot * sizeof *table;
    *ret = d->ops->mem_new(d, bytes);
    st = *ret ? d->ops->upload(d, *ret, table, bytes, err) : error_nomem(err);
    mem_free(table);
    return st;
}
