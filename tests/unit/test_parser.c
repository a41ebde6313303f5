#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "frontend/parser.h"
#include "suites.h"

struct parsed {
    struct arena        arena;
    struct source      *source;
    struct diag_list    diags;
    struct parse_result r;
};

static void parse(struct parsed *p, const char *text)
{
    *p = (struct parsed){ 0 };
    diag_list_init(&p->diags, &p->arena);
    ck_assert_int_eq(source_new(&p->arena, "t.sgl", slice_of(text), &p->source, NULL), ST_OK);
    ck_assert_int_eq(parse_module(&p->arena, p->source, &p->diags, &p->r, NULL), ST_OK);
    ck_assert_ptr_nonnull(p->r.module);
}

static void end(struct parsed *p)
{
    diag_list_free(&p->diags);
    arena_free(&p->arena);
}

/* The codes of all messages, in order. */
static void expect_codes(const char *text, const char *codes)
{
    struct parsed p;
    struct str got = { 0 };
    parse(&p, text);
    diag_sort(&p.diags);
    for (uint32_t i = 0; i < p.diags.n; i++)
        str_addf(&got, i ? " %s" : "%s", p.diags.at[i]->code);
    ck_assert_msg(!strcmp(got.ptr ? got.ptr : "", codes), "%s: %s", text, got.ptr);
    str_free(&got);
    end(&p);
}

static void expect_tree(const char *text, const char *tree)
{
    struct parsed p;
    struct str got = { 0 };
    parse(&p, text);
    ck_assert_msg(p.diags.n == 0, "%s", text);
    ast_dump(p.r.module, &got);
    str_cut(&got, got.len - 1);
    struct str flat = { 0 };            /* blanks as one */
    for (size_t i = 0; i < got.len; i++)
        if (got.ptr[i] != '\n' &&
            !(got.ptr[i] == ' ' && (flat.len && flat.ptr[flat.len - 1] == ' ')))
            str_addc(&flat, got.ptr[i]);
    ck_assert_str_eq(flat.ptr, tree);
    str_free(&flat);
    str_free(&got);
    end(&p);
}

START_TEST(precedence)
{
    expect_tree("1 + 2 * 3", "(MODULE (STMT_EXPR (EXPR_BINARY + (EXPR_INT 1) (EXPR_BINARY * "
                             "(EXPR_INT 2) (EXPR_INT 3)))))");
    expect_tree("(join b until first catch [])",
                "(MODULE (STMT_EXPR (EXPR_PAREN (EXPR_BINARY catch (EXPR_JOIN (EXPR_NAME b) until "
                "(EXPR_NAME first)) (EXPR_LIST)))))");
    expect_tree("-x.f", "(MODULE (STMT_EXPR (EXPR_UNARY - (EXPR_MEMBER .f (EXPR_NAME x)))))");
    expect_tree("-9223372036854775808", "(MODULE (STMT_EXPR (EXPR_INT -9223372036854775808)))");
}
END_TEST

START_TEST(soft_words_are_names_elsewhere)
{
    expect_codes("let user = 3\nuser = 4\nlet part = user\nlet type = 1\ntype = 2\n", "");
    expect_codes("let until = 1\nuntil = 3\nlet as = until\n", "");
    expect_codes("f(match: 1, in: 2)\nx.fork\nlet stream = 1\nstream + 1\nif scratch { 1 }\n", "");
    expect_codes("let b = join fork 3 { f() }\n    until first\n", "");
}
END_TEST

START_TEST(statements_end)
{
    expect_codes("let a = b\n    .c()\n    ?? d\nlet e = f +\n    1\n", "");
    expect_codes("if a { 1 }\nelse { 2 }\n", "");
    expect_codes("a; b; c\n", "");
    expect_codes("a b\n", "E0105");
    expect_codes("return /x/\n", "");
}
END_TEST

