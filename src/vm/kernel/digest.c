/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/kernel/digest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "vm/kernel/cache.h"

#define NAME_ROOM 160

static void name_of(const struct stat *st, char name[NAME_ROOM])
{
	snprintf(name, NAME_ROOM,
		"digest-%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64 ".%09ld-%" PRIx64 ".%09ld",
		(uint64_t)st->st_dev, (uint64_t)st->st_ino, (uint64_t)st->st_size,
		(uint64_t)st->st_mtim.tv_sec, st->st_mtim.tv_nsec, (uint64_t)st->st_ctim.tv_sec,
		st->st_ctim.tv_nsec);
}

static bool is_digest(const char *text, ssize_t len)
{
	return len == SHA256_TEXT - 1 && strspn(text, "0123456789abcdef") == SHA256_TEXT - 1;
}

static bool recall(int cache, const char *name, char ret[SHA256_TEXT])
{
	autofd int fd = cache_open(cache, name);
	ssize_t len = fd < 0 ? -1 : read(fd, ret, SHA256_TEXT - 1);

	ret[SHA256_TEXT - 1] = '\0';
	return len > 0 && is_digest(ret, len);
}

int digest_file(int cache, int fd, char ret[SHA256_TEXT])
{
	char name[NAME_ROOM];
	struct stat before, after;
	int r;

	if (fstat(fd, &before) < 0)
		return -errno;
	name_of(&before, name);
	if (cache >= 0 && recall(cache, name, ret))
		return 0;
	r = sha256_file(fd, ret);
	if (r < 0)
		return r;
	/* One that was written meanwhile has no hash. */
	if (fstat(fd, &after) < 0 || before.st_size != after.st_size ||
		before.st_mtim.tv_sec != after.st_mtim.tv_sec ||
		before.st_mtim.tv_nsec != after.st_mtim.tv_nsec)
		return -ESTALE;
	/* That it cannot be remembered costs time alone. */
	if (cache >= 0)
		(void)cache_store(cache, name, ret, SHA256_TEXT - 1);
	return 0;
}

void digest_note(int cache, int fd, const char hash[SHA256_TEXT])
{
	char name[NAME_ROOM];
	struct stat st;

	if (fstat(fd, &st) < 0)
		return;
	name_of(&st, name);
	(void)cache_store(cache, name, hash, SHA256_TEXT - 1);
}

void digest_forget(int cache, const struct stat *st)
{
	char name[NAME_ROOM];

	name_of(st, name);
	unlinkat(cache, name, 0);
}
