/* show.c - the prompt of every function in the order of its code, as pieces of known origin.
 *
 * Bytecode has no ifs and loops, only jumps; they are found again by where the jumps lead:
 *
 *      p  JUMP_FALSE c, t          [if c]
 *         ...                         pieces
 *    t-1  JUMP u                   [else]          (only when it leads on)
 *      t  ...                         pieces
 *      u                           [end]
 *
 *      h  ...                      [repeat: for x in xs]
 *      q  JUMP h                   [end]
 *
 * Ways without a piece on them are left out.  Where a generation opens a turn of its own is known
 * from what stands before it, in the function or in the one that forks it. */
#include "compiler/show.h"

#include <string.h>

#include "base/alloc.h"
#include "base/array.h"

enum { FORK_DEPTH_MAX = 64, FLOW_TEXT_MAX = 60 };

struct way {                    /* pieces from..to stand on it */
    uint32_t     from, to;
    const char  *open;          /* "if", "else", "repeat" */
    struct slice text;
};

struct walk {
    const struct module *m;
    const struct func   *f;
    show_fn              piece;
    void                *ctx;
    struct way          *way;
    uint32_t             n_way, cap_way;
    bool                 chat;          /* a role statement was seen */
    uint32_t             role;          /* open turn, or SHOW_NO_ROLE */
    bool                 failed;
};

static void give(struct walk *w, enum show_kind kind, struct slice text, uint32_t role)
{
    struct show_piece p = { .kind = kind, .text = text, .role = role, .func = w->f };
    w->piece(w->ctx, &p);
}

static struct slice source_of(const struct walk *w, uint32_t pc)
{
    struct span at = w->f->span[pc];
    return slice_sub(w->f->source->text, at.off, at.len);
}

static bool is_piece(enum bc_op op)
{
    switch (op) {
    case OP_TEXT: case OP_INSERT: case OP_CONTROL: case OP_TURN_OPEN: case OP_TURN_CLOSE:
    case OP_GEN: case OP_SELECT: case OP_SCORE: case OP_STREAM_OPEN: case OP_FORK:
    case OP_JOIN_TEXT:
        return true;
    default:
        return false;
    }
}

/* ---- ways of control ---- */

static bool has_piece(const struct func *f, uint32_t from, uint32_t to)
{
    for (uint32_t pc = from; pc < to && pc < f->n_code; pc++)
        if (is_piece(f->code[pc].op))
            return true;
    return false;
}

/* The first line of a piece of source, without the brace that opens its block. */
static struct slice head_line(struct slice s)
{
    size_t end = slice_find(s, SLICE("\n"));
    s = slice_trim(slice_sub(s, 0, end == SIZE_MAX ? s.len : end));
    size_t brace = slice_find(s, SLICE(" {"));
    return slice_sub(s, 0, brace == SIZE_MAX ? s.len : brace);
}

static void add_way(struct walk *w, uint32_t from, uint32_t to, const char *open, struct slice text)
{
    if (from >= to || !has_piece(w->f, from, to))
        return;
    struct way *way = array_push(&w->way, &w->n_way, &w->cap_way, sizeof *way);
    if (!way) {
        w->failed = true;
        return;
    }
    *way = (struct way){ from, to, open, text };
}

static bool target(const struct walk *w, uint32_t pc, uint32_t *ret)
{
    const struct insn *i = &w->f->code[pc];
    int64_t to = (int64_t)pc + 1 + (int32_t)(i->b | (uint32_t)i->c << 16);
    if (to < 0 || to > w->f->n_code)
        return false;
    *ret = (uint32_t)to;
    return true;
}

static void branch_ways(struct walk *w, uint32_t pc, uint32_t to)
{
    uint32_t end = to;
    bool jumps = to > pc + 1 && w->f->code[to - 1].op == OP_JUMP;
    bool leads_on = jumps && target(w, to - 1, &end) && end > to;
    add_way(w, pc + 1, to, "if", head_line(source_of(w, pc)));
    if (leads_on)
        add_way(w, to, end, has_piece(w->f, pc + 1, to) ? "else" : "unless", SLICE(""));
}

static void find_ways(struct walk *w)
{
    for (uint32_t pc = 0; pc < w->f->n_code; pc++) {
        uint32_t to;
        switch (w->f->code[pc].op) {
        case OP_JUMP_TRUE: case OP_JUMP_FALSE: case OP_JUMP_NULL: case OP_JUMP_NOT_NULL:
            if (target(w, pc, &to) && to > pc)
                branch_ways(w, pc, to);
            break;
        case OP_JUMP:
            if (target(w, pc, &to) && to <= pc)
                add_way(w, to, pc + 1, "repeat", head_line(source_of(w, pc)));
            break;
        default:
            break;
        }
    }
}

static void way_text(struct walk *w, const struct way *way)
{
    struct str s = { 0 };
    str_adds(&s, way->open);
    if (way->text.len) {
        bool cut = way->text.len > FLOW_TEXT_MAX;
        str_addf(&s, "%s %.*s%s", strcmp(way->open, "repeat") == 0 ? ":" : "",
                 (int)(cut ? FLOW_TEXT_MAX : way->text.len), way->text.ptr, cut ? "..." : "");
    }
    give(w, SHOW_FLOW, str_slice(&s), 0);
    str_free(&s);
}

/* Ways that end before pc, innermost first; then those that begin here, outermost first. */
static void ways_at(struct walk *w, uint32_t pc)
{
    bool leads_on = false;
    for (uint32_t i = 0; i < w->n_way; i++)
        leads_on |= w->way[i].from == pc && strcmp(w->way[i].open, "else") == 0;
    for (uint32_t i = w->n_way; i > 0; i--)
        if (w->way[i - 1].to == pc && !(leads_on && strcmp(w->way[i - 1].open, "if") == 0))
            give(w, SHOW_FLOW, SLICE("end"), 0);
    for (uint32_t i = 0; i < w->n_way; i++)
        if (w->way[i].from == pc)
            way_text(w, &w->way[i]);
}

