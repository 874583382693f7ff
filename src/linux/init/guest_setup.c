/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "linux/init/guest_parts.h"
#include "linux/init/process.h"

#define GROUP GUEST_GROUP "/worker"
#define PERIOD_USEC 100000 /* of cpu.max */

/* As struct rand_pool_info, with its bytes. */
struct entropy {
	int bits;
	int size;
	uint8_t bytes[sizeof(((struct channel_setup *)NULL)->seed)];
};

static int refresh_random(const uint8_t *seed)
{
	struct entropy entropy = {.bits = 8 * sizeof(entropy.bytes), .size = sizeof(entropy.bytes)};
	int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
	int r = 0;

	if (fd < 0)
		return -errno;
	memcpy(entropy.bytes, seed, sizeof(entropy.bytes));
	if (ioctl(fd, RNDADDENTROPY, &entropy) < 0 || ioctl(fd, RNDRESEEDCRNG) < 0)
		r = -errno;
	close(fd);
	return r;
}

int guest_refresh(const struct channel_setup *setup, struct failure *failure)
{
	struct timespec now = {.tv_sec = setup->seconds, .tv_nsec = setup->nanoseconds};
	int r = refresh_random(setup->seed);

	if (r < 0)
		return failure_set(failure, -r, "guest", "the kernel's random numbers");
	if (clock_settime(CLOCK_REALTIME, &now) < 0)
		return failure_set(failure, errno, "guest", "the clock");
	return 0;
}

/* One limit: nothing where it is 0. */
static int limit(const char *file, const char *text, struct failure *failure)
{
	int r = write_small_file(AT_FDCWD, file, text);

	return r < 0 ? failure_set(failure, -r, "cgroup", file) : 0;
}

static int set_limits(const struct channel_setup *setup, struct failure *failure)
{
	char text[(size_t)2 * NUMBER_TEXT];
	int r = 0;

	if (setup->memory_bytes) {
		r = limit(GROUP "/memory.max", number_text(setup->memory_bytes, text), failure);
		if (r == 0)
			r = limit(GROUP "/memory.oom.group", "1", failure);
	}
	if (r == 0 && setup->tasks)
		r = limit(GROUP "/pids.max", number_text(setup->tasks, text), failure);
	if (r == 0 && setup->cpu_quota_pct) {
		number_text((uint64_t)setup->cpu_quota_pct * (PERIOD_USEC / 100), text);
		memcpy(text + strlen(text), " 100000", sizeof(" 100000"));
		r = limit(GROUP "/cpu.max", text, failure);
	}
	return r;
}

int guest_group_make(const struct channel_setup *setup, struct failure *failure)
{
	int fd, r;

	if (mount("cgroup2", GUEST_GROUP, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0)
		return failure_set(failure, errno, "cgroup", GUEST_GROUP);
	r = limit(GUEST_GROUP "/cgroup.subtree_control", "+cpu +memory +pids", failure);
	if (r < 0)
		return r;
	if (mkdir(GROUP, 0755) < 0)
		return failure_set(failure, errno, "cgroup", GROUP);
	r = set_limits(setup, failure);
	if (r < 0)
		return r;
	fd = guest_raise(open(GROUP "/cgroup.procs", O_WRONLY | O_CLOEXEC));
	return fd < 0 ? failure_set(failure, errno, "cgroup", GROUP "/cgroup.procs") : fd;
}

/* The number behind the label at the start of a line; without a label the only one. 0: none. */
static uint64_t number_in(const char *file, const char *label)
{
	char text[1024];
	const char *at = text;
	size_t len = strlen(label);

	if (read_small_file(AT_FDCWD, file, text, sizeof(text)) <= 0)
		return 0;
	while (at && strncmp(at, label, len) != 0) {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	if (!at)
		return 0;
	at += len;
	return parse_number(&at);
}

void guest_group_usage(struct channel_usage *ret)
{
	*ret = (struct channel_usage){
		.cpu_usec = number_in(GROUP "/cpu.stat", "usage_usec "),
		.memory_peak_bytes = number_in(GROUP "/memory.peak", ""),
		.tasks_peak = number_in(GROUP "/pids.peak", ""),
		.oom_kills = number_in(GROUP "/memory.events", "oom_kill "),
		.tasks_refused = number_in(GROUP "/pids.events", "max "),
	};
}
