/* score_job.c - evaluates the trie of all options in as few rows as there are trie nodes.
 *
 *      C ---.-- " cat" ---.                    segment 0: " cat"            (pages: C's, one copied)
 *           |              `-- "alog"          segment 1: "alog"            (pages: segment 0's ...)
 *           `-- " dog" -- "gy"                 segment 2: " dog" "gy"
 *
 * A segment is a chain of the trie without a branch; it is a sequence of rows behind its parent,
 * whose full pages it shares and whose unfinished page it copies.  All segments whose parents are
 * computed go into the same step, as far as rows, logits and pages reach.  The logits behind a
 * node give the log-probabilities of all its children at once, so a leaf needs a row only when the
 * end of the option counts.
 *
 * For a select the pages of finished segments are kept while there are few, so that in the end what
 * was computed for the chosen option becomes the context's own: full pages change hands, the
 * unfinished one is copied.  When pages run short they are given up, and the option is computed
 * again with what follows it.
 *
 * "pmi" walks the same trie a second time without C, and keeps nothing. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/bitset.h"
#include "runtime/sched/sched_int.h"

enum { NODE_NONE = 0xffffffffu, KEEP_SEGMENTS = 64 };

struct trie_node {
    uint32_t tok;
    uint32_t first, last, next;     /* children, and the next sibling */
    uint32_t option;                /* that ends here, or NODE_NONE */
    double   lp, u;
};

struct segment {
    uint32_t  parent;               /* segment, or NODE_NONE */
    uint32_t  first;                /* into job->chain */
    uint32_t  n_node, n_need;       /* trie nodes; rows that are needed of them */
    uint32_t  depth;                /* nodes before it */
    uint32_t  n_kid, n_closed;      /* segments behind it; of which are over */
    uint32_t *page;                 /* whole table, ours from n_shared on */
    uint32_t  n_page, n_shared;
    uint32_t  n_done;
    uint32_t  n_row, logit;         /* in this step */
    bool      over;
};

struct score_job {
    struct trie_node *node;         /* node 0 is the end of C */
    uint32_t          n_node, cap_node;
    uint32_t         *chain;        /* trie nodes of all segments, one after the other */
    uint32_t          n_chain, cap_chain;
    struct segment   *seg;
    uint32_t          n_seg, cap_seg;
    uint32_t          n_over;
    uint32_t          n_page;       /* pages that segments own now */
    double           *end;          /* [n_option] */
    uint32_t         *end_mask;     /* tokens of the class that ends an option */
    bool              need_end, without_context;
    bool              keep;         /* finished segments keep their pages */
};

/* ---- the trie and its segments ---- */

static uint32_t add_node(struct score_job *job, uint32_t parent, uint32_t tok)
{
    uint32_t id = job->n_node;
    struct trie_node *n = array_push(&job->node, &job->n_node, &job->cap_node, sizeof *n);
    if (!n)
        return NODE_NONE;
    *n = (struct trie_node){ .tok = tok, .first = NODE_NONE, .last = NODE_NONE,
                             .next = NODE_NONE, .option = NODE_NONE };
    if (parent == NODE_NONE)
        return id;
    struct trie_node *p = &job->node[parent];
    if (p->last == NODE_NONE)
        p->first = id;
    else
        job->node[p->last].next = id;
    p->last = id;
    return id;
}

static uint32_t child_of(const struct score_job *job, uint32_t parent, uint32_t tok)
{
    uint32_t c = job->node[parent].first;
    while (c != NODE_NONE && job->node[c].tok != tok)
        c = job->node[c].next;
    return c;
}

static bool add_option(struct score_job *job, const struct score_option *o, uint32_t option)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < o->n_tok; i++) {
        uint32_t c = child_of(job, at, o->tok[i]);
        if (c == NODE_NONE)
            c = add_node(job, at, o->tok[i]);
        if (c == NODE_NONE)
            return false;
        at = c;
    }
    job->node[at].option = option;
    return true;
}

static bool single_child(const struct trie_node *n)
{
    return n->first != NODE_NONE && n->first == n->last;
}

