/* fields.c - reads the fields of a request body; whatever is wrong names its field.
 *
 * Null means absent everywhere.  A number out of its range is refused with the bound and the
 * value, never clamped. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonio.h"
#include "runtime/server/exchange.h"

static const json_t *get(const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);
    return v && !json_is_null(v) ? v : NULL;
}

bool field_bool(struct exchange *x, const json_t *o, const char *name, bool *ret)
{
    const json_t *v = get(o, name);
    if (v && !json_is_boolean(v))
        return refuse(x, 400, "invalid_value", name, "%s must be true or false", name);
    if (v)
        *ret = json_is_true(v);
    return true;
}

bool field_int(struct exchange *x, const json_t *o, const char *name, int64_t lo, int64_t hi,
               int64_t *ret, bool *ret_given)
{
    const json_t *v = get(o, name);
    if (!v)
        return true;
    int64_t i = json_integer_value(v);
    if (json_is_real(v) && json_real_value(v) == floor(json_real_value(v)) &&
        fabs(json_real_value(v)) < 9e15)
        i = (int64_t)json_real_value(v);
    else if (!json_is_integer(v))
        return refuse(x, 400, "invalid_value", name, "%s must be a whole number", name);
    if (i < lo || i > hi)
        return refuse(x, 400, "invalid_value", name, "%s must be from %lld to %lld, not %lld", name,
                      (long long)lo, (long long)hi, (long long)i);
    *ret = i;
    if (ret_given)
        *ret_given = true;
    return true;
}

bool field_num(struct exchange *x, const json_t *o, const char *name, double lo, double hi,
               double *ret)
{
    const json_t *v = get(o, name);
    if (!v)
        return true;
    double d = json_number_value(v);
    if (!json_is_number(v))
        return refuse(x, 400, "invalid_value", name, "%s must be a number", name);
    if (!(d >= lo && d <= hi))
        return refuse(x, 400, "invalid_value", name, "%s must be from %g to %g, not %g", name, lo,
                      hi, d);
    *ret = d;
    return true;
}

bool field_str(struct exchange *x, const json_t *o, const char *name, const char **ret)
{
    const json_t *v = get(o, name);
    if (v && (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v)))
        return refuse(x, 400, "invalid_value", name, "%s must be a string without U+0000", name);
    if (v)
        *ret = json_string_value(v);
    return true;
}

bool field_texts(struct exchange *x, const json_t *o, const char *name, size_t most,
                 size_t most_bytes, const char *const **ret, size_t *ret_n)
{
    const json_t *v = get(o, name);
    if (!v)
        return true;
    size_t n = json_is_array(v) ? json_array_size(v) : 1;
    const char **text = arena_array(&x->arena, n + 1, sizeof *text);
    if (!text)
        return refuse_nomem(x);
    if (n > most)
        return refuse(x, 400, "invalid_value", name, "%s has %zu entries, at most %zu are taken",
                      name, n, most);
    size_t n_text = 0;
    for (size_t i = 0; i < n; i++) {
        const json_t *s = json_is_array(v) ? json_array_get(v, i) : v;
        if (!json_is_string(s) || strlen(json_string_value(s)) != json_string_length(s))
            return refuse(x, 400, "invalid_value", name,
                          "%s must be a string or a list of strings without U+0000", name);
        if (json_string_length(s) > most_bytes)
            return refuse(x, 400, "invalid_value", name, "an entry of %s has more than %zu bytes",
                          name, most_bytes);
        if (json_string_length(s))
            text[n_text++] = json_string_value(s);
    }
    *ret = text;
    *ret_n = n_text;
    return true;
}

bool ids_of(struct exchange *x, const json_t *list, const char *name, size_t most,
            const uint32_t **ret, size_t *ret_n)
{
    sgl_engine_info info;
    sgl_engine_get_info(x->server->engine, &info);
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n > most)
        return refuse(x, 400, "invalid_value", name,
                      "%s must be a list of at most %zu token ids", name, most);
    uint32_t *id = arena_array(&x->arena, n + 1, sizeof *id);
    if (!id)
        return refuse_nomem(x);
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        int64_t one = json_integer_value(v);
        if (!json_is_integer(v) || one < 0 || one >= (int64_t)info.vocab)
            return refuse(x, 400, "invalid_value", name,
                          "%s[%zu] is no token id: the vocabulary has %u", name, i, info.vocab);
        id[i] = (uint32_t)one;
    }
    *ret = id;
    *ret_n = n;
    return true;
}

bool field_ids(struct exchange *x, const json_t *o, const char *name, size_t most,
               const uint32_t **ret, size_t *ret_n)
{
    const json_t *v = get(o, name);
    return !v || ids_of(x, v, name, most, ret, ret_n);
}

/* True when the blank-separated list holds the name. */
static bool listed(const char *list, const char *name)
{
    size_t len = strlen(name);
    for (const char *p = list; (p = strstr(p, name)) != NULL; p += len)
        if ((p == list || p[-1] == ' ') && (p[len] == ' ' || p[len] == '\0'))
            return true;
    return false;
}