/* ---- pieces ---- */

static bool opens_chat(const struct func *f, uint32_t end)
{
    for (uint32_t pc = 0; pc < end; pc++)
        if (f->code[pc].op == OP_TURN_OPEN)
            return true;
    return false;
}

/* Whether a branch begins in a chat: its parent's, at the fork. */
static bool begins_chat(const struct module *m, uint32_t func)
{
    for (int depth = 0; depth < FORK_DEPTH_MAX && m->func[func].flags & FUNC_BRANCH; depth++) {
        bool found = false;
        for (uint32_t i = 0; i < m->n_func && !found; i++) {
            const struct func *f = &m->func[i];
            for (uint32_t pc = 0; pc < f->n_code && !found; pc++) {
                if (f->code[pc].op != OP_FORK || m->fork[f->code[pc].b].func != func)
                    continue;
                if (opens_chat(f, pc))
                    return true;
                func = i;
                found = true;
            }
        }
        if (!found)
            return false;
    }
    return false;
}

static void generation(struct walk *w, const struct gen_site *g, const char *what)
{
    const struct rtype *t = &w->m->rtype[g->rtype];
    bool turn = g->opens_turn && w->chat && w->role == SHOW_NO_ROLE;
    struct str s = { 0 };
    str_adds(&s, "$[");
    if (g->name.len)
        str_add_slice(&s, g->name);
    else
        str_adds(&s, what);
    str_addf(&s, ": %.*s]", (int)t->name.len, t->name.ptr);
    if (turn)
        give(w, SHOW_OPEN, SLICE("assistant"), 2);
    give(w, SHOW_GEN, str_slice(&s), 0);
    if (turn)
        give(w, SHOW_CLOSE, SLICE("assistant"), 2);
    str_free(&s);
}

static void inserted(struct walk *w, uint32_t pc)
{
    struct slice text = source_of(w, pc);
    struct str s = { 0 };
    if (slice_starts(text, SLICE("emit ")))
        text = slice_trim(slice_sub(text, 5, text.len));
    if (slice_starts(text, SLICE("${")))
        str_add_slice(&s, text);
    else
        str_addf(&s, "${%.*s}", (int)text.len, text.ptr);
    give(w, w->f->code[pc].op == OP_CONTROL ? SHOW_CONTROL : SHOW_INSERT, str_slice(&s), 0);
    str_free(&s);
}

static void forked(struct walk *w, uint32_t func)
{
    const struct func *b = &w->m->func[func];
    struct str s = { 0 };
    if (!has_piece(b, 0, b->n_code))
        return;
    str_addf(&s, "fork: %.*s, line %u", (int)b->name.len, b->name.ptr,
             source_place(b->source, b->at.off).line);
    give(w, SHOW_FLOW, str_slice(&s), 0);
    str_free(&s);
}

static void one(struct walk *w, uint32_t pc)
{
    static const char *const role[] = { "system", "user", "assistant", "tool" };
    const struct insn *i = &w->f->code[pc];
    switch (i->op) {
    case OP_TEXT:
        give(w, SHOW_TEXT, w->m->konst[i->b | (uint32_t)i->c << 16].text, 0);
        break;
    case OP_INSERT:
    case OP_CONTROL:
        inserted(w, pc);
        break;
    case OP_TURN_OPEN:
        w->chat = true;
        w->role = i->b;
        give(w, SHOW_OPEN, slice_of(role[i->b]), i->b);
        break;
    case OP_TURN_CLOSE:
        give(w, SHOW_CLOSE, slice_of(w->role < 4 ? role[w->role] : "turn"), w->role);
        w->role = SHOW_NO_ROLE;
        break;
    case OP_GEN:
        generation(w, &w->m->gen[i->c], "gen");
        break;
    case OP_STREAM_OPEN:
        generation(w, &w->m->gen[i->c], "stream");
        break;
    case OP_SELECT:
        generation(w, &w->m->gen[i->c], "select");
        break;
    case OP_SCORE:
        generation(w, &w->m->gen[i->c], "score");
        break;
    case OP_FORK:
        forked(w, w->m->fork[i->b].func);
        break;
    case OP_JOIN_TEXT:
        give(w, SHOW_FLOW, SLICE("join as text"), 0);
        break;
    default:
        break;
    }
}

static void title(struct walk *w)
{
    const struct func *f = w->f;
    struct str s = { 0 };
    str_addf(&s, "%.*s, %s:%u", (int)f->name.len, f->name.ptr, f->source->name,
             source_place(f->source, f->at.off).line);
    give(w, SHOW_FUNC, str_slice(&s), 0);
    str_free(&s);
}

enum status show_walk(const struct module *m, show_fn piece, void *ctx)
{
    struct walk w = { .m = m, .piece = piece, .ctx = ctx };
    for (uint32_t i = 0; i < m->n_func && !w.failed; i++) {
        w.f = &m->func[i];
        if (w.f->flags & (FUNC_TEST | FUNC_HELPER) || !has_piece(w.f, 0, w.f->n_code))
            continue;
        w.n_way = 0;
        w.role = SHOW_NO_ROLE;
        w.chat = begins_chat(m, i);
        find_ways(&w);
        title(&w);
        for (uint32_t pc = 0; pc < w.f->n_code; pc++) {
            ways_at(&w, pc);
            one(&w, pc);
        }
        ways_at(&w, w.f->n_code);
    }
    mem_free(w.way);
    return w.failed ? ST_NOMEM : ST_OK;
}
