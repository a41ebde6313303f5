/* lanes_avx2.h - sixteen float lanes in two registers; see lanes_scalar.h for what each does. */
#ifndef KERNELS_CPU_LANES_H
#define KERNELS_CPU_LANES_H

#include <immintrin.h>
#include <stdint.h>

typedef struct { __m256 a, b; } vf;     /* lanes 0..7 and 8..15 */

static inline vf vf_set1(float a) { __m256 x = _mm256_set1_ps(a); return (vf){ x, x }; }

static inline vf vf_load(const float *p)
{
    return (vf){ _mm256_loadu_ps(p), _mm256_loadu_ps(p + 8) };
}

static inline void vf_store(float *p, vf a)
{
    _mm256_storeu_ps(p, a.a);
    _mm256_storeu_ps(p + 8, a.b);
}

static inline vf vf_add(vf a, vf b)
{
    return (vf){ _mm256_add_ps(a.a, b.a), _mm256_add_ps(a.b, b.b) };
}

static inline vf vf_sub(vf a, vf b)
{
    return (vf){ _mm256_sub_ps(a.a, b.a), _mm256_sub_ps(a.b, b.b) };
}

static inline vf vf_mul(vf a, vf b)
{
    return (vf){ _mm256_mul_ps(a.a, b.a), _mm256_mul_ps(a.b, b.b) };
}

static inline vf vf_div(vf a, vf b)
{
    return (vf){ _mm256_div_ps(a.a, b.a), _mm256_div_ps(a.b, b.b) };
}

static inline vf vf_max(vf a, vf b)
{
    return (vf){ _mm256_max_ps(a.a, b.a), _mm256_max_ps(a.b, b.b) };
}

static inline vf vf_min(vf a, vf b)
{
    return (vf){ _mm256_min_ps(a.a, b.a), _mm256_min_ps(a.b, b.b) };
}

static inline vf vf_fma(vf a, vf b, vf c)
{
    return (vf){ _mm256_fmadd_ps(a.a, b.a, c.a), _mm256_fmadd_ps(a.b, b.b, c.b) };
}

static inline vf vf_abs(vf a)
{
    __m256 sign = _mm256_set1_ps(-0.0f);
    return (vf){ _mm256_andnot_ps(sign, a.a), _mm256_andnot_ps(sign, a.b) };
}

static inline vf vf_rint(vf a)
{
    enum { NEAREST = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC };
    return (vf){ _mm256_round_ps(a.a, NEAREST), _mm256_round_ps(a.b, NEAREST) };
}

static inline vf vf_first(uint32_t n, vf a, vf b)
{
    __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), count = _mm256_set1_epi32((int)n);
    __m256i low = _mm256_cmpgt_epi32(count, lane);
    __m256i high = _mm256_cmpgt_epi32(count, _mm256_add_epi32(lane, _mm256_set1_epi32(8)));
    return (vf){ _mm256_blendv_ps(b.a, a.a, _mm256_castsi256_ps(low)),
                 _mm256_blendv_ps(b.b, a.b, _mm256_castsi256_ps(high)) };
}

static inline __m256 exp2i_half(__m256 a)
{
    __m256i n = _mm256_add_epi32(_mm256_cvttps_epi32(a), _mm256_set1_epi32(127));
    return _mm256_castsi256_ps(_mm256_slli_epi32(n, 23));
}

static inline vf vf_exp2i(vf a)
{
    return (vf){ exp2i_half(a.a), exp2i_half(a.b) };
}

static inline vf vf_load_half(const uint16_t *p)
{
    return (vf){ _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p)),
                 _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(p + 8))) };
}

static inline __m256 bhalf_half(const uint16_t *p)
{
    __m256i x = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(x, 16));
}

static inline vf vf_load_bhalf(const uint16_t *p)
{
    return (vf){ bhalf_half(p), bhalf_half(p + 8) };
}

static inline void vf_store_half(uint16_t *p, vf a)
{
    _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(a.a, _MM_FROUND_TO_NEAREST_INT));
    _mm_storeu_si128((__m128i *)(p + 8), _mm256_cvtps_ph(a.b, _MM_FROUND_TO_NEAREST_INT));
}

static inline __m128i i16_half(__m256 a)
{
    __m256i x = _mm256_cvttps_epi32(a);
    return _mm_packs_epi32(_mm256_castsi256_si128(x), _mm256_extracti128_si256(x, 1));
}

static inline void vf_store_i8(int8_t *p, vf a)
{
    _mm_storeu_si128((__m128i *)p, _mm_packs_epi16(i16_half(a.a), i16_half(a.b)));
}

static inline float vf_sum(vf a)
{
    __m256 h = _mm256_add_ps(a.a, a.b);
    __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    q = _mm_add_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_add_ss(q, _mm_movehdup_ps(q)));
}

static inline float vf_hmax(vf a)
{
    __m256 h = _mm256_max_ps(a.a, a.b);
    __m128 q = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
    q = _mm_max_ps(q, _mm_movehl_ps(q, q));
    return _mm_cvtss_f32(_mm_max_ss(q, _mm_movehdup_ps(q)));
}

#endif
