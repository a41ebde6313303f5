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

/* Strings one after the other, each of the format or pattern in its place. */
static const char common_schema[] =
    "{\"type\":\"array\",\"prefixItems\":[{\"format\":\"uri\"},{\"format\":\"uri-reference\"},{\"format\":"
    "\"date-time\"},{\"format\":\"date\"},{\"format\":\"time\"},{\"format\":\"uuid\"},{\"format\":\"email\"},"
    "{\"format\":\"hostname\"},{\"format\":\"ipv4\"},{\"pattern\":\"^.*$\"},{\"pattern\":\"^\\\\S*$\"},"
    "{\"pattern\":\"^[A-Za-z0-9_]*$\"},{\"pattern\":\"^[A-Za-z0-9_-]*$\"},{\"pattern\":\"^[A-Za-z0-9]*$\"},"
    "{\"pattern\":\"^[a-zA-Z0-9_.-]*$\"},{\"pattern\":\"^[a-z0-9-]*$\"},{\"pattern\":\"^[a-z0-9]*$\"},"
    "{\"pattern\":\"^[a-z]*$\"},{\"pattern\":\"^[A-Z]*$\"},{\"pattern\":\"^[A-Za-z]*$\"},{\"pattern\":"
    "\"^[0-9]*$\"},{\"pattern\":\"^[0-9a-f]*$\"},{\"pattern\":\"^[0-9a-fA-F]*$\"},{\"minLength\":1},"
    "{\"enum\":[\"a\"]},{\"type\":\"integer\",\"minimum\":0},{\"type\":\"integer\",\"minimum\":1},"
    "{\"type\":\"number\",\"minimum\":0}],\"items\":false}";
static const char common[] =
    "[\"https://example.com/path/a-b/c.d?q=1#f\",\"https://example.com/path/a?q=1#f\",\"2024-02-10T12:30:45.123Z\","
    "\"2024-02-10\",\"12:30:45Z\",\"123e4567-e89b-12d3-a456-426614174000\",\"user@example.com\",\"www.example.com\","
    "\"192.168.10.1\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"ab\",\"AB\",\"ab\",\"12\",\"12\","
    "\"12\",\"ab\",\"a\",120,120,1.25]";

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
    static const struct { const char *schema; enum json_spelling spelling; const char *text; } way[] = {
        { some_schema, SPELL_SPACED, sample },       { any_schema, SPELL_SPACED, sample },
        { some_schema, SPELL_FLEXIBLE, sample },     { any_schema, SPELL_FLEXIBLE, sample },
        { some_schema, SPELL_FLEXIBLE, flexible },   { any_schema, SPELL_FLEXIBLE, flexible },
        { common_schema, SPELL_FLEXIBLE, common },
    };
    uint32_t *row = mem_calloc(v->atlas->words, sizeof *row);
    enum status st = row ? ST_OK : error_nomem(err);
    leaf_memo_pin(v->memo, true);
    for (size_t i = 0; st == ST_OK && i < sizeof way / sizeof way[0]; i++)
        st = warm_one(v, way[i].schema, way[i].spelling, way[i].text, row, err);
    leaf_memo_pin(v->memo, false);
    mem_free(row);
    return st;
}
