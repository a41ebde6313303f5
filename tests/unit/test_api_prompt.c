#include <stdio.h>
#include <string.h>

#include <sgl/sgl.h>

#include "suites.h"

static sgl_runtime *rt;
static sgl_prompt  *prompt;

static void open_prompt(void)
{
    sgl_error err;
    ck_assert_int_eq(sgl_runtime_new(NULL, &rt, &err), SGL_OK);
    ck_assert_int_eq(sgl_prompt_new(rt, NULL, NULL, &prompt, &err), SGL_OK);
}

static void close_prompt(void)
{
    sgl_prompt_free(prompt);
    sgl_runtime_free(rt);
}

/* Runs an entry and gives its value as JSON, "-" for none, or the code of its error. */
static const char *enter(sgl_prompt *p, const char *text)
{
    static char said[200];
    bool incomplete;
    sgl_run *run = NULL;
    sgl_error err;
    sgl_event ev;
    strcpy(said, "-");
    if (sgl_prompt_enter(p, text, strlen(text), &incomplete, &run, NULL, &err) != SGL_OK)
        return "does not compile";
    if (incomplete)
        return "incomplete";
    ck_assert_int_eq(sgl_run_start(run, &err), SGL_OK);
    while (sgl_run_next(run, 10000, &ev) == SGL_OK) {
        char *json = NULL;
        if (ev.kind == SGL_EV_FAILED)
            strcpy(said, ev.error.code);
        if (ev.kind == SGL_EV_DONE && ev.value && sgl_value_kind(ev.value) != SGL_NULL &&
            sgl_value_json(ev.value, &json) == SGL_OK)
            snprintf(said, sizeof said, "%s", json);
        sgl_free(json);
    }
    sgl_run_free(run);
    return said;
}

static void says(sgl_prompt *p, const char *want)
{
    char *text = NULL;
    ck_assert_int_eq(sgl_prompt_text(p, &text, NULL), SGL_OK);
    ck_assert_str_eq(text, want);
    sgl_free(text);
}

START_TEST(keeps_names_and_values)
{
    open_prompt();
    ck_assert_str_eq(enter(prompt, "let x = [1, 2]"), "-");
    ck_assert_str_eq(enter(prompt, "x.len()"), "2");
    ck_assert_str_eq(sgl_prompt_value_type(prompt), "int");
    ck_assert_str_eq(enter(prompt, "it + 1"), "3");
    ck_assert_str_eq(enter(prompt, "fn f() -> int {"), "incomplete");
    ck_assert_str_eq(enter(prompt, "let = 2"), "does not compile");
    ck_assert_str_eq(enter(prompt, "x"), "[1, 2]");
    ck_assert_str_eq(sgl_prompt_value_type(prompt), "[int]");
    ck_assert_uint_eq(sgl_prompt_entries(prompt), 4);
    close_prompt();
}
END_TEST

START_TEST(failed_entries_bind_nothing)
{
    open_prompt();
    enter(prompt, "var n = 1");
    ck_assert_str_eq(enter(prompt, "let n = fail(\"no\")"), "R0301");
    ck_assert_str_eq(enter(prompt, "n"), "1");
    ck_assert_str_eq(enter(prompt, "n += 1\nfail(\"no\")"), "R0301");
    ck_assert_str_eq(enter(prompt, "n"), "2");
    close_prompt();
}
END_TEST

START_TEST(undo_takes_back_names_and_text)
{
    open_prompt();
    enter(prompt, "let x = 1\n\"one \"");
    enter(prompt, "let x = \"a\"\nfn g() -> int { 1 }\n\"two\"");
    says(prompt, "one two");
    ck_assert_int_eq(sgl_prompt_undo(prompt, NULL), SGL_OK);
    says(prompt, "one ");
    ck_assert_str_eq(enter(prompt, "x + 1"), "2");
    ck_assert_str_eq(enter(prompt, "g()"), "does not compile");
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(sgl_prompt_undo(prompt, NULL), SGL_OK);
    ck_assert_int_eq(sgl_prompt_undo(prompt, NULL), SGL_STATE);
    says(prompt, "");
    close_prompt();
}
END_TEST

