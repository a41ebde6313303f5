/* compile.c - how fast a program is checked: lines a second, and where the time goes.
 *
 *     compile [LINES [ROUNDS]]
 *
 * The program is generated: functions with contexts, loops, branches, forks, structs and matches,
 * as people write them, about LINES (10,000) lines in all.  Prints the best of ROUNDS (5) whole
 * compilations, from text to a verified module, by the clock and in processor time (which others
 * on the machine do not change); nothing is kept between them. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "compiler/compile.h"

enum { UNIT_LINES = 38 };

/* One unit: a struct, an enum and three functions, with names of their own. */
static void unit(struct str *s, unsigned i)
{
    str_addf(s,
        "enum Kind%1$u { bug, question, praise = \"kind words\" }\n"
        "struct Ticket%1$u {\n"
        "    title: str(1..80)\n"
        "    kind: Kind%1$u\n"
        "    score: int(0..9)\n"
        "}\n"
        "/// Sorts a ticket.\n"
        "fn sort%1$u(text: str, depth: int = 2) -> Ticket%1$u {\n"
        "    system \"You sort tickets number %1$u into kinds.\"\n"
        "    user \"Ticket: ${text}, depth ${depth}.\"\n"
        "    let t: Ticket%1$u = gen(max: 120)\n"
        "    if t.score > 5 and depth > 0 {\n"
        "        return copy(t, score: 5)\n"
        "    }\n"
        "    t\n"
        "}\n"
        "fn name%1$u(k: Kind%1$u) -> str {\n"
        "    match k {\n"
        "        bug => \"a bug\"\n"
        "        question => \"a question\"\n"
        "        praise => \"praise\"\n"
        "    }\n"
        "}\n"
        "fn all%1$u(rows: [str]) -> [str] {\n"
        "    var out: [str] = []\n"
        "    let done = join fork row in rows {\n"
        "        user \"Row: ${row}\"\n"
        "        assistant \"It is $[word, stop: \"\\n\", max: 8].\"\n"
        "        word.trim()\n"
        "    }\n"
        "    for (i, x) in done.indexed() {\n"
        "        let t = sort%1$u(x, depth: i) catch\n"
        "            |e| Ticket%1$u(title: e.message, kind: Kind%1$u.bug, score: 0)\n"
        "        out.push(\"${i + 1}: ${t.title} is ${name%1$u(t.kind)}, ${x.len() * 2} letters\")\n"
        "    }\n"
        "    out.filter(|x| x.len() > 3).sort()\n"
        "}\n"
        "\n", i);
}

static double cpu_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Milliseconds by the clock; *ret_cpu those that this process was at work. */
static double check(struct slice text, bool *ret_ok, double *ret_cpu)
{
    struct arena arena = { 0 };
    struct diag_list diags;
    struct module *m = NULL;
    struct error err = { 0 };
    diag_list_init(&diags, &arena);
    struct compile_opts opts = { .name = "generated.sgl", .text = text };
    uint64_t t0 = clock_ns();
    double cpu = cpu_ms();
    *ret_ok = compile_module(&opts, &diags, &m, NULL, &err) == ST_OK;
    double ms = (double)(clock_ns() - t0) / 1e6;
    *ret_cpu = cpu_ms() - cpu;
    if (!*ret_ok && diags.n) {
        struct str out = { 0 };
        diag_render(diags.at[0], false, &out);
        fprintf(stderr, "%s", out.ptr ? out.ptr : err.text);
        str_free(&out);
    }
    module_unref(m);
    diag_list_free(&diags);
    arena_free(&arena);
    return ms;
}

int main(int argc, char **argv)
{
    unsigned n_line = argc > 1 ? (unsigned)atoi(argv[1]) : 10000;
    int rounds = argc > 2 ? atoi(argv[2]) : 5;
    struct str text = { 0 };
    unsigned n_unit = (n_line + UNIT_LINES - 1) / UNIT_LINES;
    for (unsigned i = 0; i < n_unit; i++)
        unit(&text, i);
    double best = 0, best_cpu = 0;
    for (int i = 0; i < rounds; i++) {
        bool ok;
        double cpu, ms = check(str_slice(&text), &ok, &cpu);
        if (!ok)
            return 1;
        best = i == 0 || ms < best ? ms : best;
        best_cpu = i == 0 || cpu < best_cpu ? cpu : best_cpu;
    }
    n_line = n_unit * UNIT_LINES;
    printf("%u lines, %zu bytes: %.1f ms (%.1f ms of work), %.0f lines a second\n", n_line,
           text.len, best, best_cpu,
           n_line / best * 1000);
    str_free(&text);
    return 0;
}
