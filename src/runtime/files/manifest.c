/* manifest.c - what a model says of itself, gathered from its sources in order of trust.
 *
 * Beside the model file two JSON files may stand: <file>.manifest.json (ours, every field) and
 * generation_config.json (its makers', sampling and end tokens).  A field that neither has comes
 * from the metadata of the file, a built-in row, or the defaults of the language. */
#include <math.h>
#include <string.h>

#include "base/fs.h"
#include "base/hash.h"
#include "base/jsonio.h"
#include "runtime/files/manifest.h"

enum {
    SIDE_FILE_MAX = 1 << 20,        /* bytes of a JSON file beside the model */
    CONTEXT_DEFAULT = 2048,
};

static const char *const FROM_SIDE = "manifest.json";
static const char *const FROM_GENERATION = "generation_config.json";
static const char *const FROM_FILE = "file";
static const char *const FROM_BUILT_IN = "built in";
static const char *const FROM_DEFAULT = "default";

/* A JSON object from a file that need not be there; *ret stays NULL then. */
static enum status load_side(const char *path, json_t **ret, struct error *err)
{
    struct str text = { 0 };
    if (!fs_exists(path))
        return ST_OK;
    enum status st = fs_read(path, SIDE_FILE_MAX, &text, err);
    if (st == ST_OK)
        st = jsonio_load(str_slice(&text), NULL, ret, err);
    str_free(&text);
    if (st == ST_OK && !json_is_object(*ret)) {
        json_decref(*ret);
        *ret = NULL;
        return error_set(err, ST_INVALID, "%s does not hold a JSON object", path);
    }
    return st;
}

/* ---- fields ---- */

static bool take_number(const json_t *from, const char *key, double lo, double hi, double *ret)
{
    const json_t *v = from ? json_object_get(from, key) : NULL;
    if (!json_is_number(v) || !(json_number_value(v) >= lo && json_number_value(v) <= hi))
        return false;
    *ret = json_number_value(v);
    return true;
}

static bool take_sampling(const json_t *from, const char *temp_key, struct manifest *m)
{
    double k;
    bool any = take_number(from, temp_key, 0, 100, &m->temp);
    any |= take_number(from, "top_p", 1e-9, 1, &m->top_p);
    any |= take_number(from, "min_p", 0, 1, &m->min_p);
    any |= take_number(from, "repetition_penalty", 1e-9, 2, &m->repetition_penalty);
    if (take_number(from, "top_k", -1, INT32_MAX, &k)) {
        m->top_k = k < 1 ? -1 : (int32_t)k;
        any = true;
    }
    return any;
}

static void add_end(struct manifest *m, uint64_t id)
{
    for (uint32_t i = 0; i < m->n_end_token; i++)
        if (m->end_token[i] == id)
            return;
    if (m->n_end_token < MANIFEST_MAX_END && id < UINT32_MAX)
        m->end_token[m->n_end_token++] = (uint32_t)id;
}

/* A number or a list of numbers. */
static bool take_ends(const json_t *from, const char *key, struct manifest *m)
{
    json_t *v = from ? json_object_get(from, key) : NULL, *one;
    size_t i;
    if (json_is_integer(v) && json_integer_value(v) >= 0)
        add_end(m, (uint64_t)json_integer_value(v));
    json_array_foreach(v, i, one)
        if (json_is_integer(one) && json_integer_value(one) >= 0)
            add_end(m, (uint64_t)json_integer_value(one));
    return m->n_end_token > 0;
}

/* End of text, end of turn, end of message: every one that the file names ends a value. */
static bool take_file_ends(const struct bundle *b, struct manifest *m)
{
    static const char *const keys[] = {
        "tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id",
    };
    uint64_t id;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (bundle_u64(b, keys[i], &id))
            add_end(m, id);
    return m->n_end_token > 0;
}

static const char *take_text(struct arena *arena, const json_t *from, const char *key)
{
    const char *text = json_string_value(from ? json_object_get(from, key) : NULL);
    return text ? arena_strdup(arena, slice_of(text)) : NULL;
}

static const char *file_text(const struct bundle *b, const char *key, struct arena *arena)
{
    struct slice text;
    return bundle_str(b, key, &text) ? arena_strdup(arena, text) : NULL;
}

/* ---- sources ---- */

static void context_of(const struct bundle *b, const json_t *side, struct manifest *m)
{
    char key[96];
    double n;
    uint64_t trained;
    snprintf(key, sizeof key, "%s.context_length", m->arch);
    m->context = CONTEXT_DEFAULT;
    m->source.context = FROM_DEFAULT;
    if (take_number(side, "context", 1, 1 << 28, &n)) {
        m->context = (uint32_t)n;
        m->source.context = FROM_SIDE;
    } else if (bundle_u64(b, key, &trained) && trained > 0 && trained <= 1 << 28) {
        m->context = (uint32_t)trained;
        m->source.context = FROM_FILE;
    }
}

static void ends_of(const struct bundle *b, const json_t *side, const json_t *generation,
                    struct manifest *m)
{
    if (take_ends(side, "end_tokens", m))
        m->source.end_tokens = FROM_SIDE;
    else if (take_ends(generation, "eos_token_id", m))
        m->source.end_tokens = FROM_GENERATION;
    else
        m->source.end_tokens = take_file_ends(b, m) ? FROM_FILE : FROM_DEFAULT;
}