START_TEST(forks_go_their_own_ways)
{
    sgl_prompt *other = NULL;
    open_prompt();
    enter(prompt, "var n = 1\n\"base\"");
    ck_assert_int_eq(sgl_prompt_fork(prompt, &other, NULL), SGL_OK);
    enter(other, "n = 5\nlet only = 2\n\" other\"");
    enter(prompt, "n = 7\n\" first\"");
    ck_assert_str_eq(enter(other, "n"), "5");
    ck_assert_str_eq(enter(prompt, "n"), "7");
    ck_assert_str_eq(enter(prompt, "only"), "does not compile");
    says(prompt, "base first");
    says(other, "base other");
    ck_assert_int_eq(sgl_prompt_undo(other, NULL), SGL_OK);
    ck_assert_int_eq(sgl_prompt_undo(other, NULL), SGL_OK);
    says(other, "base");
    ck_assert_int_eq(sgl_prompt_undo(other, NULL), SGL_OK);
    says(other, "");
    says(prompt, "base first");
    sgl_prompt_free(prompt);
    prompt = other;
    ck_assert_str_eq(enter(prompt, "1"), "1");
    close_prompt();
}
END_TEST

START_TEST(types_are_told)
{
    char *type = NULL;
    sgl_diagnostics *diags = NULL;
    open_prompt();
    enter(prompt, "let xs = [1.5]");
    ck_assert_int_eq(sgl_prompt_type(prompt, "xs.map(|x| str(x))", 18, &type, NULL, NULL), SGL_OK);
    ck_assert_str_eq(type, "[str]");
    sgl_free(type);
    ck_assert_int_eq(sgl_prompt_type(prompt, "let y = 2", 9, &type, NULL, NULL), SGL_OK);
    ck_assert_str_eq(type, "null");
    sgl_free(type);
    ck_assert_str_eq(enter(prompt, "y"), "does not compile");
    ck_assert_int_eq(sgl_prompt_type(prompt, "xs + 1", 6, &type, &diags, NULL), SGL_FAILED);
    ck_assert_uint_ge(sgl_diagnostics_count(diags, SGL_ERROR), 1);
    sgl_diagnostics_free(diags);
    close_prompt();
}
END_TEST

START_TEST(entries_become_a_program)
{
    char *text = NULL;
    open_prompt();
    enter(prompt, "1 + 2");
    enter(prompt, "let a = \"${it}\" + str(it)  // it stays here");
    enter(prompt, "it * 2");
    enter(prompt, "fail(\"gone\")");
    enter(prompt, "struct P { it: int }\nP(it: 4).it");
    enter(prompt, "|x| x");
    ck_assert_int_eq(sgl_prompt_source(prompt, &text, NULL), SGL_OK);
    ck_assert_str_eq(text, "let it_1 = 1 + 2\nprint(it_1)\n"
                           "let a = \"${it_1}\" + str(it_1)  // it stays here\n"
                           "print(it_1 * 2)\n"
                           "struct P { it: int }\nprint(P(it: 4).it)\nlet _ = |x| x\n");
    sgl_free(text);
    ck_assert_int_eq(sgl_prompt_reset(prompt, NULL), SGL_OK);
    ck_assert_int_eq(sgl_prompt_source(prompt, &text, NULL), SGL_OK);
    ck_assert_str_eq(text, "");
    sgl_free(text);
    close_prompt();
}
END_TEST

static bool offers(const char *text, const char *name)
{
    char *json = NULL, quoted[80];
    snprintf(quoted, sizeof quoted, "\"%s\"", name);
    ck_assert_int_eq(sgl_prompt_complete(prompt, text, strlen(text), &json), SGL_OK);
    bool has = strstr(json, quoted) != NULL;
    sgl_free(json);
    return has;
}

START_TEST(completes_what_is_there)
{
    open_prompt();
    enter(prompt, "let umbrella = 1");
    enter(prompt, "fn helper() -> int { 1 }\nimport std.vote");
    ck_assert(offers("umb", "umbrella"));
    ck_assert(offers("1 + hel", "helper"));
    ck_assert(offers("vo", "vote"));
    ck_assert(offers("", "while"));
    ck_assert(offers("pri", "print"));
    ck_assert(offers("fn f(parameter: int) -> int {\n par", "parameter"));
    ck_assert(offers("[1].fl", "flatten"));
    ck_assert(!offers("[1].fl", "umbrella"));
    ck_assert(!offers("um", "_env_0"));
    ck_assert(offers("\"text ${umb", "umbrella"));
    close_prompt();
}
END_TEST

Suite *suite_api_prompt(void)
{
    Suite *s = suite_create("api_prompt");
    TCase *t = tcase_create("prompt");
    tcase_set_timeout(t, 30);
    tcase_add_test(t, keeps_names_and_values);
    tcase_add_test(t, failed_entries_bind_nothing);
    tcase_add_test(t, undo_takes_back_names_and_text);
    tcase_add_test(t, forks_go_their_own_ways);
    tcase_add_test(t, types_are_told);
    tcase_add_test(t, entries_become_a_program);
    tcase_add_test(t, completes_what_is_there);
    suite_add_tcase(s, t);
    return s;
}
