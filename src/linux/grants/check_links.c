/* SPDX-License-Identifier: Apache-2.0 */
/* A worker that may write a directory may leave a link in it, and the next start with the same
 * policy would take it for the user's: an optional grant that was not there, a grant within a
 * writable one. So no link that a worker could have made leads a grant out of what it may write.
 *
 * The names are walked after the objects have been opened. That the walk ends at the opened object
 * is part of the check, so a link that is there only for the opening is noticed as well. */
#include "linux/grants/check_links.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/error.h"
#include "plan/paths.h"
#include "policy/fields.h"

#define MAX_LINKS 40 /* as the kernel's own walk */

/* Both texts are absolute paths; what is done has no links in it. */
struct walk {
	char done[KS_MAX_PATH + 1];
	char rest[2 * (KS_MAX_PATH + 1)];
	unsigned links;
};

/* Whether a worker could have made the link, and it leads where no worker of this policy writes. */
static bool leads_out(const struct grants *grants, const char *link, const char *target)
{
	const struct grant *inner = grants_around(grants, link);

	if (!inner || inner->field != FIELD_FS_WRITE)
		return false;
	for (size_t i = 0; i < grants->len; i++) {
		const struct grant *grant = &grants->items[i];

		if (grant->directory && grant->field == FIELD_FS_WRITE &&
			path_beneath(grant->path, link) && path_covers(grant->path, target))
			return false;
	}
	return true;
}

/* Takes the first component off the rest. False when there is none left. */
static bool next_component(struct walk *walk, char component[KS_MAX_PATH + 1])
{
	const char *start = walk->rest + strspn(walk->rest, "/");
	size_t len = strcspn(start, "/");

	if (len == 0 || len > KS_MAX_PATH)
		return false;
	memcpy(component, start, len);
	component[len] = '\0';
	memmove(walk->rest, start + len, strlen(start + len) + 1);
	return true;
}

static int append(struct walk *walk, const char *component)
{
	size_t len = strlen(walk->done);
	size_t more = strlen(component);

	if (len + 1 + more > KS_MAX_PATH)
		return -ENAMETOOLONG;
	walk->done[len] = '/';
	memcpy(walk->done + len + 1, component, more + 1);
	return 0;
}

/* The target takes the place of the link, before what is left to walk. */
static int follow(struct walk *walk, const char *target)
{
	size_t len = strlen(target);
	size_t rest = strlen(walk->rest);

	if (++walk->links > MAX_LINKS)
		return -ELOOP;
	if (len + 1 + rest >= sizeof(walk->rest))
		return -ENAMETOOLONG;
	memmove(walk->rest + len + 1, walk->rest, rest + 1);
	memcpy(walk->rest, target, len);
	walk->rest[len] = '/';
	if (target[0] == '/')
		walk->done[0] = '\0';
	else
		*strrchr(walk->done, '/') = '\0';
	return 0;
}

static int step(struct walk *walk, const struct grants *grants, const char *component,
	const char *real, bool *ret_out)
{
	char target[KS_MAX_PATH + 2];
	ssize_t len;
	int r;

	if (strcmp(component, ".") == 0)
		return 0;
	if (strcmp(component, "..") == 0) {
		if (walk->done[0])
			*strrchr(walk->done, '/') = '\0';
		return 0;
	}
	r = append(walk, component);
	if (r < 0)
		return r;
	len = readlink(walk->done, target, sizeof(target) - 1);
	if (len < 0)
		return errno == EINVAL ? 0 : -errno;
	target[len] = '\0';
	if (leads_out(grants, walk->done, real)) {
		*ret_out = true;
		return 0;
	}
	return follow(walk, target);
}

static int refuse(const struct grant *grant, const char *link, ks_error **reterr)
{
	const char *field = policy_field_name(grant->field);

	return error_set(reterr, -EPERM,
		ABOUT(.step = "grant", .field = field, .path = grant->asked,
			.remedy =
				"look at the link; if what it leads to is meant, grant that by its "
				"own name"),
		"%s: cannot grant %s: %s is a link in a writable grant, which a worker may have "
		"made, and leads to %s",
		field, grant->asked, link, grant->path);
}

static int check_one(const struct grants *grants, const struct grant *grant, struct walk *walk,
	ks_error **reterr)
{
	char component[KS_MAX_PATH + 1];
	const char *field = policy_field_name(grant->field);
	bool out = false;
	int r = 0;

	*walk = (struct walk){0};
	if (strlen(grant->asked) >= sizeof(walk->rest))
		return -ENAMETOOLONG;
	memcpy(walk->rest, grant->asked, strlen(grant->asked) + 1);
	while (r == 0 && !out && next_component(walk, component))
		r = step(walk, grants, component, grant->path, &out);
	if (out)
		return refuse(grant, walk->done, reterr);
	if (r == 0 && strcmp(walk->done[0] ? walk->done : "/", grant->path) != 0)
		r = -ESTALE;
	if (r == 0)
		return 0;
	return error_set(reterr, r,
		ABOUT(.step = "grant", .field = field, .path = grant->asked,
			.remedy = "try again while nothing replaces it"),
		"%s: the way to %s changed while it was looked at: %s", field, grant->asked,
		strerror(-r));
}

int grants_check_links(const struct grants *grants, ks_error **reterr)
{
	struct walk *walk = malloc(sizeof(*walk));
	int r = 0;

	if (!walk)
		return error_oom(reterr);
	for (size_t i = 0; r == 0 && i < grants->len; i++)
		/* A name that is the path already has no link in it. */
		if (strcmp(grants->items[i].asked, grants->items[i].path) != 0)
			r = check_one(grants, &grants->items[i], walk, reterr);
	free(walk);
	return r;
}
