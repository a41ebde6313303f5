/* test_families.c - a tiny checkpoint of one family beside the logits of transformers.
 *
 *     test_families DIRECTORY [DEVICE]
 *
 * The directory holds config.json, model.safetensors and golden.txt (make_families.py): logits in
 * double precision, and how far those of transformers in bf16 are from them.  Ours may be 1.5 times
 * as far (relative L2 over the rows of a prompt).  Where our greatest logit is another one than
 * theirs, their own gap must be below the difference seen.  The prompt is computed whole, in chunks
 * of 7, and token by token: on the CPU and on a GPU all three have the same bits. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"

enum { SKIP = 77, MAX_IDS = 128, MAX_VOCAB = 1024, N_PAGE = MAX_IDS / 16 + 1 };

static const double TIMES = 1.5;

struct run {
    struct backend *be;
    uint32_t        n_vocab;
    uint32_t        page[N_PAGE];
    uint32_t        ids[MAX_IDS], n_ids;
    float           logits[MAX_IDS * MAX_VOCAB], again[MAX_IDS * MAX_VOCAB];
    double          bf16;               /* of the prompt, as golden.txt says */
    double          err, sum;           /* squares so far */
    uint32_t        n_row, n_prompt, n_bad;
};

static int compute(struct run *r, uint32_t chunk, float *logits)
{
    struct error err = { 0 };
    if (golden_logits(r->be, r->ids, r->n_ids, chunk, r->page, logits, &err) == ST_OK)
        return 0;
    fprintf(stderr, "%s\n", err.text);
    return -1;
}

static int read_ids(struct run *r, const char *at)
{
    static const uint32_t chunks[] = { 7, 1 };
    r->n_ids = golden_ids(at, MAX_IDS, r->ids);
    if (r->n_ids == 0 || compute(r, r->n_ids, r->logits))
        return 1;
    for (int i = 0; i < 2; i++) {
        if (compute(r, chunks[i], r->again))
            return 1;
        if (memcmp(r->logits, r->again, (size_t)r->n_ids * r->n_vocab * sizeof *r->again)) {
            printf("%u ids in chunks of %u: other bits\n", r->n_ids, chunks[i]);
            r->n_bad++;
        }
    }
    return 0;
}

static uint32_t best_of(const double *x, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (x[i] > x[best])
            best = i;
    return best;
}

static void compare_row(struct run *r, const char *at)
{
    static double want[MAX_VOCAB], got[MAX_VOCAB];
    char *end;
    unsigned long pos = strtoul(at, &end, 10);
    double most = 0;
    uint32_t n = 0;
    for (at = end; n < r->n_vocab; at = end, n++) {
        want[n] = strtod(at, &end);
        if (end == at)
            break;
    }
    if (n != r->n_vocab || pos >= r->n_ids) {
        printf("bad golden line\n");
        r->n_bad++;
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        got[i] = (double)r->logits[pos * r->n_vocab + i];
        double d = fabs(got[i] - want[i]);
        most = d > most ? d : most;
        r->err += d * d;
        r->sum += want[i] * want[i];
    }
    uint32_t ours = best_of(got, n), theirs = best_of(want, n);
    if (ours != theirs && want[theirs] - want[ours] > 2 * most) {
        printf("position %lu: token %u is best, %u was wanted\n", pos, ours, theirs);
        r->n_bad++;
    }
    r->n_row++;
}

static void end_prompt(struct run *r)
{
    if (!r->n_row)
        return;
    double d = sqrt(r->err / r->sum);
    bool ok = d <= TIMES * r->bf16;     /* no number is not */
    printf("%3u ids: relative L2 %.2e, transformers' bf16 %.2e (%.2f of it)%s\n", r->n_ids, d,
           r->bf16, d / r->bf16, ok ? "" : "  TOO FAR");
    r->n_bad += !ok;
    r->n_prompt++;
    r->n_row = 0;
    r->err = r->sum = 0;
}

static int run_file(struct run *r, FILE *f)
{
    static char line[1 << 16];
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, "prompt ", 7) == 0) {
            end_prompt(r);
            const char *bf16 = strstr(line, "bf16 ");
            r->bf16 = bf16 ? strtod(bf16 + 5, NULL) : 0;
        } else if (strncmp(line, "ids ", 4) == 0) {
            if (read_ids(r, line + 4))
                return 1;
        } else if (strncmp(line, "pos ", 4) == 0) {
            compare_row(r, line + 4);
        }
    }
    end_prompt(r);
    return 0;
}

int main(int argc, char **argv)
{
    struct error err = { 0 };
    struct bundle *bundle = NULL;
    struct run *r = calloc(1, sizeof *r);
    struct str path = { 0 };
    if (argc < 2 || !r)
        return 2;
    str_addf(&path, "%s/golden.txt", argv[1]);
    FILE *f = path.failed ? NULL : fopen(path.ptr, "r");
    if (!f)
        return 2;
    const char *device = argc > 2 ? argv[2] : "cpu";
    struct backend_opts opts = { .n_page = N_PAGE, .context = MAX_IDS, .device = device };
    enum status st = bundle_open(argv[1], &bundle, &err);
    if (st == ST_OK)
        st = backend_open(bundle, &opts, &r->be, &err);
    if (st != ST_OK) {
        fprintf(stderr, "%s\n", err.text);
        return st == ST_NOT_FOUND && argc > 2 ? SKIP : 1;
    }
    r->n_vocab = r->be->vt->info(r->be)->n_vocab;
    for (uint32_t i = 0; i < N_PAGE - 1; i++)
        r->page[i] = N_PAGE - 1 - i;        /* backwards, so that page tables matter */
    int rc = r->n_vocab <= MAX_VOCAB ? run_file(r, f) : 1;
    printf("%s on %s: %u prompts, %s\n", argv[1], r->be->vt->info(r->be)->device, r->n_prompt,
           rc || r->n_bad || r->n_prompt != 3 ? "FAILED" : "within the bar");
    if (r->n_bad || r->n_prompt != 3)
        rc = 1;
    fclose(f);
    backend_close(r->be);
    bundle_close(bundle);
    str_free(&path);
    free(r);
    return rc;
}
