/* SPDX-License-Identifier: Apache-2.0 */
/* Should: look at what was opened, and never at a name twice; remove what is of no use, as nobody
 * would do it otherwise. Must not: give out a file that anybody could still write through a name of
 * it. */
#include "vm/template/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "vm/kernel/cache.h"
#include "vm/kernel/cache_room.h"
#include "vm/kernel/digest.h"
#include "vm/template/name.h"

#define LOCK "templates.lock"
#define MODE 0400

static DIR *list_cache(int cache)
{
	int fd = openat(cache, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !list)
		close(fd);
	return list;
}

/* Not even its owner may write it: whoever has it open for reading cannot open it anew. */
static bool is_sound(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() && (st->st_mode & 07777) == MODE &&
	       st->st_nlink == 1 && st->st_size > 0 && (uint64_t)st->st_size <= TEMPLATE_LARGEST;
}

static void remove_file(int cache, const char *name)
{
	struct stat st;

	if (fstatat(cache, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	/* A directory stays, and is in nobody's way. */
	unlinkat(cache, name, 0);
	digest_forget(cache, &st);
}

/* 0, or -errno for one that must not be used. */
static int open_checked(int cache, const char *text, const struct template_name *name, int *ret_fd)
{
	autofd int fd = openat(cache, text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char content[SHA256_TEXT];
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!is_sound(&st))
		return -EPERM;
	r = digest_file(cache, fd, content);
	if (r < 0)
		return r;
	if (strcmp(content, name->content) != 0)
		return -EBADMSG;
	*ret_fd = take_fd(&fd);
	return 0;
}

int template_open(int cache, const char key[SHA256_TEXT], uint32_t tsc_khz, int *ret_fd)
{
	DIR *list = list_cache(cache);
	struct template_name name;
	int r = -ENOENT;

	for (struct dirent *entry; list && r < 0 && (entry = readdir(list));) {
		if (!template_name_read(entry->d_name, &name) || strcmp(name.key, key) != 0 ||
			!template_rate_fits(name.tsc_khz, tsc_khz))
			continue;
		r = open_checked(cache, entry->d_name, &name, ret_fd);
		if (r < 0)
			remove_file(cache, entry->d_name);
	}
	if (list)
		closedir(list);
	return r < 0 ? -ENOENT : 0;
}

int template_lock(int cache, int *ret_fd)
{
	autofd int fd = openat(cache, LOCK, O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

int template_begin(int cache, int *ret_fd)
{
	int fd = openat(cache, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, MODE);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static int give_name(int cache, int fd, const char *name)
{
	char link[64];

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, link, cache, name, AT_SYMLINK_FOLLOW) < 0)
		return -errno;
	return 0;
}

int template_keep(int cache, const char key[SHA256_TEXT], uint32_t tsc_khz, int fd)
{
	struct template_name name = {.tsc_khz = tsc_khz};
	char text[TEMPLATE_NAME_ROOM];
	struct stat st;
	int r;

	/* What a lost machine cuts off must not have the name. */
	if (fdatasync(fd) < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_size <= 0)
		return -ENODATA;
	if ((uint64_t)st.st_size > TEMPLATE_LARGEST)
		return -EFBIG;
	memcpy(name.key, key, SHA256_TEXT);
	r = sha256_file(fd, name.content);
	if (r < 0)
		return r;
	template_name_write(&name, text);
	r = cache_make_room(cache, text, (uint64_t)st.st_size);
	if (r == 0)
		r = give_name(cache, fd, text);
	/* Until now it had another time of its last change. */
	if (r == 0)
		digest_note(cache, fd, name.content);
	return r;
}

static void pause_name(const char *key, char ret[TEMPLATE_NAME_ROOM])
{
	snprintf(ret, TEMPLATE_NAME_ROOM, TEMPLATE_PAUSE_PREFIX "%s", key);
}

void template_give_up(int cache, const char key[SHA256_TEXT])
{
	DIR *list = list_cache(cache);
	char pause[TEMPLATE_NAME_ROOM];
	struct template_name name;

	for (struct dirent *entry; list && (entry = readdir(list));)
		if (template_name_read(entry->d_name, &name) && strcmp(name.key, key) == 0)
			remove_file(cache, entry->d_name);
	if (list)
		closedir(list);
	pause_name(key, pause);
	/* That it cannot be remembered costs time alone. */
	(void)cache_store(cache, pause, "", 0);
}

bool template_given_up(int cache, const char key[SHA256_TEXT])
{
	char pause[TEMPLATE_NAME_ROOM];
	struct timespec now;
	struct stat st;

	pause_name(key, pause);
	/* Not time(): it may be a tick behind, and the file just written from the next second. */
	if (fstatat(cache, pause, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		clock_gettime(CLOCK_REALTIME, &now) < 0)
		return false;
	if (st.st_mtim.tv_sec <= now.tv_sec && now.tv_sec - st.st_mtim.tv_sec < TEMPLATE_PAUSE_S)
		return true;
	unlinkat(cache, pause, 0);
	return false;
}
