/* local.c - an engine that loads a model and computes it here.
 *
 * Opening does only what the first token needs: the file is mapped, the vocabulary's trie is built
 * on the pool while the weights are made ready on the calling thread.  Closing goes backwards:
 * plans that are still being prepared end, the scheduler cancels what runs, then memory goes. */
#include <semaphore.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "runtime/engine/local.h"
#include "runtime/engine/local_int.h"
#include "runtime/engine/session.h"

enum {
    PREPARE_THREADS = 2,
    MASK_PATIENCE_US = 300,     /* a mask from the memo takes a tenth of it */
    LEAST_PAGES = 3,            /* one to hold a context, one for a copy, one that is scratch */
};

static struct local *of(struct engine *e)
{
    return (struct local *)e;
}

/* ---- counters ---- */

static void local_stats(struct engine *base, struct engine_stats *ret)
{
    struct local *e = of(base);
    struct sched_stats s;
    if (!e->sched)
        return;
    sched_read_stats(e->sched, &s);
    *ret = (struct engine_stats){
        .prompt_tokens = s.prompt_tokens, .cached_tokens = s.cached_tokens,
        .computed_tokens = s.computed_tokens, .generated_tokens = s.generated_tokens,
        .forced_tokens = s.forced_tokens, .forked_sessions = atomic_load(&e->n_fork),
        .steps = s.steps, .requests = s.requests, .failed = s.failed, .cancelled = s.cancelled,
        .retracted = s.retracted, .evicted_pages = s.evicted_pages,
        .copied_pages = s.copied_pages, .pins_refused = s.pins_refused,
        .miss_cold = s.miss_cold, .miss_evicted = s.miss_evicted,
        .miss_namespace = s.miss_namespace, .miss_boundary = s.miss_boundary,
        .miss_logprobs = s.miss_logprobs, .pages_total = s.pages_total, .pages_free = s.pages_free,
        .pages_cached = s.pages_cached, .pages_held = s.pages_held, .running = s.running,
        .waiting = s.waiting, .prefill_ms = (double)s.prefill_ns / 1e6,
        .decode_ms = (double)s.decode_ns / 1e6, .mask_ms = (double)s.mask_ns / 1e6,
        .masks = s.masks, .masks_shared = s.masks_shared, .masks_late = s.masks_late,
        .sample_ms = (double)s.sample_ns / 1e6,
    };
}

static bool local_check(struct engine *base, struct error *err)
{
    struct local *e = of(base);
    return !e->sched || sched_check(e->sched, err);
}

static enum status local_flush(struct engine *base, struct error *err)
{
    struct local *e = of(base);
    return e->sched ? sched_flush(e->sched, err) : ST_OK;
}

/* ---- text ---- */

static enum status local_encode(struct engine *base, struct slice text, bool markup,
                                struct token_list *ret, struct error *err)
{
    return tokenizer_encode(of(base)->tokenizer, text, markup ? ENCODE_MARKUP : ENCODE_DATA, true,
                            ret, err);
}

static enum status local_decode(struct engine *base, const uint32_t *id, uint32_t n, bool control,
                                struct str *ret, struct error *err)
{
    const struct tokenizer *t = of(base)->tokenizer;
    for (uint32_t i = 0; i < n; i++) {
        if (id[i] >= tokenizer_n_vocab(t))
            return error_code(err, ST_INVALID, "R0404", "%u is no token of this model", id[i]);
        struct slice bytes = tokenizer_bytes(t, id[i]);
        if (!bytes.len && control)
            bytes = tokenizer_name(t, id[i]);
        str_add_slice(ret, bytes);
    }
    return ret->failed ? error_nomem(err) : ST_OK;
}

static enum status render(struct local *e, const json_t *messages, const json_t *tools,
                          const json_t *vars, bool add_generation_prompt, struct arena *arena,
                          struct chat_text *ret, struct error *err)
{
    if (!e->chat)
        return error_code(err, ST_UNSUPPORTED, "R0704", "the model has no chat template");
    struct chat_vars cv = { .tools = tools, .extra = vars,
                            .add_generation_prompt = add_generation_prompt };
    return chat_render(e->chat, messages, &cv, arena, ret, err);
}

