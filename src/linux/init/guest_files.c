/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel asks about the files of the tree goes out through the port by FUSE, raw, and what
 * kastellan-files answers comes in. When the port ends, so does this process and with it the
 * connection: every file of the mount answers ENOTCONN then.
 *
 * Two threads, one a direction, each of which may wait for its own: a single one would have to
 * keep what it cannot hand on, and both sides may have much to say at the same time. Not two
 * processes: an emulated processor forgets all that it knows of memory whenever one takes turns
 * with another.
 *
 * Neither must ever touch a file of the mount, nor wait for memory that only the mount could free.
 * Nothing that comes from the port is checked here but lengths: the host is who the guest trusts,
 * and its kernel refuses an answer that nobody asked for. */
#include "linux/init/guest_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "linux/init/process.h"
#include "vm/files/wire.h"

#define FLUSHER 57 /* PR_SET_IO_FLUSHER */
#define UNMOUNTED ENODEV

static struct {
	int fuse;
	int port;
	uint8_t request[WIRE_LONGEST];
	uint8_t answers[WIRE_LONGEST];
} between;

static void write_all(int fd, const uint8_t *bytes, size_t len)
{
	size_t at = 0;

	while (at < len) {
		ssize_t wrote = write(fd, bytes + at, len - at);

		if (wrote < 0 && errno != EINTR)
			_exit(1);
		at += wrote > 0 ? (size_t)wrote : 0;
	}
}

/* The kernel gives one whole request a time. */
static void forward_requests(void)
{
	for (;;) {
		ssize_t got = read(between.fuse, between.request, sizeof(between.request));

		if (got > 0)
			write_all(between.port, between.request, (size_t)got);
		/* A request whose caller was killed is gone before it was read: ENOENT. */
		else if (got == 0 || errno == UNMOUNTED)
			_exit(0);
		else if (errno != EINTR && errno != ENOENT && errno != EAGAIN)
			_exit(1);
	}
}

/* It takes one whole answer a time. ENOENT: nobody waits for that one any more. */
static void hand_in(const uint8_t *answer, size_t len)
{
	while (write(between.fuse, answer, len) < 0 && errno != ENOENT) {
		if (errno == UNMOUNTED)
			_exit(0);
		if (errno != EINTR)
			_exit(1);
	}
}

/* The kernel is to look elsewhere for memory, and for somebody to kill: this may be what frees it.
 * Without the right to ask for that it has to do without. */
static void promise(void)
{
	prctl(FLUSHER, 1, 0, 0, 0);
	(void)write_small_file(AT_FDCWD, "/proc/self/oom_score_adj", "-1000");
}

static void *forward_answers(void *unused)
{
	uint8_t *bytes = between.answers;
	size_t have = 0;

	promise();
	for (;;) {
		ssize_t got = read(between.port, bytes + have, sizeof(between.answers) - have);
		size_t at = 0;
		uint32_t len;

		if (got == 0 || (got < 0 && errno != EINTR))
			_exit(got < 0);
		have += got > 0 ? (size_t)got : 0;
		while (have - at >= sizeof(struct fuse_out_header)) {
			memcpy(&len, bytes + at, sizeof(len));
			if (len < sizeof(struct fuse_out_header) || len > sizeof(between.answers))
				_exit(1);
			if (len > have - at)
				break;
			hand_in(bytes + at, len);
			at += len;
		}
		have -= at;
		/* Not onto itself: a long answer comes in many pieces. */
		if (at && have)
			memmove(bytes, bytes + at, have);
	}
	return unused;
}

/* The end of either thread is that of the process. */
static void forward(int fuse, int port)
{
	const int kept[2] = {fuse, port};
	pthread_t answers;

	between.fuse = fuse;
	between.port = port;
	/* Ports are found with O_NONBLOCK, and nobody else reads or writes this one. */
	if (close_others(kept, 2) < 0 || fcntl(port, F_SETFL, 0) < 0)
		_exit(1);
	promise();
	if (pthread_create(&answers, NULL, forward_answers, NULL) != 0)
		_exit(1);
	forward_requests();
}

static int mount_fuse(int fuse, const char *where)
{
	static const char tail[] = ",rootmode=40000,user_id=0,group_id=0,allow_other";
	char options[sizeof("fd=") + NUMBER_TEXT + sizeof(tail)] = "fd=";

	number_text((uint64_t)fuse, options + strlen(options));
	memcpy(options + strlen(options), tail, sizeof(tail));
	return mount("kastellan", where, "fuse", MS_NOSUID | MS_NODEV, options) < 0 ? -errno : 0;
}

int guest_mount_files(int port, const char *where)
{
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	pid_t child;
	int r;

	if (fuse < 0)
		return -errno;
	r = mount_fuse(fuse, where);
	child = r < 0 ? r : fork();
	if (child == 0)
		forward(fuse, port);
	if (r == 0 && child < 0)
		r = -errno;
	close(fuse);
	return r;
}
