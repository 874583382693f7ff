/* SPDX-License-Identifier: Apache-2.0 */
/* Should: make in a child what a jail is made of, step by step and as the same kernel user, so that
 * the step that is refused is known. Must not: decide by versions or settings; those only tell
 * causes apart once something was refused. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "linux/kernel_id.h"
#include "linux/kernel_statx.h"
#include "linux/probe/child.h"
#include "linux/probe/parts.h"
#include "linux/probe/userns_cause.h"

enum step { STEP_NONE, STEP_IDS, STEP_UNSHARE, STEP_MAP, STEP_FIRST_NAMESPACE };

/* One after the other, so that the one whose counter is used up is known. */
static const struct {
	int flag;
	const char *name;
} namespaces[] = {
	{CLONE_NEWNS, "mnt"},
	{CLONE_NEWPID, "pid"},
	{CLONE_NEWIPC, "ipc"},
	{CLONE_NEWUTS, "uts"},
	{CLONE_NEWNET, "net"},
	{CLONE_NEWCGROUP, "cgroup"},
};

#define N_NAMESPACES ((int)(sizeof(namespaces) / sizeof(namespaces[0])))
#define STEP_FORK (STEP_FIRST_NAMESPACE + N_NAMESPACES)
#define STEP_MOUNT (STEP_FORK + 1)
#define STEP_PROC (STEP_FORK + 2)

static const char *step_name(int step)
{
	if (step >= STEP_FIRST_NAMESPACE && step < STEP_FORK)
		return namespaces[step - STEP_FIRST_NAMESPACE].name;
	switch (step) {
	case STEP_IDS:
		return "ids";
	case STEP_UNSHARE:
		return "unshare";
	case STEP_MAP:
		return "map";
	case STEP_MOUNT:
		return "mount";
	case STEP_PROC:
		return "proc";
	default:
		return "fork";
	}
}

static int write_file(const char *path, const char *text, size_t len)
{
	autofd int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, text, len) != (ssize_t)len ? -errno : 0;
}

/* Decimal digits without stdio, as this runs in the child. Returns their number. */
static size_t digits(uint32_t number, char *text)
{
	char reversed[10];
	size_t len = 0;

	do
		reversed[len++] = (char)('0' + number % 10);
	while (number /= 10);
	for (size_t i = 0; i < len; i++)
		text[i] = reversed[len - 1 - i];
	return len;
}

/* "1000 ID 1\n" */
static int write_map(const char *path, uint32_t id)
{
	static const char rest[] = {' ', '1', '\n'};
	char text[32] = "1000 ";
	size_t len = 5;

	len += digits(id, text + len);
	for (size_t i = 0; i < sizeof(rest); i++)
		text[len++] = rest[i];
	return write_file(path, text, len);
}

static int map_ids(uint32_t uid, uint32_t gid)
{
	int r = write_file("/proc/self/setgroups", "deny", 4);

	if (r == 0)
		r = write_map("/proc/self/gid_map", gid);
	return r < 0 ? r : write_map("/proc/self/uid_map", uid);
}

/* In the first process of the new pid namespace. */
static int mount_proc(struct probe_answer *answer)
{
	answer->step = STEP_MOUNT;
	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return -errno;
	answer->step = STEP_PROC;
	return mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 ? -errno
											  : 0;
}

/* A child of the child, which answers through the memory that both share, while the other waits. */
static int try_proc(struct probe_answer *answer)
{
	struct probe_answer *volatile shared = answer;
	long pid;
	int status = 0;

	answer->step = STEP_FORK;
	pid = vfork();
	if (pid == 0) {
		int r;

		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		r = mount_proc(shared);

		shared->error = -r;
		_exit(r < 0);
	}
	if (pid < 0)
		return -errno;
	while (waitpid((pid_t)pid, &status, __WALL) < 0)
		if (errno != EINTR)
			return -errno;
	return -answer->error;
}

static int try_all(const struct ks_host *host, struct probe_answer *answer)
{
	uint32_t uid = host->privileged ? KERNEL_ID_BASE : host->uid;
	uint32_t gid = host->privileged ? KERNEL_ID_BASE : host->gid;
	int r = 0;

	answer->step = STEP_IDS;
	prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	if (host->privileged)
		r = probe_become(KERNEL_ID_BASE);
	if (r < 0)
		return r;
	answer->step = STEP_UNSHARE;
	if (unshare(CLONE_NEWUSER) < 0)
		return -errno;
	answer->step = STEP_MAP;
	r = map_ids(uid, gid);
	for (int i = 0; r == 0 && i < N_NAMESPACES; i++) {
		answer->step = STEP_FIRST_NAMESPACE + i;
		if (unshare(namespaces[i].flag) < 0)
			r = -errno;
	}
	return r < 0 ? r : try_proc(answer);
}

