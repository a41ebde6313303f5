/* test_logits.c - our logits beside those of an independent engine reading the same file.
 *
 *     test_logits GOLDEN [MODEL.gguf [DEVICE]]
 *
 * MODEL is a file or a name that `sglrun pull` knows; what is not there is skipped, never fetched.
 * The greatest logit must be the same one, unless the reference's own gap between its two best is
 * below the difference that is seen: both sides round activations, in different places.  The
 * greatest difference over the 20 kept logits of every position is printed and bounded. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "runtime/files/models.h"

enum { SKIP = 77, MAX_IDS = 2048, MAX_TOP = 64 };

static const double MOST = 1.0;     /* int8 activations on both sides: 0.5 is usual; a golden file
                                       may say otherwise */

struct run {
    struct backend *be;
    uint32_t        n_vocab;
    uint32_t        page[MAX_IDS / 16 + 1];
    uint32_t        ids[MAX_IDS];
    uint32_t        n_ids;
    float          *logits;     /* [n_ids, n_vocab] */
    char            prompt[64];
    double          bar;        /* of a difference */
    double          most, sum;  /* of the differences */
    uint32_t        n_diff, n_pos, n_bad;
};

static int compute(struct run *r)
{
    struct error err = { 0 };
    if (golden_logits(r->be, r->ids, r->n_ids, MAX_IDS, r->page, r->logits, &err) == ST_OK)
        return 0;
    fprintf(stderr, "%s: %s\n", r->prompt, err.text);
    return -1;
}

static uint32_t best_of(const float *x, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

static void compare(struct run *r, char *line)
{
    uint32_t pos = 0, n = 0, id[MAX_TOP];
    double want[MAX_TOP], here = 0;
    char *at = line + 4;
    pos = (uint32_t)strtoul(at, &at, 10);
    while (n < MAX_TOP && sscanf(at, " %u:%lf", &id[n], &want[n]) == 2) {
        at += strcspn(at + 1, " \n") + 1;
        n++;
    }
    if (n < 2 || pos >= r->n_ids) {
        fprintf(stderr, "%s: bad golden line\n", r->prompt);
        r->n_bad++;
        return;
    }
    const float *x = r->logits + (size_t)pos * r->n_vocab;
    for (uint32_t i = 0; i < n; i++) {
        double d = fabs((double)x[id[i]] - want[i]);
        here = d > here ? d : here;
        r->sum += d;
        r->n_diff++;
    }
    r->most = here > r->most ? here : r->most;
    r->n_pos++;
    uint32_t best = best_of(x, r->n_vocab);
    if (best != id[0] && want[0] - want[1] > here) {
        fprintf(stderr, "%s at %u: token %u is best, %u was wanted\n", r->prompt, pos, best, id[0]);
        r->n_bad++;
    }
    printf("%-8s %4u  top %5u %s  max |delta| %.3f\n", r->prompt, pos, id[0],
           best == id[0] ? "equal" : "OTHER", here);
    if (here > r->bar)
        r->n_bad++;
}

static int run_file(struct run *r, FILE *f)
{
    static char line[1 << 16];
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, "# at most ", 10) == 0) {
            r->bar = strtod(line + 10, NULL);
        } else if (strncmp(line, "prompt ", 7) == 0) {
            sscanf(line + 7, "%63s", r->prompt);
        } else if (strncmp(line, "ids ", 4) == 0) {
            r->n_ids = golden_ids(line + 4, MAX_IDS, r->ids);
            if (compute(r))
                return 1;
        } else if (strncmp(line, "pos ", 4) == 0) {
            compare(r, line);
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct error err = { 0 };
    struct bundle *bundle = NULL;
    struct run *r = calloc(1, sizeof *r);
    struct str path = { 0 };
    FILE *f = argc > 1 ? fopen(argv[1], "r") : NULL;
    if (!f || !r)
        return 2;
    enum status st = models_find(argc > 2 ? argv[2] : "smollm2", &path, &err);
    if (st == ST_NOT_FOUND) {
        printf("%s: skipped\n", err.text);
        fclose(f);
        free(r);
        return SKIP;
    }
    if (st == ST_OK)
        st = bundle_open(path.ptr, &bundle, &err);
    struct backend_opts opts = { .n_page = MAX_IDS / 16 + 1,
                                 .device = argc > 3 ? argv[3] : "cpu" };
    if (st == ST_OK)
        st = backend_open(bundle, &opts, &r->be, &err);
    if (st != ST_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    const struct backend_info *info = r->be->vt->info(r->be);
    r->n_vocab = info->n_vocab;
    r->bar = MOST;
    r->logits = malloc((size_t)MAX_IDS * r->n_vocab * sizeof *r->logits);
    for (uint32_t i = 0; i < MAX_IDS / 16; i++)
        r->page[i] = MAX_IDS / 16 - i;      /* backwards, so that page tables matter */
    int rc = r->logits ? run_file(r, f) : 1;
    printf("%s: %u positions, max |delta logit| %.3f, mean %.4f\n", info->device, r->n_pos,
           r->most, r->n_diff ? r->sum / r->n_diff : 0);
    if (r->n_pos == 0 || r->n_bad)
        rc = 1;
    fclose(f);
    free(r->logits);
    backend_close(r->be);
    bundle_close(bundle);
    str_free(&path);
    free(r);
    return rc;
}
