/* matcher.c - where one generation stands in its constraint.
 *
 * The state is a list of moments, one for each accepted token, so going back is forgetting some.
 * A moment is a config of the shared family and how many healing bytes are still to be read.
 *
 *      prompt ...|he|ali|            healing bytes "heali", then the value
 *                 ^ taken back       token "healing" may span from them into the value
 */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "runtime/constrain/constraint_data.h"

enum { FORCED_MAX = 4096, LOOK_BACK = 4 };

struct moment {
    uint32_t config;
    uint32_t n_heal;            /* healing bytes read */
    bool     left;              /* the value was left */
    bool     accepts, final;    /* of the config, kept here so that asking needs no lock */
};

struct matcher {
    struct constraint *c;
    struct drive      *d;
    struct str         heal, follow;
    uint32_t           follow_id;
    bool               open_end;
    struct moment     *at;
    uint32_t           n, cap;
};

static const struct moment *now(const struct matcher *m)
{
    return &m->at[m->n - 1];
}

static struct slice heal_rest(const struct matcher *m)
{
    return slice_sub(str_slice(&m->heal), now(m)->n_heal, m->heal.len);
}

/* The drive's lock is held. */
static struct moment moment_of(const struct matcher *m, uint32_t config, uint32_t n_heal, bool left)
{
    return (struct moment){ config, n_heal, left, automaton_accepts(m->d->f, config),
                            automaton_final(m->d->f, config) };
}

static bool push(struct matcher *m, struct moment x)
{
    struct moment *slot = array_push(&m->at, &m->n, &m->cap, sizeof *slot);
    if (slot)
        *slot = x;
    return slot != NULL;
}

enum status matcher_new(struct constraint *c, const struct matcher_opts *opts, struct matcher **ret,
                        struct error *err)
{
    struct matcher *m = mem_zalloc(sizeof *m);
    if (!m)
        return error_nomem(err);
    m->c = constraint_ref(c);
    if (opts) {
        str_add_slice(&m->heal, opts->heal);
        str_add_slice(&m->follow, opts->follow);
        m->open_end = opts->open_end && !opts->follow.len;
    }
    enum status st = constraint_drive(c, &m->d, err);
    if (st == ST_OK) {
        pthread_mutex_lock(&m->d->lock);
        if (!push(m, moment_of(m, automaton_start(m->d->f), 0, false)))
            st = error_nomem(err);
        m->follow_id = m->follow.len ? intern_add(&m->d->follow, str_slice(&m->follow)) + 1 : 0;
        pthread_mutex_unlock(&m->d->lock);
    }
    if (st == ST_OK && (m->heal.failed || m->follow.failed))
        st = error_nomem(err);
    if (st != ST_OK) {
        matcher_free(m);
        return st;
    }
    *ret = m;
    return ST_OK;
}

void matcher_free(struct matcher *m)
{
    if (!m)
        return;
    drive_unref(m->d);
    constraint_unref(m->c);
    str_free(&m->heal);
    str_free(&m->follow);
    mem_free(m->at);
    mem_free(m);
}

enum status matcher_clone(const struct matcher *m, struct matcher **ret, struct error *err)
{
    struct matcher *x = mem_zalloc(sizeof *x);
    if (!x)
        return error_nomem(err);
    x->c = constraint_ref(m->c);
    x->d = m->d;
    atomic_fetch_add(&x->d->n_ref, 1);
    str_add_slice(&x->heal, str_slice(&m->heal));
    str_add_slice(&x->follow, str_slice(&m->follow));
    x->follow_id = m->follow_id;
    x->open_end = m->open_end;
    if (!array_reserve(&x->at, &x->cap, m->n, sizeof *x->at) || x->heal.failed || x->follow.failed) {
        matcher_free(x);
        return error_nomem(err);
    }
    memcpy(x->at, m->at, m->n * sizeof *m->at);
    x->n = m->n;
    *ret = x;
    return ST_OK;
}

/* ---- masks ---------------------------------------------------------------------------------- */

