/* schema.c - JSON text to a graph of schema nodes: drafts, identifiers, references.
 *
 * A node is a place that holds a schema.  All places are listed by one walk that knows which
 * keywords hold schemas, so that an `$id` inside an enum counts for nothing.  There is no network:
 * a reference leads into this document or is refused. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "compiler/pattern/schema_data.h"

void schema_nomem(struct schema *s)
{
    if (s->st == ST_OK)
        s->st = error_nomem(s->err);
}

static enum status say(struct schema *s, uint32_t node, const char *keyword, const char *code,
                       const char *why)
{
    if (s->st != ST_OK)
        return s->st;
    struct slice at = node < s->n_node ? s->node[node].pointer : (struct slice){ "", 0 };
    enum status st = !strcmp(code, "E0407") ? ST_INVALID : ST_UNSUPPORTED;
    s->st = error_code(s->err, st, code, "%.*s%s%s: %s", (int)(at.len > 200 ? 200 : at.len), at.ptr,
                       *keyword ? "/" : "", keyword, why);
    if (s->err) {
        struct str p = { 0 };
        str_add_slice(&p, at);
        if (*keyword)
            str_addf(&p, "/%s", keyword);
        size_t n = p.len < sizeof s->err->pointer - 1 ? p.len : sizeof s->err->pointer - 1;
        if (n)
            memcpy(s->err->pointer, p.ptr, n);
        s->err->pointer[n] = 0;
        str_free(&p);
    }
    return s->st;
}

enum status schema_refuse(struct schema *s, uint32_t node, enum schema_word word, const char *why)
{
    return say(s, node, schema_word_name(word), "E0408", why);
}

enum status schema_malformed(struct schema *s, uint32_t node, enum schema_word word, const char *why)
{
    return say(s, node, schema_word_name(word), "E0407", why);
}

/* ---- URIs ----------------------------------------------------------------------------------- */

static bool has_scheme(struct slice u)
{
    for (size_t i = 0; i < u.len; i++) {
        char c = u.ptr[i];
        if (c == ':')
            return i > 0;
        if (!((c | 32) >= 'a' && (c | 32) <= 'z') && !(i && ((c >= '0' && c <= '9') || strchr("+-.", c))))
            return false;
    }
    return false;
}

static void split_fragment(struct slice u, struct slice *uri, struct slice *fragment)
{
    size_t at = slice_find(u, SLICE("#"));
    *uri = at == SIZE_MAX ? u : slice_sub(u, 0, at);
    *fragment = at == SIZE_MAX ? slice_sub(u, u.len, 0) : slice_sub(u, at + 1, u.len);
}

/* Segments "." and ".." of the path are taken out in place. */
static size_t tidy(char *u, size_t n, size_t path)
{
    size_t out = path;
    for (size_t i = path; i < n;) {
        size_t end = i + 1;
        while (end < n && u[end] != '/')
            end++;
        size_t len = end - i;
        if (len == 2 && u[i + 1] == '.') {
            if (end == n)
                u[out++] = '/';
        } else if (len == 3 && u[i + 1] == '.' && u[i + 2] == '.') {
            while (out > path && u[--out] != '/')
                ;
            if (end == n)
                u[out++] = '/';
        } else {
            memmove(u + out, u + i, len);
            out += len;
        }
        i = end;
    }
    return out;
}

