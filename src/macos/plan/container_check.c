/* SPDX-License-Identifier: Apache-2.0 */
/* Its grammar has no quoting: a character with a meaning of its own in an argument would make
 * another mount or variable of it, so that such a text is refused and never altered. */
#include "macos/plan/container_check.h"

#include <errno.h>
#include <string.h>

#include "base/bounds.h"
#include "base/error.h"
#include "macos/plan/container.h"
#include "macos/plan/parts.h"
#include "plan/paths.h"

/* Each of these ends a line of the environment's file (Unicode's line ends). */
static const char *const line_ends[] = {
	"\n", "\v", "\f", "\r", "\xc2\x85", "\xe2\x80\xa8", "\xe2\x80\xa9"};

static int check_grant(const struct grant *grant, ks_error **reterr)
{
	const char *bad = grant->directory ? ",=" : ":";

	if (!strpbrk(grant->path, bad) && !strpbrk(grant->asked, bad))
		return 0;
	return macos_refuse_grant(grant, -EINVAL,
		"rename it, or grant the directory above it where that has no such character",
		grant->directory
			? "container's option --mount has no way to write \",\" or \"=\" in a path"
			: "container's option --volume has no way to write \":\" in a path",
		reterr);
}

/* Two mounts of one place: which of them the worker finds there is container's choice. */
static int check_place(const struct ks_plan *plan, const struct grant *grant, ks_error **reterr)
{
	if (plan->network != NETWORK_DOOR || (!path_covers(grant->asked, CONTAINER_EGRESS) &&
						     !path_covers(CONTAINER_EGRESS, grant->asked)))
		return 0;
	return macos_refuse_grant(grant, -EINVAL, "grant it by another name, or what lies in it",
		"the egress proxy's socket has its place at " CONTAINER_EGRESS " inside", reterr);
}

static bool is_name(const char *name)
{
	static const char first[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	static const char later[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789.-";

	return strchr(first, *name) && name[strspn(name, later)] == '\0';
}

static int refuse_env(const char *name, const char *reason, const char *remedy, ks_error **reterr)
{
	return error_set(reterr, -EINVAL,
		ABOUT(.step = "plan", .field = "env", .path = name, .remedy = remedy),
		"env: %s: %s", name, reason);
}

static int check_env(const struct policy_env *env, ks_error **reterr)
{
	if (!is_name(env->name))
		return refuse_env(env->name,
			"container reads such a name in another way than it is written",
			"use letters, digits and \"_\", \".\", \"-\", beginning with a letter or "
			"\"_\"",
			reterr);
	for (size_t i = 0; i < sizeof(line_ends) / sizeof(line_ends[0]); i++)
		if (strstr(env->value, line_ends[i]))
			return refuse_env(env->name,
				"its value has more than one line, and container would read the "
				"others as "
				"variables of their own",
				"encode it, for example in base64, or pass it in a file that the "
				"worker may read",
				reterr);
	return 0;
}

int container_check_image(const char *image, const char *step, ks_error **reterr)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/:@";
	size_t len = strlen(image);

	if (len && len <= KS_MAX_IMAGE_NAME && strspn(image, alphabet) == len &&
		!strchr("._-/:@", image[0]))
		return 0;
	return error_set(reterr, -EINVAL,
		ABOUT(.step = step, .field = "image", .path = image,
			.remedy = "write it as registry/name:tag or name@digest, such as "
				  "alpine:3.20"),
		"image: \"%s\" is not the name of an image", image);
}

static int check_program(const struct ks_plan *plan, ks_error **reterr)
{
	const char *program = plan->argv.len ? plan->argv.items[0] : "program";

	if (program[0] && program[0] != '-')
		return 0;
	return error_set(reterr, -EINVAL,
		ABOUT(.step = "plan", .path = program,
			.remedy = "name it by its path, as in ./-name"),
		"the program \"%s\" would be taken for an option of container", program);
}

int container_check(const struct ks_plan *plan, const char *image, ks_error **reterr)
{
	int r = container_check_image(image, "plan", reterr);

	if (r == 0)
		r = check_program(plan, reterr);
	for (size_t i = 0; r == 0 && i < plan->grants.len; i++)
		r = check_grant(&plan->grants.items[i], reterr);
	for (size_t i = 0; r == 0 && i < plan->grants.len; i++)
		r = check_place(plan, &plan->grants.items[i], reterr);
	for (size_t i = 0; r == 0 && i < plan->policy->n_env; i++)
		r = check_env(&plan->policy->env[i], reterr);
	return r;
}
