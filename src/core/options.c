/* SPDX-License-Identifier: Apache-2.0 */
/* A size-tagged structure from a caller of another age. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/error.h"
#include "core/pipeline.h"

#define DEFAULT_GRACE_MS 2000
#define DEFAULT_ROWS 24
#define DEFAULT_COLUMNS 80
#define MAX_MS (UINT64_MAX / 4000) /* so that microseconds of it can be added to a clock */

static int bad(ks_error **reterr, int code, const char *what, const char *remedy)
{
	return error_set(
		reterr, code, ABOUT(.step = "options", .remedy = remedy), "options: %s", what);
}

int options_copy_sized(
	const void *given, size_t least, void *options, size_t size, ks_error **reterr)
{
	const unsigned char *tail = (const unsigned char *)given + size;
	size_t given_size = *(const size_t *)given;

	if (given_size < least)
		return bad(reterr, -EINVAL, "size is not set", "set size to sizeof(options)");
	for (size_t i = size; i < given_size; i++, tail++)
		if (*tail)
			return bad(reterr, -E2BIG,
				"this library is older than the program, and does "
				"not know an option that is set",
				"install a newer libkastellan, or leave the option out");
	memcpy(options, given, given_size < size ? given_size : size);
	return 0;
}

int options_complete(
	const struct ks_run_options *given, struct ks_run_options *ret_options, ks_error **reterr)
{
	struct ks_run_options options = {0};
	int r = given ? options_copy_sized(given, offsetof(struct ks_run_options, timeout_ms),
				&options, sizeof(options), reterr)
		      : 0;

	if (r < 0)
		return r;
	options.size = sizeof(options);
	if (options.reserved)
		return bad(reterr, -EINVAL, "reserved is not 0", "zero the structure first");
	if (options.timeout_ms > MAX_MS || options.grace_ms > MAX_MS)
		return bad(reterr, -ERANGE, "a time is too long", "0 is no limit");
	if (options.cwd && options.cwd[0] != '/')
		return error_set(reterr, -EINVAL,
			ABOUT(.step = "options", .path = options.cwd,
				.remedy = "write the path from the root, beginning with \"/\""),
			"the working directory \"%s\" is not an absolute path", options.cwd);
	if (options.egress_audit > 1 || (options.egress_audit && options.egress_audit_fd < 0))
		return bad(reterr, -EINVAL, "egress_audit is neither 0 nor 1, or has no descriptor",
			"set it to 1, and egress_audit_fd to an open descriptor");
	if (!options.grace_ms)
		options.grace_ms = DEFAULT_GRACE_MS;
	if (!options.terminal_rows)
		options.terminal_rows = DEFAULT_ROWS;
	if (!options.terminal_columns)
		options.terminal_columns = DEFAULT_COLUMNS;
	*ret_options = options;
	return 0;
}
