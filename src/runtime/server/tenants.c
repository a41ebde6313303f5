/* tenants.c - who asks, and what belongs to that: a share of the engine, a part of the cache, the
 * right to come first.
 *
 * A tenant is a key of the table.  Without keys it is what the request says of its user, and
 * otherwise everybody.  A key's tenant is part of every name of the cache, so that no salt that a
 * caller can choose leads into another's prefixes; what a request merely says of its user is not,
 * because anybody may say it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/jsonio.h"
#include "runtime/server/exchange.h"

enum { MAX_TENANTS = 1024, WEIGHT_ONE = 1000 };

/* ---- the table ------------------------------------------------------------------------- */

static const struct tenant *named(const struct server *s, const char *name)
{
    for (uint32_t i = 0; name && i < s->n_tenant; i++)
        if (strcmp(s->tenant[i].name, name) == 0)
            return &s->tenant[i];
    return NULL;
}

static bool has_key(const struct server *s, const char *key)
{
    for (uint32_t i = 0; i < s->n_tenant; i++)
        if (s->tenant[i].key && strcmp(s->tenant[i].key, key) == 0)
            return true;
    return s->api_key && strcmp(s->api_key, key) == 0;
}

static enum status bad(struct error *err, size_t at, const char *what)
{
    return error_set(err, ST_INVALID, "tenant %zu: %s", at, what);
}

static enum status read_one(struct server *s, size_t at, const json_t *o, struct error *err)
{
    struct tenant *t = &s->tenant[s->n_tenant];
    const char *field;
    json_t *v;
    double weight = 1;
    if (!json_is_object(o))
        return bad(err, at, "must be an object");
    *t = (struct tenant){ 0 };
    json_object_foreach((json_t *)o, field, v) {
        if (strcmp(field, "name") == 0 && json_string_length(v) && !t->name)
            t->name = mem_strdup(json_string_value(v));
        else if (strcmp(field, "key") == 0 && json_string_length(v))
            t->key = mem_strdup(json_string_value(v));
        else if (strcmp(field, "weight") == 0 && json_is_number(v))
            weight = json_number_value(v);
        else if (strcmp(field, "priority") == 0 && json_is_boolean(v))
            t->may_come_first = json_is_true(v);
        else
            return bad(err, at, "has name and key (texts), weight (a number) and priority (true or "
                                "false)");
    }
    if (!t->name)
        return bad(err, at, "has no name");
    if (!(weight >= 0.001 && weight <= 1000))
        return bad(err, at, "weight must be from 0.001 to 1000");
    if (named(s, t->name) || (t->key && has_key(s, t->key)))
        return bad(err, at, "its name or key is there already");
    t->weight = (uint32_t)lround(weight * WEIGHT_ONE);
    s->has_keys = s->has_keys || t->key;
    s->n_tenant++;
    return ST_OK;
}

enum status tenants_read(struct server *s, const char *text, struct error *err)
{
    json_t *list = NULL;
    s->has_keys = s->api_key != NULL;
    if (!text)
        return ST_OK;
    enum status st = jsonio_load(slice_of(text), NULL, &list, err);
    if (st != ST_OK)
        return st;
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n > MAX_TENANTS)
        st = error_set(err, ST_INVALID, "must be a list of at most %d tenants", MAX_TENANTS);
    if (st == ST_OK && n && !(s->tenant = mem_calloc(n, sizeof *s->tenant)))
        st = error_nomem(err);
    for (size_t i = 0; st == ST_OK && i < n; i++) {
        st = read_one(s, i, json_array_get(list, i), err);
        if (st != ST_OK) {              /* what it has got so far is not counted yet */
            mem_free(s->tenant[s->n_tenant].name);
            mem_free(s->tenant[s->n_tenant].key);
        }
    }
    json_decref(list);
    return st;
}

void tenants_free(struct server *s)
{
    for (uint32_t i = 0; i < s->n_tenant; i++) {
        mem_free(s->tenant[i].name);
        mem_free(s->tenant[i].key);
    }
    mem_free(s->tenant);
}

/* ---- who asks -------------------------------------------------------------------------- */

/* Compares in a time that does not tell how much of the key is right. */
static bool same_key(const char *a, const char *b)
{
    size_t n_a = strlen(a), n_b = strlen(b);
    unsigned differs = n_a != n_b;
    for (size_t i = 0; i < n_a; i++)
        differs |= (unsigned)(a[i] ^ b[n_b ? i % n_b : 0]);
    return !differs;
}

bool check_key(struct exchange *x)
{
    static const char bearer[] = "Bearer ";
    const struct server *s = x->server;
    if (!s->has_keys)
        return true;
    const char *given = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND,
                                                    MHD_HTTP_HEADER_AUTHORIZATION);
    bool known = false;
    if (given && strncmp(given, bearer, sizeof bearer - 1) == 0) {
        given += sizeof bearer - 1;
        known = s->api_key && same_key(given, s->api_key);
        for (uint32_t i = 0; i < s->n_tenant; i++) {
            if (!s->tenant[i].key || !same_key(given, s->tenant[i].key))
                continue;
            known = true;
            x->tenant = &s->tenant[i];
        }
    }
    return known || refuse(x, 401, "invalid_api_key", NULL,
                           "a valid key is needed, as \"Authorization: Bearer ...\"");
}

/* Length-prefixed, so that no two different parts make the same whole. */
static char *space_of(struct exchange *x, const char *salt, const char *extra)
{
    const char *part[] = { x->tenant ? x->tenant->name : "", salt ? salt : "", extra ? extra : "" };
    struct str text = { 0 };
    for (int i = 0; i < 3; i++)
        str_addf(&text, "%zu:%s", strlen(part[i]), part[i]);
    char *kept = text.failed ? NULL : arena_strdup(&x->arena, str_slice(&text));
    str_free(&text);
    return kept;
}

bool fields_identity(struct exchange *x, const json_t *o, sgl_request *r)
{
    const char *user = NULL, *salt = NULL, *extra = NULL;
    int64_t priority = 0, deadline = 0;
    if (!field_str(x, o, "user", &user) || !field_str(x, o, "safety_identifier", &user) ||
        !field_str(x, o, "cache_salt", &salt) || !field_str(x, o, "extra_key", &extra) ||
        !field_int(x, o, "priority", INT32_MIN, INT32_MAX, &priority, NULL) ||
        !field_int(x, o, "deadline_ms", 1, 1 << 30, &deadline, NULL))
        return false;
    const struct server *s = x->server;
    const struct tenant *t = x->tenant ? x->tenant : s->has_keys ? NULL : named(s, user);
    r->tenant = x->tenant ? x->tenant->name : s->has_keys ? NULL : user;
    r->tenant_weight = t ? t->weight : 0;
    if (x->tenant || (salt && *salt) || (extra && *extra)) {
        r->cache_salt = space_of(x, salt, extra);
        if (!r->cache_salt)
            return refuse_nomem(x);
    }
    /* Coming later than others is everybody's right. */
    bool may = !s->n_tenant || (t && t->may_come_first) || (!x->tenant && s->has_keys);
    if (priority > 0 && !may) {
        str_addf(&x->ignored, "%spriority", x->ignored.len ? ", " : "");
        priority = 0;
    }
    r->priority = (int32_t)priority;
    r->deadline_ms = (uint64_t)deadline;
    if (s->max_deadline_ms && (!deadline || r->deadline_ms > s->max_deadline_ms))
        r->deadline_ms = s->max_deadline_ms;
    return !x->ignored.failed || refuse_nomem(x);
}
