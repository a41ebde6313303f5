#include "base/bitset.h"
#include "pattern_try.h"
#include "runtime/constrain/matcher.h"
#include "suites.h"

/* Token ids of the small vocabulary below. */
enum { T_1, T_2, T_12, T_COMMA, T_1COMMA, T_COMMA_B, T_A, T_AB, T_B, T_SPACE, T_DOT_NL, T_DUP_AB,
       T_QUOTE, T_N };

static const char *const token[T_N] = { "1", "2", "12", ",", "1,", ", b", "a", "ab", "b", " ",
                                        ".\n", "ab", "\"" };

static struct vocab *vocab(void)
{
    struct slice s[T_N];
    struct vocab *v = NULL;
    for (int i = 0; i < T_N; i++)
        s[i] = slice_of(token[i]);
    ck_assert(vocab_from_bytes(s, T_N, 64, &v, NULL) == ST_OK);
    return v;
}

struct bed {
    struct vocab            *v;
    struct constraint_table *t;
    struct constraint       *c;
};

static struct bed bed(const char *regex)
{
    struct bed b = { .v = vocab() };
    struct pattern_source s = { .kind = PATTERN_REGEX, .text = slice_of(regex) };
    ck_assert(constraint_table_new(b.v, 0, &b.t, NULL) == ST_OK);
    ck_assert(constraint_get(b.t, &s, &b.c, NULL) == ST_OK);
    return b;
}

static void bed_end(struct bed *b)
{
    constraint_unref(b->c);
    constraint_table_free(b->t);
    vocab_free(b->v);
}

static struct matcher *matcher(struct bed *b, struct matcher_opts o)
{
    struct matcher *m = NULL;
    ck_assert(matcher_new(b->c, &o, &m, NULL) == ST_OK);
    return m;
}

/* The mask as a word: bit i is token i. */
static uint32_t mask(struct matcher *m)
{
    uint32_t row[2];
    ck_assert(matcher_mask(m, row, NULL) == ST_OK);
    ck_assert_uint_eq(row[1], 0);
    return row[0];
}

#define BIT(t) (1u << (t))

START_TEST(masks_follow_the_value)
{
    struct bed b = bed("(ab){1,2}");
    struct matcher *m = matcher(&b, (struct matcher_opts){ 0 });
    ck_assert_uint_eq(mask(m), BIT(T_A) | BIT(T_AB) | BIT(T_DUP_AB));
    ck_assert(!matcher_may_stop(m));
    ck_assert(matcher_accept(m, T_B, NULL) == MATCHER_REFUSED);
    ck_assert(matcher_accept(m, T_A, NULL) == MATCHER_INSIDE);
    ck_assert_uint_eq(mask(m), BIT(T_B));
    ck_assert(matcher_accept(m, T_B, NULL) == MATCHER_INSIDE);
    ck_assert(matcher_may_stop(m) && !matcher_must_stop(m));
    ck_assert(matcher_accept(m, T_DUP_AB, NULL) == MATCHER_INSIDE);
    ck_assert(matcher_must_stop(m));
    ck_assert_uint_eq(mask(m), 0);
    ck_assert_uint_eq(matcher_n_accepted(m), 3);
    matcher_rollback(m, 2);
    ck_assert_uint_eq(mask(m), BIT(T_B));
    struct matcher *copy = NULL;
    ck_assert(matcher_clone(m, &copy, NULL) == ST_OK);
    ck_assert(matcher_accept(copy, T_B, NULL) == MATCHER_INSIDE);
    ck_assert_uint_eq(mask(m), BIT(T_B));
    ck_assert_uint_eq(constraint_min_tokens(b.c), 1);
    matcher_free(copy);
    matcher_free(m);
    bed_end(&b);
}
END_TEST

START_TEST(a_token_may_leave_into_the_text_behind)
{
    struct bed b = bed("[12]{1,3}");
    struct matcher *m = matcher(&b, (struct matcher_opts){ .follow = SLICE(", but") });
    uint32_t n_left = 9;
    ck_assert_uint_eq(mask(m), BIT(T_1) | BIT(T_2) | BIT(T_12) | BIT(T_1COMMA));
    ck_assert(matcher_accept(m, T_12, NULL) == MATCHER_INSIDE);
    ck_assert_uint_eq(mask(m), BIT(T_1) | BIT(T_2) | BIT(T_1COMMA) | BIT(T_COMMA) | BIT(T_COMMA_B));
    ck_assert(matcher_accept(m, T_1COMMA, &n_left) == MATCHER_LEFT);
    ck_assert_uint_eq(n_left, 1);
    ck_assert(matcher_may_stop(m) && matcher_must_stop(m));
    ck_assert(matcher_accept(m, T_1, NULL) == MATCHER_REFUSED);
    matcher_rollback(m, 1);
    ck_assert(matcher_accept(m, T_COMMA_B, &n_left) == MATCHER_LEFT);
    ck_assert_uint_eq(n_left, 3);
    matcher_free(m);
    bed_end(&b);
}
END_TEST

