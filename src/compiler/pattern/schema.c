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
    struct str p = { 0 };
    if (node < s->n_node)
        schema_add_pointer(s, node, &p);
    enum status st = !strcmp(code, "E0407") ? ST_INVALID : ST_UNSUPPORTED;
    s->st = error_code(s->err, st, code, "%.*s%s%s: %s", (int)(p.len > 200 ? 200 : p.len), p.ptr ? p.ptr : "",
                       *keyword ? "/" : "", keyword, why);
    if (s->err) {
        if (*keyword)
            str_addf(&p, "/%s", keyword);
        size_t n = p.len < sizeof s->err->pointer - 1 ? p.len : sizeof s->err->pointer - 1;
        if (n)
            memcpy(s->err->pointer, p.ptr, n);
        s->err->pointer[n] = 0;
    }
    str_free(&p);
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

void schema_split_uri(struct slice u, struct slice *uri, struct slice *fragment)
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

/* As in RFC 3986 5.2. */
struct slice schema_join_uri(struct schema *s, struct slice base, struct slice ref)
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
            uint32_t at = schema_find_key(s, j, part);
            j = at == UINT32_MAX ? NULL : j->kid[at];
        } else if (j->kind == J_ARRAY && part.len && part.len < 9) {
            char text[10] = { 0 }, *stop;
            memcpy(text, part.ptr, part.len);
            unsigned long i = strtoul(text, &stop, 10);
            j = !*stop && i < j->n ? j->kid[i] : NULL;
        } else {
            j = NULL;
        }
        if (!j)
            return false;
        schema_node_at(s, j, &owner);
    }
    if (!schema_is_schema(j))
        return false;
    *ret = schema_add_node(s, (struct schema_node){ .json = j, .parent = owner, .held = WORD_REF,
                                                    .pointer = full, .index = (int32_t)root });
    return s->st == ST_OK;
}

static bool find_name(struct schema *s, struct slice uri, uint32_t *ret, uint32_t *n_dynamic)
{
    bool found = false;
    expr_work(&s->r->t.ex, s->n_name / 16);
    for (uint32_t i = 0; i < s->n_name; i++)
        if (slice_eq(s->name[i].uri, uri)) {
            if (!found)
                *ret = s->name[i].node;
            found = true;
        }
    *n_dynamic = 0;
    struct slice base, anchor;
    schema_split_uri(uri, &base, &anchor);
    for (uint32_t i = 0; i < s->n_name; i++) {
        struct slice b, a;
        schema_split_uri(s->name[i].uri, &b, &a);
        *n_dynamic += s->name[i].dynamic && anchor.len && slice_eq(a, anchor);
    }
    return found;
}

static bool resolve_text(struct schema *s, uint32_t node, struct slice ref, uint32_t *ret,
                         uint32_t *n_dynamic)
{
    struct slice uri, fragment;
    schema_split_uri(ref, &uri, &fragment);
    struct slice base = uri.len ? schema_join_uri(s, s->node[node].base, uri) : s->node[node].base;
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
            if (s->node[i].names & WORD_BIT(RECURSIVE_ANCHOR)) {
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
        s->node[node].target = target + 1;
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
        uint32_t id, *slot = schema_node_at(s, kid[i], &id) ? array_push(list, n, cap, sizeof *slot) : NULL;
        if (slot)
            *slot = id;
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
    hashmap_free(&s->by_names);
    mem_free(s->node_at);
    idmap_free(&s->by_key);
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
    schema_add_node(s, (struct schema_node){ .json = json, .draft = DRAFT_2020, .legacy = true });
    if (s->st == ST_OK && !schema_is_schema(json))
        schema_malformed(s, 0, WORD_NONE, "a schema is an object or a boolean");
    for (uint32_t i = 0; i < s->n_node && s->st == ST_OK; i++)
        schema_add_held(s, i);
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
