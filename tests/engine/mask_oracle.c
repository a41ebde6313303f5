/* mask_oracle.c - the main proof of masks: every row equals the brute-force verdict.
 *
 * Over a vocabulary of all bytes and random longer tokens (fragments of characters, duplicates and
 * structure among them) random texts are walked through random constraints.  At every step
 *
 *   - the matcher's row equals the verdict of each token, read byte by byte by an automaton of its
 *     own (so neither memo, nor leaves, nor shared families can matter);
 *   - the row of the plain walk is the same;
 *   - what the config says is its shortest completion is accepted, so nothing allowed is a dead end.
 *
 * Then the same again after going back, from clones, and from several threads at once. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "runtime/constrain/constraint_data.h"

enum { N_TOKEN = 256 + 900, ROW = N_TOKEN / 32 + 2, STEPS = 24 };

static const char *const regexes[] = {
    "[abc]{2,5}", "-?[0-9]+(\\.[0-9]{1,3})?", "[a-c]{3,400}", "(?!.*aa)[abc]{4,9}",
        "\\{\"a\": [0-9]+\\}", ".*",
    "[\\u00e9\\u4e2d]+x", "(a|ab|abc)*", "(?=.*1).{2,40}", "\\p{L}{1,3}",
};

static const char *const schemas[] = {
    "{}",
    "{\"type\":\"object\"}",
    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"ab\":{\"type\":\"integer\"},\"b\":{}},"
    "\"required\":[\"ab\"]}",
    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\",\"maxLength\":3},\"ab\":{\"enum\":[\"a\",\"abc\",1,null]}},"
    "\"additionalProperties\":false}",
    "{\"type\":\"object\",\"additionalProperties\":{\"type\":\"boolean\"},\"minProperties\":1,\"maxProperties\":3}",
    "{\"type\":\"object\",\"patternProperties\":{\"^a\":{\"type\":\"integer\"}},\"additionalProperties\":{\"const\":\"\"}}",
    "{\"type\":\"array\",\"items\":{\"type\":\"number\",\"minimum\":-1.5,\"maximum\":10},\"minItems\":1,\"maxItems\":4}",
    "{\"type\":\"array\",\"items\":{\"enum\":[\"a\",\"b\",\"ab\"]},\"uniqueItems\":false,\"contains\":{\"const\":\"ab\"},\"maxItems\":3}",
    "{\"type\":\"array\",\"prefixItems\":[{\"type\":\"null\"},{\"type\":\"string\",\"pattern\":\"^[ab]*c\"}],\"items\":false}",
    "{\"type\":\"array\",\"items\":{\"enum\":[\"a\",\"b\",\"ab\",1,12,true]},\"uniqueItems\":true,\"minItems\":2}",
    "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"maxLength\":2},\"uniqueItems\":true}",
    "{\"type\":\"object\",\"propertyNames\":{\"maxLength\":2},\"additionalProperties\":{\"type\":\"null\"}}",
    "{\"type\":\"string\",\"minLength\":1,\"maxLength\":4}",
    "{\"type\":\"string\",\"pattern\":\"^([a-z0-9A-Z]+[ .]){0,5}[a-z0-9A-Z]+$\",\"maxLength\":14}",
    "{\"type\":\"string\",\"pattern\":\"^\\\\S+(\\\\s+\\\\S+){0,2}$\",\"maxLength\":9}",
    "{\"type\":\"string\",\"pattern\":\"^(\\\\S+\\\\s+){0,19}\\\\S+$\"}",
    "{\"type\":\"string\",\"pattern\":\"^(\\\\S*(,|:)){0,30}\\\\S*$\"}",
    "{\"type\":\"string\",\"pattern\":\"^[^ab]?([^\\\\s]*-){0,2}[^:]*$\"}",
    "{\"type\":\"string\",\"pattern\":\"^[a-zA-Z0-9]{4}-[a-zA-Z0-9]{2,3}$\"}",
    "{\"type\":\"string\",\"pattern\":\"^.*?(ab)?\\\\.(ca|b)$\",\"format\":\"uri-reference\"}",
    "{\"type\":\"string\",\"not\":{\"pattern\":\"ab_[a-c]|c0\"}}",
    "{\"type\":\"string\",\"pattern\":\"^[a-zA-Z0-9.-]{2,7}$|^[a-zA-Z0-9.-]{1,3}:.*$\"}",
    "{\"type\":\"object\",\"properties\":{\"ab\":{\"type\":\"integer\"},\"a1\":{}},\"patternProperties\":{\"^[a-z]([a-z0-9]|,b)*$\":"
    "{\"type\":\"boolean\"}},\"additionalProperties\":false}",
    "{\"type\":\"object\",\"patternProperties\":{\"^.{1,19}$\":{\"type\":\"null\"}},\"maxProperties\":3}",
    "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"pattern\":\"^([a-c]{2,12}1|b{3,15}0)$\"},\"maxItems\":2}",
    "{\"type\":\"object\",\"properties\":{\"ab\":{},\"a\":{\"type\":\"null\"}},\"patternProperties\":{\"^(?!b).\":{\"type\":\"integer\"}}}",
    "{\"type\":[\"integer\",\"string\"],\"minimum\":7,\"maximum\":1010,\"format\":\"email\"}",
    "{\"type\":\"string\",\"pattern\":\"^(a|b)+$\",\"maxLength\":6}",
    "{\"type\":\"string\",\"not\":{\"enum\":[\"a\",\"ab\",\"\"]}}",
    "{\"oneOf\":[{\"type\":\"integer\"},{\"type\":\"number\",\"minimum\":2},{\"type\":\"string\",\"format\":\"date\"}]}",
    "{\"$ref\":\"#/$defs/t\",\"$defs\":{\"t\":{\"type\":\"object\",\"properties\":{\"c\":{\"type\":\"array\",\"items\":{\"$ref\":"
    "\"#/$defs/t\"}},\"b\":{\"type\":\"null\"}},\"additionalProperties\":false}}}",
    "{\"type\":\"object\",\"properties\":{\"\":{\"type\":\"integer\"},\"\\\"\":{\"type\":\"integer\"}},\"required\":[\"\\\"\"]}",
};

static const char *const grammars[] = {
    "root ::= e\ne ::= e \"+\" e | \"(\" e \")\" | [0-9]+ | \"a\" \"b\"?",
    "root ::= (\"list\" | \"listen\" | \"li\") \"ed\"? | root \",\" root",
    "start: item (\",\" item)*\nitem: NAME \":\" (NUMBER | item)\nNAME: /[abc]+/\n%import common.NUMBER\n%import common.WS_INLINE\n%ignore WS_INLINE",
};

struct oracle {
    struct vocab *v;
    struct slice  token[N_TOKEN];
    char          text[N_TOKEN * 8];
    uint64_t      masks, wrong;
};

/* `bare`: no longer token begins with a blank. */
static void make_vocab(struct oracle *o, struct rng_key key, bool bare)
{
    static const char letter[] = "abc01{}[]\":, \n-.\\u,,\"\"\xc3\xa9\xe4\xb8\xad";
    size_t at = 0;
    for (uint32_t i = 0; i < N_TOKEN; i++) {
        size_t n = i < 256 ? 1 : 2 + rng_u64(key, i * 9) % 5;
        o->token[i] = (struct slice){ o->text + at, n };
        for (size_t k = 0; k < n; k++)
            o->text[at++] = i < 256 ? (char)i : letter[rng_u64(key, i * 9 + k + 1) % (sizeof letter - 1)];
        char *first = o->text + at - n;
        if (bare && i >= 256 && (*first == ' ' || *first == '\n'))
            *first = 'a';
    }
    if (vocab_from_bytes(o->token, N_TOKEN, N_TOKEN + 7, &o->v, NULL) != ST_OK)
        abort();
}

