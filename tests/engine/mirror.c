/* mirror.c - see mirror.h.  Reads msgpack by its own rules, not by the writer's. */
#include "mirror.h"

#include <string.h>

struct reader {
    const unsigned char *at, *end;
    bool                 bad, named;
};

static uint64_t big(struct reader *r, int n)
{
    uint64_t x = 0;
    if (r->end - r->at < n) {
        r->bad = true;
        return 0;
    }
    while (n-- > 0)
        x = x << 8 | *r->at++;
    return x;
}

static uint32_t array(struct reader *r)
{
    uint64_t b = big(r, 1);
    if (b >= 0x90 && b <= 0x9f)
        return b & 15;
    if (b == 0xdc || b == 0xdd)
        return (uint32_t)big(r, b == 0xdc ? 2 : 4);
    r->bad = true;
    return 0;
}

/* Any integer, signed or not. */
static uint64_t integer(struct reader *r)
{
    uint64_t b = big(r, 1);
    if (b < 0x80)
        return b;
    if (b >= 0xcc && b <= 0xcf)
        return big(r, 1 << (b - 0xcc));
    if (b == 0xd3)
        return big(r, 8);
    r->bad = true;
    return 0;
}

static bool nil(struct reader *r)
{
    if (r->at < r->end && *r->at == 0xc0) {
        r->at++;
        return true;
    }
    return false;
}

static struct slice text(struct reader *r)
{
    uint64_t b = big(r, 1);
    size_t n = b & 31;
    if (b < 0xa0 || b > 0xbf || (size_t)(r->end - r->at) < n) {
        r->bad = true;
        return (struct slice){0};
    }
    struct slice s = { (const char *)r->at, n };
    r->at += n;
    return s;
}

static bool is(struct slice s, const char *what)
{
    return s.len == strlen(what) && memcmp(s.ptr, what, s.len) == 0;
}

/* An event's size in fields, the type among them; r->named says whether they have names. */
static uint32_t event(struct reader *r)
{
    r->named = r->at < r->end && *r->at >= 0x80 && *r->at <= 0x8f;
    return r->named ? big(r, 1) & 15 : array(r);
}

/* The name of the next field, where it has one. */
static void name(struct reader *r, const char *what)
{
    r->bad = r->bad || (r->named && !is(text(r), what));
}

static uint32_t place(const struct mirror *m, uint64_t hash)
{
    uint32_t i = 0;
    while (i < m->n && m->hash[i] != hash)
        i++;
    return i;
}

static bool stored(struct mirror *m, struct reader *r)
{
    uint64_t hash[MIRROR_MOST];
    name(r, "block_hashes");
    uint32_t n = array(r);
    if (n == 0 || n > MIRROR_MOST - m->n)
        return false;
    for (uint32_t i = 0; i < n; i++)
        hash[i] = integer(r);
    name(r, "parent_block_hash");
    bool follows = !nil(r);
    if (follows && place(m, integer(r)) == m->n)
        return false;
    name(r, "token_ids");
    uint32_t n_tok = array(r);
    for (uint32_t i = 0; i < n_tok && !r->bad; i++)
        integer(r);
    name(r, "block_size");
    m->page_tokens = (uint32_t)integer(r);
    name(r, "lora_id");
    bool no_adapter = nil(r);
    name(r, "medium");
    for (uint32_t i = 0; i < n; i++) {
        if (place(m, hash[i]) < m->n)
            return false;
        m->hash[m->n++] = hash[i];
    }
    m->n_stored++;
    return n_tok == n * m->page_tokens && no_adapter && is(text(r), "GPU") && !r->bad;
}

static bool removed(struct mirror *m, struct reader *r)
{
    name(r, "block_hashes");
    uint32_t n = array(r);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = place(m, integer(r));
        if (r->bad || at == m->n)
            return false;
        m->hash[at] = m->hash[--m->n];
    }
    m->n_removed++;
    name(r, "medium");
    return is(text(r), "GPU");
}

bool mirror_take(struct mirror *m, struct slice batch)
{
    struct reader r = { (const unsigned char *)batch.ptr,
                        (const unsigned char *)batch.ptr + batch.len, false, false };
    if (array(&r) != 2 || big(&r, 1) != 0xcb)
        return false;
    big(&r, 8);
    uint32_t n = array(&r);
    for (uint32_t i = 0; i < n && !r.bad; i++) {
        uint32_t n_field = event(&r);
        name(&r, "type");
        struct slice kind = text(&r);
        bool ok = false;
        if (is(kind, "BlockStored") && n_field == 7)
            ok = stored(m, &r);
        else if (is(kind, "BlockRemoved") && n_field == 3)
            ok = removed(m, &r);
        else if (is(kind, "AllBlocksCleared") && n_field == 1) {
            ok = true;
            m->n = 0;
            m->n_cleared++;
        }
        if (!ok)
            return false;
    }
    return n > 0 && !r.bad && r.at == r.end;
}

bool mirror_same(const struct mirror *a, const struct mirror *b)
{
    for (uint32_t i = 0; i < a->n; i++) {
        if (place(b, a->hash[i]) == b->n)
            return false;
    }
    return a->n == b->n;
}
