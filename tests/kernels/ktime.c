/* ktime.c - times of the products of every level beside what one core reaches in the same run.
 *
 * One thread.  A product of few rows is bound by the bytes of its weights: more matrices than the
 * caches hold are gone through in turn, and the reading of as many bytes, in pieces as large, is
 * timed between them.  A product of many rows is bound by its operations: the ceiling is a loop
 * over registers with the same instructions.  Times are processor time, and every piece counts with
 * its least time over all rounds: other programs take the core and its caches away at times. */
#include "ktime.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { ROUNDS = 30, MAX_SET = 512, SET_BYTES = 96 << 20 };

struct set {
    struct matrix *m[MAX_SET];
    uint64_t       least[MAX_SET], read[MAX_SET];
    uint32_t       n;
    size_t         bytes;           /* of one matrix */
};

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void keep_least(uint64_t *least, uint64_t ns)
{
    if (*least == 0 || ns < *least)
        *least = ns;
}

/* ---- what the core reaches ---- */

/* Four sums that the compiler can keep in vectors: loads are what limits. */
static uint64_t read_piece(const uint8_t *p, size_t n)
{
    uint64_t s[16] = { 0 }, sum = 0;
    for (size_t i = 0; i + sizeof s <= n; i += sizeof s)
        for (size_t j = 0; j < 16; j++) {
            uint64_t v;
            memcpy(&v, p + i + j * sizeof v, sizeof v);
            s[j] += v;
        }
    for (size_t j = 0; j < 16; j++)
        sum += s[j];
    return sum;
}

/* The multiply-add of each kind of level, ten sums at once in registers. */
#if defined(__x86_64__)
#define KEEP(v) __asm__ volatile("" : "+v"(v))

enum { SUMS = 10, SPINS = 20000 };

__attribute__((target("avx2"))) static void spin_maddubs(void)
{
    __m256i w = _mm256_set1_epi8(7), x = _mm256_set1_epi8(3), ones = _mm256_set1_epi16(1), s[SUMS];
    for (int j = 0; j < SUMS; j++)
        s[j] = ones;
    for (uint32_t i = 0; i < SPINS; i++) {
#pragma GCC unroll 10
        for (int j = 0; j < SUMS; j++) {
            __asm__ volatile("" : "+x"(x));
            __m256i p = _mm256_madd_epi16(_mm256_maddubs_epi16(w, x), ones);
            s[j] = _mm256_add_epi32(s[j], p);
        }
    }
    for (int j = 0; j < SUMS; j++)
        __asm__ volatile("" : : "x"(s[j]));
}

__attribute__((target("avx512f,avx512vl,avx512vnni"))) static void spin_dpbusd(void)
{
    __m512i w = _mm512_set1_epi8(7), s[SUMS];
    for (int j = 0; j < SUMS; j++)
        s[j] = w;
    for (uint32_t i = 0; i < SPINS; i++) {
#pragma GCC unroll 10
        for (int j = 0; j < SUMS; j++)
            s[j] = _mm512_dpbusd_epi32(s[j], w, w);
    }
    for (int j = 0; j < SUMS; j++)
        KEEP(s[j]);
}

__attribute__((target("avx2,fma"))) static void spin_fma(void)
{
    __m256 w = _mm256_set1_ps(0.999f), s[SUMS];
    for (int j = 0; j < SUMS; j++)
        s[j] = w;
    for (uint32_t i = 0; i < SPINS; i++) {
#pragma GCC unroll 10
        for (int j = 0; j < SUMS; j++)
            s[j] = _mm256_fmadd_ps(s[j], w, w);
    }
    for (int j = 0; j < SUMS; j++)
        __asm__ volatile("" : : "x"(s[j]));
}

__attribute__((target("avx512f"))) static void spin_fma512(void)
{
    __m512 w = _mm512_set1_ps(0.999f), s[SUMS];
    for (int j = 0; j < SUMS; j++)
        s[j] = w;
    for (uint32_t i = 0; i < SPINS; i++) {
#pragma GCC unroll 10
        for (int j = 0; j < SUMS; j++)
            s[j] = _mm512_fmadd_ps(s[j], w, w);
    }
    for (int j = 0; j < SUMS; j++)
        KEEP(s[j]);
}

