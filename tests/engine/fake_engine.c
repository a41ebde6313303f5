/* fake_engine.c - see fake_engine.h. */
#include "fake_engine.h"

#include "fake_model.h"
#include "runtime/engine/local.h"

const struct fake_opts fake_plain = {
    .context = 2048, .page_tokens = 16, .n_page = 600, .max_batch_tok = 256, .max_seq = 64,
    .end_token = FAKE_IM_END, .end_bias = 4,
};

static enum status try_open(const struct fake_opts *fake, const struct engine_opts *opts,
                            struct backend **ret_backend, struct engine **ret, struct error *err)
{
    struct fake_opts f = *fake;
    struct engine_opts o = opts ? *opts : (struct engine_opts){ .max_running = 16 };
    struct bundle *b = fake_model_open(&f.n_vocab);
    REQUIRE(b);
    o.check_steps = true;
    *ret_backend = fake_backend_new(&f);
    return local_open_with(&o, b, *ret_backend, ret, err);
}

enum status fake_engine_try(const struct fake_opts *fake, const struct engine_opts *opts,
                            struct engine **ret, struct error *err)
{
    struct backend *be;
    return try_open(fake, opts, &be, ret, err);
}

struct engine *fake_engine_open(const struct fake_opts *fake, const struct engine_opts *opts,
                                struct backend **ret_backend)
{
    struct backend *be;
    struct engine *e;
    struct error err;
    enum status st = try_open(fake, opts, &be, &e, &err);
    if (st != ST_OK)
        fprintf(stderr, "open: %s\n", err.text);
    REQUIRE(st == ST_OK);
    if (ret_backend)
        *ret_backend = be;
    return e;
}

struct session *fake_session(struct engine *e)
{
    struct session *s;
    struct error err;
    REQUIRE(session_new(e, NULL, &s, &err) == ST_OK);
    return s;
}

struct session *fake_fork(struct session *s)
{
    struct session *c;
    struct error err;
    REQUIRE(session_fork(s, &c, &err) == ST_OK);
    return c;
}

void fake_check_idle(struct engine *e)
{
    struct error err = {0};
    if (!engine_check(e, &err)) {
        fprintf(stderr, "engine_check: %s\n", err.text);
        exit(1);
    }
}

void fake_end(struct engine *e, struct drive *d, struct session *const *s, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        drive_free(&d[i]);
        session_drop(s[i]);
    }
    fake_check_idle(e);
    engine_unref(e);
}

char *fake_text(uint32_t n, uint32_t salt)
{
    static const char *const word[] = { "the ", "cat ", "and ", "dog ", "sings ", "12 ", "no ",
                                        "yes ", "wine ", "tree, ", "or.\n" };
    struct str s = {0};
    for (uint32_t i = 0; i < n; i++)
        str_adds(&s, word[(i * 7 + salt * 13 + i * i * salt) % 11]);
    return str_take(&s);
}
