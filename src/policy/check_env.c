/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/check.h"

#include <errno.h>
#include <string.h>

#include "base/bounds.h"
#include "base/utf8.h"
#include "policy/say.h"

static int refuse_name(struct problems *to, size_t at, const char *bytes, size_t len,
	const char *reason, const char *remedy)
{
	return problem_add(to, -EINVAL, at,
		ABOUT(.field = "env", .path = len ? as_written(bytes, len).text : NULL,
			.remedy = remedy),
		"the name %s %s", quoted(bytes, len).text, reason);
}

int check_env_name(struct problems *to, size_t at, const char *bytes, size_t len)
{
	if (len == 0)
		return refuse_name(
			to, at, bytes, len, "is empty", "write a name, or remove the entry");
	if (utf8_prefix(bytes, len) < len)
		return refuse_name(to, at, bytes, len, "is not UTF-8, which a policy is written in",
			"rename the variable");
	if (utf8_find_control(bytes, len) < len)
		return refuse_name(
			to, at, bytes, len, "holds a control character", "remove the character");
	if (memchr(bytes, '=', len))
		return refuse_name(to, at, bytes, len, "holds \"=\", which ends a name",
			"write name and value as two strings: [\"NAME\", \"value\"]");
	if (len > KS_MAX_ENV_NAME)
		return refuse_name(
			to, at, bytes, len, "is longer than 255 bytes", "write a shorter name");
	return 0;
}

static int refuse_value(
	struct problems *to, size_t at, const char *name, const char *reason, const char *remedy)
{
	return problem_add(to, -EINVAL, at, ABOUT(.field = "env", .path = name, .remedy = remedy),
		"the value of %s %s", name, reason);
}

int check_env_value(struct problems *to, size_t at, const char *name, const char *bytes, size_t len)
{
	/* The value itself is not quoted: it may be a secret. */
	if (memchr(bytes, '\0', len))
		return refuse_value(to, at, name, "holds a NUL, which no variable can",
			"remove \\u0000, or encode the value, for example in base64");
	if (utf8_prefix(bytes, len) < len)
		return refuse_value(to, at, name, "is not UTF-8, which a policy is written in",
			"encode the value, for example in base64");
	if (strlen(name) + 1 + len > KS_MAX_ENV_VALUE)
		return refuse_value(to, at, name, "is longer than the kernel passes on",
			"pass it in a file that the worker may read");
	return 0;
}
