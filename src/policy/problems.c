/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/problems.h"

#include <errno.h>
#include <stdio.h>

#include "base/bounds.h"

void position_of(const char *text, size_t len, size_t at, unsigned *ret_line, unsigned *ret_column)
{
	unsigned line = 1;
	size_t start = 0;

	for (size_t i = 0; i < len && i < at; i++) {
		if (text[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	*ret_line = line;
	*ret_column = (unsigned)(at - start) + 1;
}

int problem_add(struct problems *to, int code, size_t at, const struct error_about *about,
	const char *format, ...)
{
	struct error_about full = *about;
	char message[640];
	va_list args;

	if (!to->code)
		to->code = code;
	if (to->count++ >= KS_MAX_PROBLEMS)
		return code;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	full.step = "policy";
	if (!full.path)
		full.path = to->name;
	if (at != NOWHERE)
		position_of(to->text, to->len, at, &full.line, &full.column);
	return error_append(&to->chain, code, &full, "%s%s%s%s", to->within ? to->within : "",
		full.field ? full.field : "", full.field ? ": " : "", message);
}

int problem_oom(struct problems *to)
{
	if (!to->code)
		to->code = -ENOMEM;
	return -ENOMEM;
}

int problems_finish(struct problems *from, ks_error **reterr)
{
	ks_error *chain = from->chain;

	from->chain = NULL;
	if (from->code == 0 || !reterr) {
		ks_error_free(chain);
		return from->code;
	}
	if (from->code == -ENOMEM && !chain)
		return error_oom(reterr);
	ks_error_free(*reterr);
	*reterr = chain;
	return from->code;
}