/* Values that ask for nothing: null, false, empty. */
static bool asks_nothing(const json_t *v)
{
    return json_is_null(v) || json_is_false(v) ||
           (json_is_string(v) && json_string_length(v) == 0) ||
           (json_is_array(v) && json_array_size(v) == 0) ||
           (json_is_object(v) && json_object_size(v) == 0);
}

bool fields_check(struct exchange *x, const json_t *o, const char *known,
                  const char *without_effect,
                  const char *refused)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)o, key, v) {
        bool word = *key && !strchr(key, ' ');
        if (word && (listed(known, key) || listed(without_effect, key)))
            continue;
        if (word && listed(refused, key)) {
            if (!asks_nothing(v))
                return refuse(x, 400, "unsupported_parameter", key,
                              "%s is not supported by this server", key);
            continue;
        }
        if (x->ignored.len > 1000)
            continue;
        if (x->ignored.len)
            str_adds(&x->ignored, ", ");
        for (size_t i = 0; key[i] && i < 64; i++)       /* a header takes visible ASCII only */
            str_addc(&x->ignored, key[i] > ' ' && key[i] < 0x7f && key[i] != ',' ? key[i] : '?');
    }
    return !x->ignored.failed || refuse_nomem(x);
}

char *json_text(struct exchange *x, const json_t *json)
{
    struct str text = { 0 };
    jsonio_dump(json, JSONIO_COMPACT, &text);
    char *kept = text.failed ? NULL : arena_strdup(&x->arena, str_slice(&text));
    str_free(&text);
    if (!kept)
        refuse_nomem(x);
    return kept;
}

static bool field_bias(struct exchange *x, const json_t *o, sgl_request *r)
{
    const json_t *v = get(o, "logit_bias");
    sgl_engine_info info;
    if (!v)
        return true;
    size_t n = json_object_size(v), i = 0;
    if (!json_is_object(v) || n > SERVER_MAX_BIAS)
        return refuse(x, 400, "invalid_value", "logit_bias",
                      "logit_bias must be an object of at most %d entries", SERVER_MAX_BIAS);
    sgl_engine_get_info(x->server->engine, &info);
    uint32_t *id = arena_array(&x->arena, n + 1, sizeof *id);
    float *bias = arena_array(&x->arena, n + 1, sizeof *bias);
    if (!id || !bias)
        return refuse_nomem(x);
    const char *key;
    json_t *item;
    json_object_foreach((json_t *)v, key, item) {
        char *end;
        unsigned long one = strtoul(key, &end, 10);
        double d = json_number_value(item);
        if (*key < '0' || *key > '9' || *end || one >= info.vocab)
            return refuse(x, 400, "invalid_value", "logit_bias",
                          "logit_bias: \"%.40s\" is no token id: the vocabulary has %u", key,
                          info.vocab);
        if (!json_is_number(item) || !(d >= -100 && d <= 100))
            return refuse(x, 400, "invalid_value", "logit_bias",
                          "logit_bias of %lu must be from -100 to 100", one);
        id[i] = (uint32_t)one;
        bias[i++] = (float)d;
    }
    r->bias_ids = id;
    r->bias = bias;
    r->n_bias = n;
    return true;
}