/* The chain that begins at `node`. */
static bool add_segment(struct score_job *job, uint32_t parent, uint32_t node)
{
    uint32_t depth = parent == NODE_NONE ? 0 : job->seg[parent].depth + job->seg[parent].n_node;
    struct segment *g = array_push(&job->seg, &job->n_seg, &job->cap_seg, sizeof *g);
    if (!g)
        return false;
    g->parent = parent;
    g->depth = depth;
    g->first = job->n_chain;
    for (uint32_t at = node;; at = job->node[at].first) {
        uint32_t *slot = array_push(&job->chain, &job->n_chain, &job->cap_chain, sizeof *slot);
        if (!slot)
            return false;
        *slot = at;
        g->n_node++;
        if (!single_child(&job->node[at]))
            break;
    }
    if (parent != NODE_NONE)
        job->seg[parent].n_kid++;
    const struct trie_node *last = &job->node[job->chain[g->first + g->n_node - 1]];
    g->n_need = g->n_node - (last->first == NODE_NONE && !job->need_end);
    return true;
}

/* Breadth first, so that a parent has a lower number than its children. */
static bool cut_segments(struct score_job *job)
{
    for (uint32_t c = job->node[0].first; c != NODE_NONE; c = job->node[c].next) {
        if (!add_segment(job, NODE_NONE, c))
            return false;
    }
    for (uint32_t i = 0; i < job->n_seg; i++) {
        uint32_t last = job->chain[job->seg[i].first + job->seg[i].n_node - 1];
        for (uint32_t c = job->node[last].first; c != NODE_NONE; c = job->node[c].next) {
            if (!add_segment(job, i, c))
                return false;
        }
    }
    return true;
}

/* ---- the end of an option ---- */

