/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/paths.h"

#include <string.h>

/* What is left of the path behind the directory's; NULL where it does not begin with that. Most
 * paths part at their second byte, and each plan compares some thousand. */
static const char *behind(const char *directory, const char *path)
{
	while (*directory && *directory == *path) {
		directory++;
		path++;
	}
	return *directory ? NULL : path;
}

static bool is_root(const char *path)
{
	return path[0] == '/' && path[1] == '\0';
}

bool path_beneath(const char *directory, const char *path)
{
	const char *rest = behind(directory, path);

	return rest && (is_root(directory) ? *rest != '\0' : *rest == '/');
}

bool path_covers(const char *directory, const char *path)
{
	const char *rest = behind(directory, path);

	return rest && (*rest == '\0' || *rest == '/' || is_root(directory));
}

/* The separator sorts before every other byte, so that "/a/b" comes before "/a-b". */
static int rank(char c)
{
	if (c == '\0')
		return 0;
	return c == '/' ? 1 : 2 + (unsigned char)c;
}

int path_compare(const char *a, const char *b)
{
	/* The root would otherwise have an empty last component. */
	if (strcmp(a, "/") == 0)
		a = "";
	if (strcmp(b, "/") == 0)
		b = "";
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return rank(*a) - rank(*b);
}
