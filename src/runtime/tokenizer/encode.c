/* encode.c - text to ids: added tokens first, then the split, then the merges.
 *
 * SentencePiece vocabularies have no split: what lies between added tokens is merged as one run.
 * Where they want a blank in front of a text, they get it at the start of a context and behind
 * every control token, as the models were trained.
 *
 * Some models read text in NFC; their runs are composed here, so that the tokens of such a run may
 * stand for other bytes than were given.
 *
 * Foreign text need not be UTF-8.  Valid runs go through the split; a run of bytes that are not
 * UTF-8 is a piece of its own, merged byte by byte, so that nothing is lost and nothing is
 * replaced. */
#include "base/alloc.h"
#include "base/utf8.h"
#include "runtime/tokenizer/bpe.h"
#include "runtime/tokenizer/spm.h"

enum { MAX_TEXT = 1 << 30 };

struct encoder {
    const struct tokenizer *t;
    struct pretok_walk      walk;
    struct bpe_work         work;
    struct spm_work         spm;
    struct str              spaced;         /* a run with the blank in front */
    struct str              composed;       /* a run in NFC */
    bool                    blank_due;      /* the next text wants a blank in front */
    struct token_list      *out;
    struct error           *err;
};

static bool is_ascii(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((uint8_t)s.ptr[i] >= 0x80)
            return false;
    return true;
}

static enum status encode_valid(struct encoder *e, struct slice text)
{
    if (e->t->composes && !is_ascii(text)) {
        str_cut(&e->composed, 0);
        utf8_nfc(text, &e->composed);
        if (e->composed.failed)
            return error_nomem(e->err);
        text = str_slice(&e->composed);
    }
    pretok_text(&e->walk, text);
    for (;;) {
        struct slice piece;
        enum status st = pretok_next(&e->walk, &piece, e->err);
        if (st == ST_END)
            return ST_OK;
        if (st == ST_OK)
            st = bpe_encode(e->t, &e->work, piece, e->out, e->err);
        if (st != ST_OK)
            return st;
    }
}

static enum status encode_spm(struct encoder *e, struct slice text)
{
    if (!e->blank_due)
        return spm_encode(e->t, &e->spm, text, e->out, e->err);
    e->blank_due = false;
    str_cut(&e->spaced, 0);
    str_addc(&e->spaced, ' ');
    str_add_slice(&e->spaced, text);
    if (e->spaced.failed)
        return error_nomem(e->err);
    return spm_encode(e->t, &e->spm, str_slice(&e->spaced), e->out, e->err);
}

/* Text without added tokens; `more`: an ordinary added token follows. */
static enum status encode_run(struct encoder *e, struct slice text, bool more)
{
    if (e->t->model == VOCAB_SPM)
        return text.len || more ? encode_spm(e, text) : ST_OK;
    while (text.len) {
        size_t good = utf8_invalid_at(text);
        enum status st = encode_valid(e, slice_sub(text, 0, good));
        if (st != ST_OK)
            return st;
        text = slice_sub(text, good, text.len);

        size_t bad = 0;
        uint32_t cp;
        while (bad < text.len && !utf8_decode(text.ptr + bad, text.ptr + text.len, &cp))
            bad++;
        if (bad)
            st = bpe_encode(e->t, &e->work, slice_sub(text, 0, bad), e->out, e->err);
        if (st != ST_OK)
            return st;
        text = slice_sub(text, bad, text.len);
    }
    return ST_OK;
}

/* Runs of a text in which control tokens count; [from, to), ascending, not touching. */
struct markup_run {
    size_t from, to;
};

/* The added token at `at`: an ordinary one anywhere, a control token inside of a markup run. */
static uint32_t added_at(const struct encoder *e, struct slice text, size_t at,
                         const struct markup_run *run, size_t *ret_len)
{
    size_t len = 0;
    struct slice rest = slice_sub(text, at, text.len);
    uint32_t id = vocab_added_at(e->t, rest, false, ret_len);
    if (!run || at < run->from || at >= run->to)
        return id;
    uint32_t control = vocab_added_at(e->t, slice_sub(rest, 0, run->to - at), true, &len);
    if (control == TOKEN_NONE || (id != TOKEN_NONE && *ret_len >= len))
        return id;
    *ret_len = len;
    return control;
}

static enum status encode_all(struct encoder *e, struct slice text, const struct markup_run *run,
                              size_t n_run)
{
    size_t from = 0;
    size_t at = 0;
    while (at < text.len) {
        size_t len = 0;
        uint32_t id = TOKEN_NONE;
        while (n_run && run->to <= at) {
            run++;
            n_run--;
        }
        if (e->t->added_first[(uint8_t)text.ptr[at]])
            id = added_at(e, text, at, n_run ? run : NULL, &len);
        if (id == TOKEN_NONE) {
            at++;
            continue;
        }
        bool ordinary = e->t->kind[id] == TOKEN_USER;
        enum status st = encode_run(e, slice_sub(text, from, at - from), ordinary);
        if (st != ST_OK)
            return st;
        e->blank_due = e->t->prefix_space && !ordinary;
        if (!token_list_push(e->out, id))
            return error_nomem(e->err);
        at += len;
        from = at;
    }
    return encode_run(e, slice_sub(text, from, text.len), false);
}

static enum status encode_text(const struct tokenizer *t, struct slice text,
                               const struct markup_run *run, size_t n_run, bool at_start,
                               struct token_list *out, struct error *err)
{
    if (text.len > MAX_TEXT)
        return error_set(err, ST_LIMIT, "a text of %zu bytes, at most %d are tokenised", text.len,
                         MAX_TEXT);
    struct encoder e = { .t = t, .out = out, .err = err,
                         .blank_due = t->prefix_space && at_start };
    enum status st = t->pretok ? pretok_open(t->pretok, &e.walk, err) : ST_OK;
    if (st == ST_OK)
        st = encode_all(&e, text, run, n_run);
    bpe_work_free(&e.work);
    spm_work_free(&e.spm);
    str_free(&e.spaced);
    str_free(&e.composed);
    pretok_close(&e.walk);
    return st;
}

enum status tokenizer_encode(const struct tokenizer *t, struct slice text, enum encode_mode mode,
                             bool at_start, struct token_list *out, struct error *err)
{
    struct markup_run all = { 0, text.len };
    return encode_text(t, text, &all, mode == ENCODE_MARKUP ? 1 : 0, at_start, out, err);
}

enum status tokenizer_encode_pieces(const struct tokenizer *t, const struct text_piece *piece,
                                    uint32_t n, struct token_list *out, struct error *err)
{
    struct str text = { 0 };
    struct markup_run *run = mem_calloc(n + 1, sizeof *run);
    size_t n_run = 0;
    if (!run)
        return error_nomem(err);
    for (uint32_t i = 0; i < n; i++) {
        size_t from = text.len;
        str_add_slice(&text, piece[i].text);
        if (!piece[i].markup || text.len == from)
            continue;
        if (n_run && run[n_run - 1].to == from)
            run[n_run - 1].to = text.len;
        else
            run[n_run++] = (struct markup_run){ from, text.len };
    }
    enum status st = text.failed ? error_nomem(err)
                                 : encode_text(t, str_slice(&text), run, n_run, true, out, err);
    str_free(&text);
    mem_free(run);
    return st;
}