static void bos_of(const struct bundle *b, const json_t *side, struct manifest *m)
{
    double id;
    uint64_t from_file;
    bool adds;
    if (take_number(side, "bos", 0, UINT32_MAX - 1, &id)) {
        m->has_bos = true;
        m->bos = (uint32_t)id;
        m->source.bos = FROM_SIDE;
        return;
    }
    m->source.bos = FROM_DEFAULT;
    if (bundle_u64(b, "tokenizer.ggml.bos_token_id", &from_file) && from_file < UINT32_MAX) {
        m->bos = (uint32_t)from_file;
        m->has_bos = bundle_bool(b, "tokenizer.ggml.add_bos_token", &adds) && adds;
        m->source.bos = FROM_FILE;
    }
}

/* What the makers of a model recommend in its card and its files do not say, by the hash of its
 * chat template. */
static const struct {
    uint64_t    template_hash;
    double      temp, top_p;
} built_in[] = {
    { 0x4eff4c172107addd, 0.2, 0.9 },       /* SmolLM2 Instruct */
};

static bool take_built_in(struct manifest *m)
{
    uint64_t h = m->chat_template ? hash_bytes(m->chat_template, strlen(m->chat_template)) : 0;
    for (size_t i = 0; i < sizeof built_in / sizeof *built_in; i++)
        if (built_in[i].template_hash == h) {
            m->temp = built_in[i].temp;
            m->top_p = built_in[i].top_p;
            return true;
        }
    return false;
}

static void sampling_of(const json_t *side, const json_t *generation, struct manifest *m)
{
    const json_t *own = side ? json_object_get(side, "sampling") : NULL;
    m->temp = m->top_p = m->repetition_penalty = 1;
    m->top_k = -1;
    m->source.sampling = take_built_in(m) ? FROM_BUILT_IN : FROM_DEFAULT;
    if (take_sampling(generation, "temperature", m))
        m->source.sampling = FROM_GENERATION;
    if (take_sampling(own, "temp", m))
        m->source.sampling = FROM_SIDE;
}

static void style_of(const json_t *side, struct manifest *m)
{
    static const char *const names[] = { "spaced", "compact", "pretty" };
    const char *text = json_string_value(side ? json_object_get(side, "json_style") : NULL);
    m->json_style = MANIFEST_JSON_SPACED;
    m->source.json_style = FROM_DEFAULT;
    for (int i = 0; text && i < 3; i++)
        if (strcmp(text, names[i]) == 0) {
            m->json_style = (enum manifest_json_style)i;
            m->source.json_style = FROM_SIDE;
        }
}

static void think_of(struct arena *arena, const json_t *side, struct manifest *m)
{
    const json_t *own = side ? json_object_get(side, "think") : NULL;
    m->think_open = take_text(arena, own, "open");
    m->think_close = take_text(arena, own, "close");
    m->think_off = take_text(arena, own, "off");
    m->source.think = m->think_open ? FROM_SIDE : FROM_DEFAULT;
}

static void template_of(const struct bundle *b, struct arena *arena, const json_t *side,
                        struct manifest *m)
{
    m->chat_template = take_text(arena, side, "chat_template");
    m->source.chat_template = FROM_SIDE;
    if (!m->chat_template) {
        m->chat_template = file_text(b, "tokenizer.chat_template", arena);
        m->source.chat_template = m->chat_template ? FROM_FILE : FROM_DEFAULT;
    }
}

static enum status read_sides(const struct bundle *b, json_t **side, json_t **generation,
                              struct error *err)
{
    struct str path = { 0 }, dir = { 0 };
    str_addf(&path, "%s.manifest.json", bundle_path(b));
    if (fs_is_dir(bundle_path(b)))
        str_adds(&dir, bundle_path(b));
    else
        fs_dirname(bundle_path(b), &dir);
    enum status st = path.failed || dir.failed ? error_nomem(err) : load_side(path.ptr, side, err);
    if (st == ST_OK) {
        fs_join(dir.ptr, "generation_config.json", &path);
        st = path.failed ? error_nomem(err) : load_side(path.ptr, generation, err);
    }
    str_free(&path);
    str_free(&dir);
    return st;
}

enum status manifest_load(const struct bundle *b, struct arena *arena, struct manifest *ret,
                          struct error *err)
{
    json_t *side = NULL, *generation = NULL;
    struct manifest m = { 0 };
    enum status st = read_sides(b, &side, &generation, err);
    if (st == ST_OK) {
        m.arch = file_text(b, "general.architecture", arena);
        m.arch = m.arch ? m.arch : "";
        m.name = file_text(b, "general.name", arena);
        if (!m.name)
            m.name = arena_strdup(arena, slice_of(fs_basename(bundle_path(b))));
        context_of(b, side, &m);
        ends_of(b, side, generation, &m);
        bos_of(b, side, &m);
        template_of(b, arena, side, &m);
        sampling_of(side, generation, &m);
        style_of(side, &m);
        think_of(arena, side, &m);
        st = arena->failed ? error_nomem(err) : ST_OK;
    }
    json_decref(side);
    json_decref(generation);
    if (st == ST_OK)
        *ret = m;
    return st;
}