static void wrong(struct oracle *o, const struct pattern_source *s, const char *what)
{
    if (o->wrong++ < 10)
        printf("%.*s: %s\n", (int)s->text.len, s->text.ptr, what);
}

/* Names the first token in which a mask and the verdict differ. */
static void wrong_token(struct oracle *o, const struct pattern_source *s, const uint32_t *row,
                        const uint32_t *want)
{
    wrong(o, s, "the mask differs from the verdict of the tokens");
    for (uint32_t t = 0; t < N_TOKEN; t++)
        if (bitset_has(row, t) != bitset_has(want, t)) {
            printf("    %s: %.*s\n", bitset_has(row, t) ? "one too many" : "missing", (int)o->token[t].len,
                   o->token[t].ptr);
            return;
        }
}

/* The tokens that live, by a family that nobody else uses. */
static uint32_t brute(struct oracle *o, struct family *f, uint32_t config, uint32_t *row,
                      uint32_t *list)
{
    uint32_t n = 0;
    memset(row, 0, ROW * sizeof *row);
    for (uint32_t t = 0; t < N_TOKEN; t++) {
        uint32_t c = config;
        for (size_t i = 0; i < o->token[t].len && c; i++)
            c = automaton_step(f, c, (uint8_t)o->token[t].ptr[i]);
        if (c) {
            bitset_add(row, t);
            list[n++] = t;
        }
    }
    return n;
}

