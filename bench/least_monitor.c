/* SPDX-License-Identifier: Apache-2.0 */
/* least-monitor PLACE PROGRAM
 *
 * The least jail with what safety makes every jail have besides:
 *   this program, which would outlive its caller to end the jail (one exec and one process more);
 *   for a worker of root's, kernel ids that own nothing, and grants that show them (a user
 *   namespace, two id-mapped mounts, maps that are written from outside);
 *   a first process that reaps and ends with its parent, and is not the program;
 *   what of /proc is not the jail's business, covered.
 * Descriptor 3 is a socket: the groups' "tasks" come by it, and it is told twice: when the program
 * runs, and when it has ended. */
#include "least.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/init/failure.h"
#include "linux/init/tree.h"
#include "linux/init/userns.h"
#include "linux/kernel_id.h"

#define CALLER 3
#define NAMESPACES \
	(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

/* As kastellan covers them on this kernel. */
static const struct least_mask masks[] = {{"proc/acpi", true}, {"proc/buddyinfo", false},
	{"proc/bus", true}, {"proc/cmdline", false}, {"proc/config.gz", false},
	{"proc/consoles", false}, {"proc/crypto", false}, {"proc/devices", false},
	{"proc/diskstats", false}, {"proc/dma", false}, {"proc/driver", true},
	{"proc/execdomains", false}, {"proc/fs", true}, {"proc/interrupts", false},
	{"proc/iomem", false}, {"proc/ioports", false}, {"proc/irq", true},
	{"proc/kallsyms", false}, {"proc/key-users", false}, {"proc/keys", false},
	{"proc/locks", false}, {"proc/misc", false}, {"proc/mtrr", false},
	{"proc/partitions", false}, {"proc/pressure", true}, {"proc/softirqs", false},
	{"proc/swaps", false}, {"proc/tty", true}, {"proc/zoneinfo", false}, {NULL, false}};

static void map_grants(struct least_jail *jail)
{
	struct mount_attr mapped = {.attr_set = MOUNT_ATTR_IDMAP};
	const struct spec_ids disk = {0, 0}, kernel = {KERNEL_ID_BASE, KERNEL_ID_BASE};
	char path[512];
	int ids = userns_for(disk, kernel);

	least_must(ids);
	mapped.userns_fd = (unsigned)ids;
	for (int i = 0; i < LEAST_GRANTS; i++) {
		least_grant_path(jail, i, path);
		jail->grants[i] = tree_copy(AT_FDCWD, path);
		least_must(jail->grants[i]);
		least_must(
			tree_restrict(jail->grants[i], TREE_PLAIN | (i ? 0 : MOUNT_ATTR_RDONLY)));
		least_must(syscall(SYS_mount_setattr, jail->grants[i], "",
			AT_EMPTY_PATH | AT_RECURSIVE, &mapped, sizeof(mapped)));
	}
	close(ids);
}

static int wait_for(pid_t pid)
{
	int status;

	least_must(pid);
	least_must(waitpid(pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

static void take_groups(int tasks[LEAST_GROUPS])
{
	char word;
	char room[CMSG_SPACE(sizeof(int[LEAST_GROUPS]))];
	struct iovec text = {&word, 1};
	struct msghdr message = {.msg_iov = &text,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof(room)};

	if (recvmsg(CALLER, &message, MSG_CMSG_CLOEXEC) != 1 || !CMSG_FIRSTHDR(&message))
		_exit(126);
	memcpy(tasks, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int[LEAST_GROUPS]));
}

static _Noreturn void first_process(struct least_jail *jail, int mapped)
{
	int network = -1;
	int maker = least_start_network(&network);
	int status;
	char word;
	pid_t pid;

	if (read(mapped, &word, 1) != 1)
		_exit(126);
	least_must(setresgid(LEAST_UID, LEAST_UID, LEAST_UID));
	least_must(setresuid(LEAST_UID, LEAST_UID, LEAST_UID));
	least_must(prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
	least_root(jail);
	least_enter_network(maker, &network);
	least_pivot();
	take_groups(jail->groups);
	pid = vfork();
	if (pid == 0)
		least_execute(jail);
	least_must(write(CALLER, "", 1));
	status = wait_for(pid);
	least_must(write(CALLER, "", 1));
	_exit(status);
}

int main(int argc, char **argv)
{
	struct least_jail jail = {.masks = masks, .filter = least_filter(), .step = LEAST_EXECUTE};
	char process[64] = "/proc/";
	int mapped[2];
	pid_t pid;

	if (argc != 3 || !jail.filter)
		return 2;
	jail.place = argv[1];
	jail.program = argv[2];
	least_must(setgroups(0, NULL));
	map_grants(&jail);
	least_must(pipe2(mapped, O_CLOEXEC));
	pid = (pid_t)syscall(SYS_clone, NAMESPACES | SIGCHLD, NULL, NULL, NULL, NULL);
	if (pid == 0)
		first_process(&jail, mapped[0]);
	least_must(pid);
	number_text((unsigned)pid, process + strlen(process));
	least_map(process, KERNEL_ID_BASE);
	least_must(write(mapped[1], "", 1));
	close(CALLER);
	return wait_for(pid);
}
