/* intern.c - strings to small ids; the texts lie in an arena, so that slices stay good. */
#include "base/intern.h"

#include "base/alloc.h"
#include "base/array.h"

uint32_t intern_add(struct intern *t, struct slice s)
{
    uint64_t id;
    if (hashmap_get(&t->map, s, &id))
        return (uint32_t)id;
    if (t->n == INTERN_NONE || !array_reserve(&t->at, &t->cap, t->n + 1, sizeof *t->at))
        return INTERN_NONE;
    struct slice own = arena_slice(&t->text, s);
    if (!own.ptr || !hashmap_put(&t->map, own, t->n))
        return INTERN_NONE;
    t->at[t->n] = own;
    return t->n++;
}

uint32_t intern_find(const struct intern *t, struct slice s)
{
    uint64_t id;
    return hashmap_get(&t->map, s, &id) ? (uint32_t)id : (uint32_t)INTERN_NONE;
}

struct slice intern_text(const struct intern *t, uint32_t id)
{
    return id < t->n ? t->at[id] : (struct slice){ "", 0 };
}

void intern_free(struct intern *t)
{
    hashmap_free(&t->map);
    arena_free(&t->text);
    mem_free(t->at);
    *t = (struct intern){ 0 };
}