static enum status local_chat(struct engine *base, const json_t *messages, const json_t *tools,
                              const json_t *vars, bool add_generation_prompt, struct plan *into,
                              struct error *err)
{
    struct local *e = of(base);
    struct arena arena = {0};
    struct chat_text text;
    struct token_list tok = {0};
    enum status st = render(e, messages, tools, vars, add_generation_prompt, &arena, &text, err);
    struct text_piece *piece = NULL;
    if (st == ST_OK) {
        piece = arena_array(&arena, text.n_piece + 1, sizeof *piece);
        st = piece ? ST_OK : error_nomem(err);
    }
    for (uint32_t i = 0; st == ST_OK && i < text.n_piece; i++)
        piece[i] = (struct text_piece){ text.piece[i].markup, text.piece[i].text };
    if (st == ST_OK)
        st = tokenizer_encode_pieces(e->tokenizer, piece, text.n_piece, &tok, err);
    if (st == ST_OK)
        plan_tokens(into, tok.id, tok.n);
    if (st == ST_OK && !plan_ok(into))
        st = error_nomem(err);
    token_list_free(&tok);
    arena_free(&arena);
    return st;
}

static enum status local_chat_text(struct engine *base, const json_t *messages,
                                   const json_t *tools, const json_t *vars,
                                   bool add_generation_prompt, struct str *ret, struct error *err)
{
    struct arena arena = {0};
    struct chat_text text;
    enum status st = render(of(base), messages, tools, vars, add_generation_prompt, &arena, &text,
                            err);
    for (uint32_t i = 0; st == ST_OK && i < text.n_piece; i++)
        str_add_slice(ret, text.piece[i].text);
    if (st == ST_OK && ret->failed)
        st = error_nomem(err);
    arena_free(&arena);
    return st;
}

static enum status local_check_constraint(struct engine *base, const struct pattern_source *src,
                                          uint32_t *ret_min_tokens, struct error *err)
{
    struct local *e = of(base);
    struct constraint *c;
    if (!e->constraints)
        return error_set(err, ST_UNSUPPORTED, "the engine was opened for text only");
    enum status st = constraint_get(e->constraints, src, &c, err);
    if (st != ST_OK)
        return st;
    *ret_min_tokens = constraint_min_tokens(c);
    constraint_unref(c);
    return ST_OK;
}

static bool local_role_text(struct engine *base, enum plan_role role, struct slice *ret_open,
                            struct slice *ret_close)
{
    static const enum chat_role map[PLAN_N_ROLE] = { CHAT_SYSTEM, CHAT_USER, CHAT_ASSISTANT,
                                                     CHAT_TOOL };
    struct local *e = of(base);
    const struct chat_markers *m = e->chat ? chat_markers(e->chat) : NULL;
    enum chat_role cr = map[role];
    if (m && cr == CHAT_SYSTEM && m->system_in_user) {
        *ret_open = m->open[CHAT_USER];
        *ret_close = m->system_separator;
        return true;
    }
    if (!m || !m->has[cr])
        return false;
    *ret_open = m->open[cr];
    *ret_close = m->close[cr];
    return true;
}

/* ---- closing ---- */

static void local_close(struct engine *base)
{
    struct local *e = of(base);
    pool_free(e->pool);
    sched_free(e->sched);
    kv_events_close(e->kv_events);
    events_free(e->events);
    backend_close(e->backend);
    if (e->constraints)
        constraint_table_free(e->constraints);
    if (e->vocab)
        vocab_free(e->vocab);
    if (e->chat)
        chat_free(e->chat);
    if (e->tokenizer)
        tokenizer_free(e->tokenizer);
    bundle_close(e->bundle);
    arena_free(&e->arena);
    mem_free(e);
}

static const struct engine_vtable local_vtable = {
    .close = local_close,
    .stats = local_stats,
    .check = local_check,
    .flush = local_flush,
    .session_new = local_session_new,
    .session_fork = local_session_fork,
    .session_drop = local_session_drop,
    .session_mark = local_session_mark,
    .session_rollback = local_session_rollback,
    .session_n_tok = local_session_n_tok,
    .session_submit = local_session_submit,
    .session_cancel = local_session_cancel,
    .encode = local_encode,
    .decode = local_decode,
    .chat = local_chat,
    .chat_text = local_chat_text,
    .check_constraint = local_check_constraint,
    .role_text = local_role_text,
};

/* ---- opening ---- */

struct vocab_job {
    struct local *e;
    uint32_t      n_logit;
    size_t        keep;             /* bytes of constraints; 0: the table's default */
    enum status   st;
    struct error  err;
    sem_t         done;
};

static void build_vocab(void *arg)
{
    struct vocab_job *job = arg;
    struct local *e = job->e;
    job->st = vocab_new(e->tokenizer, job->n_logit, &e->vocab, &job->err);
    if (job->st == ST_OK)
        job->st = constraint_table_new(e->vocab, job->keep, &e->constraints, &job->err);
    sem_post(&job->done);
}

