#include "compiler/pattern/shape.h"
#include "pattern_try.h"
#include "suites.h"

static struct pattern_source of(const struct shape *s, enum json_spelling spelling)
{
    return (struct pattern_source){ .kind = PATTERN_SHAPE, .shape = s, .spelling = spelling };
}

START_TEST(bare_types)
{
    struct shape n = { .kind = SHAPE_INT, .lo = -12, .hi = 120 };
    pattern_lines(of(&n, SPELL_SPACED), "0\n-1\n-12\n7\n99\n120",
                  "-0\n01\n-13\n121\n1000\n+1\n\n1.0");
    struct shape any = { .kind = SHAPE_INT, .lo = INT64_MIN, .hi = INT64_MAX };
    pattern_lines(of(&any, SPELL_SPACED), "9223372036854775807\n-9223372036854775808",
                  "9223372036854775808\n-9223372036854775809\n10000000000000000000");
    struct shape f = { .kind = SHAPE_FLOAT, .flo = -0.5, .fhi = 3.25, .decimals = 2 };
    pattern_lines(of(&f, SPELL_SPACED), "0.00\n-0.50\n-0.01\n3.25\n1.10",
                  "3.26\n-0.51\n1.1\n1\n-0.00\n01.00");
    struct shape g = { .kind = SHAPE_FLOAT, .flo = 0, .flags = SHAPE_OPEN_HI, .decimals = -1 };
    pattern_lines(of(&g, SPELL_SPACED), "0.0\n0.123456\n123456789012345.5",
                  "1\n0.1234567\n-1.0\n1234567890123456.5");
    struct shape b = { .kind = SHAPE_BOOL }, text = { .kind = SHAPE_TEXT, .text = SLICE("tie") };
    struct shape or = { .kind = SHAPE_OR, .n = 2, .kid = (struct shape *[]){ &b, &text } };
    pattern_lines(of(&or, SPELL_SPACED), "true\nfalse\ntie", "\"tie\"\nt\nnull");
    struct shape str = { .kind = SHAPE_STR, .lo = 1, .hi = 3, .flags = SHAPE_NO_LINES };
    pattern_lines(of(&str, SPELL_SPACED), "a\n\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad", "\nabcd");
}
END_TEST

START_TEST(json_in_each_spelling)
{
    struct shape name = { .kind = SHAPE_STR, .lo = 1, .hi = 8 },
                 age = { .kind = SHAPE_INT, .lo = 0, .hi = 99 };
    struct shape list = { .kind = SHAPE_LIST, .n = 1, .kid = (struct shape *[]){ &age }, .lo = 0,
                          .hi = 2 };
    struct slice key[] = { SLICE("n"), SLICE("ages") };
    struct shape s = { .kind = SHAPE_STRUCT, .n = 2, .key = key,
                       .kid = (struct shape *[]){ &name, &list } };
    ck_assert(!shape_is_bare(&s));
    pattern_lines(of(&s, SPELL_SPACED),
                  "{\"n\": \"x\", \"ages\": []}\n{\"n\": \"\\\"\\n\", \"ages\": [1, 2]}",
                  "{\"n\":\"x\",\"ages\":[]}\n{\"n\": \"\", \"ages\": []}\n{\"ages\": [], \"n\": \"x\"}\n"
                  "{\"n\": \"x\", \"ages\": [1, 2, 3]}\n{\"n\": \"x\"}\n{\"n\": \"x\", \"ages\": [1,]}");
    pattern_lines(of(&s, SPELL_COMPACT), "{\"n\":\"x\",\"ages\":[1,2]}",
                  "{\"n\": \"x\",\"ages\":[]}");
    struct pattern *p = pattern_made(of(&s, SPELL_PRETTY));
    pattern_yes(p, "{\n  \"n\": \"x\",\n  \"ages\": [\n    1,\n    2\n  ]\n}");
    pattern_yes(p, "{\n  \"n\": \"x\",\n  \"ages\": []\n}");
    pattern_no(p, "{\n \"n\": \"x\",\n  \"ages\": []\n}");
    pattern_unref(p);
    pattern_lines(of(&s, SPELL_FLEXIBLE),
                  "{\"n\":\"x\",\"ages\" : [1 ,2]}\n{ \"n\": \"x\", \"ages\": [ ] }",
                  "{\"n\":\"x\"                         ,\"ages\":[]}\n {\"n\":\"x\",\"ages\":[]}");
}
END_TEST

