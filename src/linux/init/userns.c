/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/init/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/init/failure.h"
#include "linux/init/process.h"

#define LAST_ID 0xfffffffeull /* the highest that is an id; the next one means "none" */

/* Room for four lines of three numbers. */
struct map {
	char text[4 * 3 * NUMBER_TEXT];
	size_t len;
};

static void add_extent(struct map *map, uint64_t inside, uint64_t outside, uint64_t count)
{
	const uint64_t numbers[3] = {inside, outside, count};

	if (count == 0)
		return;
	for (unsigned i = 0; i < 3; i++) {
		number_text(numbers[i], map->text + map->len);
		map->len += strlen(map->text + map->len);
		map->text[map->len++] = i < 2 ? ' ' : '\n';
	}
	map->text[map->len] = '\0';
}

/* disk becomes kernel; kernel itself, which owns nothing on disk, is left out; the rest stays. */
static struct map whole_map(uint64_t disk, uint64_t kernel)
{
	uint64_t low = disk < kernel ? disk : kernel;
	uint64_t high = disk < kernel ? kernel : disk;
	struct map map = {.len = 0};

	add_extent(&map, disk, kernel, 1);
	add_extent(&map, 0, 0, low);
	if (high > low)
		add_extent(&map, low + 1, low + 1, high - low - 1);
	add_extent(&map, high + 1, high + 1, LAST_ID - high);
	return map;
}

/* In a user namespace of the caller's own not all ids exist. Then only the owner is mapped, and
 * files of all others belong to nobody, which gives less. */
static int write_map(int process, const char *file, uint64_t disk, uint64_t kernel)
{
	struct map map = whole_map(disk, kernel);
	int r = write_small_file(process, file, map.text);

	if (r != -EPERM)
		return r;
	map = (struct map){.len = 0};
	add_extent(&map, disk, kernel, 1);
	return write_small_file(process, file, map.text);
}

static int map_and_open(pid_t pid, struct spec_ids disk, struct spec_ids kernel)
{
	char path[sizeof("/proc/") + NUMBER_TEXT] = "/proc/";
	int process, r;

	number_text((uint64_t)pid, path + sizeof("/proc/") - 1);
	process = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (process < 0)
		return -errno;
	r = write_map(process, "uid_map", disk.uid, kernel.uid);
	if (r == 0)
		r = write_map(process, "gid_map", disk.gid, kernel.gid);
	if (r == 0) {
		r = openat(process, "ns/user", O_RDONLY | O_CLOEXEC);
		if (r < 0)
			r = -errno;
	}
	close(process);
	return r;
}

/* In the parent's memory, of which it changes nothing: no call of it fails. */
static int wait_to_die(void *data)
{
	const pid_t *parent = data;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	while (getppid() == *parent)
		pause();
	_exit(0);
}

static pid_t last; /* not waited for yet; 0 = none */

void userns_wait(void)
{
	while (last > 0 && waitpid(last, NULL, __WALL) < 0 && errno == EINTR)
		;
	last = 0;
}

/* A user namespace needs a process to be made and mapped, and none to live on. So the process is
 * the cheapest that there is, with no memory of its own to copy and to take apart. Its end wakes
 * nobody: userns_wait() is to be called. */
int userns_for(struct spec_ids disk, struct spec_ids kernel)
{
	static char stack[4096] __attribute__((aligned(16)));
	pid_t parent = getpid();
	pid_t pid;
	int r;

	/* It has the stack that the next one is to have. */
	userns_wait();
	pid = clone(wait_to_die, stack + sizeof(stack), CLONE_NEWUSER | CLONE_VM, &parent);
	if (pid < 0)
		return -errno;
	r = map_and_open(pid, disk, kernel);
	kill(pid, SIGKILL);
	last = pid;
	return r;
}
