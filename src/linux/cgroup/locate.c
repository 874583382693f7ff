/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/cgroup/locate.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "linux/cgroup/file.h"
#include "linux/mountinfo.h"

static bool is_hierarchy(const struct mount_line *line, const char *controller)
{
	char super[KS_MAX_CGROUP_FILE];

	if (!controller)
		return span_is(line->type, "cgroup2");
	if (!span_is(line->type, "cgroup") || line->super.len >= sizeof(super))
		return false;
	memcpy(super, line->super.start, line->super.len);
	super[line->super.len] = '\0';
	return cgroup_has_word(super, controller);
}

int cgroup_own_path(const char *own_groups, const char *controller, char **ret_path)
{
	for (const char *line = own_groups; *line;) {
		size_t len = strcspn(line, "\n");
		const char *list = memchr(line, ':', len);
		const char *path = list ? memchr(list + 1, ':', len - (size_t)(list + 1 - line))
					: NULL;

		if (path) {
			struct span names = {list + 1, (size_t)(path - list - 1)};
			char text[KS_MAX_CGROUP_FILE] = "";

			if (names.len < sizeof(text))
				memcpy(text, names.start, names.len);
			path++;
			if (controller ? cgroup_has_word(text, controller) : names.len == 0) {
				*ret_path = strndup(path, len - (size_t)(path - line));
				return *ret_path ? 0 : -ENOMEM;
			}
		}
		line += len + (line[len] == '\n');
	}
	return -ENOENT;
}

/* The part of path below root ("" if they are the same), or NULL. A group outside of the caller's
 * cgroup namespace is shown with "..", and nothing of it is below anything here. */
static const char *below(const char *path, const char *root)
{
	size_t len = strlen(root);

	if (strncmp(path, "/..", 3) == 0 && (path[3] == '/' || path[3] == '\0'))
		return NULL;
	if (strcmp(root, "/") == 0)
		return strcmp(path, "/") == 0 ? "" : path;
	if (strncmp(path, root, len) != 0 || (path[len] != '/' && path[len] != '\0'))
		return NULL;
	return path + len;
}

static bool is_of_groups(struct span type)
{
	return span_is(type, "cgroup") || span_is(type, "cgroup2");
}

int cgroup_locate(const char *mountinfo, const char *own_groups, const char *controller,
	char **ret_mount, char **ret_own)
{
	autofree char *own_path = NULL;
	autofree char *mount = NULL;
	autofree char *own = NULL;
	struct mount_line parsed;
	int r = cgroup_own_path(own_groups, controller, &own_path);

	if (r < 0)
		return r;
	while (mountinfo_next_of(&mountinfo, is_of_groups, &parsed)) {
		autofree char *point = NULL;
		autofree char *root = NULL;
		const char *inside;

		if (!is_hierarchy(&parsed, controller))
			continue;
		point = mountinfo_path(parsed.point);
		root = mountinfo_path(parsed.root);
		if (!point || !root)
			return -ENOMEM;
		inside = below(own_path, root);
		/* The first mount that shows the own group is the one; else the first of all. */
		if (!mount || inside) {
			free(mount);
			mount = take_ptr(point);
		}
		if (!inside)
			continue;
		if (asprintf(&own, "%s%s", mount, inside) < 0) {
			own = NULL;
			return -ENOMEM;
		}
		break;
	}
	if (!mount)
		return -ENOENT;
	if (!own)
		own = strdup(mount);
	if (!own)
		return -ENOMEM;
	*ret_mount = take_ptr(mount);
	*ret_own = take_ptr(own);
	return 0;
}
