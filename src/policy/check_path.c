/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/utf8.h"
#include "policy/fields.h"
#include "policy/say.h"

/* What every refusal of a path needs to know. */
struct path_check {
	struct problems *to;
	size_t at;
	enum policy_field field;
	const char *bytes; /* as given, "?" included */
	size_t len;
};

static int refuse(const struct path_check *check, const char *reason, const char *remedy)
{
	struct phrase name = quoted(check->bytes, check->len);

	return problem_add(check->to, -EINVAL, check->at,
		ABOUT(.field = policy_field_name(check->field),
			.path = as_written(check->bytes, check->len).text, .remedy = remedy),
		"%s %s", name.text, reason);
}

static bool starts(const char *bytes, size_t len, const char *with)
{
	size_t n = strlen(with);

	return len >= n && memcmp(bytes, with, n) == 0;
}

static int refuse_relative(const struct path_check *check, const char *path, size_t len)
{
	const char *reason = "is not an absolute path";

	if (starts(path, len, "~"))
		return refuse(
			check, reason, "write the home directory in full: \"~\" is not expanded");
	if (starts(path, len, "$"))
		return refuse(
			check, reason, "write the directory in full: variables are not expanded");
	if (starts(path, len, "file:"))
		return refuse(check, reason, "write the path alone, from its first slash");
	return refuse(check, reason, "write the path from the root, beginning with \"/\"");
}

/* Looks at the bytes as such. */
static int check_bytes(const struct path_check *check, const char *path, size_t len)
{
	if (len == 0)
		return refuse(check, "is empty", "write an absolute path, or remove the entry");
	if (memchr(path, '\0', len))
		return refuse(check, "holds a NUL, which no path can", "remove \\u0000");
	if (utf8_prefix(path, len) < len)
		return refuse(check, "is not UTF-8, which a policy is written in",
			"grant the directory above it, or rename it");
	if (utf8_find_control(path, len) < len)
		return refuse(check, "holds a control character",
			"grant the directory above it, or rename it");
	if (path[0] != '/')
		return refuse_relative(check, path, len);
	if (len > KS_MAX_PATH)
		return refuse(
			check, "is longer than 4095 bytes", "grant a directory nearer to the root");
	return 0;
}

/* Appends one component to the normal form; "." and nothing between slashes vanish. */
static int add_component(
	const struct path_check *check, char *out, size_t *used, const char *part, size_t len)
{
	if (len == 0 || (len == 1 && part[0] == '.'))
		return 0;
	/* Where ".." leads depends on links, so that only its author knows what was meant. */
	if (len == 2 && memcmp(part, "..", 2) == 0)
		return refuse(check, "holds a \"..\" component", "write the path that it leads to");
	out[(*used)++] = '/';
	memcpy(out + *used, part, len);
	*used += len;
	return 0;
}

static int normalise(const struct path_check *check, const char *path, size_t len, char *out)
{
	size_t used = 0;

	for (size_t start = 0; start < len;) {
		const char *slash = memchr(path + start, '/', len - start);
		size_t end = slash ? (size_t)(slash - path) : len;

		if (add_component(check, out, &used, path + start, end - start) < 0)
			return -EINVAL;
		start = end + 1;
	}
	if (used == 0)
		out[used++] = '/';
	out[used] = '\0';
	return 0;
}

static bool is_or_beneath(const char *path, const char *top)
{
	size_t len = strlen(top);

	return strncmp(path, top, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* Trees that no grant may open, whatever the backend. The rule goes by the name alone: the stage
 * that opens a grant looks at the file system behind it once more, since a link can lead here. */
static int check_reserved(const struct path_check *check, const char *path)
{
	if (strcmp(path, "/") == 0)
		return refuse(check, "is the whole host, with its /proc, /sys and /dev",
			"name the directories that the worker needs");
	if (is_or_beneath(path, "/proc"))
		return refuse(check, "is the host's view of its processes",
			"remove it: the jail has a /proc of its own");
	if (is_or_beneath(path, "/sys/fs/cgroup"))
		return refuse(check, "would let the worker see or lift its own limits",
			"remove it: the limits are fields of the policy");
	if (is_or_beneath(path, "/sys"))
		return refuse(check, "is the host's kernel and hardware",
			"remove it: a worker needs nothing of /sys");
	if (is_or_beneath(path, "/dev"))
		return refuse(check, "is a device of the host or the directory of them",
			"remove it: the jail has a /dev of its own, with the devices that programs "
			"need");
	return 0;
}

int check_path(struct problems *to, size_t at, enum policy_field field, const char *bytes,
	size_t len, struct policy_path *ret_path)
{
	const struct path_check check = {to, at, field, bytes, len};
	bool optional = len > 0 && bytes[0] == '?';
	const char *path = bytes + optional;
	char *normal;

	if (check_bytes(&check, path, len - optional) < 0)
		return -EINVAL;
	normal = calloc(1, len - optional + 1);
	if (!normal)
		return problem_oom(to);
	if (normalise(&check, path, len - optional, normal) < 0 ||
		check_reserved(&check, normal) < 0) {
		free(normal);
		return -EINVAL;
	}
	*ret_path = (struct policy_path){.path = normal, .optional = optional};
	return 0;
}
