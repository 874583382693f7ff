/* SPDX-License-Identifier: Apache-2.0 */
/* Events of a group that runs out of memory. A kernel that cannot tell of them makes no error: the
 * counters have the last word. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "linux/cgroup/file.h"
#include "linux/cgroup/group.h"

#define KILL_ATTEMPTS 20
#define KILL_PAUSE_NSEC 1000000

int cgroup_watch_v1(struct cgroup *group)
{
	const struct cgroup_dir *dir = cgroup_dir_of(group, CONTROLLER_MEMORY);
	autofd int event = -1;
	autofd int control = -1;
	char order[32];

	if (!dir)
		return 0;
	control = openat(dir->fd, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	if (control < 0)
		return errno == ENOENT ? 0 : -errno;
	event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (event < 0)
		return -errno;
	snprintf(order, sizeof(order), "%d %d", event, control);
	/* PREEMPT_RT kernels have no such events. */
	if (cgroup_file_write(dir->fd, "cgroup.event_control", order) < 0)
		return 0;
	group->event_fd = take_fd(&event);
	group->event_mask = EPOLLIN;
	return 0;
}

int cgroup_watch_v2(struct cgroup *group)
{
	const struct cgroup_dir *dir = cgroup_dir_of(group, CONTROLLER_MEMORY);

	if (!dir)
		return 0;
	group->event_fd = openat(dir->fd, "memory.events", O_RDONLY | O_CLOEXEC);
	if (group->event_fd < 0)
		return errno == ENOENT ? 0 : -errno;
	group->event_mask = EPOLLPRI;
	/* Changes are counted from the last reading on. */
	cgroup_event_clear(group);
	return 0;
}

int cgroup_event_fd(const struct cgroup *group, uint32_t *ret_events)
{
	if (group->event_fd >= 0)
		*ret_events = group->event_mask;
	return group->event_fd;
}

/* Version 1 tells before it kills. Whoever clears the event reads the counter next, so that this
 * waits the moment until the kill is counted; a kill that never comes (memory was freed in time)
 * costs a bounded pause. */
static void await_kill(struct cgroup *group)
{
	const struct cgroup_dir *dir = cgroup_dir_of(group, CONTROLLER_MEMORY);
	const struct timespec pause = {.tv_nsec = KILL_PAUSE_NSEC};
	uint64_t kills = 0;

	for (int i = 0; i < KILL_ATTEMPTS; i++) {
		if (!dir->exists ||
			cgroup_file_key(dir->fd, "memory.oom_control", "oom_kill", &kills) < 0)
			return;
		if (kills != group->event_kills)
			break;
		nanosleep(&pause, NULL);
	}
	group->event_kills = kills;
}

void cgroup_event_clear(struct cgroup *group)
{
	char text[KS_MAX_CGROUP_FILE];
	ssize_t n;

	if (group->event_fd < 0)
		return;
	if (group->event_mask == EPOLLPRI) {
		n = pread(group->event_fd, text, sizeof(text), 0);
		(void)n;
		return;
	}
	n = read(group->event_fd, text, sizeof(uint64_t));
	if (n == sizeof(uint64_t))
		await_kill(group);
}