static bool is_word_byte(unsigned char c)
{
    return c >= 0x80 || c == '_' || (c >= '0' && c <= '9') ||
           ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool in_class(const struct score_opts *o, struct slice bytes)
{
    if (!bytes.len)
        return false;
    if (o->next == SCORE_TEXT)
        return slice_starts(o->follow, bytes) || slice_starts(bytes, o->follow);
    return o->next == SCORE_OPEN && !is_word_byte((unsigned char)bytes.ptr[0]);
}

static void make_end_mask(struct sched *s, struct score_job *job, const struct score_opts *o)
{
    uint32_t n = tokenizer_n_vocab(s->tokenizer);
    for (uint32_t id = 0; id < n && id < s->info->n_vocab; id++) {
        if (in_class(o, tokenizer_bytes(s->tokenizer, id)))
            bitset_add(job->end_mask, id);
    }
    for (uint32_t i = 0; i < s->n_end_token && o->next != SCORE_TEXT; i++)
        bitset_add(job->end_mask, s->end_token[i]);
}

/* Whether the token leads from option i on into a longer option. */
static bool leads_on(const struct score_opts *o, uint32_t i, struct slice bytes)
{
    struct slice text = o->option[i].text;
    for (uint32_t k = 0; k < o->n_option; k++) {
        struct slice longer = o->option[k].text;
        if (longer.len <= text.len || !slice_starts(longer, text))
            continue;
        struct slice rest = slice_sub(longer, text.len, longer.len - text.len);
        if (slice_starts(rest, bytes) || slice_starts(bytes, rest))
            return true;
    }
    return false;
}

static bool has_longer(const struct score_opts *o, uint32_t i)
{
    struct slice text = o->option[i].text;
    for (uint32_t k = 0; k < o->n_option; k++) {
        if (o->option[k].text.len > text.len && slice_starts(o->option[k].text, text))
            return true;
    }
    return false;
}

static double end_of(struct sched *s, const struct score_job *job, const struct score_opts *o,
                     uint32_t option, const float *logits, double lse)
{
    bool check = o->next == SCORE_OPEN && has_longer(o, option);
    double sum = 0;
    for (uint32_t id = 0; id < s->info->n_vocab; id++) {
        if (!bitset_has(job->end_mask, id))
            continue;
        struct slice bytes = tokenizer_bytes(s->tokenizer, id);
        if (check && bytes.len && leads_on(o, option, bytes))
            continue;
        sum += exp((double)logits[id] - lse);
    }
    return log(sum);
}

/* The logits behind a trie node. */
static void use_logits(struct sched *s, struct request *r, uint32_t node, const float *logits)
{
    struct score_job *job = r->job;
    double lse = sampler_logsumexp(s->sampler, logits);
    for (uint32_t c = job->node[node].first; c != NODE_NONE; c = job->node[c].next) {
        double lp = (double)logits[job->node[c].tok] - lse;
        if (job->without_context)
            job->node[c].u = lp;
        else
            job->node[c].lp = lp;
    }
    uint32_t option = job->node[node].option;
    if (option != NODE_NONE && job->need_end && !job->without_context)
        job->end[option] = end_of(s, job, &r->score, option, logits, lse);
}

/* ---- rows ---- */

static void give_pages(struct sched *s, struct score_job *job, struct segment *g)
{
    for (uint32_t k = g->n_shared; g->page && k < g->n_page; k++) {
        if (g->page[k] == PAGE_NONE)
            continue;               /* the context has it now */
        pages_give(s->pages, g->page[k]);
        job->n_page--;
    }
    mem_free(g->page);
    g->page = NULL;
    g->n_page = 0;
}

/* Pages are short: what was only kept for the end goes. */
static void give_kept(struct sched *s, struct score_job *job)
{
    job->keep = false;
    for (uint32_t i = 0; i < job->n_seg; i++)
        if (job->seg[i].over)
            give_pages(s, job, &job->seg[i]);
}

/* A segment is over when its rows are, and when nobody behind it needs its pages any more. */
static void close_segment(struct sched *s, struct score_job *job, uint32_t i)
{
    while (i != NODE_NONE) {
        struct segment *g = &job->seg[i];
        if (g->n_done < g->n_need || g->n_closed < g->n_kid || g->over)
            return;
        if (!job->keep)
            give_pages(s, job, g);
        g->over = true;
        job->n_over++;
        i = g->parent;
        if (i != NODE_NONE)
            job->seg[i].n_closed++;
    }
}

static uint32_t base_len(const struct request *r)
{
    return r->job->without_context ? 0 : r->tl->tok.n;
}

/* The table of pages: the parent's full ones, a copy of its unfinished one, new ones. */
static bool open_segment(struct sched *s, struct request *r, struct segment *g)
{
    struct score_job *job = r->job;
    uint32_t P = s->info->page_tokens;
    uint32_t pos = base_len(r) + g->depth;
    uint32_t n_page = (pos + g->n_need + P - 1) / P;
    const uint32_t *from = g->parent == NODE_NONE ? r->hold.page : job->seg[g->parent].page;

    g->page = mem_calloc(n_page, sizeof *g->page);
    if (!g->page)
        return false;
    g->n_shared = pos / P;
    if (g->n_shared)
        memcpy(g->page, from, g->n_shared * sizeof *g->page);
    g->n_page = g->n_shared;
    while (g->n_page < n_page) {
        uint32_t page = sched_take_page(s);
        if (page == PAGE_NONE)
            break;
        g->page[g->n_page++] = page;
        job->n_page++;
    }
    if (g->n_page < n_page) {
        while (g->n_page > g->n_shared) {
            pages_give(s->pages, g->page[--g->n_page]);
            job->n_page--;
        }
        mem_free(g->page);
        g->page = NULL;
        return false;
    }
    if (pos % P) {
        s->backend->vt->copy_page(s->backend, g->page[g->n_shared], from[g->n_shared], pos % P);
        s->n_copied++;
    }
    return true;
}

static void add_segment_rows(struct sched *s, struct request *r, struct segment *g)
{
    struct score_job *job = r->job;
    uint32_t tok[SCHED_MAX_LOGITS];
    uint32_t n = g->n_need - g->n_done;
    uint32_t room = s->info->max_batch_tok - s->n_row;
    n = n < SCHED_MAX_LOGITS - s->n_logit ? n : SCHED_MAX_LOGITS - s->n_logit;
    n = n < room ? n : room;
    for (uint32_t i = 0; i < n; i++)
        tok[i] = job->node[job->chain[g->first + g->n_done + i]].tok;
    uint32_t pos = base_len(r) + g->depth + g->n_done;
    uint32_t row = batch_add(s, tok, n, pos, g->page);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = batch_want_logits(s, row + i);
        g->logit = i ? g->logit : at;
    }
    g->n_row = n;
    s->stats.computed_tokens += n;
    order_charge(s->order, r, n, 0);
    s->has_prompt_rows = true;
}

