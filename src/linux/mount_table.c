/* SPDX-License-Identifier: Apache-2.0 */
/* Should: hand out what a reading would give now. Must not: be missed where it fails; then the
 * table is read. What is kept is good for as long as the thread has the same mount namespace and
 * the same root, from which the table's paths are told, and its descriptor is still the one that
 * was opened: a caller may have closed all that it does not know. */
#include "linux/mount_table.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "linux/kernel_statx.h"

#define TABLE "/proc/thread-self/mountinfo"
#define NAMESPACE "/proc/thread-self/ns/mnt"

/* Where a table is seen from. */
struct place {
	dev_t dev;
	ino_t ino;
	uint64_t root; /* its mount */
	uint64_t root_ino;
};

static struct {
	pthread_mutex_t lock;
	int fd; /* tells of changes; -1 = nothing is kept */
	struct stat opened;
	struct place place;
	char *text;
} kept = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

static bool find_place(struct place *ret)
{
	struct statx root;
	struct stat st;

	if (stat(NAMESPACE, &st) < 0 ||
		kernel_statx(AT_FDCWD, "/", 0, STATX_INO | STATX_MNT_ID, &root) < 0 ||
		!(root.stx_mask & STATX_MNT_ID))
		return false;
	*ret = (struct place){.dev = st.st_dev,
		.ino = st.st_ino,
		.root = root.stx_mnt_id,
		.root_ino = root.stx_ino};
	return true;
}

static bool is_same_place(const struct place *a, const struct place *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->root == b->root &&
	       a->root_ino == b->root_ino;
}

static bool has_changed(int fd)
{
	struct pollfd table = {.fd = fd, .events = POLLPRI};

	return poll(&table, 1, 0) != 0;
}

static bool is_ours(void)
{
	struct stat now;

	return kept.fd >= 0 && fstat(kept.fd, &now) == 0 && now.st_dev == kept.opened.st_dev &&
	       now.st_ino == kept.opened.st_ino;
}

static void forget(void)
{
	/* A number that is somebody else's by now is not closed. */
	if (is_ours())
		close(kept.fd);
	kept.fd = -1;
	free(kept.text);
	kept.text = NULL;
}

/* What changes while it is read is told of at the next look. */
static int read_anew(const struct place *place, char **ret_text)
{
	autofd int fd = open(TABLE, O_RDONLY | O_CLOEXEC);
	bool tells;
	int r;

	if (fd < 0)
		return -errno;
	/* The first look is about what was before it. */
	has_changed(fd);
	tells = place && !has_changed(fd) && fstat(fd, &kept.opened) == 0;
	r = file_read_rest(fd, ret_text);
	if (r < 0 || !tells)
		return r;
	kept.text = strdup(*ret_text);
	if (!kept.text)
		return 0;
	kept.place = *place;
	kept.fd = take_fd(&fd);
	return 0;
}

int mount_table_text(char **ret_text)
{
	struct place place;
	int r;

	pthread_mutex_lock(&kept.lock);
	if (!find_place(&place)) {
		forget();
		r = read_anew(NULL, ret_text);
	} else if (is_ours() && is_same_place(&kept.place, &place) && !has_changed(kept.fd)) {
		*ret_text = strdup(kept.text);
		r = *ret_text ? 0 : -ENOMEM;
	} else {
		forget();
		r = read_anew(&place, ret_text);
	}
	pthread_mutex_unlock(&kept.lock);
	return r;
}
