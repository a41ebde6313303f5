/* checkpoint.c - the files of a checkpoint brought together.
 *
 * Names of shards come from a file that may lie: only plain names in the directory itself are
 * opened. */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/jsonio.h"
#include "runtime/files/checkpoint_int.h"

enum { MAX_CONFIG = 4 << 20, MAX_TOKENIZER = 64 << 20, MAX_SHARDS = 1024 };

/* ---- reading what is there ---- */

/* A JSON object, or NULL for a file that is not there. */
static enum status parse(const struct bundle *b, struct slice text, const char *name,
                         json_t **ret, struct error *err)
{
    *ret = NULL;
    if (!text.len)
        return ST_OK;
    struct error at = { 0 };
    enum status st = jsonio_load(text, NULL, ret, &at);
    if (st != ST_OK)
        return error_set(err, st, "%s: %s: %.300s", b->path, name, at.text);
    if (json_is_object(*ret))
        return ST_OK;
    json_decref(*ret);
    *ret = NULL;
    return error_set(err, ST_INVALID, "%s: %s is no JSON object", b->path, name);
}

/* Every tensor that the index names must be in the file that it names. */
static enum status check_index(const struct bundle *b, const json_t *index,
                               const struct source_list *list, struct error *err)
{
    const char *name;
    json_t *file;
    json_object_foreach(json_object_get(index, "weight_map"), name, file) {
        uint64_t i;
        const char *shard = json_string_value(file);
        if (!hashmap_get(&list->by_name, slice_of(name), &i) || !shard ||
            strcmp(list->tensor[i].shard, shard) != 0)
            return error_set(err, ST_INVALID, "%s: tensor %.200s is not where the index says",
                             b->path, name);
    }
    return ST_OK;
}

static enum status read_tensors(struct bundle *b, const struct checkpoint *c, const json_t *index,
                                const struct config_shape *shape, struct error *err)
{
    struct source_list list = { 0 };
    enum status st = ST_OK;
    for (uint32_t i = 0; i < c->n_shard && st == ST_OK; i++)
        st = safetensors_read(&c->shard[i], &b->own, &list, err);
    if (st == ST_OK)
        st = check_index(b, index, &list, err);
    if (st == ST_OK)
        st = checkpoint_tensors(b, shape, &list, err);
    hashmap_free(&list.by_name);
    mem_free(list.tensor);
    return st;
}

/* The template of a file of its own, else that of tokenizer_config.json: a text, or a list of
 * named ones of which "default" counts. */
static void put_template(struct bundle *b, const struct checkpoint *c, const json_t *names)
{
    json_t *v = json_object_get(names, "chat_template"), *one;
    size_t i;
    if (c->chat_template.len) {
        bundle_put_str(b, "tokenizer.chat_template", c->chat_template);
        return;
    }
    if (json_is_string(v))
        bundle_put_str(b, "tokenizer.chat_template",
                       (struct slice){ json_string_value(v), json_string_length(v) });
    json_array_foreach(v, i, one) {
        const char *name = json_string_value(json_object_get(one, "name"));
        const json_t *text = json_object_get(one, "template");
        if (name && strcmp(name, "default") == 0 && json_is_string(text))
            bundle_put_str(b, "tokenizer.chat_template",
                           (struct slice){ json_string_value(text), json_string_length(text) });
    }
}

enum status checkpoint_read(struct bundle *b, const struct checkpoint *c, struct error *err)
{
    json_t *config = NULL, *tokenizer = NULL, *names = NULL, *index = NULL;
    struct config_shape shape;
    enum status st;
    if ((st = parse(b, c->config, "config.json", &config, err)) ||
        (st = parse(b, c->tokenizer, "tokenizer.json", &tokenizer, err)) ||
        (st = parse(b, c->tokenizer_config, "tokenizer_config.json", &names, err)) ||
        (st = parse(b, c->index, "model.safetensors.index.json", &index, err)))
        goto end;
    if (!config) {
        st = error_set(err, ST_INVALID, "%s: no config.json", b->path);
        goto end;
    }
    if ((st = checkpoint_config(b, config, &shape, err)) ||
        (st = read_tensors(b, c, index, &shape, err)))
        goto end;
    if (tokenizer)
        st = checkpoint_tokenizer(b, config, tokenizer, names, err);
    if (st == ST_OK)
        put_template(b, c, names);
    if (st == ST_OK && b->own.failed)
        st = error_nomem(err);

end:
    json_decref(config);
    json_decref(tokenizer);
    json_decref(names);
    json_decref(index);
    return st;
}

