/* fuzz_checkpoint.c - any bytes as the files of a checkpoint: opened, its vocabulary loaded.
 *
 * The input is cut at bytes of 0x1e into config.json, tokenizer.json, tokenizer_config.json, the
 * index, and one file of safetensors, which is the rest. */
#include <stdint.h>
#include <string.h>

#include "runtime/files/checkpoint.h"
#include "runtime/files/manifest.h"
#include "runtime/tokenizer/tokenizer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct slice cut(struct slice *rest)
{
    const char *at = rest->len ? memchr(rest->ptr, 0x1e, rest->len) : NULL;
    size_t n = at ? (size_t)(at - rest->ptr) : rest->len;
    struct slice part = slice_sub(*rest, 0, n);
    *rest = slice_sub(*rest, at ? n + 1 : n, rest->len);
    return part;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = { (const char *)data, size };
    struct checkpoint c = { 0 };
    c.config = cut(&rest);
    c.tokenizer = cut(&rest);
    c.tokenizer_config = cut(&rest);
    c.index = cut(&rest);
    struct checkpoint_shard shard = { "x.safetensors", (const uint8_t *)rest.ptr, rest.len };
    c.shard = &shard;
    c.n_shard = 1;

    struct bundle *b = NULL;
    struct tokenizer *t = NULL;
    struct error err = { 0 };
    if (bundle_open_checkpoint(&c, &b, &err) != ST_OK)
        return 0;
    struct arena arena = { 0 };
    struct manifest manifest;
    struct token_list l = { 0 };
    manifest_load(b, &arena, &manifest, &err);
    if (tokenizer_load(b, &t, &err) == ST_OK)
        tokenizer_encode(t, rest, ENCODE_MARKUP, true, &l, &err);
    token_list_free(&l);
    tokenizer_free(t);
    arena_free(&arena);
    bundle_close(b);
    return 0;
}
