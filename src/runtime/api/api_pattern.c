/* api_pattern.c - constraints without a model: compile one, try texts, show what it is.
 *
 * A handle keeps its source, because tables of a pattern only grow: when they are full, the pattern is
 * compiled again and the question is asked once more.  A handle belongs to one thread at a time. */
#include "runtime/api/api_int.h"

#include <string.h>

#include "base/alloc.h"
#include "base/jsonio.h"
#include "base/utf8.h"
#include "compiler/pattern/automaton.h"
#include "compiler/pattern/pattern.h"

enum { SHOWN_TOKENS = 24 };

struct sgl_pattern {
    struct pattern       *p;
    struct pattern_source src;
    char                 *text;
};

sgl_status sgl_pattern_new(sgl_pattern_kind kind, const char *text, size_t len, sgl_pattern **ret,
                           sgl_error *err)
{
    static const enum pattern_source_kind kind_of[] = {
        [SGL_PATTERN_REGEX] = PATTERN_REGEX, [SGL_PATTERN_JSON_SCHEMA] = PATTERN_SCHEMA,
        [SGL_PATTERN_GRAMMAR] = PATTERN_GRAMMAR, [SGL_PATTERN_TAGS] = PATTERN_TAGS,
    };
    if ((size_t)kind >= sizeof kind_of / sizeof *kind_of)
        return api_fail(err, ST_INVALID, NULL, "unknown kind of constraint");

    struct error why = { 0 };
    sgl_pattern *own = mem_zalloc(sizeof *own);
    char *copy = own ? mem_alloc(len + 1) : NULL;
    if (!copy) {
        mem_free(own);
        return api_nomem(err);
    }
    memcpy(copy, text, len);
    own->text = copy;
    own->src = (struct pattern_source){ .kind = kind_of[kind], .text = { copy, len },
                                        .spelling = SPELL_FLEXIBLE };
    enum status st = pattern_compile(&own->src, &own->p, &why);
    if (st != ST_OK) {
        sgl_pattern_free(own);
        return api_error(st, &why, err);
    }
    *ret = own;
    return SGL_OK;
}

void sgl_pattern_free(sgl_pattern *own)
{
    if (!own)
        return;
    pattern_unref(own->p);
    mem_free(own->text);
    mem_free(own);
}

/* Full tables are given up for empty ones. */
static enum status refresh(sgl_pattern *own, struct error *err)
{
    struct pattern *fresh;
    if (!pattern_spent(own->p))
        return ST_OK;
    enum status st = pattern_compile(&own->src, &fresh, err);
    if (st != ST_OK)
        return st;
    pattern_unref(own->p);
    own->p = fresh;
    return ST_OK;
}

sgl_status sgl_pattern_match(sgl_pattern *own, const char *text, size_t len, bool *ret_accepts,
                             size_t *ret_at, sgl_error *err)
{
    struct error why = { 0 };
    struct family *f;
    enum status st = refresh(own, &why);
    if (st == ST_OK)
        st = family_new(own->p, &f, &why);
    if (st != ST_OK)
        return api_error(st, &why, err);

    uint32_t config = automaton_start(f);
    size_t at = 0;
    for (; at < len; at++) {
        uint32_t next = automaton_step(f, config, (uint8_t)text[at]);
        if (next == CONFIG_DEAD)
            break;
        config = next;
    }
    bool accepts = at == len && automaton_accepts(f, config), failed = family_failed(f);
    family_free(f);
    if (failed)
        return api_fail(err, ST_LIMIT, "E0402", "the constraint grew too large at byte %zu of the text", at);
    *ret_accepts = accepts;
    *ret_at = at;
    return SGL_OK;
}

/* ---- show ---- */

/* Bytes that are whole characters as a JSON string, others as numbers. */
static void quoted(struct slice bytes, struct str *out)
{
    if (utf8_valid(bytes)) {
        jsonio_quote(bytes, out);
        return;
    }
    str_addc(out, '<');
    for (size_t i = 0; i < bytes.len; i++)
        str_addf(out, "%02x", (uint8_t)bytes.ptr[i]);
    str_addc(out, '>');
}

static bool token_fits(struct family *f, uint32_t config, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len && config != CONFIG_DEAD; i++)
        config = automaton_step(f, config, (uint8_t)bytes.ptr[i]);
    return bytes.len > 0 && config != CONFIG_DEAD;
}

