/* logits.c - rows of logits as raw floats, for gpu_transformers.py to compare.
 *
 *     logits MODEL DEVICE IDS OUT         logits behind every one of the ids
 *     logits --synth ARCH DTYPE OUT       a random model of test_cuda_model as a GGUF file
 *
 * IDS and OUT are raw: 32-bit ids; [ids, vocabulary] floats. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "runtime/model/synth.h"

enum { MAX_IDS = 4096, PAGE = 16 };

static int failed(const struct error *err)
{
    fprintf(stderr, "%s\n", err->text);
    return err->status == ST_NOT_FOUND ? 77 : 1;
}

static int write_file(const char *path, const void *p, size_t n)
{
    FILE *f = fopen(path, "wb");
    bool ok = f && fwrite(p, 1, n, f) == n;
    if (f && fclose(f))
        ok = false;
    if (!ok)
        perror(path);
    return ok ? 0 : 1;
}

static int write_synth(const char *arch, const char *dtype, const char *path)
{
    static const enum dtype types[] = { DT_F32, DT_F16, DT_BF16 };
    struct error err = { 0 };
    struct str bytes = { 0 };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (strcmp(dtype_name(types[i]), dtype) != 0)
            continue;
        struct synth_opts o = synth_defaults(arch, types[i], 7);
        o.n_layer = o.n_layer < 3 ? 3 : o.n_layer;
        if (synth_gguf(&o, &bytes, &err) != ST_OK)
            return failed(&err);
        int rc = write_file(path, bytes.ptr, bytes.len);
        str_free(&bytes);
        return rc;
    }
    fprintf(stderr, "%s: F32, F16 and BF16 are made\n", dtype);
    return 2;
}

static uint32_t read_ids(const char *path, uint32_t *ids)
{
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(ids, sizeof *ids, MAX_IDS, f) : 0;
    if (f)
        fclose(f);
    return (uint32_t)n;
}

static enum status forward(struct backend *be, const uint32_t *ids, uint32_t n, float *logits,
                           struct error *err)
{
    static uint32_t page[MAX_IDS / PAGE];
    for (uint32_t i = 0; i < MAX_IDS / PAGE; i++)
        page[i] = MAX_IDS / PAGE - i;
    return golden_logits(be, ids, n, MAX_IDS, page, logits, err);
}

int main(int argc, char **argv)
{
    static uint32_t ids[MAX_IDS];
    struct error err = { 0 };
    struct bundle *bundle = NULL;
    struct backend *be = NULL;
    if (argc == 5 && strcmp(argv[1], "--synth") == 0)
        return write_synth(argv[2], argv[3], argv[4]);
    if (argc != 5) {
        fprintf(stderr, "usage: logits MODEL DEVICE IDS OUT | --synth ARCH DTYPE OUT\n");
        return 2;
    }
    uint32_t n = read_ids(argv[3], ids);
    enum status st = bundle_open(argv[1], &bundle, &err);
    struct backend_opts o = { .n_page = MAX_IDS / PAGE + 1, .device = argv[2] };
    if (st == ST_OK)
        st = backend_open(bundle, &o, &be, &err);
    float *logits = NULL;
    size_t n_byte = 0;
    if (st == ST_OK) {
        n_byte = (size_t)n * be->vt->info(be)->n_vocab * sizeof *logits;
        logits = malloc(n_byte ? n_byte : 1);
        st = logits ? forward(be, ids, n, logits, &err) : error_nomem(&err);
    }
    int rc = st == ST_OK ? write_file(argv[4], logits, n_byte) : failed(&err);
    free(logits);
    backend_close(be);
    bundle_close(bundle);
    return rc;
}
