/* code_points.c - writes the tables of code points that patterns ask for: runs of one general
 * category, and the code points that simple case folding changes.  Run when the project is built,
 * so that a pattern which names a category does not ask for every code point once more. */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

enum { LAST = 0x10ffff };

int main(void)
{
    const char *name = "";
    printf("/* Made by tools/code_points.c. */\n\nstatic const struct category_run category_run[] = {\n");
    for (uint32_t cp = 0; cp <= LAST; cp++) {
        if (!strcmp(utf8_category_name(cp), name))
            continue;
        name = utf8_category_name(cp);
        printf("    { 0x%x, \"%s\" },\n", (unsigned)cp, name);
    }
    printf("};\n\nstatic const struct fold_pair fold_pair[] = {\n");
    for (uint32_t cp = 0; cp <= LAST; cp++)
        if (utf8_fold(cp) != cp)
            printf("    { 0x%x, 0x%x },\n", (unsigned)cp, (unsigned)utf8_fold(cp));
    printf("};\n");
    return 0;
}