/* The mask by its definition: a token is in it if and only if its bytes leave something to complete. */
static enum status show_tokens(struct family *f, uint32_t start, struct engine *e, struct str *out,
                               struct error *err)
{
    struct str list = { 0 }, bytes = { 0 };
    uint32_t n = 0, n_vocab = engine_info(e)->n_vocab;
    enum status st = ST_OK;
    for (uint32_t id = 0; st == ST_OK && id < n_vocab; id++) {
        bytes.len = 0;
        st = engine_decode(e, &id, 1, false, &bytes, err);
        if (st != ST_OK || !token_fits(f, start, str_slice(&bytes)) || n++ >= SHOWN_TOKENS)
            continue;
        str_addc(&list, ' ');
        quoted(str_slice(&bytes), &list);
    }
    str_addf(out, "first mask    %u of %u tokens:", n, n_vocab);
    str_add_slice(out, str_slice(&list));
    str_adds(out, n > SHOWN_TOKENS ? " ...\n" : "\n");
    out->failed |= list.failed;
    str_free(&list);
    str_free(&bytes);
    return st;
}

static void show_bytes(struct family *f, uint32_t start, struct str *out)
{
    uint32_t set[8] = { 0 }, n = 0;
    automaton_bytes(f, start, set);
    for (int i = 0; i < 8; i++)
        n += (uint32_t)__builtin_popcount(set[i]);
    str_addf(out, "first bytes   %u:", n);
    for (uint32_t b = 0; b < 256; b++) {
        uint32_t from = b;
        if (!(set[b / 32] >> (b % 32) & 1))
            continue;
        while (b + 1 < 256 && (set[(b + 1) / 32] >> ((b + 1) % 32) & 1))
            b++;
        str_addf(out, from > 32 && from < 127 ? " %c" : " 0x%02x", (int)from);
        if (b > from)
            str_addf(out, b > 32 && b < 127 ? "-%c" : "-0x%02x", (int)b);
    }
    str_addc(out, '\n');
}

static void show_shortest(struct pattern *p, struct str *out)
{
    struct str text = { 0 };
    if (pattern_shortest(p, &text, NULL) == ST_OK) {
        str_addf(out, "shortest      %zu bytes: ", text.len);
        quoted(str_slice(&text), out);
    } else {
        str_adds(out, "shortest      not found within the budget");
    }
    str_addc(out, '\n');
    size_t longest = pattern_longest(p);
    if (longest == SIZE_MAX)
        str_adds(out, "longest       no bound is known\n");
    else
        str_addf(out, "longest       at most %zu bytes\n", longest);
    out->failed |= text.failed;
    str_free(&text);
}

sgl_status sgl_pattern_show(sgl_pattern *own, sgl_engine *engine, char **ret_text, sgl_error *err)
{
    struct error why = { 0 };
    struct str out = { 0 };
    struct family *f;
    struct pattern_size size;
    enum status st = refresh(own, &why);
    if (st == ST_OK)
        st = family_new(own->p, &f, &why);
    if (st != ST_OK)
        return api_error(st, &why, err);

    pattern_size(own->p, &size);
    str_addf(&out, "automaton     %u rule states, %u leaf states, %u expressions made so far; %zu bytes\n",
             size.n_rule, size.n_leaf, size.n_expr, pattern_bytes(own->p));
    str_addf(&out, "made of       %u values, %u objects, %u arrays, %u grammar nodes\n", size.n_value,
             size.n_object, size.n_array, size.n_node);
    uint32_t start = automaton_start(f);
    if (engine)
        st = show_tokens(f, start, engine->e, &out, &why);
    else
        show_bytes(f, start, &out);
    str_addf(&out, "may be empty  %s\n", automaton_accepts(f, start) ? "yes" : "no");
    bool failed = family_failed(f);
    family_free(f);
    show_shortest(own->p, &out);
    for (uint32_t i = 0; i < pattern_n_note(own->p); i++)
        str_addf(&out, "note          %s: %s\n", pattern_note(own->p, i)->pointer, pattern_note(own->p, i)->text);
    if (!failed && st == ST_OK)
        return api_take_text(&out, ret_text, NULL, err);
    str_free(&out);
    if (st != ST_OK)
        return api_error(st, &why, err);
    return api_fail(err, ST_LIMIT, "E0402", "the constraint grew too large for its first mask");
}
