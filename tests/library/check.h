/* SPDX-License-Identifier: Apache-2.0 */
/* For tests that return 1 where all is well. */
#ifndef TESTS_LIBRARY_CHECK_H
#define TESTS_LIBRARY_CHECK_H

#include <stdio.h>

#define CHECK(condition)                                                         \
	do {                                                                     \
		if (!(condition)) {                                              \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition); \
			return 0;                                                \
		}                                                                \
	} while (0)

#endif
