/* explain.c - looks a code up in the registry and among the pages of docs/codes, compiled in.
 *
 * A page begins with a title that says what the first line here says, so the title is left out. */
#include "frontend/explain.h"

#include <string.h>

#include "base/embed.h"
#include "frontend/diag.h"

extern const struct embed_file explain_files[];
extern const size_t n_explain_files;

static const char *kind_of(char letter)
{
    return letter == 'E' ? "error" : letter == 'W' ? "warning" : "run-time error";
}

void explain_list(struct str *ret)
{
    for (uint32_t i = 0; i < diag_n_code(); i++)
        str_addf(ret, "%s  %s\n", diag_code_at(i), diag_code_sentence(diag_code_at(i)));
}

enum status explain_code(const char *code, struct str *ret, struct error *err)
{
    char known[8] = "";
    size_t len = strlen(code);
    if (len < sizeof known)
        memcpy(known, code, len + 1);
    if (known[0] >= 'a' && known[0] <= 'z')
        known[0] = (char)(known[0] - 'a' + 'A');
    const char *sentence = diag_code_sentence(known);
    if (!sentence)
        return error_set(err, ST_NOT_FOUND, "there is no code %.20s", code);

    str_addf(ret, "%s (%s): %s\n", known, kind_of(known[0]), sentence);
    for (size_t i = 0; i < n_explain_files; i++)
        if (!strcmp(explain_files[i].name, known)) {
            struct slice page = { explain_files[i].text, explain_files[i].len };
            size_t title = slice_find(page, SLICE("\n"));
            str_add_slice(ret, title == SIZE_MAX ? page : slice_sub(page, title + 1, page.len));
        }
    return ret->failed ? error_nomem(err) : ST_OK;
}