void score_job_build(struct sched *s, struct request *r)
{
    struct score_job *job = r->job;
    for (uint32_t i = 0; i < job->n_seg && batch_has_room(s, 1); i++) {
        struct segment *g = &job->seg[i];
        bool ready = g->parent == NODE_NONE ||
                     job->seg[g->parent].n_done == job->seg[g->parent].n_need;
        if (!ready || g->n_done == g->n_need)
            continue;
        bool open = g->page || open_segment(s, r, g);
        if (!open && job->keep) {
            give_kept(s, job);
            open = open_segment(s, r, g);
        }
        if (!open)
            break;
        add_segment_rows(s, r, g);
    }
}

static void begin_pass(struct sched *s, struct score_job *job)
{
    job->n_over = 0;
    for (uint32_t i = 0; i < job->n_seg; i++) {
        struct segment *g = &job->seg[i];
        g->n_done = g->n_closed = g->n_row = 0;
        g->over = false;
    }
    for (uint32_t i = job->n_seg; i-- > 0;) {
        if (!job->seg[i].n_need)
            close_segment(s, job, i);
    }
}

bool score_job_collect(struct sched *s, struct request *r)
{
    struct score_job *job = r->job;
    for (uint32_t i = 0; i < job->n_seg; i++) {
        struct segment *g = &job->seg[i];
        if (!g->n_row)
            continue;
        for (uint32_t k = 0; k < g->n_row; k++)
            use_logits(s, r, job->chain[g->first + g->n_done + k],
                       s->logits + (size_t)(g->logit + k) * s->info->n_vocab);
        g->n_done += g->n_row;
        g->n_row = 0;
        close_segment(s, job, i);
    }
    if (job->n_over < job->n_seg)
        return false;
    if (r->score.by != SCORE_PMI || job->without_context)
        return true;
    job->without_context = true;
    begin_pass(s, job);
    return job->n_over == job->n_seg;
}

/* ---- beginning and end ---- */

enum status score_job_new(struct sched *s, struct request *r, struct error *err)
{
    const struct score_opts *o = &r->score;
    struct score_job *job = mem_zalloc(sizeof *job);
    if (!job)
        return error_nomem(err);
    r->job = job;
    job->need_end = o->by == SCORE_JOINT || o->by == SCORE_SAMPLE;
    job->end = mem_calloc(o->n_option, sizeof *job->end);
    job->end_mask = mem_calloc(bitset_words(s->info->n_vocab), sizeof *job->end_mask);
    bool ok = job->end && job->end_mask && add_node(job, NODE_NONE, 0) == 0;
    for (uint32_t i = 0; ok && i < o->n_option; i++)
        ok = add_option(job, &o->option[i], i);
    ok = ok && cut_segments(job);
    if (!ok)
        return error_nomem(err);    /* the job goes with its request */
    job->keep = o->keep && o->by != SCORE_PMI && job->n_seg <= KEEP_SEGMENTS;
    if (job->need_end)
        make_end_mask(s, job, o);
    begin_pass(s, job);
    return ST_OK;
}

void score_job_free(struct sched *s, struct score_job *job)
{
    if (!job)
        return;
    for (uint32_t i = 0; i < job->n_seg; i++)
        give_pages(s, job, &job->seg[i]);
    mem_free(job->node);
    mem_free(job->chain);
    mem_free(job->seg);
    mem_free(job->end);
    mem_free(job->end_mask);
    mem_free(job);
}

void score_job_root(struct sched *s, struct request *r, const float *logits)
{
    use_logits(s, r, 0, logits);
}

uint32_t score_job_pages(const struct score_job *job)
{
    return job->n_page;
}