/* ---- a directory ---- */

static enum status read_file(const char *dir, const char *name, size_t most, struct str *out,
                             struct error *err)
{
    struct str path = { 0 };
    fs_join(dir, name, &path);
    enum status st = path.failed ? error_nomem(err) : ST_OK;
    if (st == ST_OK && fs_exists(path.ptr))
        st = fs_read(path.ptr, most, out, err);
    str_free(&path);
    return st;
}

struct shard_list {
    struct checkpoint_shard *shard;
    uint32_t                 n, cap;
};

static enum status add_shard(struct bundle *b, const char *dir, const char *name,
                             struct shard_list *list, struct error *err)
{
    for (uint32_t i = 0; i < list->n; i++)
        if (strcmp(list->shard[i].name, name) == 0)
            return ST_OK;
    if (strchr(name, '/') || name[0] == '.' || !name[0])
        return error_set(err, ST_INVALID, "%s: the index names %.200s, which is no file in the "
                         "directory", dir, name);
    if (list->n >= MAX_SHARDS)
        return error_set(err, ST_LIMIT, "%s: more than %d files of tensors", dir, MAX_SHARDS);
    struct fs_map *map = mem_realloc(b->shard, (b->n_shard + 1) * sizeof *map);
    if (!map)
        return error_nomem(err);
    b->shard = map;
    struct str path = { 0 };
    fs_join(dir, name, &path);
    map = &b->shard[b->n_shard];
    enum status st = path.failed ? error_nomem(err) : fs_map(path.ptr, map, err);
    str_free(&path);
    if (st != ST_OK)
        return st;
    b->n_shard++;
    struct checkpoint_shard *s = array_push(&list->shard, &list->n, &list->cap, sizeof *s);
    if (!s)
        return error_nomem(err);
    *s = (struct checkpoint_shard){ arena_strdup(&b->own, slice_of(name)), map->bytes, map->size };
    return s->name ? ST_OK : error_nomem(err);
}

/* The one file, or those of the index. */
static enum status map_shards(struct bundle *b, const char *dir, struct slice index_text,
                              struct shard_list *list, struct error *err)
{
    if (!index_text.len)
        return add_shard(b, dir, "model.safetensors", list, err);
    json_t *index = NULL, *file;
    const char *name;
    enum status st = parse(b, index_text, "model.safetensors.index.json", &index, err);
    json_t *files = json_object_get(index, "weight_map");
    if (st == ST_OK && json_object_size(files) == 0)
        st = error_set(err, ST_INVALID, "%s: the index names no tensors", dir);
    json_object_foreach(files, name, file) {
        if (st != ST_OK)
            break;
        st = json_is_string(file)
           ? add_shard(b, dir, json_string_value(file), list, err)
           : error_set(err, ST_INVALID, "%s: the index gives no file for %.200s", dir, name);
    }
    json_decref(index);
    return st;
}

enum status checkpoint_open(struct bundle *b, const char *dir, struct error *err)
{
    struct { const char *name; size_t most; struct str text; } file[] = {
        { "config.json", MAX_CONFIG, { 0 } },
        { "tokenizer.json", MAX_TOKENIZER, { 0 } },
        { "tokenizer_config.json", MAX_CONFIG, { 0 } },
        { "chat_template.jinja", MAX_CONFIG, { 0 } },
        { "model.safetensors.index.json", MAX_TOKENIZER, { 0 } },
    };
    enum { N_FILE = sizeof file / sizeof *file };
    struct shard_list list = { 0 };
    enum status st = ST_OK;
    for (int i = 0; i < N_FILE && st == ST_OK; i++)
        st = read_file(dir, file[i].name, file[i].most, &file[i].text, err);
    if (st == ST_OK && !file[0].text.len)
        st = error_set(err, ST_INVALID, "%s: no config.json", dir);
    if (st == ST_OK)
        st = map_shards(b, dir, str_slice(&file[4].text), &list, err);
    if (st == ST_OK) {
        struct checkpoint c = {
            .config = str_slice(&file[0].text),
            .tokenizer = str_slice(&file[1].text),
            .tokenizer_config = str_slice(&file[2].text),
            .chat_template = str_slice(&file[3].text),
            .index = str_slice(&file[4].text),
            .shard = list.shard,
            .n_shard = list.n,
        };
        st = checkpoint_read(b, &c, err);
    }
    for (int i = 0; i < N_FILE; i++)
        str_free(&file[i].text);
    mem_free(list.shard);
    return st;
}