static void check_completion(struct oracle *o, const struct pattern_source *s, struct family *f,
                             uint32_t config)
{
    struct str text = { 0 };
    bool ok = automaton_complete(f, config, &text) == ST_OK;
    for (size_t i = 0; i < text.len && ok; i++)
        ok = (config = automaton_step(f, config, (uint8_t)text.ptr[i])) != CONFIG_DEAD;
    if (!ok || !automaton_accepts(f, config))
        wrong(o, s, "the completion of a config is not accepted");
    str_free(&text);
}

/* One random text from where the matcher and the config stand. */
static void walk(struct oracle *o, const struct pattern_source *s, struct matcher *m,
                 struct family *f,
                 struct rng_key key)
{
    uint32_t at[STEPS + 1], list[N_TOKEN], want[ROW], row[ROW], plain[ROW], n_at = 0;
    at[0] = automaton_start(f);
    for (uint64_t step = 0; step < STEPS; step++) {
        uint32_t n = brute(o, f, at[n_at], want, list);
        struct error err;
        enum status st = matcher_mask(m, row, &err);
        bool may = automaton_accepts(f, at[n_at]);
        o->masks++;
        if (st != ST_OK || memcmp(row, want, bitset_words(N_TOKEN + 7) * sizeof *row))
            wrong_token(o, s, row, want);
        memset(plain, 0, sizeof plain);
        if (!mask_walk_plain(o->v, f, at[n_at], plain) ||
            memcmp(plain, want, bitset_words(N_TOKEN + 7) * sizeof *row))
            wrong(o, s, "the plain walk differs from the verdict of the tokens");
        if (may != matcher_may_stop(m))
            wrong(o, s, "may_stop differs");
        if (!n && !may)
            wrong(o, s, "a living config allows nothing");
        if (rng_u64(key, step * 4) % 3 == 0)
            check_completion(o, s, f, at[n_at]);
        if (!n)
            return;
        /* Long tokens more often than their share, so that borders are crossed. */
        uint32_t t = list[rng_u64(key, step * 4 + 1) % n];
        if (rng_u64(key, step * 4 + 2) % 2)
            t = list[n - 1 - rng_u64(key, step * 4 + 1) % (n < 40 ? n : 40)];
        if (matcher_accept(m, t, NULL) != MATCHER_INSIDE)
            wrong(o, s, "an allowed token is refused");
        uint32_t c = at[n_at];
        for (size_t i = 0; i < o->token[t].len; i++)
            c = automaton_step(f, c, (uint8_t)o->token[t].ptr[i]);
        at[++n_at] = c;
        if (rng_u64(key, step * 4 + 3) % 5 == 0 && n_at > 1) {
            matcher_rollback(m, 2);
            n_at -= 2;
        }
    }
}

struct job {
    struct oracle            *o;
    struct constraint_table  *table;
    struct pattern_source     source;
    uint32_t                  walks;
    uint64_t                  seed;
};

