/* SPDX-License-Identifier: Apache-2.0 */
/* SipHash-2-4 of names. With a key that nobody knows, whoever chooses the names cannot choose which
 * of them meet in one place of a table. */
#ifndef KS_EGRESS_HASH_H
#define KS_EGRESS_HASH_H

#include <stdint.h>

struct hash_key {
	uint64_t low, high;
};

uint64_t hash_text(struct hash_key key, const char *text);

#endif