/* The width of a row of logits is the number of rows of the embedding. */
static uint32_t logit_width(const struct local *e)
{
    const struct bundle_tensor *t = bundle_tensor(e->bundle, "token_embd.weight");
    uint32_t n = tokenizer_n_vocab(e->tokenizer);
    return t && t->n_dim == 2 && t->dim[0] >= n && t->dim[0] < UINT32_MAX ? (uint32_t)t->dim[0] : n;
}

static enum status open_backend(struct local *e, const struct engine_opts *opts, struct error *err)
{
    struct vocab_job job = { .e = e, .n_logit = logit_width(e), .keep = (size_t)opts->constraint_mb << 20 };
    sem_init(&job.done, 0, 0);
    enum status st = pool_submit(e->pool, build_vocab, &job);
    bool waits = st == ST_OK;
    struct backend_opts bo = {
        .n_page = opts->n_page, .max_batch_tok = opts->max_batch_tok,
        .max_seq = opts->max_running, .context = opts->context, .n_thread = opts->n_thread,
        .device = opts->device,
    };
    if (st != ST_OK)
        error_nomem(err);
    else if (!e->backend)
        st = backend_open(e->bundle, &bo, &e->backend, err);
    while (waits && sem_wait(&job.done) != 0)
        continue;
    sem_destroy(&job.done);
    if (st == ST_OK && job.st != ST_OK) {
        *err = job.err;
        st = job.st;
    }
    return st;
}

/* Masks of different constraints are filled at once; two workers keep ahead of most devices, and
 * on a small machine the kernels have better uses for the cores. */
static uint32_t mask_workers(int asked)
{
    if (asked)
        return asked < 0 ? 0 : (uint32_t)asked;
    return sysconf(_SC_NPROCESSORS_ONLN) > 4 ? 2 : 1;
}

static enum status open_sched(struct local *e, const struct engine_opts *opts, struct error *err)
{
    const struct backend_info *info = e->backend->vt->info(e->backend);
    if (vocab_n_logit(e->vocab) != info->n_vocab)
        return error_set(err, ST_INVALID, "the model has %u logits, its vocabulary %u",
                         info->n_vocab, vocab_n_logit(e->vocab));
    if (info->n_page < LEAST_PAGES)
        return error_set(err, ST_LIMIT, "a pool of %u KV pages holds no context; %d pages of %u tokens "
                         "are the least", info->n_page, LEAST_PAGES, info->page_tokens);
    struct sched_opts so = {
        .backend = e->backend, .tokenizer = e->tokenizer, .vocab = e->vocab,
        .end_token = e->end_token, .n_end_token = e->n_end_token,
        .max_running = opts->max_running, .step_tokens = opts->step_tokens,
        .check_steps = opts->check_steps,
        .itl_target_ms = opts->itl_target_ms, .max_queued_tokens = opts->max_queued_tokens,
        .overlap = opts->overlap,
        .pin_percent = opts->pin_percent > 0 ? (uint32_t)opts->pin_percent : 0,
        .no_pins = opts->pin_percent < 0,
        .no_cache = opts->no_cache, .no_force = opts->no_force,
        .no_tree = opts->no_tree, .no_pending = opts->no_pending,
        .order.max_wait_ms = opts->max_wait_ms, .order.max_passes = opts->max_passes,
        .mask_workers = mask_workers(opts->mask_workers),
        .mask_patience_us = !opts->mask_patience_us    ? MASK_PATIENCE_US
                            : opts->mask_patience_us < 0 ? 0
                                                         : (uint32_t)opts->mask_patience_us,
    };
    if (opts->order && !order_named(opts->order, &so.order.kind))
        return error_set(err, ST_INVALID, "no order of the queue is called %s; there are hrrn, fcfs, "
                         "lpm, dfs and random", opts->order);
    if (opts->evict && !radix_policy_named(opts->evict, &so.evict))
        return error_set(err, ST_INVALID, "no order of eviction is called %s; there are lru, lfu, "
                         "fifo, slru, priority and next-use", opts->evict);
    if (opts->admission && strcmp(opts->admission, "expected") != 0 &&
        strcmp(opts->admission, "strict") != 0)
        return error_set(err, ST_INVALID, "no admission is called %s; there are expected and strict",
                         opts->admission);
    so.strict = opts->admission && strcmp(opts->admission, "strict") == 0;
    e->context = info->context;
    e->model_hash = info->model_hash;
    enum status st = ST_OK;
    if (opts->kv_events) {
        st = events_new(0, opts->kv_events_maps ? EVENTS_MAPS : EVENTS_ARRAYS, &e->events, err);
        if (st == ST_OK)
            st = kv_events_open(e->events, opts->kv_events, &e->kv_events, err);
    }
    so.events = e->events;
    return st == ST_OK ? sched_new(&so, &e->sched, err) : st;
}

