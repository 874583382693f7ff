/* SPDX-License-Identifier: Apache-2.0 */
#include "macos/version.h"

#include <stdlib.h>

static unsigned long next_number(const char **text)
{
	char *end;
	unsigned long number = strtoul(*text, &end, 10);

	*text = *end == '.' && end != *text ? end + 1 : "";
	return number;
}

int version_compare(const char *a, const char *b)
{
	for (int i = 0; i < 3; i++) {
		unsigned long first = next_number(&a);
		unsigned long second = next_number(&b);

		if (first != second)
			return first < second ? -1 : 1;
	}
	return 0;
}