START_TEST(maps_use_a_key_once)
{
    struct shape k = { .kind = SHAPE_STR, .lo = 1, .hi = 4 }, v = { .kind = SHAPE_BOOL };
    struct shape m = { .kind = SHAPE_MAP, .n = 2, .kid = (struct shape *[]){ &k, &v }, .lo = 1,
                       .hi = 2 };
    pattern_lines(of(&m, SPELL_COMPACT), "{\"a\":true}\n{\"a\":true,\"ab\":false}",
                  "{}\n{\"a\":true,\"a\":false}\n{\"a\":true,\"b\":true,\"c\":true}\n{\"\":true}");
    struct slice names[] = { SLICE("x"), SLICE("y") };
    struct shape e = { .kind = SHAPE_ENUM, .n = 2, .key = names };
    struct shape both = { .kind = SHAPE_MAP, .n = 2, .kid = (struct shape *[]){ &e, &v }, .lo = 2,
                          .hi = 9 };
    pattern_lines(of(&both, SPELL_COMPACT), "{\"x\":true,\"y\":true}\n{\"y\":true,\"x\":true}",
                  "{\"x\":true}\n{\"x\":true,\"x\":true}");
    struct shape three = both;
    three.lo = 3;
    pattern_refused(of(&three, SPELL_COMPACT), "E0401", NULL);
}
END_TEST

START_TEST(recursive_types_close)
{
    struct shape null = { .kind = SHAPE_NULL }, n = { .kind = SHAPE_INT, .lo = 0, .hi = 9 };
    struct shape self = { .kind = SHAPE_REF, .n = 1 };
    struct shape next = { .kind = SHAPE_OR, .n = 2, .kid = (struct shape *[]){ &self, &null } };
    struct slice key[] = { SLICE("v"), SLICE("next") };
    struct shape node = { .kind = SHAPE_STRUCT, .n = 2, .key = key,
                          .kid = (struct shape *[]){ &n, &next } };
    struct shape *to = &node;
    self.kid = &to;
    struct pattern *p = pattern_made(of(&node, SPELL_COMPACT));
    pattern_yes(p, "{\"v\":1,\"next\":{\"v\":2,\"next\":null}}");
    pattern_no(p, "{\"v\":1,\"next\":{\"v\":2}}");
    pattern_least(p, "{\"v\":0,\"next\":null}");
    struct str deep = { 0 };
    for (int i = 0; i < 3000; i++)
        str_adds(&deep, "{\"v\":1,\"next\":");
    str_adds(&deep, "null");
    for (int i = 0; i < 3000; i++)
        str_adds(&deep, "}");
    ck_assert(pattern_accepts(p, str_slice(&deep), NULL));
    str_free(&deep);
    pattern_unref(p);
    struct shape *endless[] = { &n, &self };
    node.kid = endless;
    pattern_refused(of(&node, SPELL_COMPACT), "E0401", NULL);
}
END_TEST

START_TEST(calls_pair_names_and_arguments)
{
    struct shape n = { .kind = SHAPE_INT, .lo = 0, .hi = 9 }, b = { .kind = SHAPE_BOOL };
    struct slice kn[] = { SLICE("n") }, kb[] = { SLICE("b") }, names[] = { SLICE("f"), SLICE("g") };
    struct shape fa = { .kind = SHAPE_STRUCT, .n = 1, .key = kn, .kid = (struct shape *[]){ &n } };
    struct shape ga = { .kind = SHAPE_STRUCT, .n = 1, .key = kb, .kid = (struct shape *[]){ &b } };
    struct shape c = { .kind = SHAPE_CALL, .n = 2, .key = names,
                       .kid = (struct shape *[]){ &fa, &ga } };
    pattern_lines(of(&c, SPELL_COMPACT),
                  "{\"name\":\"f\",\"arguments\":{\"n\":1}}\n{\"name\":\"g\",\"arguments\":{\"b\":true}}",
                  "{\"name\":\"f\",\"arguments\":{\"b\":true}}\n{\"name\":\"h\",\"arguments\":{}}");
}
END_TEST

START_TEST(equal_sources_have_equal_hashes)
{
    struct shape a = { .kind = SHAPE_INT, .lo = 0, .hi = 9 }, b = a,
                 c = { .kind = SHAPE_INT, .lo = 0, .hi = 8 };
    struct pattern_source x = of(&a, SPELL_SPACED), y = of(&b, SPELL_SPACED),
                          z = of(&c, SPELL_SPACED);
    struct hash128 hx = pattern_source_hash(&x), hy = pattern_source_hash(&y),
                   hz = pattern_source_hash(&z);
    ck_assert(hx.lo == hy.lo && hx.hi == hy.hi);
    ck_assert(hx.lo != hz.lo);
    y.spelling = SPELL_COMPACT;
    hy = pattern_source_hash(&y);
    ck_assert(hx.lo != hy.lo);
}
END_TEST

Suite *suite_shape(void)
{
    Suite *s = suite_create("shape");
    TCase *t = tcase_create("shape");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, bare_types);
    tcase_add_test(t, json_in_each_spelling);
    tcase_add_test(t, maps_use_a_key_once);
    tcase_add_test(t, recursive_types_close);
    tcase_add_test(t, calls_pair_names_and_arguments);
    tcase_add_test(t, equal_sources_have_equal_hashes);
    suite_add_tcase(s, t);
    return s;
}
