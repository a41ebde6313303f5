/* mask_border.c - masks where a value begins or ends inside a token: text taken back before it, and
 * text that stands behind it. */
#include "runtime/constrain/mask_walk.h"

/* Tokens below `node` that are beginnings of the text; the node where it ends, 0: none. */
static uint32_t add_along(struct mask_out *o, uint32_t node, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!(node = trie_child(o->v, node, (uint8_t)text.ptr[i])))
            return 0;
        mask_add_node(o, &o->v->node[node]);
    }
    return node;
}

bool mask_healed(struct drive *d, const struct vocab *v, struct slice rest, uint32_t config, uint32_t *row)
{
    struct walk_room room;
    struct mask_out o;
    walk_room_open(&room);
    mask_out_open(&o, v, d->f, &room, row);
    uint32_t node = add_along(&o, 0, rest);
    bool ok = !node || mask_walk(&o, node, config, CONFIG_DEAD);
    walk_room_close(&room);
    return ok;
}

bool mask_follow(struct mask_out *o, uint32_t config, struct slice follow)
{
    uint32_t at[TRIE_TOKEN_MAX + 2];
    const struct trie_node *n = o->v->node;
    uint8_t first = (uint8_t)follow.ptr[0];
    at[0] = config;
    for (uint32_t i = 0; i < o->v->n_node && !family_failed(o->f);) {
        uint32_t d = n[i].depth;
        if (d) {
            at[d] = automaton_step(o->f, at[d - 1], (uint8_t)n[i].byte);
            if (at[d] == CONFIG_DEAD) {
                i += n[i].subtree;
                continue;
            }
        }
        if (automaton_accepts(o->f, at[d]) && automaton_step(o->f, at[d], first) == CONFIG_DEAD)
            add_along(o, i, follow);
        i++;
    }
    return !family_failed(o->f);
}

void heal_mask(const struct vocab *v, struct slice rest, uint32_t *row)
{
    struct mask_out o;
    mask_out_open(&o, v, NULL, NULL, row);
    uint32_t node = add_along(&o, 0, rest);
    for (uint32_t i = node + 1; node && i < node + v->node[node].subtree; i++)
        mask_add_node(&o, &v->node[i]);
}