static bool fill(struct matcher *m, uint32_t *row)
{
    const struct vocab *v = m->c->v;
    struct slice rest = heal_rest(m);
    size_t words = bitset_words(v->n_logit);
    uint32_t config = now(m)->config;
    if (rest.len) {
        memset(row, 0, words * sizeof *row);
        return mask_healed(m->d, v, rest, config, row);
    }
    if (!mask_config(m->d, v, config, m->follow_id, str_slice(&m->follow), row))
        return false;
    if (m->open_end && automaton_accepts(m->d->f, config))
        bitset_or(row, v->open_row, words);
    return true;
}

enum status matcher_mask(struct matcher *m, uint32_t *row, struct error *err)
{
    size_t words = bitset_words(m->c->v->n_logit);
    if (now(m)->left) {
        memset(row, 0, words * sizeof *row);
        return error_code(err, ST_FAILED, "R0402", "the value has ended");
    }
    pthread_mutex_lock(&m->d->lock);
    bool ok = fill(m, row);
    bool stop = ok && matcher_may_stop(m);
    bool failed = family_failed(m->d->f);
    pthread_mutex_unlock(&m->d->lock);
    if (!ok) {
        memset(row, 0, words * sizeof *row);
        return failed ? error_code(err, ST_FAILED, "R0402", "the constraint's budget is spent")
                      : error_nomem(err);
    }
    if (stop)
        return ST_OK;
    for (size_t i = 0; i < words; i++)
        if (row[i])
            return ST_OK;
    return error_code(err, ST_FAILED, "R0402", "no token of the vocabulary can continue the value");
}

/* ---- accepting ------------------------------------------------------------------------------ */

/* Reads the bytes from where m stands; *ret_n_left is what of them lies behind the value. */
static enum matcher_step read_bytes(struct matcher *m, struct slice s, struct moment *x,
                                    uint32_t *ret_n_left)
{
    *x = *now(m);
    *ret_n_left = 0;
    size_t i = 0;
    if (x->left)
        return MATCHER_REFUSED;
    for (; i < s.len && x->n_heal < m->heal.len; i++, x->n_heal++)
        if (s.ptr[i] != m->heal.ptr[x->n_heal])
            return MATCHER_REFUSED;
    size_t value_at = i;
    uint32_t first = x->config;
    size_t n_read;
    x->config = automaton_read(m->d->f, x->config, slice_sub(s, i, s.len), &n_read);
    i += n_read;
    if (i == s.len && !family_failed(m->d->f)) {
        *x = moment_of(m, x->config, x->n_heal, false);
        return MATCHER_INSIDE;
    }
    struct slice behind = slice_sub(s, i, s.len);
    if (m->follow.len && automaton_accepts(m->d->f, x->config) &&
        slice_starts(str_slice(&m->follow), behind)) {
        *x = moment_of(m, x->config, x->n_heal, true);
        *ret_n_left = (uint32_t)behind.len;
        return MATCHER_LEFT;
    }
    if (m->open_end && value_at == 0 && automaton_accepts(m->d->f, first) && byte_ends_word((uint8_t)s.ptr[0])) {
        *x = moment_of(m, first, x->n_heal, true);
        *ret_n_left = (uint32_t)s.len;
        return MATCHER_LEFT;
    }
    return MATCHER_REFUSED;
}

enum matcher_step matcher_accept(struct matcher *m, uint32_t token, uint32_t *ret_n_left)
{
    struct slice s = vocab_bytes(m->c->v, token);
    struct moment x;
    uint32_t n_left = 0;
    if (!s.len || s.len > TRIE_TOKEN_MAX)
        return MATCHER_REFUSED;
    pthread_mutex_lock(&m->d->lock);
    enum matcher_step st = read_bytes(m, s, &x, &n_left);
    pthread_mutex_unlock(&m->d->lock);
    if (st != MATCHER_REFUSED && !push(m, x))
        return MATCHER_REFUSED;
    if (ret_n_left)
        *ret_n_left = n_left;
    return st;
}

bool matcher_accept_bytes(struct matcher *m, struct slice bytes)
{
    struct moment x;
    uint32_t n_left;
    pthread_mutex_lock(&m->d->lock);
    bool ok = read_bytes(m, bytes, &x, &n_left) == MATCHER_INSIDE;
    pthread_mutex_unlock(&m->d->lock);
    return ok && push(m, x);
}

