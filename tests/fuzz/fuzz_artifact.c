/* fuzz_artifact.c - the lists of a .sglc file, behind a header whose hash is right. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "compiler/artifact.h"
#include "compiler/bytecode_pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str s = { 0 };
    uint32_t version = 1;
    uint64_t fingerprint = pack_fingerprint();
    struct hash128 hash = hash128_bytes(data, size);
    str_adds(&s, "SGLC");
    str_add(&s, (const char *)&version, sizeof version);
    str_add(&s, (const char *)&fingerprint, sizeof fingerprint);
    str_add(&s, (const char *)&hash.lo, sizeof hash.lo);
    str_add(&s, (const char *)&hash.hi, sizeof hash.hi);
    str_add(&s, (const char *)data, size);
    struct artifact a;
    struct error err;
    if (!s.failed && artifact_read(str_slice(&s), &a, &err) == ST_OK) {
        struct module *m;
        if (a.n_file == 0 || a.file[0].name == NULL)
            abort();
        if (module_unpack(a.module, &m, &err) == ST_OK)
            module_unref(m);
        artifact_free(&a);
    }
    str_free(&s);
    return 0;
}