enum status score_job_solve(struct request *r, struct error *err)
{
    const struct score_opts *o = &r->score;
    struct score_job *job = r->job;
    struct score_row *row = mem_calloc(o->n_option, sizeof *row);
    size_t n_all = 0;
    for (uint32_t i = 0; i < o->n_option; i++)
        n_all += o->option[i].n_tok;
    double *x = mem_calloc(2 * n_all + 1, sizeof *x);
    if (!row || !x) {
        mem_free(row);
        mem_free(x);
        return error_nomem(err);
    }
    double *at = x;
    for (uint32_t i = 0; i < o->n_option; i++) {
        uint32_t n = o->option[i].n_tok;
        uint32_t node = 0;
        row[i] = (struct score_row){ .lp = at, .u = at + n, .end = job->end[i], .n = n };
        for (uint32_t k = 0; k < n; k++) {
            node = child_of(job, node, o->option[i].tok[k]);
            at[k] = job->node[node].lp;
            at[n + k] = job->node[node].u;
        }
        at += 2 * n;
    }
    enum status st = score_solve(row, o->n_option, o->by, o->temp, o->key, &r->scored.chosen,
                                 r->scored.prob, err);
    if (st == ST_OK) {
        const struct score_row *c = &row[r->scored.chosen];
        r->scored.lp = mem_calloc(c->n ? c->n : 1, sizeof *r->scored.lp);
        for (uint32_t k = 0; r->scored.lp && k < c->n; k++)
            r->scored.lp[k] = c->lp[k];
        r->scored.n_lp = r->scored.lp ? c->n : 0;
    }
    mem_free(row);
    mem_free(x);
    return st;
}

/* ---- the chosen option stays ---- */

/* The segment that holds the end of option i, and how many of its nodes lead there. */
static uint32_t segment_of(const struct score_job *job, uint32_t node, uint32_t *ret_n)
{
    for (uint32_t i = 0; i < job->n_seg; i++)
        for (uint32_t k = 0; k < job->seg[i].n_node; k++)
            if (job->chain[job->seg[i].first + k] == node) {
                *ret_n = k + 1;
                return i;
            }
    return NODE_NONE;
}

/* Page `at` of the segment's table, taken from whichever segment owns it. */
static uint32_t take_page(struct score_job *job, uint32_t seg, uint32_t at)
{
    while (at < job->seg[seg].n_shared)
        seg = job->seg[seg].parent;
    uint32_t page = job->seg[seg].page[at];
    job->seg[seg].page[at] = PAGE_NONE;
    job->n_page--;
    return page;
}

/* The context's pages come to hold what the segment's do, up to n_kv tokens.  Gives how many. */
static uint32_t adopt_pages(struct sched *s, struct request *r, uint32_t seg, uint32_t n_kv)
{
    struct score_job *job = r->job;
    struct hold *h = &r->hold;
    uint32_t P = s->info->page_tokens, n = r->tl->tok.n;
    for (uint32_t at = n / P; at * P < n_kv; at++) {
        uint32_t end = n_kv < (at + 1) * P ? n_kv : (at + 1) * P;
        if (at < h->n_page) {
            s->backend->vt->copy_page(s->backend, h->page[at], job->seg[seg].page[at],
                                      end - at * P);
            s->n_copied++;
        } else if (at == h->n_page && hold_reserve(h, at + 1)) {
            h->page[h->n_page++] = take_page(job, seg, at);
        } else {
            break;
        }
        n = end;
    }
    return n;
}

/* Appends the chosen option to the context, with what was computed of it. */
void score_job_keep(struct sched *s, struct request *r)
{
    struct score_job *job = r->job;
    const struct score_option *o = &r->score.option[r->scored.chosen];
    struct token_list *tok = &r->tl->tok;
    uint32_t node = 0, base = tok->n, n = 0;
    if (!job->keep || r->n_kv != base)
        return;
    for (uint32_t i = 0; i < o->n_tok; i++)
        node = child_of(job, node, o->tok[i]);
    uint32_t seg = segment_of(job, node, &n);
    while (seg != NODE_NONE && !job->seg[seg].page) {      /* no row of it was needed */
        seg = job->seg[seg].parent;
        n = seg == NODE_NONE ? 0 : job->seg[seg].n_node;
    }
    if (seg == NODE_NONE)
        return;
    struct segment *g = &job->seg[seg];
    n = n < g->n_done ? n : g->n_done;
    uint32_t n_kv = adopt_pages(s, r, seg, base + g->depth + n);
    for (uint32_t i = 0; i < o->n_tok; i++) {
        if (!token_list_push(tok, o->tok[i])) {
            tok->n = base;
            return;
        }
    }
    r->n_kv = n_kv;
    r->scored.kept = true;
}