START_TEST(slips_have_codes)
{
    expect_codes("if a && !b { }", "E0108 E0108");
    expect_codes("f(x = 1)", "E0108");
    expect_codes("user x", "E0106");
    expect_codes("let x = fork 3 { f() } until first", "E0109");
    expect_codes("fn f() { struct A { x: int } }", "E0107");
    expect_codes("@pure\nlet x = 1", "E0110");
    expect_codes("f() = 2", "E0111");
    expect_codes("join b as txt", "E0112");
    expect_codes("let n = None", "E0108");
    expect_codes("let x = ]", "E0102");
    expect_codes("let x = '1'", "E0108");
    expect_codes("let x = \"a\nlet y = 5x\nlet z = \"\\q\"", "E0003 E0007 E0006");
    expect_codes("let x = /a\nlet y = \xc3\xa9\n", "E0008 E0010");
    expect_codes("let x = \xff", "E0001");
}
END_TEST

START_TEST(goes_on_behind_errors)
{
    expect_codes("let = 1\nlet x = 2\nfn f( { }\nlet y ]\n", "E0103 E0101");
    struct parsed p;
    parse(&p, "fn f() {\n    let = 1\n    g()\n}\nfn h() { }\n");
    ck_assert_uint_eq(p.diags.n, 1);
    ck_assert_uint_eq(p.r.module->u.list.n, 2);     /* both functions are there */
    end(&p);
}
END_TEST

START_TEST(incomplete_is_told_from_wrong)
{
    static const struct { const char *text; bool incomplete; } row[] = {
        { "let x = 1 +", true }, { "fn f() {", true }, { "let s = \"\"\"\n a", true },
        { "f(1,", true }, { "let x = 1", false }, { "let x = ]", false }, { "\"abc", false },
        { "let = 1 {", false }, { "@pure", true }, { "", false },
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        struct parsed p;
        parse(&p, row[i].text);
        ck_assert_msg(p.r.incomplete == row[i].incomplete, "%s", row[i].text);
        end(&p);
    }
}
END_TEST

START_TEST(tells_what_could_stand_there)
{
    struct parsed p;
    const char **text;
    uint32_t n;
    bool in = false, let = false;
    parse(&p, "");
    struct source *s;
    ck_assert_int_eq(source_new(&p.arena, "t", slice_of("let b = fork x "), &s, NULL), ST_OK);
    ck_assert_int_eq(parse_expected(&p.arena, s, &text, &n, NULL), ST_OK);
    for (uint32_t i = 0; i < n; i++) {
        in |= !strcmp(text[i], "in");
        let |= !strcmp(text[i], "let");
    }
    ck_assert(in && !let);
    end(&p);
}
END_TEST

START_TEST(block_strings_lose_their_indentation)
{
    expect_tree("let s = \"\"\"\n    a\n      b\\\n    c\n    \"\"\"",
                "(MODULE (STMT_LET pattern (PAT_NAME s) value (EXPR_TEXT block text "
                "\"a\\n bc\")))");
    expect_codes("let s = \"\"\"\n  a\n    \"\"\"", "E0005");
}
END_TEST

START_TEST(depth_is_limited)
{
    struct str s = { 0 };
    str_adds(&s, "let x = ");
    for (int i = 0; i < 5000; i++)
        str_adds(&s, "1 + ");
    str_adds(&s, "1");
    expect_codes(s.ptr, "R0706");
    str_cut(&s, 8);
    for (int i = 0; i < 100; i++)
        str_addc(&s, '(');
    expect_codes(s.ptr, "R0706");
    str_free(&s);
}
END_TEST

START_TEST(nothing_is_left)
{
    int64_t before = mem_live_blocks();
    expect_codes("fn f(a: int) -> str { /// d\n \"${a}\" } let = ", "E0105");
    ck_assert_int_eq(mem_live_blocks(), before);
}
END_TEST

Suite *suite_parser(void)
{
    Suite *s = suite_create("parser");
    TCase *t = tcase_create("parser");
    tcase_add_test(t, precedence);
    tcase_add_test(t, soft_words_are_names_elsewhere);
    tcase_add_test(t, statements_end);
    tcase_add_test(t, slips_have_codes);
    tcase_add_test(t, goes_on_behind_errors);
    tcase_add_test(t, incomplete_is_told_from_wrong);
    tcase_add_test(t, tells_what_could_stand_there);
    tcase_add_test(t, block_strings_lose_their_indentation);
    tcase_add_test(t, depth_is_limited);
    tcase_add_test(t, nothing_is_left);
    suite_add_tcase(s, t);
    return s;
}