bool matcher_may_stop(const struct matcher *m)
{
    const struct moment *x = now(m);
    return x->n_heal == m->heal.len && (x->left || x->accepts);
}

bool matcher_must_stop(const struct matcher *m)
{
    const struct moment *x = now(m);
    return x->n_heal == m->heal.len && (x->left || x->final);
}

bool matcher_in_value(const struct matcher *m)
{
    return now(m)->n_heal == m->heal.len;
}

uint32_t matcher_n_accepted(const struct matcher *m)
{
    return m->n - 1;
}

void matcher_rollback(struct matcher *m, uint32_t n_tokens)
{
    m->n -= n_tokens < m->n ? n_tokens : m->n - 1;
}

/* ---- forced bytes and tokens ---------------------------------------------------------------- */

static int only_byte(const uint32_t set[8])
{
    int found = -1;
    for (int i = 0; i < 8; i++) {
        if (!set[i])
            continue;
        if (found >= 0 || (set[i] & (set[i] - 1)))
            return -1;
        found = i * 32 + __builtin_ctz(set[i]);
    }
    return found;
}

/* *config is moved behind the forced bytes. */
static void forced_bytes(struct matcher *m, size_t max, struct str *out, uint32_t *config)
{
    struct family *f = m->d->f;
    for (size_t n = 0; n < max && !automaton_accepts(f, *config); n++) {
        uint32_t set[8];
        automaton_bytes(f, *config, set);
        int b = only_byte(set);
        if (b < 0)
            return;
        uint32_t next = automaton_step(f, *config, (uint8_t)b);
        if (next == CONFIG_DEAD)
            return;
        str_addc(out, (char)b);
        *config = next;
    }
}

void matcher_forced(struct matcher *m, size_t max, struct str *out)
{
    struct slice rest = heal_rest(m);
    uint32_t config = now(m)->config;
    if (now(m)->left)
        return;
    pthread_mutex_lock(&m->d->lock);
    str_add(out, rest.ptr, rest.len < max ? rest.len : max);
    if (rest.len < max)
        forced_bytes(m, max - rest.len, out, &config);
    pthread_mutex_unlock(&m->d->lock);
}

/* Whether a token is `head` and at least one byte more that the constraint allows at `config`. */
static bool spans(const struct vocab *v, struct family *f, struct slice head, uint32_t config)
{
    uint32_t at[TRIE_TOKEN_MAX + 2], node = trie_find(v, head);
    if (!node)
        return false;
    uint32_t base = v->node[node].depth, end = node + v->node[node].subtree;
    at[0] = config;
    for (uint32_t i = node + 1; i < end;) {
        uint32_t d = v->node[i].depth - base;
        at[d] = automaton_step(f, at[d - 1], (uint8_t)v->node[i].byte);
        if (at[d] == CONFIG_DEAD) {
            i += v->node[i].subtree;
            continue;
        }
        if (v->node[i].token != TRIE_NO_TOKEN)
            return true;
        i++;
    }
    return false;
}

/* Drops from the end of ids[0..n) the tokens that some allowed token could take the place of. */
static uint32_t look_back(const struct matcher *m, const uint32_t *id, uint32_t n, struct slice text,
                          uint32_t config)
{
    const struct vocab *v = m->c->v;
    size_t from = text.len;
    for (uint32_t k = 0; k < LOOK_BACK && k < n; k++)
        from -= vocab_bytes(v, id[n - 1 - k]).len;
    size_t cut = text.len;
    for (size_t i = from; i < text.len && cut == text.len; i++)
        if (spans(v, m->d->f, slice_sub(text, i, text.len), config))
            cut = i;
    size_t end = text.len;
    while (n && end > cut)
        end -= vocab_bytes(v, id[--n]).len;
    return n;
}

static size_t bytes_of(const struct vocab *v, const uint32_t *id, uint32_t n)
{
    size_t total = 0;
    for (uint32_t i = 0; i < n; i++)
        total += vocab_bytes(v, id[i]).len;
    return total;
}

