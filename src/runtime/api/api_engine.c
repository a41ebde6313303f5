/* api_engine.c - engines: opening by name, figures, and text in and out of a vocabulary. */
#include "runtime/api/api_int.h"

#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "runtime/files/models.h"
#include "runtime/tokenizer/tokenizer.h"

/* ---- models on disk ---- */

sgl_status sgl_model_find(const char *name, char **ret_path, sgl_error *err)
{
    struct str path = { 0 };
    struct error why;
    enum status st = models_find(name, &path, &why);
    if (st != ST_OK) {
        str_free(&path);
        return api_error(st, &why, err);
    }
    return api_take_text(&path, ret_path, NULL, err);
}

struct pull {
    sgl_progress_fn fn;
    void           *ctx;
};

static bool on_pull(void *ctx, uint64_t done, uint64_t total, const char *what)
{
    const struct pull *p = ctx;
    double share = total ? (double)done / (double)total : -1;
    return !p->fn || p->fn(p->ctx, share, done, total, what);
}

sgl_status sgl_model_pull(const char *name, sgl_progress_fn progress, void *ctx, char **ret_path,
                          sgl_error *err)
{
    struct pull p = { progress, ctx };
    struct str path = { 0 };
    struct error why;
    enum status st = models_pull(name, on_pull, &p, &path, &why);
    if (st != ST_OK) {
        str_free(&path);
        return api_error(st, &why, err);
    }
    return api_take_text(&path, ret_path, NULL, err);
}

sgl_status sgl_model_list(const char *name, char **ret_json, sgl_error *err)
{
    struct str json = { 0 };
    struct error why;
    enum status st = models_json(name, &json, &why);
    if (st != ST_OK) {
        str_free(&json);
        return api_error(st, &why, err);
    }
    return api_take_text(&json, ret_json, NULL, err);
}

/* ---- engines ---- */

void sgl_engine_config_init(sgl_engine_config *config)
{
    memset(config, 0, sizeof *config);
    config->struct_size = sizeof *config;
    config->device = "auto";
}

struct loading {
    sgl_progress_fn fn;
    void           *ctx;
};

static void on_load(void *ctx, double share, const char *what)
{
    const struct loading *l = ctx;
    l->fn(l->ctx, share, 0, 0, what);
}

sgl_status sgl_engine_open(const sgl_engine_config *config, sgl_engine **ret, sgl_error *err)
{
    sgl_engine_config c;
    sgl_engine_config_init(&c);
    api_take_config(&c, sizeof c, config);

    struct error why;
    struct str path = { 0 };
    struct loading loading = { c.progress, c.progress_ctx };
    struct sgl_engine *engine = mem_zalloc(sizeof *engine);
    if (!engine)
        return api_nomem(err);
    atomic_init(&engine->refs, 1);
    bool is_url = c.model && strstr(c.model, "://");
    enum status st = is_url ? error_code(&why, ST_UNSUPPORTED, "R0103",
                                         "%s: a server cannot be the model yet; name a model or its file", c.model)
                            : models_find(c.model, &path, &why);
    if (st == ST_OK) {
        struct engine_opts opts = {
            .model = path.ptr,
            .device = c.device ? c.device : "auto",
            .n_thread = c.threads,
            .context = c.context,
            .n_page = c.pages,
            .max_batch_tok = c.max_batch_tokens,
            .max_running = c.max_running,
            .constraint_mb = c.constraint_cache_mb,
            .order = c.order,
            .evict = c.evict,
            .max_wait_ms = c.max_wait_ms,
            .max_passes = c.max_passes,
            .step_tokens = c.step_tokens,
            .pin_percent = c.pin_percent,
            .kv_events = c.kv_events,
            .kv_events_maps = c.kv_events_maps,
            .admission = c.admission,
            .itl_target_ms = c.itl_target_ms,
            .max_queued_tokens = c.max_queued_tokens,
            .overlap = c.overlap,
            .no_cache = c.no_cache,
            .no_force = c.no_forced,
            .no_tree = c.no_tree,
            .no_pending = c.no_pending,
            .text_only = c.text_only,
            .progress = c.progress ? on_load : NULL,
            .progress_ctx = &loading,
        };
        st = engine_open_local(&opts, &engine->e, &why);
    }
    str_free(&path);
    if (st != ST_OK) {
        mem_free(engine);
        return api_error(st, &why, err);
    }
    *ret = engine;
    return SGL_OK;
}

sgl_engine *sgl_engine_ref(sgl_engine *engine)
{
    atomic_fetch_add(&engine->refs, 1);
    return engine;
}

void sgl_engine_unref(sgl_engine *engine)
{
    if (!engine || atomic_fetch_sub(&engine->refs, 1) != 1)
        return;
    engine_unref(engine->e);
    mem_free(engine);
}

void sgl_engine_get_info(sgl_engine *engine, sgl_engine_info *ret)
{
    const struct engine_info *i = engine_info(engine->e);
    *ret = (sgl_engine_info){
        .model = i->model ? i->model : "",
        .arch = i->arch ? i->arch : "",
        .device = i->device ? i->device : "",
        .context = i->context,
        .vocab = i->n_vocab,
        .load_ms = i->load_ms,
        .has_chat_template = i->has_role[PLAN_USER],
    };
}

