/* caps.c - finds the role markers of a template by rendering short conversations.
 *
 * The texts of a probe are sentinels, so the template's own writing is what lies between them:
 *
 *     [start][user open] U1 [user close][assistant open] A1 [assistant close][user open] U2 ...
 *
 * Where one turn's closing ends and the next one's opening begins is found by comparing probes: a
 * conversation that ends after a text shows the closing alone, the generation prompt shows the
 * opening of an assistant turn alone.  A default system text, a date, or a check of the order of
 * roles changes none of the cuts; a template that refuses a probe just shows nothing there. */
#include "runtime/chat/caps.h"

#include <string.h>

#define U1 "Xqone"
#define A1 "Xqtwo"
#define U2 "Xqthree"
#define A2 "Xqfour"
#define S1 "Xqfive"
#define T1 "Xqsix"

struct probe {
    const struct chat *c;
    struct arena      *arena;
    enum status        st;          /* ST_NOMEM ends everything */
};

/* Renders "role text role text ..." ; the empty slice with ptr NULL when the template refuses. */
static struct slice render(struct probe *p, const char *const *turns, size_t n, bool prompt)
{
    struct slice none = { NULL, 0 };
    struct error err = { 0 };
    struct chat_text text;
    struct chat_vars vars = { .add_generation_prompt = prompt, .now = 1 };
    json_t *messages = json_array();
    for (size_t i = 0; messages && i < n; i++)
        json_array_append_new(messages, json_pack("{s:s, s:s}", "role", turns[2 * i], "content",
                                                  turns[2 * i + 1]));
    if (!messages || json_array_size(messages) != n) {
        json_decref(messages);
        p->st = ST_NOMEM;
        return none;
    }
    enum status st = chat_render(p->c, messages, &vars, p->arena, &text, &err);
    json_decref(messages);
    if (st == ST_NOMEM)
        p->st = st;
    if (st != ST_OK)
        return none;

    struct str all = { 0 };
    for (uint32_t i = 0; i < text.n_piece; i++)
        str_add_slice(&all, text.piece[i].text);
    struct slice kept = arena_slice(p->arena, str_slice(&all));
    if (all.failed || p->arena->failed)
        p->st = ST_NOMEM;
    str_free(&all);
    return p->st == ST_OK ? kept : none;
}

#define RENDER(p, prompt, ...)                                                      \
    render(p, (const char *const[]){ __VA_ARGS__ },                                 \
           sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *) / 2, prompt)

/* What stands before `a`, behind it, and between `a` and `b`.  False when a text is not there. */
static bool before(struct slice s, const char *a, struct slice *ret)
{
    size_t at = s.ptr ? slice_find(s, slice_of(a)) : SIZE_MAX;
    *ret = slice_sub(s, 0, at == SIZE_MAX ? 0 : at);
    return at != SIZE_MAX;
}

static bool behind(struct slice s, const char *a, struct slice *ret)
{
    size_t at = s.ptr ? slice_find(s, slice_of(a)) : SIZE_MAX;
    if (at == SIZE_MAX)
        return false;
    *ret = slice_sub(s, at + strlen(a), s.len);
    return true;
}

static bool between(struct slice s, const char *a, const char *b, struct slice *ret)
{
    struct slice rest;
    return behind(s, a, &rest) && before(rest, b, ret);
}

static struct slice cut_front(struct slice s, struct slice front)
{
    return slice_sub(s, front.len, s.len);
}

static struct slice cut_back(struct slice s, struct slice back)
{
    return slice_sub(s, 0, s.len - back.len);
}

static bool is_blank(struct slice s)
{
    return slice_trim(s).len == 0;
}

/* The opening of a user turn, and the closings of both sides. */
static bool probe_pair(struct probe *p, struct chat_markers *m)
{
    struct slice one = RENDER(p, false, "user", U1);
    struct slice two = RENDER(p, false, "user", U1, "assistant", A1);
    struct slice three = RENDER(p, false, "user", U1, "assistant", A1, "user", U2);
    struct slice user_close, assistant_close, gap, twice;
    if (!behind(one, U1, &user_close) || !behind(two, A1, &assistant_close) ||
        !between(three, A1, U2, &gap))
        return false;
    /* Where the last turn is closed in another way, what the two have in common is the closing. */
    size_t n = 0;
    while (n < gap.len && n < assistant_close.len && gap.ptr[n] == assistant_close.ptr[n])
        n++;
    assistant_close = slice_sub(gap, 0, n);
    struct slice user_open = cut_front(gap, assistant_close);

    /* A prompt that is written unasked shows as part of the closing; two user turns know better. */
    if (between(RENDER(p, false, "user", U1, "user", U2), U1, U2, &twice) &&
        slice_ends(twice, user_open) && slice_starts(user_close, cut_back(twice, user_open)))
        user_close = cut_back(twice, user_open);

    m->has[CHAT_USER] = m->has[CHAT_ASSISTANT] = true;
    m->open[CHAT_USER] = user_open;
    m->close[CHAT_USER] = user_close;
    m->close[CHAT_ASSISTANT] = assistant_close;
    return true;
}