static void try_in_child(const void *data, struct probe_answer *answer)
{
	int r = try_all(data, answer);

	answer->error = -r;
	if (r == 0)
		answer->step = STEP_NONE;
}

static bool read_line(const char *path, char *line, size_t room)
{
	autofile FILE *file = fopen(path, "re");

	return file && fgets(line, (int)room, file);
}

/* The number in a file, -1 if there is none. */
static int read_number(const char *path)
{
	char line[32];

	return read_line(path, line, sizeof(line)) ? (int)strtol(line, NULL, 10) : -1;
}

static bool under_a_filter(void)
{
	autofile FILE *file = fopen("/proc/self/status", "re");
	char line[256];

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "Seccomp:", 8) == 0)
			return strtol(line + 8, NULL, 10) == 2;
	return false;
}

/* Who enters a mount namespace, be it the own one, is at its root, which a chroot's is not. Answers
 * by the step: 1 = it is another one. */
static void compare_roots(const void *data, struct probe_answer *answer)
{
	autofd int own = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	struct statx before, after;

	(void)data;
	if (own < 0 || kernel_statx(AT_FDCWD, "/", 0, STATX_MNT_ID | STATX_INO, &before) < 0 ||
		setns(own, CLONE_NEWNS) < 0 ||
		kernel_statx(AT_FDCWD, "/", 0, STATX_MNT_ID | STATX_INO, &after) < 0)
		answer->error = errno;
	else
		answer->step = before.stx_ino != after.stx_ino ||
			       before.stx_mnt_id != after.stx_mnt_id;
}

/* To whom that is forbidden: in a chroot no mount is at the root, unless the root is a mount point
 * itself. */
static bool in_a_chroot(void)
{
	struct probe_answer answer = {0};
	autofile FILE *file = NULL;
	autofree char *line = NULL;
	size_t room = 0;

	if (probe_in_child(compare_roots, NULL, &answer) == 0 && answer.error == 0)
		return answer.step != 0;
	file = fopen("/proc/self/mountinfo", "re");
	while (file && getline(&line, &room, file) > 0)
		if (strstr(line, " / rw") || strstr(line, " / ro"))
			return false;
	return file != NULL;
}

static bool apparmor_confined(void)
{
	char line[256];

	return read_line("/sys/module/apparmor/parameters/enabled", line, sizeof(line)) &&
	       line[0] == 'Y' &&
	       (read_line("/proc/self/attr/apparmor/current", line, sizeof(line)) ||
		       read_line("/proc/self/attr/current", line, sizeof(line))) &&
	       strncmp(line, "unconfined", strlen("unconfined")) != 0;
}

static struct userns_seen look_around(int step, int error)
{
	return (struct userns_seen){
		.step = step_name(step),
		.error = error,
		.compiled = access("/proc/self/ns/user", F_OK) == 0,
		.filtered = under_a_filter(),
		.chroot = in_a_chroot(),
		.selinux = read_number("/sys/fs/selinux/enforce") == 1,
		.apparmor = apparmor_confined(),
		.apparmor_sysctl = read_number(
			"/proc/sys/kernel/apparmor_restrict_unprivileged_userns"),
		.clone_sysctl = read_number("/proc/sys/kernel/unprivileged_userns_clone"),
	};
}

int probe_userns(struct ks_host *host)
{
	struct probe_answer answer = {0};
	struct userns_seen seen;
	int r = probe_in_child(try_in_child, host, &answer);

	if (r < 0)
		answer = (struct probe_answer){.step = STEP_FORK, .error = -r};
	free(host->userns_step);
	host->userns_step = NULL;
	host->userns_errno = answer.error;
	host->userns = USERNS_USABLE;
	if (answer.step == STEP_NONE)
		return 0;
	seen = look_around(answer.step, answer.error);
	host->userns = userns_cause(&seen);
	host->userns_step = strdup(seen.step);
	return host->userns_step ? 0 : -ENOMEM;
}
