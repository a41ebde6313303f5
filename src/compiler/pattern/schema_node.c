/* schema_node.c - the places of a text that hold schemas, with base URI, draft and keywords.
 *
 * A place is a node once, however many ways lead to it; nodes are found by the place of their value
 * in the text.  Where a node stands is kept as the way from the node that holds it: the pointer is
 * written only when somebody has to be told. */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/hash.h"
#include "compiler/pattern/schema_data.h"

enum { INDEXED_KEYS = 24 };     /* objects with more keys are indexed */

bool schema_is_schema(const struct jnode *j)
{
    return j && (j->kind == J_OBJECT || j->kind == J_BOOL);
}

bool schema_node_at(const struct schema *s, const struct jnode *json, uint32_t *ret_node)
{
    if (json->order >= s->cap_node_at || !s->node_at[json->order])
        return false;
    *ret_node = s->node_at[json->order] - 1;
    return true;
}

static uint32_t scan_key(const struct jnode *o, struct slice key)
{
    for (uint32_t i = 0; i < o->n; i++)
        if (slice_eq(o->key[i], key))
            return i;
    return UINT32_MAX;
}

static uint64_t key_mark(const struct jnode *o, struct slice key)
{
    return hash_combine((uint64_t)o->order + 1, hash_bytes(key.ptr, key.len));
}

/* An index that meets two keys of one hash, or no memory, is no index: the keys are scanned. */
uint32_t schema_find_key(struct schema *s, const struct jnode *o, struct slice key)
{
    uint64_t at, whole = hash_u64(o->order);
    if (o->n <= INDEXED_KEYS)
        return scan_key(o, key);
    if (!idmap_get(&s->by_key, whole, &at)) {
        for (uint32_t i = 0; i < o->n; i++)
            if (!idmap_put(&s->by_key, key_mark(o, o->key[i]), i))
                return scan_key(o, key);
        if (!idmap_put(&s->by_key, whole, o->n))
            return scan_key(o, key);
    }
    if (!idmap_get(&s->by_key, key_mark(o, key), &at))
        return UINT32_MAX;
    return at < o->n && slice_eq(o->key[at], key) ? (uint32_t)at : scan_key(o, key);
}

/* ---- pointers ------------------------------------------------------------------------------- */

static void add_step(const struct schema_node *n, struct str *out)
{
    if (n->held == WORD_REF) {
        str_add_slice(out, n->pointer);
        return;
    }
    str_addf(out, "/%s", schema_word_name((enum schema_word)n->held));
    if (n->key) {
        str_addc(out, '/');
        for (size_t i = 0; i < n->key->len; i++) {
            char c = n->key->ptr[i];
            str_adds(out, c == '~' ? "~0" : c == '/' ? "~1" : (char[2]){ c, 0 });
        }
    } else if (n->index >= 0) {
        str_addf(out, "/%d", (int)n->index);
    }
}

