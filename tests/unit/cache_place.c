/* SPDX-License-Identifier: Apache-2.0 */
#include "cache_place.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "vm/kernel/cache.h"

int make_place(void **state)
{
	static struct place place;

	snprintf(place.path, sizeof(place.path), "/tmp/vm-cache-XXXXXX");
	if (!mkdtemp(place.path) || setenv("KASTELLAN_CACHE", place.path, 1) < 0)
		return -1;
	place.cache = cache_directory();
	*state = &place;
	return place.cache < 0 ? -1 : 0;
}

int remove_place(void **state)
{
	struct place *place = *state;
	DIR *list = fdopendir(place->cache);

	for (struct dirent *entry; list && (entry = readdir(list));)
		if (entry->d_name[0] != '.' && unlinkat(dirfd(list), entry->d_name, 0) < 0)
			unlinkat(dirfd(list), entry->d_name, AT_REMOVEDIR);
	return list && closedir(list) == 0 ? rmdir(place->path) : -1;
}

unsigned count_files(const struct place *place, const char *prefix)
{
	DIR *list = opendir(place->path);
	unsigned n = 0;

	assert_non_null(list);
	for (struct dirent *entry; (entry = readdir(list));)
		n += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
	closedir(list);
	return n;
}
