/* rope.c - cosines and sines of every position (rotary embedding, Su et al., 2021).
 *
 * Angles are formed in double precision from whole positions, so that the table does not lose
 * digits at long contexts.  A file may carry divisors of the frequencies (Llama 3). */
#include <math.h>

#include "base/alloc.h"
#include "runtime/model/model_int.h"

enum status rope_table(const struct bundle *b, const struct model_config *c, uint32_t context,
                       float **ret, struct error *err)
{
    uint32_t half = c->head_dim / 2;
    const struct bundle_tensor *divisors = bundle_tensor(b, "rope_freqs.weight");
    if (divisors && (divisors->dtype != DT_F32 || divisors->n_dim != 1 || divisors->dim[0] != half))
        return error_set(err, ST_INVALID, "%s: rope_freqs.weight has another shape", bundle_path(b));
    float *table = mem_calloc((size_t)context * c->head_dim, sizeof *table);
    float *divisor = mem_calloc(half, sizeof *divisor);
    if (!table || !divisor) {
        mem_free(table);
        mem_free(divisor);
        return error_nomem(err);
    }
    if (divisors)
        tensor_row(DT_F32, divisors->data, divisor, half);
    for (uint32_t i = 0; i < half; i++) {
        double freq = pow(c->rope_base, -2.0 * i / c->head_dim) / c->rope_factor;
        if (divisors)
            freq /= divisor[i];
        for (uint32_t pos = 0; pos < context; pos++) {
            float *row = table + (size_t)pos * c->head_dim;
            row[i] = (float)cos(pos * freq);
            row[half + i] = (float)sin(pos * freq);
        }
    }
    mem_free(divisor);
    *ret = table;
    return ST_OK;
}
