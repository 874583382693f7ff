/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/init/guest.h"
#include "linux/init/guest_parts.h"
#include "linux/init/process.h"

#define STEP "guest"
#define MAX_MODULES 64
#define MAX_PORTS 32 /* of one virtio-serial device */
#define PORTS_PATIENCE_MS 10000 /* the kernel hears of its ports a moment after their driver */

int guest_raise(int fd)
{
	int high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, GUEST_FIRST_FD);

	if (fd >= 0)
		close(fd);
	return high;
}

/* The kernel starts /init without any, as there is no console in the initramfs. */
static int open_stdio(void)
{
	int fd = open("/dev/null", O_RDWR);

	for (int i = 0; fd >= 0 && i < 3; i++)
		if (fd != i && dup2(fd, i) < 0)
			return -errno;
	if (fd < 0)
		return -errno;
	if (fd > 2)
		close(fd);
	return 0;
}

static int load_module(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (syscall(SYS_finit_module, fd, "", 0) < 0 && errno != EEXIST)
		r = -errno;
	close(fd);
	/* Its memory is the worker's from now on. */
	unlink(path);
	return r;
}

static int load_modules(struct failure *failure)
{
	char path[sizeof(GUEST_MODULES "/") + NUMBER_TEXT] = GUEST_MODULES "/";

	for (unsigned i = 0; i < MAX_MODULES; i++) {
		int r;

		number_text(i, path + sizeof(GUEST_MODULES "/") - 1);
		r = load_module(path);
		if (r == -ENOENT && access(path, F_OK) < 0)
			return 0;
		if (r < 0)
			return failure_set(failure, -r, STEP, path);
	}
	return 0;
}

int guest_boot(struct failure *failure)
{
	int r;

	if (mount("devtmpfs", "/dev", "devtmpfs", MS_NOSUID | MS_NOEXEC, NULL) < 0)
		return failure_set(failure, errno, STEP, "/dev");
	r = open_stdio();
	if (r < 0)
		return failure_set(failure, -r, STEP, "/dev/null");
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return failure_set(failure, errno, STEP, "/proc");
	/* Before anything that sleeps: modules do. */
	r = guest_timer_check(failure);
	if (r < 0)
		return r;
	/* Memory is promised without asking whether it is there, as the worker is to be ended by
	 * its limit. */
	r = write_small_file(AT_FDCWD, "/proc/sys/vm/overcommit_memory", "1");
	if (r < 0)
		return failure_set(failure, -r, STEP, "/proc/sys/vm/overcommit_memory");
	if (mount("sysfs", "/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return failure_set(failure, errno, STEP, "/sys");
	return load_modules(failure);
}

/* "ctl" out of "/sys/class/virtio-ports/vport0p1/name". */
static bool has_name(const char *port, const char *name)
{
	char path[128] = "/sys/class/virtio-ports/";
	char text[64];
	size_t name_len = strlen(name);
	size_t len = strlen(path);

	while (*port)
		path[len++] = *port++;
	memcpy(path + len, "/name", sizeof("/name"));
	return read_small_file(AT_FDCWD, path, text, sizeof(text)) == (long)name_len + 1 &&
	       memcmp(text, name, name_len) == 0;
}

static int find_port(const char *name)
{
	char path[sizeof("/dev/vport0p") + NUMBER_TEXT] = "/dev/vport0p";

	for (unsigned i = 0; i < MAX_PORTS; i++) {
		number_text(i, path + sizeof("/dev/vport0p") - 1);
		if (has_name(path + sizeof("/dev/") - 1, name))
			return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	}
	errno = ENODEV;
	return -1;
}

/* A port is there before the kernel has been told that somebody is at its other end, and until then
 * it looks like one whose other end is gone. */
static bool is_connected(int fd)
{
	struct pollfd port = {.fd = fd};

	return poll(&port, 1, 0) >= 0 && !(port.revents & POLLHUP);
}

static int connection(const char *name, uint32_t number, struct failure *failure)
{
	int fd = guest_vsock_connect(number);

	if (fd >= 0)
		return fd;
	failure_set(failure, errno, STEP, "the connection ");
	failure_add(failure, name);
	return -failure->code;
}

int guest_port(const char *name, uint32_t number, struct failure *failure)
{
	int fd = -1;

	if (guest_vsock_is_there())
		return connection(name, number, failure);
	for (int waited = 0; waited < PORTS_PATIENCE_MS; waited++) {
		if (fd < 0)
			fd = guest_raise(find_port(name));
		if (fd < 0 && errno != ENODEV)
			break;
		if (fd >= 0 && is_connected(fd))
			return fd;
		poll(NULL, 0, 1);
	}
	failure_set(failure, fd < 0 ? errno : ENOTCONN, STEP, "the port ");
	failure_add(failure, name);
	return -failure->code;
}
