/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4), for naming what a plan is made of by its content. Nothing secret passes
 * here, so that no care is taken to hide how long it takes. */
#ifndef KS_BASE_SHA256_H
#define KS_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BYTES 32
#define SHA256_TEXT (2 * SHA256_BYTES + 1) /* in hexadecimal, with its NUL */

struct sha256 {
	uint32_t state[8];
	uint64_t total; /* bytes so far */
	uint8_t block[64];
};

void sha256_init(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *bytes, size_t len);
/* The hash is of no further use then. */
void sha256_text(struct sha256 *hash, char ret[SHA256_TEXT]);

/* Of a whole file, from its beginning on, wherever the descriptor stands. 0 or -errno. */
int sha256_file(int fd, char ret[SHA256_TEXT]);

#endif
