/* rows_tmpl.h - operations on single rows, written once over sixteen lanes.
 *
 * Included by the level_*.c files behind their lanes header; each gets its own machine code from
 * the same text, which is why all levels agree bit for bit.  Row lengths are multiples of 32. */

/* e to the power of x for x in -87 .. 88; held at these ends.  Error about 1e-7 of the value. */
static inline vf vf_exp(vf x)
{
    x = vf_min(vf_max(x, vf_set1(-87.0f)), vf_set1(88.0f));
    vf n = vf_rint(vf_mul(x, vf_set1(1.44269504f)));
    vf r = vf_fma(n, vf_set1(-0.693359375f), x);        /* ln 2 in two parts */
    r = vf_fma(n, vf_set1(2.12194440e-4f), r);
    vf p = vf_set1(1.9875691500e-4f);
    p = vf_fma(p, r, vf_set1(1.3981999507e-3f));
    p = vf_fma(p, r, vf_set1(8.3334519073e-3f));
    p = vf_fma(p, r, vf_set1(4.1665795894e-2f));
    p = vf_fma(p, r, vf_set1(1.6666665459e-1f));
    p = vf_fma(p, r, vf_set1(5.0000001201e-1f));
    p = vf_add(vf_fma(p, vf_mul(r, r), r), vf_set1(1.0f));
    return vf_mul(p, vf_exp2i(n));
}

static void norm_row(const float *x, const float *w, float eps, uint32_t n, float *out)
{
    vf sum = vf_set1(0);
    for (uint32_t i = 0; i < n; i += 16)
        sum = vf_fma(vf_load(x + i), vf_load(x + i), sum);
    vf scale = vf_set1(1.0f / sqrtf(vf_sum(sum) / (float)n + eps));
    for (uint32_t i = 0; i < n; i += 16)
        vf_store(out + i, vf_mul(vf_mul(vf_load(x + i), scale), vf_load(w + i)));
}

static void gate_row(const float *gate, const float *up, uint32_t n, float *out)
{
    vf one = vf_set1(1.0f);
    for (uint32_t i = 0; i < n; i += 16) {
        vf g = vf_load(gate + i);
        vf silu = vf_div(g, vf_add(one, vf_exp(vf_sub(vf_set1(0), g))));
        vf_store(out + i, vf_mul(silu, vf_load(up + i)));
    }
}

/* The tanh form of gelu: g / (1 + exp(-2 u)) with u = sqrt(2 / pi) (g + 0.044715 g^3). */
static void gelu_row(const float *gate, const float *up, uint32_t n, float *out)
{
    vf one = vf_set1(1.0f);
    for (uint32_t i = 0; i < n; i += 16) {
        vf g = vf_load(gate + i);
        vf u = vf_mul(g, vf_fma(vf_mul(g, g), vf_set1(0.0713548163f), vf_set1(1.59576912f)));
        vf gelu = vf_div(g, vf_add(one, vf_exp(vf_sub(vf_set1(0), u))));
        vf_store(out + i, vf_mul(gelu, vf_load(up + i)));
    }
}

/* cap * tanh(x / cap), as cap - 2 cap / (exp(2 x / cap) + 1): within 1e-7 of cap. */
static inline vf vf_cap(vf x, float cap)
{
    vf e = vf_exp(vf_mul(x, vf_set1(2.0f / cap)));
    return vf_sub(vf_set1(cap), vf_div(vf_set1(2.0f * cap), vf_add(e, vf_set1(1.0f))));
}

static void cap_row(float *x, uint32_t n, float cap)
{
    uint32_t i = 0;
    for (; i + 16 <= n; i += 16)
        vf_store(x + i, vf_cap(vf_load(x + i), cap));
    float last[16] = { 0 };
    for (uint32_t j = i; j < n; j++)
        last[j - i] = x[j];
    vf_store(last, vf_cap(vf_load(last), cap));
    for (uint32_t j = i; j < n; j++)
        x[j] = last[j - i];
}

/* int8 values of one block of 32, and what products need of them. */
static void quantise_block(const struct acts *a, size_t block, const float *x)
{
    vf lo = vf_load(x), hi = vf_load(x + 16);
    float most = vf_hmax(vf_max(vf_abs(lo), vf_abs(hi)));
    float d = most / 127.0f;
    vf inv = vf_set1(most > 0 ? 127.0f / most : 0.0f);
    vf q0 = vf_rint(vf_mul(lo, inv)), q1 = vf_rint(vf_mul(hi, inv));
    vf_store_i8(a->q + block * 32, q0);
    vf_store_i8(a->q + block * 32 + 16, q1);
    int32_t s0 = (int32_t)vf_sum(q0), s1 = (int32_t)vf_sum(q1);    /* exact: small whole numbers */
    a->d[block] = d;
    a->s[block] = d * (float)(s0 + s1);
    a->c8[block] = -8 * (s0 + s1);
    a->c128[block] = -128 * (s0 + s1);
    a->c128_half[2 * block] = -128 * s0;
    a->c128_half[2 * block + 1] = -128 * s1;
}

static void quantise_row(const struct acts *a, uint32_t row)
{
    uint32_t n_block = a->n_in / 32;
    const float *x = a->f + (size_t)row * a->n_in;
    for (uint32_t b = 0; b < n_block; b++)
        quantise_block(a, (size_t)row * n_block + b, x + b * 32);
}

static void rope_head(float *x, const float *cos_sin, uint32_t n, float scale)
{
    uint32_t half = n / 2;
    vf s = vf_set1(scale);
    for (uint32_t i = 0; !cos_sin && i < n; i += 16)
        vf_store(x + i, vf_mul(s, vf_load(x + i)));
    if (!cos_sin)
        return;
    for (uint32_t i = 0; i < half; i += 16) {
        vf c = vf_load(cos_sin + i), sn = vf_load(cos_sin + half + i);
        vf a = vf_load(x + i), b = vf_load(x + half + i);
        vf_store(x + i, vf_mul(s, vf_sub(vf_mul(a, c), vf_mul(b, sn))));
        vf_store(x + half + i, vf_mul(s, vf_add(vf_mul(b, c), vf_mul(a, sn))));
    }
}

/* One token of one head into its page: keys across the tile, values along it. */
static void kv_write(const float *k, const float *v, uint32_t n, uint32_t slot, uint16_t *kv)
{
    vf least = vf_set1(-65504.0f), most = vf_set1(65504.0f);
    uint16_t *value = kv + (size_t)n * KERNEL_PAGE + (size_t)slot * n;
    for (uint32_t i = 0; i < n; i += 16) {
        uint16_t h[16];
        vf_store_half(h, vf_min(vf_max(vf_load(k + i), least), most));
        for (uint32_t j = 0; j < 16; j++)
            kv[(size_t)(i + j) * KERNEL_PAGE + slot] = h[j];
        vf_store_half(value + i, vf_min(vf_max(vf_load(v + i), least), most));
    }
}
