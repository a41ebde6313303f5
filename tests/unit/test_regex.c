#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/rng.h"
#include "compiler/pattern/shape.h"
#include "pattern_try.h"
#include "suites.h"

static struct pattern_source regex(const char *text)
{
    return (struct pattern_source){ .kind = PATTERN_REGEX, .text = slice_of(text) };
}

START_TEST(constructs_mean_what_they_say)
{
    pattern_lines(regex("[a-c]{2,3}"), "ab\nabc", "a\nabca\nad");
    pattern_lines(regex("(?:ab|c)*d?"), "\nab\nccabd", "abx\ndd");
    pattern_lines(regex("\\d+\\.\\d{2}"), "1.50\n42.00", "1.5\n.50\n1.500");
    pattern_lines(regex("\\w+@\\w+"), "a@b\nA_1@z", "@b\na@\na-b@c");
    pattern_lines(regex("[^a-z\\s]"), "A\n1\n\xc3\xa9", "a\n ");
    pattern_lines(regex("\\u00e9|\\u{1F600}|\\uD83D\\uDE01|\\x41"),
                  "\xc3\xa9\n\xf0\x9f\x98\x80\n\xf0\x9f\x98\x81\nA", "e\n\xf0\x9f\x98\x82");
    pattern_lines(regex("(?i)stra\xc3\x9f" "e"), "STRA\xc3\x9f" "E\nstra\xc3\x9f" "e", "strasse");
    pattern_lines(regex("a(?i:b)c"), "abc\naBc", "Abc\nabC");
    pattern_lines(regex("[\\p{Z}\\p{White_Space}]\\P{L}"), "\xc2\xa0" "1\n \xf0\x9f\x98\x80\n\xe3\x80\x80-",
                  "a1\n a\n\xe2\x80\x8b" "1");
    pattern_lines(regex("\\p{Lu}\\p{Nd}*"), "A\n\xc3\x89" "12", "a\n1");
    pattern_lines(regex("a??b+?"), "b\nabb", "a\naab");
    pattern_lines(regex("[]|x"), "x", "]");
    pattern_lines(regex("a{b"), "a{b", "ab");
}
END_TEST

START_TEST(the_dot_stops_at_lines_unless_told)
{
    struct pattern *p = pattern_made(regex("a.b"));
    pattern_yes(p, "a\rb");
    pattern_no(p, "a\nb");
    pattern_unref(p);
    struct pattern_source s = regex("a.b");
    s.flags = SHAPE_DOTALL;
    p = pattern_made(s);
    pattern_yes(p, "a\nb");
    pattern_unref(p);
}
END_TEST

START_TEST(assertions_are_exact)
{
    pattern_lines(regex("^ab$"), "ab", "xab\nabx");
    pattern_lines(regex("(?=.*[0-9])(?=.*[a-z]).{3}"), "a1x\n1xa", "abc\n123\na1");
    pattern_lines(regex("(?!foo).*"), "\nfo\nbar\nxfoo", "foo\nfoobar");
    pattern_lines(regex("((?!end).)*end"), "end\nxxend", "endend\nxx");
    pattern_lines(regex("(?:^a|b)c"), "ac\nbc", "abc");
    pattern_lines(regex("a$|b"), "a\nb", "ab");
}
END_TEST

START_TEST(counts_are_never_unrolled)
{
    struct pattern *p = pattern_made(regex("[ab]{3,1000000}c"));
    pattern_yes(p, "ababc");
    pattern_no(p, "abc");
    pattern_least(p, "aaac");
    ck_assert_uint_eq(pattern_longest(p), 4u * 1000001);
    pattern_unref(p);
}
END_TEST

static void refused(const char *text, const char *code, uint32_t at)
{
    struct error err = { 0 };
    struct pattern_source s = regex(text);
    struct pattern *p = NULL;
    ck_assert_msg(pattern_compile(&s, &p, &err) != ST_OK, "%s", text);
    ck_assert_str_eq(err.code, code);
    ck_assert_msg(err.at.off == at, "%s: at %u, not %u", text, err.at.off, at);
}

