/* SPDX-License-Identifier: Apache-2.0 */
/* What the targets share. A target is one function that libFuzzer calls with bytes, in memory of
 * their exact size; it ends the process where something does not hold. */
#ifndef KS_TESTS_FUZZ_H
#define KS_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define HOLDS(condition)                                                                  \
	do {                                                                              \
		if (!(condition)) {                                                       \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, \
				#condition);                                              \
			abort();                                                          \
		}                                                                         \
	} while (0)

/* A copy of exactly so many bytes, so that a read past them is seen. Free with free(). */
static inline void *exact_copy(const void *bytes, size_t len)
{
	void *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	if (len)
		memcpy(copy, bytes, len);
	return copy;
}

#endif