START_TEST(an_open_end_is_any_other_token)
{
    struct bed b = bed("[12,]{1,3}");
    struct matcher *m = matcher(&b, (struct matcher_opts){ .open_end = true });
    uint32_t n_left;
    ck_assert_uint_eq(mask(m), BIT(T_1) | BIT(T_2) | BIT(T_12) | BIT(T_COMMA) | BIT(T_1COMMA));
    ck_assert(matcher_accept(m, T_2, NULL) == MATCHER_INSIDE);
    ck_assert_uint_eq(mask(m), BIT(T_1) | BIT(T_2) | BIT(T_12) | BIT(T_COMMA) | BIT(T_1COMMA) | BIT(T_COMMA_B) |
                               BIT(T_SPACE) | BIT(T_DOT_NL) | BIT(T_QUOTE));
    ck_assert(matcher_accept(m, T_COMMA, NULL) == MATCHER_INSIDE);
    ck_assert(matcher_accept(m, T_DOT_NL, &n_left) == MATCHER_LEFT);
    ck_assert_uint_eq(n_left, 2);
    matcher_free(m);
    bed_end(&b);
}
END_TEST

START_TEST(healing_bytes_are_read_first)
{
    struct bed b = bed("b?1");
    struct matcher *m = matcher(&b, (struct matcher_opts){ .heal = SLICE("a") });
    ck_assert_uint_eq(mask(m), BIT(T_A) | BIT(T_AB) | BIT(T_DUP_AB));
    ck_assert(!matcher_in_value(m));
    ck_assert(matcher_accept(m, T_AB, NULL) == MATCHER_INSIDE);
    ck_assert(matcher_in_value(m));
    ck_assert_uint_eq(mask(m), BIT(T_1));
    matcher_rollback(m, 1);
    ck_assert(matcher_accept_bytes(m, SLICE("a")));
    ck_assert_uint_eq(mask(m), BIT(T_B) | BIT(T_1));
    uint32_t tail[2] = { T_1, T_A };
    bool useful;
    ck_assert_uint_eq(heal_count(b.v, b.c, tail, 2, &useful), 1);
    ck_assert(useful);
    tail[1] = T_QUOTE;
    ck_assert_uint_eq(heal_count(b.v, b.c, tail, 2, &useful), 0);
    uint32_t row[2] = { 0 };
    heal_mask(b.v, SLICE("a"), row);
    ck_assert_uint_eq(row[0], BIT(T_A) | BIT(T_AB) | BIT(T_DUP_AB));
    matcher_free(m);
    bed_end(&b);
}
END_TEST

START_TEST(forced_and_closing)
{
    struct bed b = bed("ab(12|1,) b+");
    struct matcher *m = matcher(&b, (struct matcher_opts){ 0 });
    struct str s = { 0 };
    matcher_forced(m, 100, &s);
    ck_assert(slice_is(str_slice(&s), "ab1"));
    ck_assert(matcher_accept_bytes(m, SLICE("ab1")));
    str_cut(&s, 0);
    ck_assert(matcher_close(m, &s, NULL) == ST_OK);
    ck_assert(slice_is(str_slice(&s), "2 b") || slice_is(str_slice(&s), ", b"));
    ck_assert_uint_le(matcher_close_tokens(m), 3);
    ck_assert(matcher_accept_bytes(m, str_slice(&s)));
    ck_assert(matcher_may_stop(m));
    str_free(&s);
    matcher_free(m);
    bed_end(&b);
}
END_TEST

START_TEST(a_vocabulary_that_cannot_spell_fails_closed)
{
    struct bed b = bed("zzz");
    struct matcher *m = matcher(&b, (struct matcher_opts){ 0 });
    uint32_t row[2];
    struct error err = { 0 };
    ck_assert(matcher_mask(m, row, &err) == ST_FAILED);
    ck_assert_str_eq(err.code, "R0402");
    ck_assert_uint_eq(row[0] | row[1], 0);
    matcher_free(m);
    bed_end(&b);
}
END_TEST

START_TEST(the_table_finds_what_it_made)
{
    struct bed b = bed("a|b");
    struct pattern_source s = { .kind = PATTERN_REGEX, .text = SLICE("a|b") };
    struct constraint *c = NULL;
    ck_assert(constraint_get(b.t, &s, &c, NULL) == ST_OK);
    ck_assert(c == b.c);
    constraint_unref(c);
    struct error err = { 0 };
    s.text = SLICE("a(");
    ck_assert(constraint_get(b.t, &s, &c, &err) == ST_SYNTAX);
    ck_assert_str_eq(err.code, "E0403");
    bed_end(&b);
}
END_TEST

Suite *suite_matcher(void)
{
    Suite *s = suite_create("matcher");
    TCase *t = tcase_create("matcher");
    tcase_add_test(t, masks_follow_the_value);
    tcase_add_test(t, a_token_may_leave_into_the_text_behind);
    tcase_add_test(t, an_open_end_is_any_other_token);
    tcase_add_test(t, healing_bytes_are_read_first);
    tcase_add_test(t, forced_and_closing);
    tcase_add_test(t, a_vocabulary_that_cannot_spell_fails_closed);
    tcase_add_test(t, the_table_finds_what_it_made);
    suite_add_tcase(s, t);
    return s;
}
