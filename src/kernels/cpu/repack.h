/* repack.h - weights as the CPU products read them: 16 output rows side by side.
 *
 *     one block of one group of rows, 4-bit kinds (256 bytes; 8-bit kinds have 8 such lines)
 *
 *       line 0   row 0: k 0..3 | row 1: k 0..3 | ... | row 15: k 0..3      low nibbles
 *                row 0: k 16..19 ...                                       high nibbles
 *       line 1   k 4..7 and 20..23
 *       line 2   k 8..11 and 24..27
 *       line 3   k 12..15 and 28..31
 *
 * Four bytes of an activation, broadcast, meet one line: a vector lane is an output row, so no
 * sum ever crosses lanes.  8-bit kinds hold weight + 128, the unsigned form that VNNI wants.
 * Float kinds hold 16 rows side by side for each k.  Rows beyond n_out are zeros. */
#ifndef KERNELS_CPU_REPACK_H
#define KERNELS_CPU_REPACK_H

#include "base/error.h"
#include "kernels/cpu/store.h"
#include "kernels/kernels.h"

enum { PACK_ROWS = 16, PACK_BLOCK = 32 };

/* name, bytes of quants a block of 16 rows x 32, scales a block and row, bytes of a scale,
 * has minimum */
#define PACK_ROWS_LIST(X)                                                   \
    X(U4H, 256, 1, 2, 0)        /* Q4_0: d (q - 8) */                       \
    X(U4HM, 256, 1, 2, 1)       /* Q4_1 */                                  \
    X(U4FM, 256, 1, 4, 1)       /* Q4_K: d sc, - dmin mn */                 \
    X(S8H, 512, 1, 2, 0)        /* Q8_0, Q5_0 */                            \
    X(S8HM, 512, 1, 2, 1)       /* Q5_1 */                                  \
    X(S8FM, 512, 1, 4, 1)       /* Q5_K */                                  \
    X(S8F2, 512, 2, 4, 0)       /* Q6_K: a scale for each 16 */             \
    X(F16, 1024, 0, 0, 0)                                                   \
    X(BF16, 1024, 0, 0, 0)                                                  \
    X(F32, 2048, 0, 0, 0)

enum pack_kind {
#define X(name, quants, scales, bytes, min) PACK_##name,
    PACK_ROWS_LIST(X)
#undef X
    PACK_N
};

/* Inline, so that a product written for one kind has them as constants. */
static inline bool pack_half_scales(enum pack_kind k)
{
#define X(name, quants, scales, bytes, min) (k == PACK_##name && bytes == 2) ||
    return PACK_ROWS_LIST(X) false;
#undef X
}

static inline bool pack_has_min(enum pack_kind k)
{
#define X(name, quants, scales, bytes, min) (k == PACK_##name && min) ||
    return PACK_ROWS_LIST(X) false;
#undef X
}

struct packed {
    enum pack_kind kind;
    uint32_t       n_out;
    uint32_t       n_in;
    uint32_t       n_group;     /* of 16 rows */
    uint32_t       out_off;     /* first column of the result */
    uint8_t       *quant;       /* [n_group, n_in / 32, quants] */
    uint8_t       *scale;       /* [n_group, n_in / 32, scales, 16] fp16 or float */
    uint8_t       *min;         /* [n_group, n_in / 32, 16], or NULL */
    struct store  *store;       /* where the three lie */
};

size_t pack_quant_bytes(enum pack_kind k);      /* a block of 16 rows */
size_t pack_scale_bytes(enum pack_kind k);      /* the same; 0 for floats */
bool   pack_is_int(enum pack_kind k);
uint64_t pack_bytes(const struct packed *p);

/* Room for one part, nothing filled yet; pack_free copes with a zeroed one. */
enum status pack_new(const struct matrix_part *part, uint32_t n_in, struct store **store,
                     struct packed *ret, struct error *err);
void        pack_free(struct packed *p);
/* Fills groups group0 .. group1 - 1; different groups may be filled by different threads. */
void        pack_fill(struct packed *p, const struct matrix_part *part, uint32_t group0,
                      uint32_t group1);

#endif
