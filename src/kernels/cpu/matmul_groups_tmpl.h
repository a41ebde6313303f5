/* matmul_groups_tmpl.h - which tiles make an integer product, for every width of registers.
 *
 * The file that includes this has TILE, the most activations of a tile, and `tile`. */

__attribute__((always_inline)) static inline void groups(const enum pack_kind kind,
                                                         const struct packed *w, uint32_t group0,
                                                         uint32_t group1, const struct acts *a,
                                                         uint32_t row0, uint32_t row1,
                                                         const struct product_out *o)
{
    for (uint32_t g = group0; g < group1; g++) {
        uint32_t r = row0;
        for (; r + TILE <= row1; r += TILE)
            tile(kind, TILE, w, g, a, r, o);
        for (; r + 2 <= row1; r += 2)
            tile(kind, 2, w, g, a, r, o);
        if (r < row1)
            tile(kind, 1, w, g, a, r, o);
    }
}

static void product_q(const struct packed *w, uint32_t group0, uint32_t group1,
                      const struct acts *a, uint32_t row0, uint32_t row1,
                      const struct product_out *o)
{
    switch (w->kind) {
    case PACK_U4H:  groups(PACK_U4H, w, group0, group1, a, row0, row1, o); break;
    case PACK_U4HM: groups(PACK_U4HM, w, group0, group1, a, row0, row1, o); break;
    case PACK_U4FM: groups(PACK_U4FM, w, group0, group1, a, row0, row1, o); break;
    case PACK_S8H:  groups(PACK_S8H, w, group0, group1, a, row0, row1, o); break;
    case PACK_S8HM: groups(PACK_S8HM, w, group0, group1, a, row0, row1, o); break;
    case PACK_S8FM: groups(PACK_S8FM, w, group0, group1, a, row0, row1, o); break;
    default:        groups(PACK_S8F2, w, group0, group1, a, row0, row1, o); break;
    }
}