/* The opening of an assistant turn: the generation prompt, or what stands before its text in a
 * conversation, whichever is the shorter of the two when one begins with the other. */
static void probe_assistant(struct probe *p, struct chat_markers *m)
{
    struct slice tail, gap, told = { "", 0 }, asked = { "", 0 };
    if (between(RENDER(p, false, "user", U1, "assistant", A1, "user", U2), U1, A1, &gap) &&
        slice_starts(gap, m->close[CHAT_USER]))
        told = cut_front(gap, m->close[CHAT_USER]);
    if (behind(RENDER(p, true, "user", U1), U1, &tail) && slice_starts(tail, m->close[CHAT_USER]))
        asked = cut_front(tail, m->close[CHAT_USER]);
    bool use_told = (asked.len == 0 && !is_blank(told)) ||
                    (told.len != 0 && told.len < asked.len && slice_starts(asked, told));
    m->open[CHAT_ASSISTANT] = use_told ? told : asked;
}

/* `open` of a user turn with another role's name in it, or the empty slice. */
static struct slice renamed(struct probe *p, struct slice open, const char *role)
{
    size_t at = slice_find(open, SLICE("user"));
    if (at == SIZE_MAX)
        return (struct slice){ "", 0 };
    struct str s = { 0 };
    str_add(&s, open.ptr, at);
    str_adds(&s, role);
    str_add(&s, open.ptr + at + 4, open.len - at - 4);
    struct slice kept = arena_slice(p->arena, str_slice(&s));
    if (s.failed || p->arena->failed)
        p->st = ST_NOMEM;
    str_free(&s);
    return kept;
}

/* What stands before the first turn: a BOS name, without a system turn that nobody asked for. */
static void probe_start(struct probe *p, struct chat_markers *m, struct slice bos)
{
    struct slice head, with_system, user_open = m->open[CHAT_USER];
    m->start = (struct slice){ "", 0 };
    if (!before(RENDER(p, false, "user", U1), U1, &head))
        return;
    bool plain = slice_ends(head, user_open);
    struct slice rest = plain ? cut_back(head, user_open) : head;
    bool has_system = before(RENDER(p, false, "system", S1, "user", U1), S1, &with_system);
    if (plain && (!has_system || slice_starts(with_system, rest))) {
        m->start = rest;
        return;
    }
    if (bos.len && slice_starts(head, bos) && !slice_starts(user_open, bos))
        m->start = bos;
}

static void probe_system(struct probe *p, struct chat_markers *m)
{
    struct slice text = RENDER(p, false, "system", S1, "user", U1);
    struct slice head, gap, user_open = m->open[CHAT_USER];
    if (!before(text, S1, &head) || !between(text, S1, U1, &gap) || !slice_starts(head, m->start))
        return;
    struct slice open = cut_front(head, m->start);
    struct slice usual = renamed(p, user_open, "system");
    m->has[CHAT_SYSTEM] = true;
    if (slice_ends(gap, user_open) && user_open.len) {
        m->close[CHAT_SYSTEM] = cut_back(gap, user_open);
        m->open[CHAT_SYSTEM] = usual.len && slice_starts(open, usual) ? usual : open;
        return;
    }
    m->system_in_user = true;
    m->open[CHAT_SYSTEM] = open;
    m->close[CHAT_SYSTEM] = (struct slice){ "", 0 };
    m->system_separator = gap;
}

static void probe_tool(struct probe *p, struct chat_markers *m)
{
    struct slice text = RENDER(p, false, "user", U1, "assistant", A1, "tool", T1, "user", U2);
    struct slice head, tail;
    if (!between(text, A1, T1, &head) || !between(text, T1, U2, &tail) ||
        !slice_starts(head, m->close[CHAT_ASSISTANT]) || !slice_ends(tail, m->open[CHAT_USER]))
        return;
    m->has[CHAT_TOOL] = true;
    m->open[CHAT_TOOL] = cut_front(head, m->close[CHAT_ASSISTANT]);
    m->close[CHAT_TOOL] = cut_back(tail, m->open[CHAT_USER]);
}

enum status caps_probe(const struct chat *c, struct arena *arena, struct chat_markers *ret,
                       struct error *err)
{
    struct probe p = { c, arena, ST_OK };
    struct chat_markers m = { 0 };
    for (int i = 0; i < CHAT_N_ROLE; i++)
        m.open[i] = m.close[i] = (struct slice){ "", 0 };
    m.start = m.system_separator = (struct slice){ "", 0 };
    if (probe_pair(&p, &m)) {
        probe_assistant(&p, &m);
        probe_start(&p, &m, chat_bos(c));
        probe_system(&p, &m);
        probe_tool(&p, &m);
    }
    if (p.st != ST_OK)
        return error_nomem(err);
    *ret = m;
    return ST_OK;
}
