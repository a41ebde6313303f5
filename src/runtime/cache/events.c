/* events.c - see events.h: the few forms of msgpack that it needs, and the ring.
 *
 * A batch is encoded where it happens, so that the ring holds finished bytes: publishing and
 * repeating it are the same thing, and the scheduler's part is a copy. */
#include "runtime/cache/events.h"

#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"

enum { DEFAULT_BATCHES = 10000, MAX_BYTES = 64 << 20 };

struct batch {
    char  *bytes;
    size_t len;
};

struct events {
    enum events_form form;
    struct str      open;           /* events of the batch that is being told */
    uint32_t        n_open;

    pthread_mutex_t lock;           /* guards what follows */
    struct batch   *batch;          /* [cap] number n stands at n % cap */
    uint32_t        cap;
    uint64_t        first, next;    /* numbers that are there: first .. next - 1 */
    size_t          bytes;
    int             fd;
};

enum status events_new(uint32_t n_batch, enum events_form form, struct events **ret,
                       struct error *err)
{
    struct events *e = mem_zalloc(sizeof *e);
    if (!e)
        return error_nomem(err);
    pthread_mutex_init(&e->lock, NULL);
    e->form = form;
    e->cap = n_batch ? n_batch : DEFAULT_BATCHES;
    e->batch = mem_calloc(e->cap, sizeof *e->batch);
    e->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (!e->batch || e->fd < 0) {
        events_free(e);
        return error_nomem(err);
    }
    *ret = e;
    return ST_OK;
}

void events_free(struct events *e)
{
    if (!e)
        return;
    for (; e->first < e->next; e->first++)
        mem_free(e->batch[e->first % e->cap].bytes);
    if (e->fd >= 0)
        close(e->fd);
    str_free(&e->open);
    mem_free(e->batch);
    pthread_mutex_destroy(&e->lock);
    mem_free(e);
}

/* ---- msgpack ---- */

static void put_be(struct str *s, uint64_t x, int n_byte)
{
    for (int i = n_byte - 1; i >= 0; i--)
        str_addc(s, (char)(x >> (8 * i)));
}

static void put_array(struct str *s, uint32_t n)
{
    if (n < 16) {
        str_addc(s, (char)(0x90 | n));
        return;
    }
    str_addc(s, (char)(n < 65536 ? 0xdc : 0xdd));
    put_be(s, n, n < 65536 ? 2 : 4);
}

static void put_text(struct str *s, const char *text)
{
    size_t n = strlen(text);        /* names of events and pools: below 32 bytes */
    str_addc(s, (char)(0xa0 | n));
    str_add(s, text, n);
}

static void put_uint(struct str *s, uint32_t x)
{
    if (x < 128) {
        str_addc(s, (char)x);
        return;
    }
    int n_byte = x < 256 ? 1 : x < 65536 ? 2 : 4;
    str_addc(s, (char)(n_byte == 1 ? 0xcc : n_byte == 2 ? 0xcd : 0xce));
    put_be(s, x, n_byte);
}

static void put_hash(struct str *s, uint64_t hash)
{
    str_addc(s, (char)0xd3);        /* signed, as subscribers keep them */
    put_be(s, hash, 8);
}

static void put_hashes(struct str *s, const uint64_t *hash, uint32_t n)
{
    put_array(s, n);
    for (uint32_t i = 0; i < n; i++)
        put_hash(s, hash[i]);
}

static void put_nil(struct str *s)
{
    str_addc(s, (char)0xc0);
}

static void put_double(struct str *s, double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    str_addc(s, (char)0xcb);
    put_be(s, bits, 8);
}

/* ---- telling ---- */

static const char pool_name[] = "GPU";

/* n fields follow, each behind its name where fields have one. */
static void begin(struct events *e, const char *type, uint32_t n)
{
    e->n_open++;
    if (e->form == EVENTS_MAPS) {
        str_addc(&e->open, (char)(0x80 | (n + 1)));
        put_text(&e->open, "type");
    } else {
        put_array(&e->open, n + 1);
    }
    put_text(&e->open, type);
}

static void field(struct events *e, const char *name)
{
    if (e->form == EVENTS_MAPS)
        put_text(&e->open, name);
}

void events_stored(struct events *e, const uint64_t *parent, const uint64_t *hash, uint32_t n,
                   const uint32_t *tok, uint32_t page_tokens)
{
    struct str *s = &e->open;
    begin(e, "BlockStored", 6);
    field(e, "block_hashes");
    put_hashes(s, hash, n);
    field(e, "parent_block_hash");
    if (parent)
        put_hash(s, *parent);
    else
        put_nil(s);
    field(e, "token_ids");
    put_array(s, n * page_tokens);
    for (uint32_t i = 0; i < n * page_tokens; i++)
        put_uint(s, tok[i]);
    field(e, "block_size");
    put_uint(s, page_tokens);
    field(e, "lora_id");
    put_nil(s);
    field(e, "medium");
    put_text(s, pool_name);
}

void events_removed(struct events *e, const uint64_t *hash, uint32_t n)
{
    begin(e, "BlockRemoved", 2);
    field(e, "block_hashes");
    put_hashes(&e->open, hash, n);
    field(e, "medium");
    put_text(&e->open, pool_name);
}

void events_cleared(struct events *e)
{
    begin(e, "AllBlocksCleared", 0);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void forget_oldest(struct events *e)
{
    struct batch *b = &e->batch[e->first++ % e->cap];
    e->bytes -= b->len;
    mem_free(b->bytes);
}

/* A batch that memory has no room for is lost, and its number with it: subscribers see the gap. */
void events_seal(struct events *e)
{
    if (!e->n_open)
        return;
    struct str s = {0};
    put_array(&s, 2);
    put_double(&s, now());
    put_array(&s, e->n_open);
    str_add_slice(&s, str_slice(&e->open));
    s.failed = s.failed || e->open.failed;
    e->n_open = 0;
    str_free(&e->open);
    size_t len = s.len;
    char *bytes = str_take(&s);

    pthread_mutex_lock(&e->lock);
    while (e->first < e->next && (e->next - e->first >= e->cap || e->bytes + len > MAX_BYTES))
        forget_oldest(e);
    e->batch[e->next++ % e->cap] = (struct batch){ .bytes = bytes, .len = bytes ? len : 0 };
    e->bytes += bytes ? len : 0;
    pthread_mutex_unlock(&e->lock);
    events_wake(e);
}

/* ---- reading ---- */

bool events_read(struct events *e, uint64_t seq, uint64_t *ret_seq, struct str *out)
{
    pthread_mutex_lock(&e->lock);
    seq = seq > e->first ? seq : e->first;
    while (seq < e->next && !e->batch[seq % e->cap].bytes)
        seq++;
    bool there = seq < e->next;
    if (there) {
        const struct batch *b = &e->batch[seq % e->cap];
        str_add(out, b->bytes, b->len);
        *ret_seq = seq;
    }
    pthread_mutex_unlock(&e->lock);
    return there && !out->failed;
}

int events_fd(const struct events *e)
{
    return e->fd;
}

void events_woken(struct events *e)
{
    uint64_t n;
    while (read(e->fd, &n, sizeof n) == sizeof n)
        continue;
}

void events_wake(struct events *e)
{
    uint64_t one = 1;
    ssize_t n = write(e->fd, &one, sizeof one);
    (void)n;        /* full: it is readable already */
}
