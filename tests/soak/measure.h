/* SPDX-License-Identifier: Apache-2.0 */
/* What a long life must not make grow. */
#ifndef KS_TESTS_SOAK_MEASURE_H
#define KS_TESTS_SOAK_MEASURE_H

#include <stddef.h>

struct measure {
	size_t heap; /* bytes that were allocated and not freed */
	size_t resident; /* bytes */
	size_t descriptors, threads, children, groups;
};

void measure_take(struct measure *ret);
void measure_print(const char *when, const struct measure *measure);
/* 1 where after is more than before by what the margins of memory do not explain; says what. */
int measure_grew(const struct measure *before, const struct measure *after);

#endif