void sgl_engine_get_stats(sgl_engine *engine, sgl_engine_stats *ret)
{
    struct engine_stats s;
    engine_stats(engine->e, &s);
    *ret = (sgl_engine_stats){
        .prompt_tokens = s.prompt_tokens,
        .cached_tokens = s.cached_tokens,
        .computed_tokens = s.computed_tokens,
        .generated_tokens = s.generated_tokens,
        .forced_tokens = s.forced_tokens,
        .forks = s.forked_sessions,
        .steps = s.steps,
        .requests = s.requests,
        .failed = s.failed,
        .cancelled = s.cancelled,
        .retracted = s.retracted,
        .evicted_pages = s.evicted_pages,
        .copied_pages = s.copied_pages,
        .pages_total = s.pages_total,
        .pages_free = s.pages_free,
        .pages_cached = s.pages_cached,
        .pages_held = s.pages_held,
        .running = s.running,
        .waiting = s.waiting,
        .prefill_ms = s.prefill_ms,
        .decode_ms = s.decode_ms,
        .mask_ms = s.mask_ms,
        .sample_ms = s.sample_ms,
        .miss_cold = s.miss_cold,
        .miss_evicted = s.miss_evicted,
        .miss_namespace = s.miss_namespace,
        .miss_boundary = s.miss_boundary,
        .miss_logprobs = s.miss_logprobs,
    };
}

sgl_status sgl_engine_check(sgl_engine *engine, sgl_error *err)
{
    struct error why = { .status = ST_INTERNAL };
    if (engine_check(engine->e, &why))
        return SGL_OK;
    return api_error(why.status == ST_OK ? ST_INTERNAL : why.status, &why, err);
}

sgl_status sgl_engine_flush(sgl_engine *engine, sgl_error *err)
{
    struct error why;
    enum status st = engine_flush(engine->e, &why);
    return st == ST_OK ? SGL_OK : api_error(st, &why, err);
}

/* ---- text ---- */

sgl_status sgl_tokenize(sgl_engine *engine, const char *text, size_t len, bool markup,
                        uint32_t **ret_ids, size_t *ret_n, sgl_error *err)
{
    struct token_list ids = { 0 };
    struct error why;
    enum status st = engine_encode(engine->e, (struct slice){ text, len }, markup, &ids, &why);
    if (st == ST_OK && !ids.id && !(ids.id = mem_alloc(sizeof *ids.id)))
        st = error_nomem(&why);
    if (st != ST_OK) {
        token_list_free(&ids);
        return api_error(st, &why, err);
    }
    *ret_ids = ids.id;
    *ret_n = ids.n;
    return SGL_OK;
}

sgl_status sgl_detokenize(sgl_engine *engine, const uint32_t *ids, size_t n, bool control,
                          char **ret_text, size_t *ret_len, sgl_error *err)
{
    struct str text = { 0 };
    struct error why;
    if (n > UINT32_MAX)
        return api_fail(err, ST_LIMIT, NULL, "%zu tokens at once are too many", n);
    enum status st = engine_decode(engine->e, ids, (uint32_t)n, control, &text, &why);
    if (st != ST_OK) {
        str_free(&text);
        return api_error(st, &why, err);
    }
    return api_take_text(&text, ret_text, ret_len, err);
}

/* The three JSON texts of a conversation; those that are NULL stay NULL. */
struct conversation {
    json_t *messages, *tools, *vars;
};

static void conversation_free(struct conversation *c)
{
    json_decref(c->messages);
    json_decref(c->tools);
    json_decref(c->vars);
}

static enum status load_part(const char *what, const char *text, bool (*fits)(const json_t *),
                             const char *shape, json_t **ret, struct error *err)
{
    struct error why;
    if (!text)
        return ST_OK;
    enum status st = jsonio_load(slice_of(text), NULL, ret, &why);
    if (st != ST_OK)
        return error_set(err, st, "%s: %s", what, why.text);
    if (!fits(*ret))
        return error_set(err, ST_INVALID, "%s must be %s", what, shape);
    return ST_OK;
}

static bool is_array(const json_t *j)
{
    return json_is_array(j);
}

static bool is_object(const json_t *j)
{
    return json_is_object(j);
}

static enum status conversation_load(const char *messages, const char *tools, const char *vars,
                                     struct conversation *c, struct error *err)
{
    if (!messages)
        return error_set(err, ST_INVALID, "there are no messages");
    enum status st = load_part("messages", messages, is_array, "an array", &c->messages, err);
    if (st == ST_OK)
        st = load_part("tools", tools, is_array, "an array", &c->tools, err);
    if (st == ST_OK)
        st = load_part("vars", vars, is_object, "an object", &c->vars, err);
    return st;
}

sgl_status sgl_chat_text(sgl_engine *engine, const char *messages, const char *tools,
                         const char *vars, bool add_generation_prompt, char **ret_text,
                         sgl_error *err)
{
    struct conversation c = { 0 };
    struct str text = { 0 };
    struct error why;
    enum status st = conversation_load(messages, tools, vars, &c, &why);
    if (st == ST_OK)
        st = engine_chat_text(engine->e, c.messages, c.tools, c.vars, add_generation_prompt, &text,
                              &why);
    conversation_free(&c);
    if (st != ST_OK) {
        str_free(&text);
        return api_error(st, &why, err);
    }
    return api_take_text(&text, ret_text, NULL, err);
}

sgl_status sgl_template_render(const char *template_text, size_t len, const char *messages,
                               const char *tools, const char *vars, char **ret_text,
                               size_t *ret_len, sgl_error *err)
{
    struct conversation c = { 0 };
    struct str text = { 0 };
    struct error why;
    enum status st = conversation_load(messages, tools, vars, &c, &why);
    if (st == ST_OK)
        st = engine_template_render((struct slice){ template_text, len }, c.messages, c.tools,
                                    c.vars, &text, &why);
    conversation_free(&c);
    if (st != ST_OK) {
        str_free(&text);
        return api_error(st, &why, err);
    }
    return api_take_text(&text, ret_text, ret_len, err);
}
