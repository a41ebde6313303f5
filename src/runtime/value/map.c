/* map.c - maps: entries in the order of insertion, found through an index of their hashes.
 *
 *      entry   [0] a:1   [1] b:2   [2] c:3
 *      index   [ 0 ][ 3 ][ 0 ][ 1 ][ 2 ]...    entry number + 1; 0 is free
 *
 * Up to MAP_SMALL entries there is no index: a walk is quicker.  A removal moves the entries
 * behind it up and rebuilds the index, since programs remove rarely. */
#include <string.h>

#include "runtime/value/value_int.h"

enum { MAP_SMALL = 8 };

void map_destroy(struct obj_map *m)
{
    for (uint32_t i = 0; i < m->n; i++) {
        value_unref(m->entry[i].key);
        value_unref(m->entry[i].val);
    }
    mem_free(m->entry);
    mem_free(m->index);
    mem_free(m);
}

enum status value_map(struct value *ret)
{
    struct obj_map *m = mem_zalloc(sizeof *m);
    if (!m)
        return ST_NOMEM;
    m->hdr = (struct obj){ .refs = 1, .tag = VAL_MAP, .depth = 1 };
    *ret = (struct value){ .tag = VAL_MAP, .obj = &m->hdr };
    return ST_OK;
}

static uint32_t *index_slot(const struct obj_map *m, struct value key)
{
    uint32_t mask = m->n_index - 1;
    for (uint32_t at = (uint32_t)value_hash(key) & mask;; at = (at + 1) & mask) {
        uint32_t *slot = &m->index[at];
        if (!*slot || value_eq(m->entry[*slot - 1].key, key))
            return slot;
    }
}

static int64_t map_where(const struct obj_map *m, struct value key)
{
    if (m->index)
        return (int64_t)*index_slot(m, key) - 1;
    for (uint32_t i = 0; i < m->n; i++)
        if (value_eq(m->entry[i].key, key))
            return i;
    return -1;
}

static enum status index_build(struct obj_map *m)
{
    mem_free(m->index);
    m->index = NULL;
    m->n_index = 0;
    if (m->n <= MAP_SMALL)
        return ST_OK;
    uint32_t n = 32;
    while (n < m->n * 2)
        n *= 2;
    m->index = mem_calloc(n, sizeof *m->index);
    if (!m->index)
        return ST_OK;           /* walks are slower and right */
    m->n_index = n;
    for (uint32_t i = 0; i < m->n; i++)
        *index_slot(m, m->entry[i].key) = i + 1;
    return ST_OK;
}

static enum status map_own(struct value *map)
{
    struct obj_map *m = (struct obj_map *)map->obj;
    if (m->hdr.refs == 1)
        return ST_OK;
    struct value copy;
    enum status st = value_map(&copy);
    if (st != ST_OK)
        return st;
    struct obj_map *c = (struct obj_map *)copy.obj;
    c->entry = mem_calloc(m->n + 1u, sizeof *c->entry);
    if (!c->entry) {
        value_unref(copy);
        return ST_NOMEM;
    }
    c->cap = m->n + 1u;
    for (uint32_t i = 0; i < m->n; i++) {
        c->entry[i].key = value_ref(m->entry[i].key);
        c->entry[i].val = value_ref(m->entry[i].val);
    }
    c->n = m->n;
    c->hdr.depth = m->hdr.depth;
    st = index_build(c);
    value_unref(*map);
    *map = copy;
    return st;
}

static enum status map_add(struct obj_map *m, struct value key, struct value val)
{
    if (m->n >= VALUE_MAX_ITEMS)
        return ST_LIMIT;
    if (m->n == m->cap) {
        uint32_t cap = m->cap < 4 ? 4 : m->cap * 2;
        struct map_entry *p = mem_realloc(m->entry, cap * sizeof *p);
        if (!p)
            return ST_NOMEM;
        m->entry = p;
        m->cap = cap;
    }
    m->entry[m->n++] = (struct map_entry){ key, val };
    if (m->n_index && m->n * 2 <= m->n_index) {
        *index_slot(m, key) = m->n;
        return ST_OK;
    }
    return m->n > MAP_SMALL ? index_build(m) : ST_OK;
}

static enum status map_put_own(struct obj_map *m, struct value key, struct value val)
{
    uint32_t d = value_depth(val) + 1;
    if (d > VALUE_MAX_DEPTH)
        return ST_LIMIT;
    int64_t at = map_where(m, key);
    if (at < 0) {
        enum status st = map_add(m, key, val);
        if (st != ST_OK)
            return st;
    } else {
        value_set_take(&m->entry[at].val, val);
        value_unref(key);
    }
    if (d > m->hdr.depth)
        m->hdr.depth = (uint16_t)d;
    return ST_OK;
}

enum status value_map_put_take(struct value *map, struct value key, struct value val)
{
    enum status st = map_own(map);
    if (st == ST_OK)
        st = map_put_own((struct obj_map *)map->obj, key, val);
    if (st != ST_OK) {
        value_unref(key);
        value_unref(val);
    }
    return st;
}

bool value_map_get(struct value map, struct value key, struct value *ret)
{
    if (map.tag != VAL_MAP)
        return false;
    const struct obj_map *m = (const struct obj_map *)map.obj;
    int64_t at = map_where(m, key);
    if (at < 0)
        return false;
    *ret = m->entry[at].val;
    return true;
}

bool value_map_find(struct value map, struct slice key, struct value *ret)
{
    struct value k;
    if (map.tag != VAL_MAP || value_str(key, &k) != ST_OK)
        return false;
    bool found = value_map_get(map, k, ret);
    value_unref(k);
    return found;
}

enum status value_map_del(struct value *map, struct value key)
{
    enum status st = map_own(map);
    if (st != ST_OK)
        return st;
    struct obj_map *m = (struct obj_map *)map->obj;
    int64_t at = map_where(m, key);
    if (at < 0)
        return ST_OK;
    struct map_entry gone = m->entry[at];
    memmove(&m->entry[at], &m->entry[at + 1], (m->n - (size_t)at - 1) * sizeof *m->entry);
    m->n--;
    value_unref(gone.key);
    value_unref(gone.val);
    return index_build(m);
}

const struct map_entry *value_map_entry(struct value map, uint32_t i)
{
    const struct obj_map *m = (const struct obj_map *)map.obj;
    return &m->entry[i];
}
