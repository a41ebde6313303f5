/* cpu.h - the inside of the CPU device: team, level, scratch; shared by its operations only. */
#ifndef KERNELS_CPU_CPU_H
#define KERNELS_CPU_CPU_H

#include "kernels/cpu/level.h"
#include "kernels/cpu/repack.h"
#include "kernels/cpu/team.h"
#include "kernels/kernels.h"

/* Partial attention results kept between the two halves of a split; more are not split. */
enum { CPU_MAX_PARTS = 2048 };

struct matrix {
    struct packed *part;        /* [n_part] */
    uint32_t       n_part;
    uint32_t       n_in;
    uint32_t       n_group;     /* of all parts */
};

/* The file's own rows. */
struct table {
    enum dtype     dtype;
    const uint8_t *data;
};

/* Scratch memory is made at open; operations allocate nothing. */
struct cpu {
    struct device           base;
    const struct cpu_level *level;
    struct team            *team;
    struct store           *store;      /* where the next matrix goes */
    uint32_t                max_row;
    uint32_t                max_width;
    struct acts             shared;     /* [max_row] activations of the running product */
    struct acts            *own;        /* [team size] one row each, for products of one row */
    uint32_t               *own_of;     /* [team size] the product that `own` was prepared for */
    uint32_t                n_product;  /* products so far */
    struct step_args        step;       /* the running pass */
    struct attend_part     *part;       /* [CPU_MAX_PARTS] */
    char                    name[32];
    struct kernels          ops;        /* this device's table: the name is its own */
};

void cpu_step(struct device *d, const struct step_args *a);
void cpu_copy_page(struct device *d, const struct copy_page_args *a);
void cpu_embed(struct device *d, const struct embed_args *a);
void cpu_product(struct device *d, const struct product_args *a);
void cpu_rope_kv(struct device *d, const struct rope_kv_args *a);
void cpu_attention(struct device *d, const struct attention_args *a);
void cpu_norm_add(struct device *d, const struct norm_add_args *a);
void cpu_cap(struct device *d, const struct cap_args *a);

#endif
