/* bytecode_pack.h - a module's tables as bytes, and back.
 *
 *      bytes = sources | shapes | konst | rtype | gen | fork | ... | func | scalars
 *
 * Every struct of bytecode.h has rows that name its fields; one walk writes by them and one reads.
 * Numbers are little-endian and as wide as in memory.  The bytes fit only the build that has the
 * same rows: pack_fingerprint() tells builds apart.  Reading trusts nothing: counts are checked
 * against what is left of the input, and the caller verifies the module afterwards. */
#ifndef COMPILER_BYTECODE_PACK_H
#define COMPILER_BYTECODE_PACK_H

#include "compiler/bytecode.h"

uint64_t    pack_fingerprint(void);
enum status module_pack(const struct module *m, struct str *out, struct error *err);
/* *ret holds one reference.  ST_SYNTAX when the bytes are no module, or one that bytecode_verify
 * refuses. */
enum status module_unpack(struct slice bytes, struct module **ret, struct error *err);

#endif
