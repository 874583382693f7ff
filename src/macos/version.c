/* SPDX-License-Identifier: Apache-2.0 */
#include "macos/version.h"

#include <stdlib.h>
#include <string.h>

#define NUMBERS 4
#define MOST_DIGITS 9 /* no number of them overflows */
#define DIGITS "0123456789"
#define MARK DIGITS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.+-"

bool version_known(const char *text)
{
	for (int i = 0; i < NUMBERS; i++) {
		size_t digits = strspn(text, DIGITS);

		if (digits == 0 || digits > MOST_DIGITS)
			return false;
		text += digits;
		if (*text != '.')
			break;
		text++;
	}
	if (*text != '-' && *text != '+')
		return *text == '\0' && text[-1] != '.';
	return text[1] && text[1 + strspn(text + 1, MARK)] == '\0';
}

/* What follows a number that is the last one stays where it is: a mark, or the end. */
static unsigned long next_number(const char **text)
{
	char *end;
	unsigned long number;

	if (!**text || !strchr(DIGITS, **text))
		return 0;
	number = strtoul(*text, &end, 10);
	*text = *end == '.' ? end + 1 : end;
	return number;
}

int version_compare(const char *a, const char *b)
{
	for (int i = 0; i < NUMBERS; i++) {
		unsigned long first = next_number(&a);
		unsigned long second = next_number(&b);

		if (first != second)
			return first < second ? -1 : 1;
	}
	return (*b == '-') - (*a == '-');
}