/* Operations a nanosecond; 0: not known. */
static double spin_rate(const char *level, bool is_int)
{
    bool wide = strcmp(level, "avx512") == 0, vnni = wide || strcmp(level, "avxvnni") == 0;
    if (strcmp(level, "scalar") == 0 || (vnni && !__builtin_cpu_supports("avx512vnni")))
        return 0;
    double op = SPINS * SUMS * 2.0 * (is_int ? 64 : 16) / (wide || (vnni && is_int) ? 1 : 2);
    uint64_t least = 0;
    for (int i = 0; i < 4 * ROUNDS; i++) {
        uint64_t t0 = now_ns();
        if (is_int)
            vnni ? spin_dpbusd() : spin_maddubs();
        else
            wide ? spin_fma512() : spin_fma();
        keep_least(&least, now_ns() - t0);
    }
    return op / (double)least;
}
#else
static double spin_rate(const char *level, bool is_int)
{
    (void)level;
    (void)is_int;
    return 0;
}
#endif

/* ---- products ---- */

static bool set_new(struct device *d, const struct ktime_shape *s, const uint8_t *w, size_t most,
                    struct set *ret)
{
    struct matrix_part part = { .dtype = s->dtype, .data = w, .n_out = s->n_out };
    memset(ret, 0, sizeof *ret);
    do {
        if (d->ops->matrix_new(d, &part, 1, s->n_in, &ret->m[ret->n], NULL) != ST_OK)
            return false;
        ret->bytes = (size_t)d->ops->matrix_bytes(ret->m[ret->n++]);
    } while (ret->n < MAX_SET && (ret->n + 1) * ret->bytes <= most);
    return true;
}

/* Large pages, as the weights have them. */
static uint8_t *plain_new(size_t n)
{
    const size_t page = 2 << 20;
    uint8_t *p = aligned_alloc(page, (n + page - 1) / page * page);
#ifdef MADV_HUGEPAGE
    if (p)
        (void)madvise(p, n, MADV_HUGEPAGE);
#endif
    return p;
}

void ktime_product(struct device *d, const char *level, const struct ktime_shape *s,
                   const uint8_t *w, const float *x, float *out)
{
    static struct set set;
    bool by_bytes = s->n_row < KTIME_MANY;
    if (!set_new(d, s, w, by_bytes ? SET_BYTES : 0, &set))
        return;
    uint8_t *plain = by_bytes ? plain_new(set.n * set.bytes) : NULL;
    volatile uint64_t sink = 0;
    if (plain)
        memset(plain, 1, set.n * set.bytes);
    struct product_args a = { .x = x, .x_stride = s->n_in, .n_row = s->n_row, .out = out,
                              .out_stride = s->n_out };
    for (int round = 0; round < ROUNDS; round++) {
        for (uint32_t i = 0; plain && i < set.n; i++) {
            uint64_t t0 = now_ns();
            sink += read_piece(plain + i * set.bytes, set.bytes);
            keep_least(&set.read[i], now_ns() - t0);
        }
        for (uint32_t i = 0; i < set.n; i++) {
            a.w = set.m[i];
            uint64_t t0 = now_ns();
            d->ops->product(d, &a);
            keep_least(&set.least[i], now_ns() - t0);
        }
    }
    double ns = 0, read = 0, op = 2.0 * s->n_row * s->n_out * s->n_in;
    for (uint32_t i = 0; i < set.n; i++) {
        ns += (double)set.least[i];
        read += (double)set.read[i];
        d->ops->matrix_free(set.m[i]);
    }
    free(plain);
    ns /= set.n;
    read /= set.n;
    double most = spin_rate(level, dtype_block_elems(s->dtype) > 1);
    printf("%-8s %-5s %4u x %5u x %4u %9.1f us", level, dtype_name(s->dtype), s->n_row, s->n_out,
           s->n_in, ns / 1e3);
    if (by_bytes)
        printf(" %7.1f GB/s, %3.0f %% of reading (%.1f)\n", (double)set.bytes / ns,
               100 * read / ns, (double)set.bytes / read);
    else if (most > 0)
        printf(" %7.1f Gop/s, %3.0f %% of the core (%.0f)\n", op / ns, 100 * op / ns / most, most);
    else
        printf(" %7.1f Gop/s\n", op / ns);
}