static void run_source(struct job *j)
{
    struct constraint *c = NULL;
    struct family *f = NULL;
    struct error err = { 0 };
    if (constraint_get(j->table, &j->source, &c, &err) != ST_OK ||
        family_new(constraint_pattern(c), &f, &err) != ST_OK) {
        wrong(j->o, &j->source, err.text);
    } else {
        for (uint32_t i = 0; i < j->walks; i++) {
            struct matcher *m = NULL, *copy = NULL;
            if (matcher_new(c, NULL, &m, NULL) != ST_OK)
                break;
            if (i % 2 && matcher_clone(m, &copy, NULL) == ST_OK) {
                matcher_free(m);
                m = copy;
            }
            walk(j->o, &j->source, m, f, rng_key_seed(j->seed * 1000 + i));
            matcher_free(m);
        }
    }
    family_free(f);
    constraint_unref(c);
}

static void *run_thread(void *arg)
{
    run_source(arg);
    return NULL;
}

static void each(struct oracle *o, struct constraint_table *t, struct pattern_source s,
                 uint32_t walks, uint64_t seed)
{
    struct job j = { o, t, s, walks, seed };
    run_source(&j);
}

/* Two threads on one constraint, each with counts of its own. */
static void at_once(struct oracle *o, struct constraint_table *t, struct pattern_source s)
{
    struct oracle *other = mem_alloc(sizeof *other);
    pthread_t thread[2];
    if (!other)
        abort();
    memcpy(other, o, sizeof *o);
    other->masks = other->wrong = 0;
    for (uint32_t i = 0; i < N_TOKEN; i++)
        other->token[i].ptr = other->text + (o->token[i].ptr - o->text);
    struct job j[2] = { { o, t, s, 3, 71 }, { other, t, s, 3, 72 } };
    for (int i = 0; i < 2; i++)
        if (pthread_create(&thread[i], NULL, run_thread, &j[i]))
            abort();
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    o->masks += other->masks;
    o->wrong += other->wrong;
    mem_free(other);
}

#define COUNT(list) (sizeof(list) / sizeof *(list))

static void run_all(struct oracle *o, struct constraint_table *t, uint32_t walks, uint64_t seed)
{
    for (size_t i = 0; i < COUNT(regexes); i++)
        each(o, t, (struct pattern_source){ .kind = PATTERN_REGEX, .text = slice_of(regexes[i]) },
             walks, seed + i);
    for (size_t i = 0; i < COUNT(grammars); i++)
        each(o, t, (struct pattern_source){ .kind = PATTERN_GRAMMAR,
                                            .text = slice_of(grammars[i]) }, walks, seed + i);
    for (size_t i = 0; i < COUNT(schemas); i++)
        for (int sp = 0; sp < 4; sp++) {
            struct pattern_source s = { .kind = PATTERN_SCHEMA, .text = slice_of(schemas[i]),
                                        .spelling = (enum json_spelling)sp };
            each(o, t, s, walks / 2 + 1, seed + i * 4 + (uint64_t)sp);
            if (sp == SPELL_COMPACT && i % 3 == 0)
                at_once(o, t, s);
        }
}

int main(int argc, char **argv)
{
    uint32_t rounds = argc > 1 ? (uint32_t)atoi(argv[1]) : 1,
             walks = argc > 2 ? (uint32_t)atoi(argv[2]) : 4;
    uint64_t masks = 0, bad = 0;
    for (uint32_t i = 0; i < rounds; i++) {
        struct oracle *o = mem_zalloc(sizeof *o);
        struct constraint_table *t = NULL;
        if (!o)
            return 2;
        make_vocab(o, rng_key_seed(i + 1), i % 4 == 3);
        if (constraint_table_new(o->v, 0, &t, NULL) != ST_OK)
            return 2;
        run_all(o, t, walks, i * 100 + 1);
        constraint_table_free(t);
        vocab_free(o->v);
        masks += o->masks;
        bad += o->wrong;
        mem_free(o);
    }
    printf("%llu masks compared, %llu wrong\n", (unsigned long long)masks, (unsigned long long)bad);
    return bad != 0;
}