static bool field_schema(struct exchange *x, const json_t *o, sgl_request *r)
{
    const json_t *v = get(o, "json_schema");
    if (!v || (json_is_string(v) && json_string_length(v) == 0))
        return true;
    if (json_is_string(v))
        return field_str(x, o, "json_schema", &r->json_schema);
    if (!json_is_object(v) && !json_is_boolean(v))
        return refuse(x, 400, "invalid_value", "json_schema",
                      "json_schema must be a schema, or one as text");
    r->json_schema = json_text(x, v);
    return r->json_schema != NULL;
}

/* A JSON object, or the text of one. */
static bool field_tags(struct exchange *x, const json_t *o, sgl_request *r)
{
    const json_t *v = get(o, "structural_tag");
    if (!v || json_is_string(v))
        return field_str(x, o, "structural_tag", &r->structural_tag);
    if (!json_is_object(v))
        return refuse(x, 400, "invalid_value", "structural_tag",
                      "structural_tag must be an object, or one as text");
    r->structural_tag = json_text(x, v);
    return r->structural_tag != NULL;
}

static const char *unless_empty(const char *s)
{
    return s && *s ? s : NULL;
}

bool fields_sampling(struct exchange *x, const json_t *o, sgl_request *r)
{
    int64_t top_k = r->top_k, seed = 0, min = 0;
    bool ok = field_num(x, o, "temperature", 0, 1e6, &r->temperature) &&
              field_num(x, o, "top_p", 0, 1, &r->top_p) &&
              field_num(x, o, "min_p", 0, 1, &r->min_p) &&
              field_int(x, o, "top_k", -1, INT32_MAX, &top_k, NULL) &&
              field_num(x, o, "frequency_penalty", -2, 2, &r->frequency_penalty) &&
              field_num(x, o, "presence_penalty", -2, 2, &r->presence_penalty) &&
              field_num(x, o, "repetition_penalty", 1e-3, 2, &r->repetition_penalty) &&
              field_int(x, o, "seed", INT64_MIN, INT64_MAX, &seed, &r->has_seed) &&
              field_int(x, o, "sampling_seed", INT64_MIN, INT64_MAX, &seed, &r->has_seed) &&
              field_int(x, o, "min_tokens", 0, 1 << 24, &min, NULL) &&
              field_int(x, o, "min_new_tokens", 0, 1 << 24, &min, NULL) &&
              field_texts(x, o, "stop", SERVER_MAX_STOPS, SERVER_MAX_STOP_BYTES, &r->stop,
                          &r->n_stop) &&
              field_texts(x, o, "stop_regex", SERVER_MAX_STOPS, SERVER_MAX_STOP_BYTES,
                          &r->stop_regex, &r->n_stop_regex) &&
              field_ids(x, o, "stop_token_ids", SERVER_MAX_STOP_IDS, &r->stop_ids,
                        &r->n_stop_ids) &&
              field_bool(x, o, "ignore_eos", &r->ignore_eos) && field_bias(x, o, r) &&
              field_str(x, o, "regex", &r->regex) && field_str(x, o, "ebnf", &r->grammar) &&
              field_schema(x, o, r) && field_tags(x, o, r);
    if (!ok)
        return false;
    if (r->top_p == 0)
        return refuse(x, 400, "invalid_value", "top_p", "top_p must be above 0 and at most 1");
    if (top_k == 0)
        return refuse(x, 400, "invalid_value", "top_k", "top_k must be -1 or at least 1");
    r->top_k = (int32_t)top_k;
    r->seed = (uint64_t)seed;
    r->min_tokens = (uint32_t)min;
    r->regex = unless_empty(r->regex);
    r->grammar = unless_empty(r->grammar);
    r->json_schema = unless_empty(r->json_schema);
    r->structural_tag = unless_empty(r->structural_tag);
    int n = (r->regex != NULL) + (r->grammar != NULL) + (r->json_schema != NULL) +
            (r->structural_tag != NULL);
    return n <= 1 || refuse(x, 400, "invalid_value", "regex",
                            "at most one of regex, ebnf, json_schema and structural_tag may be "
                            "given");
}
