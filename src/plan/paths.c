/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/paths.h"

#include <string.h>

bool path_beneath(const char *directory, const char *path)
{
	size_t len = strlen(directory);

	if (strcmp(directory, "/") == 0)
		return path[0] == '/' && path[1] != '\0';
	return strncmp(directory, path, len) == 0 && path[len] == '/';
}

bool path_covers(const char *directory, const char *path)
{
	return strcmp(directory, path) == 0 || path_beneath(directory, path);
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
