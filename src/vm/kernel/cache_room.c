/* SPDX-License-Identifier: Apache-2.0 */
/* The time of a file's last use is that of its last write or read, whichever is later: most hosts
 * note the first read after a write, and then one a day. Where they note none, what is in use is
 * made anew once a month. */
#include "vm/kernel/cache_room.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

#define NAME_ROOM 256
#define MOST 4096 /* that are looked at; of more, those that the directory has first */

struct kind {
	const char *prefix;
	size_t most;
	uint64_t most_bytes;
	time_t kept_s;
};

static const struct kind kinds[] = {
	{"digest-", CACHE_DIGESTS, UINT64_MAX, CACHE_KEPT_S},
	{"vmlinux-", CACHE_KERNELS, UINT64_MAX, CACHE_KEPT_S},
	{"no-template-", CACHE_PAUSES, UINT64_MAX, CACHE_PAUSE_KEPT_S},
	{"template-", CACHE_TEMPLATES, CACHE_TEMPLATES_BYTES, CACHE_KEPT_S},
};

struct entry {
	char name[NAME_ROOM];
	struct timespec used;
	uint64_t size;
};

struct entries {
	struct entry *items;
	size_t len;
	uint64_t bytes;
};

static const struct kind *kind_of(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
			return &kinds[i];
	return NULL;
}

static int by_time(const struct timespec *a, const struct timespec *b)
{
	if (a->tv_sec != b->tv_sec)
		return a->tv_sec < b->tv_sec ? -1 : 1;
	if (a->tv_nsec != b->tv_nsec)
		return a->tv_nsec < b->tv_nsec ? -1 : 1;
	return 0;
}

static int by_use(const void *a, const void *b)
{
	const struct entry *one = a, *other = b;
	int order = by_time(&one->used, &other->used);

	return order ? order : strcmp(one->name, other->name);
}

/* What a clock that was wrong has dated into the future would outlast all others. */
static struct timespec last_use(const struct stat *st, const struct timespec *now)
{
	struct timespec used = by_time(&st->st_atim, &st->st_mtim) > 0 ? st->st_atim : st->st_mtim;

	if (by_time(&used, now) > 0)
		used = (struct timespec){0};
	return used;
}

/* False: it is nothing that could be removed, as a directory is, or is gone. */
static bool look_at(int cache, const char *name, const struct timespec *now, struct entry *ret)
{
	struct stat st;

	if (strlen(name) >= sizeof(ret->name) ||
		fstatat(cache, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || S_ISDIR(st.st_mode))
		return false;
	memcpy(ret->name, name, strlen(name) + 1);
	ret->used = last_use(&st, now);
	ret->size = (uint64_t)st.st_size;
	return true;
}

static int list_kind(
	int cache, const struct kind *kind, const struct timespec *now, struct entries *ret)
{
	int fd = openat(cache, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);

	if (!list) {
		int r = -errno;

		drop_fd(&fd);
		return r;
	}
	for (struct dirent *entry; ret->len < MOST && (entry = readdir(list));) {
		if (kind_of(entry->d_name) != kind ||
			!look_at(cache, entry->d_name, now, &ret->items[ret->len]))
			continue;
		ret->bytes += ret->items[ret->len++].size;
	}
	closedir(list);
	return 0;
}

static bool is_stale(const struct entry *entry, const struct kind *kind, const struct timespec *now)
{
	return now->tv_sec - entry->used.tv_sec > kind->kept_s;
}

/* The entries are in the order of their use. */
static int remove_least_used(int cache, const struct kind *kind, const struct timespec *now,
	struct entries *entries, uint64_t size)
{
	size_t left = entries->len;

	for (size_t i = 0; i < entries->len; i++) {
		const struct entry *entry = &entries->items[i];
		bool fits = left < kind->most && entries->bytes + size <= kind->most_bytes;

		if (fits && !is_stale(entry, kind, now))
			return 0;
		if (unlinkat(cache, entry->name, 0) < 0 && errno != ENOENT)
			continue;
		left--;
		entries->bytes -= entry->size;
	}
	return left < kind->most && entries->bytes + size <= kind->most_bytes ? 0 : -ENOSPC;
}

int cache_make_room(int cache, const char *name, uint64_t size)
{
	const struct kind *kind = kind_of(name);
	struct entries entries = {0};
	struct timespec now;
	int r;

	if (!kind)
		return 0;
	if (clock_gettime(CLOCK_REALTIME, &now) < 0)
		return -errno;
	entries.items = calloc(MOST, sizeof(*entries.items));
	if (!entries.items)
		return -ENOMEM;
	r = list_kind(cache, kind, &now, &entries);
	qsort(entries.items, entries.len, sizeof(*entries.items), by_use);
	if (r == 0)
		r = remove_least_used(cache, kind, &now, &entries, size);
	free(entries.items);
	return r;
}