/* A node stands deeper in the text than the one its way begins at, so the ways are short. */
void schema_add_pointer(const struct schema *s, uint32_t node, struct str *out)
{
    uint32_t way[JTREE_NEST_MAX + 1], n = 0;
    while (node && n <= JTREE_NEST_MAX) {
        way[n++] = node;
        const struct schema_node *at = &s->node[node];
        node = at->held == WORD_REF ? (uint32_t)at->index : at->parent;
    }
    while (n)
        add_step(&s->node[way[--n]], out);
    str_add(out, "", 0);
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static void add_name(struct schema *s, struct slice base, struct slice anchor, uint32_t node,
                     bool dynamic)
{
    struct schema_name *n = array_push(&s->name, &s->n_name, &s->cap_name, sizeof *n);
    char *uri = anchor.len ? arena_printf(&s->arena, "%.*s#%.*s", (int)base.len, base.ptr,
                                          (int)anchor.len, anchor.ptr) : NULL;
    if (!n || (anchor.len && !uri)) {
        schema_nomem(s);
        return;
    }
    *n = (struct schema_name){ anchor.len ? slice_of(uri) : base, node, dynamic };
}

static uint8_t draft_of(struct slice uri, uint8_t unknown)
{
    static const struct { const char *part; uint8_t draft; } known[] = {
        { "draft-04", DRAFT_4 }, { "draft-06", DRAFT_6 }, { "draft-07", DRAFT_7 },
        { "2019-09", DRAFT_2019 }, { "2020-12", DRAFT_2020 }, { "draft-03", 3 },
    };
    if (slice_find(uri, SLICE("json-schema.org")) == SIZE_MAX)
        return unknown;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (slice_find(uri, slice_of(known[i].part)) != SIZE_MAX)
            return known[i].draft;
    return unknown;
}

/* An object's values by keyword. */
struct named {
    const struct jnode *value[N_SCHEMA_WORD];
    uint8_t             order[N_SCHEMA_WORD];
    uint32_t            n;
    uint64_t            has;
};

static void read_words(const struct jnode *j, struct named *w)
{
    w->n = 0;
    w->has = 0;
    for (uint32_t i = 0; i < j->n; i++) {
        enum schema_word word = schema_word_of(j->key[i]);
        if (word == WORD_NONE)
            continue;
        w->has |= 1ull << word;
        w->value[word] = j->kid[i];
        w->order[w->n++] = (uint8_t)word;
    }
}

static const struct jnode *string_at(const struct named *w, enum schema_word word)
{
    return w->has >> word & 1 && w->value[word]->kind == J_STRING ? w->value[word] : NULL;
}

/* Base, draft and names of the node's own $schema, $id and anchors. */
static void name_node(struct schema *s, uint32_t id, const struct named *w)
{
    struct schema_node *n = &s->node[id];
    const struct jnode *dialect = string_at(w, WORD_AT_SCHEMA);
    if (dialect) {
        n->draft = draft_of(dialect->text, n->draft);
        n->legacy = n->draft == DRAFT_2020 && draft_of(dialect->text, 0) == 0;
        if (n->draft == 3)
            schema_refuse(s, id, WORD_AT_SCHEMA, "draft-03 is not supported");
    }
    enum schema_word word = n->draft == DRAFT_4 ? WORD_OLD_ID : WORD_AT_ID;
    if (!(w->has >> word & 1) && n->legacy)
        word = WORD_OLD_ID;
    const struct jnode *own = string_at(w, word);
    if (own && !(w->has & WORD_BIT(REF) && n->draft <= DRAFT_7)) {
        struct slice uri, fragment;
        schema_split_uri(own->text, &uri, &fragment);
        if (uri.len) {
            n->base = schema_join_uri(s, n->base, uri);
            add_name(s, n->base, (struct slice){ "", 0 }, id, false);
        }
        if (fragment.len && n->draft <= DRAFT_7)
            add_name(s, n->base, fragment, id, false);
    }
    const struct jnode *anchor = string_at(w, WORD_ANCHOR);
    const struct jnode *dynamic = string_at(w, WORD_DYNAMIC_ANCHOR);
    if (anchor && n->draft >= DRAFT_2019)
        add_name(s, n->base, anchor->text, id, false);
    if (dynamic && n->draft >= DRAFT_2020)
        add_name(s, n->base, dynamic->text, id, true);
}

/* The keywords that the node's draft knows: their values by number, their numbers as written. */
static void note_words(struct schema *s, struct schema_node *n, const struct named *w)
{
    uint8_t order[N_SCHEMA_WORD];
    n->names = w->has;
    for (uint32_t i = 0; i < w->n; i++)
        if (schema_word_known((enum schema_word)w->order[i], n->draft, n->legacy)) {
            n->has |= 1ull << w->order[i];
            order[n->n_word++] = w->order[i];
        }
    if (!n->n_word)
        return;
    const struct jnode **list = arena_array(&s->arena, n->n_word, sizeof *list);
    n->word = arena_dup(&s->arena, order, n->n_word);
    n->value = list;
    if (!list || !n->word) {
        n->has = n->n_word = 0;
        schema_nomem(s);
        return;
    }
    for (uint64_t left = n->has; left; left &= left - 1)
        *list++ = w->value[__builtin_ctzll(left)];
}

static bool note_place(struct schema *s, const struct jnode *json, uint32_t node)
{
    uint32_t old = s->cap_node_at;
    if (!array_reserve(&s->node_at, &s->cap_node_at, json->order + 1, sizeof *s->node_at))
        return false;
    memset(s->node_at + old, 0, (s->cap_node_at - old) * sizeof *s->node_at);
    s->node_at[json->order] = node + 1;
    return true;
}

uint32_t schema_add_node(struct schema *s, struct schema_node place)
{
    uint32_t known;
    if (schema_node_at(s, place.json, &known))
        return known;
    if (s->n_node) {
        const struct schema_node *from = &s->node[place.parent];
        place.base = from->base;
        place.draft = from->draft;
        place.legacy = from->legacy;
    }
    struct schema_node *n = array_push(&s->node, &s->n_node, &s->cap_node, sizeof *n);
    if (!n || !note_place(s, place.json, s->n_node - 1)) {
        schema_nomem(s);
        return 0;
    }
    *n = place;
    struct named w;
    if (n->json->kind == J_OBJECT) {
        read_words(n->json, &w);
        name_node(s, s->n_node - 1, &w);
        note_words(s, n, &w);
    }
    return s->n_node - 1;
}

static uint32_t node_held(struct schema *s, uint32_t parent, enum schema_word word, int32_t index,
                          const struct slice *key, const struct jnode *json)
{
    uint32_t known;
    if (schema_node_at(s, json, &known))
        return known;
    return schema_add_node(s, (struct schema_node){ .json = json, .parent = parent, .index = index,
                                                    .held = (uint8_t)word, .key = key });
}

/* Keywords that hold a schema, a list of them, or a map of them. */
static const uint64_t holds_one = WORD_BIT(NOT) | WORD_BIT(IF) | WORD_BIT(THEN) | WORD_BIT(ELSE) |
    WORD_BIT(ITEMS) | WORD_BIT(ADDITIONAL_ITEMS) | WORD_BIT(CONTAINS) |
    WORD_BIT(ADDITIONAL_PROPERTIES) | WORD_BIT(PROPERTY_NAMES) | WORD_BIT(UNEVALUATED_ITEMS) |
    WORD_BIT(UNEVALUATED_PROPERTIES);
static const uint64_t holds_list = WORD_BIT(ALL_OF) | WORD_BIT(ANY_OF) | WORD_BIT(ONE_OF) |
    WORD_BIT(PREFIX_ITEMS) | WORD_BIT(ITEMS);
static const uint64_t holds_map = WORD_BIT(PROPERTIES) | WORD_BIT(PATTERN_PROPERTIES) |
    WORD_BIT(DEFS) | WORD_BIT(DEFINITIONS) | WORD_BIT(DEPENDENT_SCHEMAS) | WORD_BIT(DEPENDENCIES);

void schema_add_held(struct schema *s, uint32_t id)
{
    const struct jnode *j = s->node[id].json;
    if (!(s->node[id].names & (holds_one | holds_list | holds_map)))
        return;
    for (uint32_t i = 0; i < j->n; i++) {
        enum schema_word word = schema_word_of(j->key[i]);
        const struct jnode *k = j->kid[i];
        if (holds_one >> word & 1 && schema_is_schema(k))
            node_held(s, id, word, -1, NULL, k);
        bool list = holds_list >> word & 1 && k->kind == J_ARRAY;
        bool map = holds_map >> word & 1 && k->kind == J_OBJECT;
        for (uint32_t m = 0; (list || map) && m < k->n; m++)
            if (schema_is_schema(k->kid[m]))
                node_held(s, id, word, list ? (int32_t)m : -1, map ? &k->key[m] : NULL, k->kid[m]);
    }
}

/* ---- keywords ------------------------------------------------------------------------------- */

const struct jnode *schema_keyword(const struct schema *s, uint32_t node, enum schema_word word)
{
    const struct schema_node *n = &s->node[node];
    uint64_t bit = 1ull << word;
    return n->has & bit ? n->value[__builtin_popcountll(n->has & (bit - 1))] : NULL;
}

uint32_t schema_kid(struct schema *s, uint32_t node, enum schema_word keyword)
{
    const struct jnode *k = schema_keyword(s, node, keyword);
    if (!schema_is_schema(k))
        schema_malformed(s, node, keyword, "a schema is expected");
    return schema_is_schema(k) ? node_held(s, node, keyword, -1, NULL, k) : 0;
}

uint32_t schema_member(struct schema *s, uint32_t node, enum schema_word keyword, uint32_t i)
{
    const struct jnode *k = schema_keyword(s, node, keyword);
    if (!k || i >= k->n || !schema_is_schema(k->kid[i])) {
        schema_malformed(s, node, keyword, "a schema is expected in it");
        return 0;
    }
    return node_held(s, node, keyword, k->kind == J_ARRAY ? (int32_t)i : -1,
                     k->kind == J_OBJECT ? &k->key[i] : NULL, k->kid[i]);
}

bool schema_is_true(const struct schema *s, uint32_t node)
{
    const struct jnode *j = s->node[node].json;
    return j->kind == J_BOOL ? j->truth : j->n == 0;
}

bool schema_is_false(const struct schema *s, uint32_t node)
{
    const struct jnode *j = s->node[node].json;
    return j->kind == J_BOOL && !j->truth;
}

uint32_t schema_count(struct schema *s, uint32_t node, enum schema_word keyword, uint32_t unset)
{
    const struct jnode *k = schema_keyword(s, node, keyword);
    struct decimal d;
    uint64_t n;
    if (!k)
        return unset;
    if (k->kind != J_NUMBER || !decimal_read(k->text, &d) || d.negative || !decimal_is_integer(&d)) {
        schema_malformed(s, node, keyword, "a count is expected");
        return unset;
    }
    if (!decimal_scaled(&d, 0, &n) || n > INT32_MAX)
        return INT32_MAX;
    return (uint32_t)n;
}