/* ref against base (RFC 3986 5.2), both without fragment. */
static struct slice join_uri(struct schema *s, struct slice base, struct slice ref)
{
    struct str u = { 0 };
    size_t path = 0;
    if (!ref.len || has_scheme(ref))
        return ref.len ? ref : base;
    size_t slashes = slice_find(base, SLICE("://"));
    if (slashes != SIZE_MAX) {
        path = slashes + 3;
        while (path < base.len && base.ptr[path] != '/')
            path++;
    }
    if (ref.ptr[0] == '/') {
        str_add(&u, base.ptr, path);
    } else {
        size_t cut = base.len;
        while (cut > path && base.ptr[cut - 1] != '/')
            cut--;
        str_add(&u, base.ptr, cut > path ? cut : path);
        if (slashes != SIZE_MAX && cut <= path)
            str_addc(&u, '/');
    }
    str_add_slice(&u, ref);
    if (u.len > path && u.ptr[path] == '/')
        str_cut(&u, tidy(u.ptr, u.len, path));
    struct slice r = arena_slice(&s->arena, str_slice(&u));
    if (u.failed || !r.ptr)
        schema_nomem(s);
    str_free(&u);
    return r;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static void add_name(struct schema *s, struct slice base, struct slice anchor, uint32_t node, bool dynamic)
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

/* Base, draft and names of the node's own $schema, $id and anchors. */
static void name_node(struct schema *s, uint32_t id)
{
    struct schema_node *n = &s->node[id];
    if (n->json->kind != J_OBJECT)
        return;
    const struct jnode *dialect = jtree_get(n->json, "$schema");
    if (dialect && dialect->kind == J_STRING) {
        n->draft = draft_of(dialect->text, n->draft);
        n->legacy = n->draft == DRAFT_2020 && draft_of(dialect->text, 0) == 0;
        if (n->draft == 3)
            say(s, id, "$schema", "E0408", "draft-03 is not supported");
    }
    const struct jnode *ref = jtree_get(n->json, "$ref");
    const struct jnode *own = jtree_get(n->json, n->draft == DRAFT_4 ? "id" : "$id");
    if (!own && n->legacy)
        own = jtree_get(n->json, "id");
    bool hidden = ref && n->draft <= DRAFT_7;
    if (own && own->kind == J_STRING && !hidden) {
        struct slice uri, fragment;
        split_fragment(own->text, &uri, &fragment);
        if (uri.len) {
            n->base = join_uri(s, n->base, uri);
            add_name(s, n->base, (struct slice){ "", 0 }, id, false);
        }
        if (fragment.len && n->draft <= DRAFT_7)
            add_name(s, n->base, fragment, id, false);
    }
    const struct jnode *anchor = jtree_get(n->json, "$anchor"), *dynamic = jtree_get(n->json, "$dynamicAnchor");
    if (anchor && anchor->kind == J_STRING && n->draft >= DRAFT_2019)
        add_name(s, n->base, anchor->text, id, false);
    if (dynamic && dynamic->kind == J_STRING && n->draft >= DRAFT_2020)
        add_name(s, n->base, dynamic->text, id, true);
}

/* The keywords that the node's draft knows: their values by number, their numbers as written. */
static void note_words(struct schema *s, struct schema_node *n)
{
    const struct jnode *j = n->json;
    if (j->kind != J_OBJECT)
        return;
    const struct jnode *value[N_SCHEMA_WORD];
    uint8_t order[N_SCHEMA_WORD];
    for (uint32_t i = 0; i < j->n; i++) {
        enum schema_word word = schema_word_of(j->key[i], n->draft, n->legacy);
        if (word == WORD_NONE)
            continue;
        n->has |= 1ull << word;
        value[word] = j->kid[i];
        order[n->n_word++] = (uint8_t)word;
    }
    const struct jnode **list = arena_array(&s->arena, n->n_word + 1ul, sizeof *list);
    n->word = arena_dup(&s->arena, order, n->n_word + 1ul);
    n->value = list;
    if (!list || !n->word) {
        n->has = n->n_word = 0;
        schema_nomem(s);
        return;
    }
    for (uint64_t left = n->has; left; left &= left - 1)
        *list++ = value[__builtin_ctzll(left)];
}

static uint32_t add_node(struct schema *s, const struct jnode *json, struct slice pointer,
                         const struct schema_node *parent)
{
    uint64_t known;
    if (idmap_get(&s->by_json, (uint64_t)(uintptr_t)json, &known))
        return (uint32_t)known;
    struct schema_node from = parent ? *parent
                                     : (struct schema_node){ .draft = DRAFT_2020, .legacy = true };
    struct schema_node *n = array_push(&s->node, &s->n_node, &s->cap_node, sizeof *n);
    if (!n || !idmap_put(&s->by_json, (uint64_t)(uintptr_t)json, s->n_node - 1)) {
        schema_nomem(s);
        return 0;
    }
    *n = (struct schema_node){ .json = json, .pointer = pointer, .base = from.base, .draft = from.draft,
                               .legacy = from.legacy };
    name_node(s, s->n_node - 1);
    note_words(s, n);
    return s->n_node - 1;
}

static struct slice pointer_to(struct schema *s, struct slice from, const char *keyword,
                               const struct slice *key, int64_t index)
{
    struct str p = { 0 };
    str_add_slice(&p, from);
    str_addf(&p, "/%s", keyword);
    if (key) {
        str_addc(&p, '/');
        for (size_t i = 0; i < key->len; i++)
            str_adds(&p, key->ptr[i] == '~' ? "~0" : key->ptr[i] == '/' ? "~1" : (char[2]){ key->ptr[i], 0 });
    } else if (index >= 0) {
        str_addf(&p, "/%lld", (long long)index);
    }
    struct slice r = arena_slice(&s->arena, str_slice(&p));
    if (p.failed || !r.ptr)
        schema_nomem(s);
    str_free(&p);
    return r;
}

uint32_t schema_node_of(struct schema *s, uint32_t parent, const char *keyword, int64_t index,
                        const struct slice *key, const struct jnode *json)
{
    uint64_t known;
    if (idmap_get(&s->by_json, (uint64_t)(uintptr_t)json, &known))
        return (uint32_t)known;
    struct schema_node from = s->node[parent];
    return add_node(s, json, pointer_to(s, from.pointer, keyword, key, index), &from);
}

/* Keywords that hold schemas: one, a list of them, or a map of them. */
static const char *const holds_one[] = { "not", "if", "then", "else", "items", "additionalItems",
    "contains", "additionalProperties", "propertyNames", "unevaluatedItems", "unevaluatedProperties" };
static const char *const holds_list[] = { "allOf", "anyOf", "oneOf", "prefixItems", "items" };
static const char *const holds_map[] = { "properties", "patternProperties", "$defs", "definitions",
    "dependentSchemas", "dependencies" };

static bool is_schema(const struct jnode *j)
{
    return j && (j->kind == J_OBJECT || j->kind == J_BOOL);
}

static void walk_node(struct schema *s, uint32_t id)
{
    const struct jnode *j = s->node[id].json;
    for (size_t i = 0; i < sizeof holds_one / sizeof *holds_one; i++) {
        const struct jnode *k = jtree_get(j, holds_one[i]);
        if (is_schema(k))
            schema_node_of(s, id, holds_one[i], -1, NULL, k);
    }
    for (size_t i = 0; i < sizeof holds_list / sizeof *holds_list; i++) {
        const struct jnode *k = jtree_get(j, holds_list[i]);
        for (uint32_t m = 0; k && k->kind == J_ARRAY && m < k->n; m++)
            if (is_schema(k->kid[m]))
                schema_node_of(s, id, holds_list[i], m, NULL, k->kid[m]);
    }
    for (size_t i = 0; i < sizeof holds_map / sizeof *holds_map; i++) {
        const struct jnode *k = jtree_get(j, holds_map[i]);
        for (uint32_t m = 0; k && k->kind == J_OBJECT && m < k->n; m++)
            if (is_schema(k->kid[m]))
                schema_node_of(s, id, holds_map[i], -1, &k->key[m], k->kid[m]);
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
    if (!is_schema(k))
        schema_malformed(s, node, keyword, "a schema is expected");
    return is_schema(k) ? schema_node_of(s, node, schema_word_name(keyword), -1, NULL, k) : 0;
}

uint32_t schema_member(struct schema *s, uint32_t node, enum schema_word keyword, uint32_t i)
{
    const struct jnode *k = schema_keyword(s, node, keyword);
    if (!k || i >= k->n || !is_schema(k->kid[i])) {
        schema_malformed(s, node, keyword, "a schema is expected in it");
        return 0;
    }
    return schema_node_of(s, node, schema_word_name(keyword), k->kind == J_ARRAY ? (int64_t)i : -1,
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

/* ---- references ----------------------------------------------------------------------------- */

static int hex_of(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static struct slice unescape(struct schema *s, struct slice t, bool pointer)
{
    char *out = arena_alloc(&s->arena, t.len + 1);
    size_t n = 0;
    if (!out) {
        schema_nomem(s);
        return t;
    }
    for (size_t i = 0; i < t.len; i++) {
        if (!pointer && t.ptr[i] == '%' && i + 2 < t.len && hex_of(t.ptr[i + 1]) >= 0 &&
            hex_of(t.ptr[i + 2]) >= 0) {
            out[n++] = (char)(hex_of(t.ptr[i + 1]) * 16 + hex_of(t.ptr[i + 2]));
            i += 2;
        } else if (pointer && t.ptr[i] == '~' && i + 1 < t.len) {
            out[n++] = t.ptr[++i] == '1' ? '/' : '~';
        } else {
            out[n++] = t.ptr[i];
        }
    }
    out[n] = 0;
    return (struct slice){ out, n };
}

/* Follows a pointer from a resource's root; nodes on the way set the base. */
static bool follow_pointer(struct schema *s, uint32_t root, struct slice pointer, uint32_t *ret)
{
    const struct jnode *j = s->node[root].json;
    uint32_t owner = root;
    struct slice full = pointer;
    while (pointer.len) {
        size_t end = 1;
        while (end < pointer.len && pointer.ptr[end] != '/')
            end++;
        struct slice part = unescape(s, slice_sub(pointer, 1, end - 1), true);
        pointer = slice_sub(pointer, end, pointer.len);
        if (j->kind == J_OBJECT) {
            j = jtree_find(j, part);
        } else if (j->kind == J_ARRAY && part.len && part.len < 9) {
            char text[10] = { 0 }, *stop;
            memcpy(text, part.ptr, part.len);
            unsigned long i = strtoul(text, &stop, 10);
            j = !*stop && i < j->n ? j->kid[i] : NULL;
        } else {
            j = NULL;
        }
        uint64_t known;
        if (!j)
            return false;
        if (idmap_get(&s->by_json, (uint64_t)(uintptr_t)j, &known))
            owner = (uint32_t)known;
    }
    if (!is_schema(j))
        return false;
    struct schema_node from = s->node[owner];
    struct str p = { 0 };
    str_add_slice(&p, s->node[root].pointer);
    str_add_slice(&p, full);
    *ret = add_node(s, j, arena_slice(&s->arena, str_slice(&p)), &from);
    str_free(&p);
    return s->st == ST_OK;
}

static bool find_name(const struct schema *s, struct slice uri, uint32_t *ret, uint32_t *n_dynamic)
{
    bool found = false;
    for (uint32_t i = 0; i < s->n_name; i++)
        if (slice_eq(s->name[i].uri, uri)) {
            if (!found)
                *ret = s->name[i].node;
            found = true;
        }
    *n_dynamic = 0;
    struct slice base, anchor;
    split_fragment(uri, &base, &anchor);
    for (uint32_t i = 0; i < s->n_name; i++) {
        struct slice b, a;
        split_fragment(s->name[i].uri, &b, &a);
        *n_dynamic += s->name[i].dynamic && anchor.len && slice_eq(a, anchor);
    }
    return found;
}

static bool resolve_text(struct schema *s, uint32_t node, struct slice ref, uint32_t *ret,
                         uint32_t *n_dynamic)
{
    struct slice uri, fragment;
    split_fragment(ref, &uri, &fragment);
    struct slice base = uri.len ? join_uri(s, s->node[node].base, uri) : s->node[node].base;
    fragment = unescape(s, fragment, false);
    uint32_t root = 0, unused;
    *n_dynamic = 0;
    if (s->st != ST_OK)
        return false;
    if (base.len && !find_name(s, base, &root, &unused) && !slice_eq(base, s->node[0].base))
        return false;
    if (!fragment.len) {
        *ret = root;
        return true;
    }
    if (fragment.ptr[0] == '/')
        return follow_pointer(s, root, fragment, ret);
    char *full = arena_printf(&s->arena, "%.*s#%.*s", (int)base.len, base.ptr, (int)fragment.len,
                              fragment.ptr);
    if (!full) {
        schema_nomem(s);
        return false;
    }
    return find_name(s, slice_of(full), ret, n_dynamic);
}

bool schema_resolve(struct schema *s, uint32_t node, enum schema_word keyword, uint32_t *ret_node)
{
    const struct jnode *ref = schema_keyword(s, node, keyword);
    uint32_t n_dynamic;
    if (keyword == WORD_REF && s->node[node].target) {
        *ret_node = s->node[node].target - 1;
        return true;
    }
    if (!ref || ref->kind != J_STRING) {
        schema_malformed(s, node, keyword, "a reference must be a string");
        return false;
    }
    if (!resolve_text(s, node, ref->text, ret_node, &n_dynamic)) {
        schema_refuse(s, node, keyword, "REF_UNRESOLVED: this reference leads out of the schema");
        return false;
    }
    if (keyword == WORD_DYNAMIC_REF && n_dynamic > 1) {
        schema_refuse(s, node, keyword, "several $dynamicAnchor of this name");
        return false;
    }
    if (keyword == WORD_RECURSIVE_REF)
        for (uint32_t i = 0; i < s->n_node; i++)
            if (jtree_get(s->node[i].json, "$recursiveAnchor")) {
                schema_refuse(s, node, keyword, "$recursiveAnchor is not supported");
                return false;
            }
    if (keyword == WORD_REF)
        s->node[node].target = *ret_node + 1;
    return true;
}

/* ---- loops ---------------------------------------------------------------------------------- */

static void in_place(struct schema *s, uint32_t node, uint32_t **list, uint32_t *n, uint32_t *cap)
{
    static const enum schema_word one[] = { WORD_NOT, WORD_IF, WORD_THEN, WORD_ELSE };
    static const enum schema_word many[] = { WORD_ALL_OF, WORD_ANY_OF, WORD_ONE_OF };
    const struct jnode *kid[64];
    uint32_t n_kid = 0, target, unused;
    const struct jnode *ref = schema_keyword(s, node, WORD_REF);
    if (ref && ref->kind == J_STRING && resolve_text(s, node, ref->text, &target, &unused)) {
        uint32_t *slot = array_push(list, n, cap, sizeof *slot);
        if (slot)
            *slot = target;
        else
            schema_nomem(s);
    }
    if (ref && s->node[node].draft <= DRAFT_7)
        return;
    for (int i = 0; i < 4; i++)
        if ((kid[n_kid] = schema_keyword(s, node, one[i])))
            n_kid++;
    for (int i = 0; i < 3; i++) {
        const struct jnode *j = schema_keyword(s, node, many[i]);
        for (uint32_t k = 0; j && j->kind == J_ARRAY && k < j->n && n_kid < 64; k++)
            kid[n_kid++] = j->kid[k];
    }
    for (uint32_t i = 0; i < n_kid; i++) {
        uint64_t id;
        uint32_t *slot = idmap_get(&s->by_json, (uint64_t)(uintptr_t)kid[i], &id)
                         ? array_push(list, n, cap, sizeof *slot) : NULL;
        if (slot)
            *slot = (uint32_t)id;
    }
}

enum { COLOUR_NEW, COLOUR_OPEN, COLOUR_DONE };

/* A schema that leads back to itself without going into a member says nothing: refused. */
static void refuse_loops(struct schema *s)
{
    uint32_t *stack = NULL, n = 0, cap = 0;
    uint8_t *colour = mem_zalloc(s->n_node + 1ul);
    uint32_t n_colour = s->n_node;
    uint32_t *slot = colour ? array_push(&stack, &n, &cap, sizeof *slot) : NULL;
    if (!slot)
        schema_nomem(s);
    for (uint32_t root = 0; root < n_colour && s->st == ST_OK; root++) {
        n = 0;
        slot = array_push(&stack, &n, &cap, sizeof *slot);
        if (!slot)
            schema_nomem(s);
        else
            *slot = root;
        while (n && s->st == ST_OK) {
            uint32_t node = stack[n - 1];
            if (node >= n_colour || colour[node] != COLOUR_NEW) {
                if (node < n_colour)
                    colour[node] = COLOUR_DONE;
                n--;
                continue;
            }
            colour[node] = COLOUR_OPEN;
            uint32_t from = n;
            in_place(s, node, &stack, &n, &cap);
            for (uint32_t i = from; i < n && s->st == ST_OK; i++)
                if (stack[i] < n_colour && colour[stack[i]] == COLOUR_OPEN)
                    schema_refuse(s, node, WORD_NONE, "REF_LOOP: this schema leads back to itself");
        }
    }
    mem_free(stack);
    mem_free(colour);
}

/* ---- the door ------------------------------------------------------------------------------- */

void schema_free(struct schema *s)
{
    mem_free(s->node);
    mem_free(s->name);
    mem_free(s->goal);
    hashmap_free(&s->by_lits);
    idmap_free(&s->by_json);
    idmap_free(&s->disjoint);
    idmap_free(&s->patterns);
    idmap_free(&s->formats);
    idmap_free(&s->verdicts);
    arena_free(&s->arena);
}

void schema_open(struct schema *s, struct slice text)
{
    struct jnode *json;
    s->st = jtree_read(&s->arena, text, &json, s->err);
    if (s->st != ST_OK)
        return;
    add_node(s, json, (struct slice){ "", 0 }, NULL);
    if (s->st == ST_OK && !is_schema(json))
        schema_malformed(s, 0, WORD_NONE, "a schema is an object or a boolean");
    for (uint32_t i = 0; i < s->n_node && s->st == ST_OK; i++)
        walk_node(s, i);
    if (s->st == ST_OK)
        refuse_loops(s);
}

static void compile(struct schema *s, struct slice text, uint32_t *ret_value)
{
    schema_open(s, text);
    if (s->st != ST_OK)
        return;
    uint32_t root = lit_pos(0);
    *ret_value = schema_goal_value(s, &root, 1);
    for (uint32_t i = 0; i < s->n_goal && s->st == ST_OK && !rules_failed(s->r); i++)
        schema_lower_goal(s, i);
    if (s->st == ST_OK)
        s->st = lower_failed(s->p, s->err);
}

static enum status lower_text(struct pattern *p, struct slice text, uint32_t flags, uint32_t *ret_value,
                              struct error *err)
{
    struct schema s = { .p = p, .r = &p->r, .err = err, .flags = flags, .own_values = true };
    compile(&s, text, ret_value);
    schema_free(&s);
    return s.st;
}

enum status lower_schema(struct pattern *p, struct slice text, uint32_t flags, struct error *err)
{
    uint32_t value = 0;
    enum status st = lower_text(p, text, flags, &value, err);
    if (st == ST_OK)
        p->root = value_rule(&p->r, value, 0);
    return st;
}

enum status lower_schema_value(struct pattern *p, struct slice text, uint32_t flags, uint32_t value,
                               struct error *err)
{
    uint32_t inner = 0;
    enum status st = lower_text(p, text, flags, &inner, err);
    if (st != ST_OK)
        return st;
    struct rules *r = &p->r;
    r->value[value].same = inner;
    return ST_OK;
}
