/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/init/failure.h"

#include <string.h>

static void copy_text(char *to, size_t room, const char *from)
{
	size_t len = strnlen(from, room);

	if (len < room) {
		memcpy(to, from, len + 1);
		return;
	}
	memcpy(to, from, room - 4);
	memcpy(to + room - 4, "...", 4);
}

int failure_set(struct failure *ret, int code, const char *step, const char *detail)
{
	ret->code = code;
	copy_text(ret->step, sizeof(ret->step), step);
	copy_text(ret->detail, sizeof(ret->detail), detail);
	return -code;
}

void failure_add(struct failure *failure, const char *more)
{
	size_t len = strnlen(failure->detail, sizeof(failure->detail));

	/* Room for the dots that mark a cut; without it the text is cut already. */
	if (len + 4 <= sizeof(failure->detail))
		copy_text(failure->detail + len, sizeof(failure->detail) - len, more);
}

char *number_text(uint64_t number, char text[NUMBER_TEXT])
{
	size_t digits = 1;

	for (uint64_t rest = number; rest >= 10; rest /= 10)
		digits++;
	text[digits] = '\0';
	while (digits > 0) {
		text[--digits] = (char)('0' + number % 10);
		number /= 10;
	}
	return text;
}

void failure_add_number(struct failure *failure, uint64_t number)
{
	char text[NUMBER_TEXT];

	failure_add(failure, number_text(number, text));
}