START_TEST(what_is_refused_names_itself_and_its_place)
{
    refused("ab(?<=c)", "E0404", 2);
    refused("(a)\\1", "E0404", 3);
    refused("x\\by", "E0404", 1);
    refused("a(", "E0403", 1);
    refused("a)", "E0403", 1);
    refused("[a", "E0403", 0);
    refused("[b-a]", "E0403", 1);
    refused("*a", "E0403", 0);
    refused("a{3,2}", "E0403", 0);
    refused("a{1048577}", "E0402", 0);
    refused("\\q", "E0403", 0);
    refused("a(?P<n>b)", "E0403", 1);
    refused("\\p{Nonsense}", "E0404", 0);
    refused("[]", "E0401", 0);
    struct str deep = { 0 };
    for (int i = 0; i < 200000; i++)
        str_addc(&deep, '(');
    struct pattern_source s = { .kind = PATTERN_REGEX, .text = str_slice(&deep) };
    pattern_refused(s, "E0402", NULL);
    str_free(&deep);
}
END_TEST

/* Our automaton and PCRE2, through the rewriting that programs use, agree on random texts. */
static void agree(const char *text, uint64_t seed)
{
    static const char *const letter[] = { "a", "b", "c", "1", "-", "\n", "\xc3\xa9", "x", "_" };
    struct str re = { 0 };
    struct error err = { 0 };
    ck_assert_msg(regex_to_pcre(slice_of(text), 0, &re, &err) == ST_OK, "%s: %s", text, err.text);
    int code;
    PCRE2_SIZE at;
    pcre2_code *c = pcre2_compile((PCRE2_SPTR)re.ptr, re.len,
                                  PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED,
                                  &code, &at, NULL);
    ck_assert_msg(c != NULL, "%s became %s", text, re.ptr);
    pcre2_match_data *m = pcre2_match_data_create_from_pattern(c, NULL);
    struct pattern *p = pattern_made(regex(text));
    struct rng_key key = rng_key_seed(seed);
    for (uint64_t i = 0; i < 1500; i++) {
        struct str s = { 0 };
        uint64_t n = rng_u64(key, i * 16) % 9;
        str_adds(&s, "");
        for (uint64_t k = 0; k < n; k++)
            str_adds(&s, letter[rng_u64(key, i * 16 + k + 1) % 9]);
        bool theirs = pcre2_match(c, (PCRE2_SPTR)(s.ptr ? s.ptr : ""), s.len, 0, 0, m, NULL) >= 0;
        bool ours = pattern_accepts(p, str_slice(&s), NULL);
        ck_assert_msg(ours == theirs, "%s on '%s': %d, PCRE2 says %d", text, s.ptr ? s.ptr : "",
                      ours, theirs);
        str_free(&s);
    }
    pattern_unref(p);
    pcre2_match_data_free(m);
    pcre2_code_free(c);
    str_free(&re);
}

START_TEST(agrees_with_pcre2)
{
    static const char *const text[] = {
        "[abc]{2,5}", "a*b*", "(ab|a)*c?", "(?=a).*b", "(?!a).*", "^a.*b$", "(a|b){3,}1?", "[^a]+",
        "\\w+-\\w*", "((?!bc).)*", "a{0,3}b{2}", "(a|ab)(c|bcd)?", "(?:^a|b)x", "(?i)A+b",
        "(?=.*1)(?=.*a).{2,6}", "(a*)*b", "(a?){3}", "\\s*x", "[\\d-]+", "(?!.*(ab|b1)).*x",
        "\\p{L}*-?\\P{L}*", "(?:a|(?=b).)*", "[\\w-]+\\W?", "[^\\S]?a", "(a|b|c|1|-|x)*?(ab|ba)",
    };
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        agree(text[i], i + 1);
}
END_TEST

Suite *suite_regex(void)
{
    Suite *s = suite_create("regex");
    TCase *t = tcase_create("regex");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, constructs_mean_what_they_say);
    tcase_add_test(t, the_dot_stops_at_lines_unless_told);
    tcase_add_test(t, assertions_are_exact);
    tcase_add_test(t, counts_are_never_unrolled);
    tcase_add_test(t, what_is_refused_names_itself_and_its_place);
    tcase_add_test(t, agrees_with_pcre2);
    suite_add_tcase(s, t);
    return s;
}
