/* sha256.h - SHA-256 (FIPS 180-4), to check what was downloaded. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
    uint32_t state[8];
    uint64_t n_byte;
    uint8_t  block[64];
};

void sha256_init(struct sha256 *h);
void sha256_add(struct sha256 *h, const void *data, size_t len);
void sha256_end(struct sha256 *h, char ret_hex[65]);    /* lower case, NUL-terminated */

#endif
