/* artifact.c - writes and reads .sglc files, and records the files that go into one. */
#include "compiler/artifact.h"

#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "compiler/bytecode_pack.h"

enum { VERSION = 1, FILES_MAX = 1 << 16 };

static const char magic[4] = { 'S', 'G', 'L', 'C' };

struct header {
    char     magic[4];
    uint32_t version;
    uint64_t fingerprint;
    uint64_t lo, hi;            /* hash of all that follows */
};

/* ---- writing ---- */

static void put_u32(struct str *out, size_t x)
{
    uint32_t v = (uint32_t)x;
    str_add(out, (const char *)&v, sizeof v);
}

static void put_text(struct str *out, struct slice s)
{
    put_u32(out, s.len);
    str_add_slice(out, s);
}

enum status artifact_write(const struct artifact *a, const struct module *m, struct str *out,
                           struct error *err)
{
    struct str module = { 0 };
    enum status st = module_pack(m, &module, err);
    if (st != ST_OK) {
        str_free(&module);
        return st;
    }
    struct header h = { .version = VERSION, .fingerprint = pack_fingerprint() };
    memcpy(h.magic, magic, sizeof magic);
    size_t start = out->len;
    str_add(out, (const char *)&h, sizeof h);
    put_u32(out, a->n_file);
    for (uint32_t i = 0; i < a->n_file; i++) {
        put_text(out, slice_of(a->file[i].from));
        put_text(out, a->file[i].asked);
        put_text(out, slice_of(a->file[i].name));
        put_text(out, a->file[i].text);
    }
    put_text(out, str_slice(&module));
    str_free(&module);
    if (out->failed)
        return error_nomem(err);
    struct hash128 hash = hash128_bytes(out->ptr + start + sizeof h, out->len - start - sizeof h);
    h.lo = hash.lo;
    h.hi = hash.hi;
    memcpy(out->ptr + start, &h, sizeof h);
    return ST_OK;
}

/* ---- reading ---- */

struct cursor {
    struct slice  in;
    struct arena *arena;
    bool          bad;
};

static const char *take(struct cursor *c, size_t len)
{
    if (c->bad || len > c->in.len) {
        c->bad = true;
        return NULL;
    }
    const char *p = c->in.ptr;
    c->in = slice_sub(c->in, len, c->in.len - len);
    return p;
}

static uint32_t take_u32(struct cursor *c)
{
    uint32_t x = 0;
    const char *p = take(c, sizeof x);
    if (p)
        memcpy(&x, p, sizeof x);
    return x;
}

static struct slice take_text(struct cursor *c)
{
    uint32_t len = take_u32(c);
    const char *p = take(c, len);
    return p ? (struct slice){ p, len } : (struct slice){ "", 0 };
}

static const char *take_name(struct cursor *c)
{
    struct slice s = take_text(c);
    c->bad |= memchr(s.ptr, 0, s.len) != NULL;
    const char *copy = c->bad ? NULL : arena_strdup(c->arena, s);
    return copy ? copy : "";
}

static void take_files(struct cursor *c, struct artifact *a)
{
    uint32_t n = take_u32(c);
    c->bad |= n == 0 || n > FILES_MAX || n > c->in.len / 16;
    struct artifact_file *list = c->bad ? NULL : arena_array(&a->arena, n, sizeof *list);
    for (uint32_t i = 0; list && i < n && !c->bad; i++) {
        list[i].from = take_name(c);
        list[i].asked = take_text(c);
        list[i].name = take_name(c);
        list[i].text = take_text(c);
    }
    a->file = list;
    a->n_file = list ? n : 0;
}

bool artifact_is(struct slice bytes)
{
    return bytes.len >= sizeof(struct header) && memcmp(bytes.ptr, magic, sizeof magic) == 0;
}

enum status artifact_read(struct slice bytes, struct artifact *ret, struct error *err)
{
    struct header h;
    if (!artifact_is(bytes))
        return error_code(err, ST_SYNTAX, "R0101", "not a compiled program");
    memcpy(&h, bytes.ptr, sizeof h);
    if (h.version != VERSION)
        return error_code(err, ST_SYNTAX, "R0101",
                          "compiled programs of version %u are not known here: build it again",
                          h.version);
    struct slice body = slice_sub(bytes, sizeof h, bytes.len - sizeof h);
    struct hash128 hash = hash128_bytes(body.ptr, body.len);
    struct artifact a = { 0 };
    struct cursor c = { body, &a.arena, hash.lo != h.lo || hash.hi != h.hi };
    take_files(&c, &a);
    a.module = take_text(&c);
    enum status st = ST_OK;
    if (a.arena.failed)
        st = error_nomem(err);
    else if (c.bad || c.in.len)
        st = error_code(err, ST_SYNTAX, "R0101",
                        "the compiled program is cut off or damaged: build it again");
    if (st != ST_OK) {
        artifact_free(&a);
        return st;
    }
    if (h.fingerprint != pack_fingerprint())
        a.module = (struct slice){ "", 0 };
    *ret = a;
    return ST_OK;
}

void artifact_free(struct artifact *a)
{
    arena_free(&a->arena);
    *a = (struct artifact){ 0 };
}

/* ---- files ---- */

static const struct artifact_file *find(const struct artifact_file *file, uint32_t n,
                                        const char *from,
                                        struct slice asked)
{
    for (uint32_t i = 0; i < n; i++)
        if (slice_eq(file[i].asked, asked) && strcmp(file[i].from, from) == 0)
            return &file[i];
    return NULL;
}

enum status artifact_load(void *ctx, struct arena *arena, const char *from, struct slice name,
                          const char **ret_name, struct slice *ret_text, struct error *err)
{
    const struct artifact *a = ctx;
    const struct artifact_file *f = find(a->file, a->n_file, from, name);
    if (!f)
        return error_set(err, ST_NOT_FOUND, "the compiled program has no file `%.*s`",
                         (int)name.len, name.ptr);
    *ret_name = arena_strdup(arena, slice_of(f->name));
    *ret_text = arena_slice(arena, f->text);
    return arena->failed ? error_nomem(err) : ST_OK;
}

enum status recorder_load(void *ctx, struct arena *arena, const char *from, struct slice name,
                          const char **ret_name, struct slice *ret_text, struct error *err)
{
    struct file_recorder *r = ctx;
    enum status st = r->inner.load(r->inner.ctx, arena, from, name, ret_name, ret_text, err);
    if (st != ST_OK || find(r->file, r->n, from, name))
        return st;
    struct artifact_file *f = array_push(&r->file, &r->n, &r->cap, sizeof *f);
    if (!f)
        return error_nomem(err);
    *f = (struct artifact_file){ arena_strdup(&r->arena, slice_of(from)), arena_slice(&r->arena, name),
                                 arena_strdup(&r->arena, slice_of(*ret_name)),
                                 arena_slice(&r->arena, *ret_text) };
    return r->arena.failed ? error_nomem(err) : ST_OK;
}

void recorder_free(struct file_recorder *r)
{
    arena_free(&r->arena);
    mem_free(r->file);
    *r = (struct file_recorder){ 0 };
}
