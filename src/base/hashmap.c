/* hashmap.c - two open-addressing maps with linear probing and deletion by shifting back.
 *
 *      home of k1 = 3:   | .. | .. | .. | k1 | k2 | .. |
 *                                         ^3   ^4      k2's home is 3 as well
 *
 * A run of slots never has a hole between a key's home and the key, so a lookup stops at the
 * first empty slot and no tombstones exist.  The load stays at or below three quarters. */
#include "base/hashmap.h"

#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"

enum { FIRST_CAP = 16 };

struct hashmap_slot {
    struct slice key;
    uint64_t     hash;      /* 0 marks an empty slot; a real hash of 0 is stored as 1 */
    uint64_t     value;
};

struct idmap_slot {
    uint64_t key;
    uint64_t value;
    uint64_t hash;          /* as above */
};

static bool too_full(uint32_t n, uint32_t cap)
{
    return (uint64_t)(n + 1) * 4 > (uint64_t)cap * 3;
}

/* Bytes to a number: hashmap. */

static uint64_t key_hash(struct slice key)
{
    uint64_t h = hash_bytes(key.ptr, key.len);
    return h ? h : 1;
}

/* The slot that holds the key, or the empty one where it would go. */
static uint32_t hashmap_find(const struct hashmap *m, struct slice key, uint64_t hash)
{
    uint32_t i = (uint32_t)hash & (m->cap - 1);
    while (m->slot[i].hash && !(m->slot[i].hash == hash && slice_eq(m->slot[i].key, key)))
        i = (i + 1) & (m->cap - 1);
    return i;
}

static bool hashmap_grow(struct hashmap *m)
{
    if (m->cap > UINT32_MAX / 2)
        return false;
    uint32_t cap = m->cap ? m->cap * 2 : FIRST_CAP;
    struct hashmap grown = { mem_calloc(cap, sizeof *grown.slot), m->n, cap };
    if (!grown.slot)
        return false;
    for (uint32_t i = 0; i < m->cap; i++) {
        const struct hashmap_slot *s = &m->slot[i];
        if (s->hash)
            grown.slot[hashmap_find(&grown, s->key, s->hash)] = *s;
    }
    mem_free(m->slot);
    *m = grown;
    return true;
}

bool hashmap_put(struct hashmap *m, struct slice key, uint64_t value)
{
    uint64_t hash = key_hash(key);
    if (m->cap) {
        uint32_t i = hashmap_find(m, key, hash);
        if (m->slot[i].hash) {
            m->slot[i].value = value;
            return true;
        }
    }
    if (too_full(m->n, m->cap) && !hashmap_grow(m))
        return false;
    m->slot[hashmap_find(m, key, hash)] = (struct hashmap_slot){ key, hash, value };
    m->n++;
    return true;
}

bool hashmap_get(const struct hashmap *m, struct slice key, uint64_t *ret_value)
{
    if (!m->n)
        return false;
    const struct hashmap_slot *s = &m->slot[hashmap_find(m, key, key_hash(key))];
    if (!s->hash)
        return false;
    *ret_value = s->value;
    return true;
}

bool hashmap_del(struct hashmap *m, struct slice key)
{
    if (!m->n)
        return false;
    uint32_t mask = m->cap - 1;
    uint32_t hole = hashmap_find(m, key, key_hash(key));
    if (!m->slot[hole].hash)
        return false;
    for (uint32_t i = (hole + 1) & mask; m->slot[i].hash; i = (i + 1) & mask) {
        uint32_t home = (uint32_t)m->slot[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->slot[hole] = m->slot[i];
            hole = i;
        }
    }
    memset(&m->slot[hole], 0, sizeof m->slot[hole]);
    m->n--;
    return true;
}

bool hashmap_next(const struct hashmap *m, uint32_t *it, struct slice *ret_key, uint64_t *ret_value)
{
    for (; *it < m->cap; ++*it) {
        const struct hashmap_slot *s = &m->slot[*it];
        if (s->hash) {
            *ret_key = s->key;
            *ret_value = s->value;
            ++*it;
            return true;
        }
    }
    return false;
}

void hashmap_free(struct hashmap *m)
{
    mem_free(m->slot);
    *m = (struct hashmap){ 0 };
}

/* A number to a number: idmap. */

static uint64_t id_hash(uint64_t key)
{
    uint64_t h = hash_u64(key);
    return h ? h : 1;
}

static uint32_t idmap_find(const struct idmap *m, uint64_t key, uint64_t hash)
{
    uint32_t i = (uint32_t)hash & (m->cap - 1);
    while (m->slot[i].hash && m->slot[i].key != key)
        i = (i + 1) & (m->cap - 1);
    return i;
}

static bool idmap_grow(struct idmap *m)
{
    if (m->cap > UINT32_MAX / 2)
        return false;
    uint32_t cap = m->cap ? m->cap * 2 : FIRST_CAP;
    struct idmap grown = { mem_calloc(cap, sizeof *grown.slot), m->n, cap };
    if (!grown.slot)
        return false;
    for (uint32_t i = 0; i < m->cap; i++) {
        const struct idmap_slot *s = &m->slot[i];
        if (s->hash)
            grown.slot[idmap_find(&grown, s->key, s->hash)] = *s;
    }
    mem_free(m->slot);
    *m = grown;
    return true;
}

bool idmap_put(struct idmap *m, uint64_t key, uint64_t value)
{
    uint64_t hash = id_hash(key);
    if (m->cap) {
        uint32_t i = idmap_find(m, key, hash);
        if (m->slot[i].hash) {
            m->slot[i].value = value;
            return true;
        }
    }
    if (too_full(m->n, m->cap) && !idmap_grow(m))
        return false;
    m->slot[idmap_find(m, key, hash)] = (struct idmap_slot){ key, value, hash };
    m->n++;
    return true;
}

bool idmap_get(const struct idmap *m, uint64_t key, uint64_t *ret_value)
{
    if (!m->n)
        return false;
    const struct idmap_slot *s = &m->slot[idmap_find(m, key, id_hash(key))];
    if (!s->hash)
        return false;
    *ret_value = s->value;
    return true;
}

bool idmap_del(struct idmap *m, uint64_t key)
{
    if (!m->n)
        return false;
    uint32_t mask = m->cap - 1;
    uint32_t hole = idmap_find(m, key, id_hash(key));
    if (!m->slot[hole].hash)
        return false;
    for (uint32_t i = (hole + 1) & mask; m->slot[i].hash; i = (i + 1) & mask) {
        uint32_t home = (uint32_t)m->slot[i].hash & mask;
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            m->slot[hole] = m->slot[i];
            hole = i;
        }
    }
    memset(&m->slot[hole], 0, sizeof m->slot[hole]);
    m->n--;
    return true;
}

void idmap_free(struct idmap *m)
{
    mem_free(m->slot);
    *m = (struct idmap){ 0 };
}