/* Canonical split of `text` behind `context`: its first token in *ret_from. */
static enum status split(const struct vocab *v, const struct tokenizer *t, struct slice context,
                         struct slice text, struct token_list *l, uint32_t *ret_from, struct error *err)
{
    struct str both = { 0 };
    size_t keep = context.len > 8 ? 8 : context.len;
    while (keep && ((uint8_t)context.ptr[context.len - keep] & 0xc0) == 0x80)
        keep--;
    str_add(&both, context.ptr + context.len - keep, keep);
    str_add_slice(&both, text);
    enum status st = both.failed ? error_nomem(err)
                   : tokenizer_encode(t, str_slice(&both), ENCODE_DATA, false, l, err);
    size_t at = 0;
    uint32_t i = 0;
    while (st == ST_OK && i < l->n && at < keep)
        at += vocab_bytes(v, l->id[i++]).len;
    *ret_from = i;
    if (st == ST_OK && (at != keep || bytes_of(v, l->id + i, l->n - i) != text.len))
        *ret_from = l->n;           /* the border is inside a token: nothing is forced */
    str_free(&both);
    return st;
}

enum status matcher_forced_tokens(struct matcher *m, const struct tokenizer *t, struct slice context,
                                  struct token_list *out, struct error *err)
{
    struct str text = { 0 };
    struct token_list l = { 0 };
    uint32_t from = 0, config = now(m)->config;
    enum status st = ST_OK;
    if (now(m)->left || heal_rest(m).len)
        return ST_OK;
    pthread_mutex_lock(&m->d->lock);
    forced_bytes(m, FORCED_MAX, &text, &config);
    if (text.failed)
        st = error_nomem(err);
    else if (text.len)
        st = split(m->c->v, t, context, str_slice(&text), &l, &from, err);
    if (st == ST_OK && from < l.n) {
        uint32_t n = look_back(m, l.id + from, l.n - from, str_slice(&text), config);
        for (uint32_t i = 0; i < n && st == ST_OK; i++)
            if (!token_list_push(out, l.id[from + i]))
                st = error_nomem(err);
    }
    pthread_mutex_unlock(&m->d->lock);
    token_list_free(&l);
    str_free(&text);
    return st;
}

/* ---- closing -------------------------------------------------------------------------------- */

enum status matcher_close(struct matcher *m, struct str *out, struct error *err)
{
    if (now(m)->left)
        return ST_OK;
    pthread_mutex_lock(&m->d->lock);
    str_add_slice(out, heal_rest(m));
    enum status st = automaton_complete(m->d->f, now(m)->config, out);
    pthread_mutex_unlock(&m->d->lock);
    if (st == ST_OK && out->failed)
        st = ST_NOMEM;
    return st == ST_OK ? ST_OK : error_code(err, st, "R0402", "the value cannot be closed");
}

uint32_t matcher_close_tokens(struct matcher *m)
{
    struct str text = { 0 };
    uint32_t n = UINT32_MAX;
    if (matcher_close(m, &text, NULL) == ST_OK)
        n = vocab_greedy_count(m->c->v, str_slice(&text));
    str_free(&text);
    return n;
}

/* ---- healing -------------------------------------------------------------------------------- */

uint32_t heal_count(const struct vocab *v, struct constraint *c, const uint32_t *ids, uint32_t n,
                    bool *ret_useful)
{
    uint32_t best = 0;
    struct str tail = { 0 };
    struct drive *d = NULL;
    if (c && constraint_drive(c, &d, NULL) != ST_OK)
        n = 0;
    if (d)
        pthread_mutex_lock(&d->lock);
    for (uint32_t k = 1; k <= n && k <= LOOK_BACK; k++) {
        str_cut(&tail, 0);
        for (uint32_t i = n - k; i < n; i++)
            str_add_slice(&tail, vocab_bytes(v, ids[i]));
        if (!vocab_bytes(v, ids[n - k]).len || tail.failed)
            break;                  /* a control token is never taken back */
        uint32_t node = trie_find(v, str_slice(&tail));
        if (!node || v->node[node].subtree < 2)
            continue;
        if (!d || spans(v, d->f, str_slice(&tail), automaton_start(d->f)))
            best = k;
    }
    if (d)
        pthread_mutex_unlock(&d->lock);
    drive_unref(d);
    str_free(&tail);
    if (ret_useful)
        *ret_useful = best > 0;
    return best;
}
