/* warm.c - entries that nearly every constraint asks for, made with the vocabulary and kept.
 *
 * JSON has the same leaves in every schema: any text, any number, the blanks and commas between; and
 * schemas name the same formats.  Documents that have them are read once. */
#include "base/alloc.h"
#include "runtime/constrain/mask_walk.h"
#include "runtime/constrain/memo.h"

static const char any_schema[] = "{}";
static const char some_schema[] =
    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"type\":\"integer\"},\"c\":{\"type\":"
    "\"array\",\"items\":{\"type\":\"number\"}},\"d\":{\"type\":\"boolean\"},\"e\":{\"type\":[\"string\",\"null\"]},"
    "\"f\":{\"type\":\"object\",\"additionalProperties\":{\"type\":\"string\"}}},\"required\":[\"a\",\"b\",\"c\"],"
    "\"additionalProperties\":false}";
static const char sample[] = "{\"a\": \"ab\\n\\u00e9\", \"b\": -120, \"c\": [-1.25, 0.5, 3], \"d\": true, \"e\": null, "
                             "\"f\": {\"x\": \"\", \"y\": \"z\"}}";
static const char flexible[] = " { \"a\" : \"ab\" , \"b\" : 12 , \"c\" : [ 1.5 , 2 ] , \"d\" : false }";

/* The masks of every state on the way; where the text does not fit, what was met until then. */
static void read_sample(const struct vocab *v, struct family *f, struct slice text, uint32_t *row)
{
    struct memo m = { 0 };
    struct walk_room room;
    struct mask_out o;
    walk_room_open(&room);
    uint32_t config = automaton_start(f);
    bool ok = true;
    for (size_t i = 0; ok && config != CONFIG_DEAD && !family_failed(f); i++) {
        mask_out_open(&o, v, f, &room, row);
        ok = mask_by_leaves(&o, &m, config) && i < text.len;
        mask_out_close(&o);
        config = ok ? automaton_step(f, config, (uint8_t)text.ptr[i]) : CONFIG_DEAD;
    }
    walk_room_close(&room);
    memo_free(&m);
}

static enum status warm_one(const struct vocab *v, const char *schema, enum json_spelling spelling,
                            const char *text, uint32_t *row, struct error *err)
{
    struct pattern_source src = { .kind = PATTERN_SCHEMA, .text = slice_of(schema), .spelling = spelling };
    struct pattern *p = NULL;
    struct family *f = NULL;
    enum status st = pattern_compile(&src, &p, err);
    if (st == ST_OK)
        st = family_new(p, &f, err);
    if (st == ST_OK)
        read_sample(v, f, slice_of(text), row);
    family_free(f);
    pattern_unref(p);
    return st;
}

enum status vocab_warm(struct vocab *v, struct error *err)
{
    static const struct { enum json_spelling spelling; const char *text; } way[] = {
        { SPELL_SPACED, sample }, { SPELL_FLEXIBLE, sample }, { SPELL_FLEXIBLE, flexible },
    };
    uint32_t *row = mem_calloc(v->atlas->words, sizeof *row);
    enum status st = row ? ST_OK : error_nomem(err);
    leaf_memo_pin(v->memo, true);
    for (size_t i = 0; st == ST_OK && i < sizeof way / sizeof way[0]; i++) {
        st = warm_one(v, some_schema, way[i].spelling, way[i].text, row, err);
        if (st == ST_OK)
            st = warm_one(v, any_schema, way[i].spelling, way[i].text, row, err);
    }
    leaf_memo_pin(v->memo, false);
    mem_free(row);
    return st;
}