static struct slice token_name(const struct tokenizer *t, uint32_t id)
{
    return id == TOKEN_NONE ? (struct slice){0} : tokenizer_name(t, id);
}

static enum status open_text(struct local *e, const struct engine_opts *opts, struct error *err)
{
    enum status st = e->bundle ? ST_OK : bundle_open(opts->model, &e->bundle, err);
    if (st == ST_OK)
        st = manifest_load(e->bundle, &e->arena, &e->manifest, err);
    if (st == ST_OK)
        st = tokenizer_load(e->bundle, &e->tokenizer, err);
    if (st != ST_OK)
        return st;
    if (opts->context > e->manifest.context)
        return error_set(err, ST_LIMIT, "the model has a context of %u tokens, %u cannot be had",
                         e->manifest.context, opts->context);
    e->n_end_token = e->manifest.n_end_token;
    memcpy(e->end_token, e->manifest.end_token, sizeof e->end_token);
    e->context = opts->context ? opts->context : e->manifest.context;
    if (!e->manifest.chat_template)
        return ST_OK;
    return chat_new(slice_of(e->manifest.chat_template),
                    token_name(e->tokenizer, tokenizer_bos(e->tokenizer)),
                    token_name(e->tokenizer, tokenizer_eos(e->tokenizer)), &e->chat, err);
}

static uint32_t pool_tokens(struct backend *b)
{
    const struct backend_info *info = b->vt->info(b);
    return (info->n_page - 1) * info->page_tokens;      /* one page is the scratch page */
}

static void fill_info(struct local *e, uint64_t start_ns)
{
    static const enum json_spelling spelling[] = {
        [MANIFEST_JSON_SPACED] = SPELL_SPACED, [MANIFEST_JSON_COMPACT] = SPELL_COMPACT,
        [MANIFEST_JSON_PRETTY] = SPELL_PRETTY,
    };
    struct engine_info *info = &e->base.info;
    *info = (struct engine_info){
        .kind = "local", .model = e->manifest.name, .arch = e->manifest.arch,
        .device = e->backend ? e->backend->vt->info(e->backend)->device : "none",
        .context = e->context, .n_vocab = tokenizer_n_vocab(e->tokenizer),
        .pool_tokens = e->backend ? pool_tokens(e->backend) : 0,
        .can_score = e->sched, .can_fork = e->sched, .can_constrain = e->sched,
        .can_tokens = true, .spelling = spelling[e->manifest.json_style],
        .think_open = e->manifest.think_open, .think_close = e->manifest.think_close,
        .think_off = e->manifest.think_off,
        .load_ms = (double)(clock_ns() - start_ns) / 1e6,
    };
    for (int i = 0; i < PLAN_N_ROLE; i++) {
        struct slice open, close;
        info->has_role[i] = local_role_text(&e->base, (enum plan_role)i, &open, &close);
    }
}

enum status engine_open_local(const struct engine_opts *opts, struct engine **ret,
                              struct error *err)
{
    return local_open_with(opts, NULL, NULL, ret, err);
}

enum status local_open_with(const struct engine_opts *opts, struct bundle *bundle,
                            struct backend *backend, struct engine **ret, struct error *err)
{
    uint64_t start = clock_ns();
    struct local *e = mem_zalloc(sizeof *e);
    if (!e) {
        backend_close(backend);
        bundle_close(bundle);
        return error_nomem(err);
    }
    e->bundle = bundle;
    e->backend = backend;
    e->base.vt = &local_vtable;
    atomic_init(&e->base.n_ref, 1);

    if (opts->progress)
        opts->progress(opts->progress_ctx, 0, "loading");
    enum status st = open_text(e, opts, err);
    if (st == ST_OK && !opts->text_only)
        st = pool_new(PREPARE_THREADS, "prepare", &e->pool, err);
    if (st == ST_OK && !opts->text_only)
        st = open_backend(e, opts, err);
    if (st == ST_OK && !opts->text_only)
        st = open_sched(e, opts, err);
    if (st != ST_OK) {
        local_close(&e->base);
        return st;
    }
    if (opts->progress)
        opts->progress(opts->progress_ctx, 1, "loading");
    fill_info(e, start);
    *ret = &e->base;
    return ST_OK;
}
