/* SPDX-License-Identifier: Apache-2.0 */
/* What every jail with the bench's policy must have: ids, a root with /usr and the grants, /tmp,
 * the devices and /proc, the host's root gone, groups, limits, no capabilities, Landlock, the
 * filter. It leaves out whatever only makes that sure, or tells of it: no check of what a grant is,
 * none that a step did what it said, no error but the end, no program that watches; /etc, terminals
 * and a /dev/shm; the loopback, as the filter forbids sockets; and the bounding set, as with
 * no_new_privs and empty sets nothing can be had from it.
 *
 * System calls only: it runs in its caller's memory, and with its descriptors, or in a process as
 * small. */
#include "least.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/init/failure.h"
#include "linux/init/tree.h"
#include "linux/seccomp/seccomp_filters.h"

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RUN (READ | LANDLOCK_ACCESS_FS_EXECUTE)
#define ALL_FILES 0xffffull /* of ABI 5 and later: every right on files */
#define USE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
#define DEVICE (MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC)

void least_must(long result)
{
	if (result < 0)
		_exit(126);
}

void least_wait(const uint32_t *word, uint32_t until)
{
	uint32_t now;

	while ((now = __atomic_load_n(word, __ATOMIC_ACQUIRE)) < until)
		syscall(SYS_futex, word, FUTEX_WAIT, now, NULL, NULL, 0);
}

void least_wake(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
	syscall(SYS_futex, word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static int make_network(void *data)
{
	int *network = data;

	least_must(unshare(CLONE_NEWNET));
	*network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	_exit(0);
}

int least_start_network(int *ret_network)
{
	static char stack[4096] __attribute__((aligned(16)));
	int maker = clone(make_network, stack + sizeof(stack), CLONE_VM | CLONE_FILES, ret_network);

	least_must(maker);
	return maker;
}

/* By the host's /proc, so that the old root must still be there. */
void least_enter_network(int maker, const int *network)
{
	least_must(waitpid(maker, NULL, __WALL));
	least_must(setns(*network, CLONE_NEWNET));
	close(*network);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	least_must(fd);
	least_must(write(fd, text, strlen(text)));
	close(fd);
}

void least_map(const char *process, unsigned outside)
{
	char path[64];
	char map[64] = "1000 ";
	size_t len = strlen(process);

	number_text(outside, map + strlen(map));
	memcpy(map + strlen(map), " 1\n", sizeof(" 1\n"));
	memcpy(path, process, len);
	memcpy(path + len, "/setgroups", sizeof("/setgroups"));
	write_file(path, "deny");
	memcpy(path + len, "/gid_map", sizeof("/gid_map"));
	write_file(path, map);
	memcpy(path + len, "/uid_map", sizeof("/uid_map"));
	write_file(path, map);
}

void least_grant_path(const struct least_jail *jail, int grant, char path[512])
{
	size_t len = strlen(jail->place);

	memcpy(path, jail->place, len);
	memcpy(path + len, grant ? "/write" : "/read", grant ? 7 : 6);
}

/* Relative to the new root, which is the working directory, as all that follows. */
static void mount_tree(int tree, const char *path)
{
	char part[512];

	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		size_t len = (size_t)(slash - path - 1);

		memcpy(part, path + 1, len);
		part[len] = '\0';
		mkdir(part, 0755);
	}
	mkdir(path + 1, 0755);
	least_must(tree_attach_at(tree, AT_FDCWD, path + 1));
	close(tree);
}

static void mount_host(const char *path, unsigned long long attributes)
{
	int tree = tree_copy(AT_FDCWD, path);

	least_must(tree);
	least_must(tree_restrict(tree, attributes));
	mount_tree(tree, path);
}

static void mount_grants(const struct least_jail *jail)
{
	for (int i = 0; i < LEAST_GRANTS; i++) {
		char path[512];

		least_grant_path(jail, i, path);
		if (jail->grants[i] < 0)
			mount_host(path, TREE_PLAIN | (i ? 0 : MOUNT_ATTR_RDONLY));
		else
			mount_tree(jail->grants[i], path);
	}
}

static void mount_devices(void)
{
	static const char *const nodes[] = {
		"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"};

	least_must(mkdir("dev", 0755));
	for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
		int tree = tree_copy(AT_FDCWD, nodes[i]);

		least_must(tree);
		least_must(tree_restrict(tree, DEVICE));
		least_must(mknod(nodes[i] + 1, S_IFREG | 0444, 0));
		least_must(tree_attach_at(tree, AT_FDCWD, nodes[i] + 1));
		close(tree);
	}
	least_must(symlink("/proc/self/fd", "dev/fd"));
	least_must(symlink("/proc/self/fd/0", "dev/stdin"));
	least_must(symlink("/proc/self/fd/1", "dev/stdout"));
	least_must(symlink("/proc/self/fd/2", "dev/stderr"));
}

/* What a kernel does not have need not be covered. */
static void cover(const struct least_mask *masks)
{
	for (; masks && masks->path; masks++)
		if (mount(masks->directory ? "empty" : "dev/null", masks->path, NULL, MS_BIND,
			    NULL) < 0 &&
			errno != ENOENT)
			_exit(126);
}

void least_root(const struct least_jail *jail)
{
	struct mount_attr read_only = {.attr_set = MOUNT_ATTR_RDONLY};
	int root = tree_new_tmpfs(0755, 0, TREE_PLAIN);
	int old = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	least_must(root);
	least_must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	least_must(tree_attach(root, old));
	least_must(fchdir(root));
	mount_host("/usr", TREE_PLAIN | MOUNT_ATTR_RDONLY);
	least_must(symlink("usr/lib", "lib"));
	least_must(symlink("usr/lib64", "lib64"));
	least_must(symlink("usr/bin", "bin"));
	mount_grants(jail);
	least_must(mkdir("tmp", 0755));
	least_must(
		mount("tmpfs", "tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=134217728"));
	mount_devices();
	least_must(mkdir("proc", 0755));
	least_must(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL));
	if (jail->masks)
		least_must(mkdir("empty", 0555));
	cover(jail->masks);
	least_must(
		syscall(SYS_mount_setattr, root, "", AT_EMPTY_PATH, &read_only, sizeof(read_only)));
	close(old);
	close(root);
}

void least_pivot(void)
{
	least_must(syscall(SYS_pivot_root, ".", "."));
	least_must(umount2(".", MNT_DETACH));
	least_must(chdir("/"));
}

static void set_limits(void)
{
	static const struct {
		unsigned resource;
		struct rlimit limit;
	} limits[] = {{RLIMIT_CPU, {11, 12}}, {RLIMIT_CORE, {1, 1}}, {RLIMIT_RTPRIO, {0, 0}},
		{RLIMIT_NICE, {0, 0}}, {RLIMIT_MEMLOCK, {8388608, 8388608}},
		{RLIMIT_NOFILE, {1024, 4096}}};

	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		least_must(syscall(SYS_prlimit64, 0, limits[i].resource, &limits[i].limit, NULL));
}

static void drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct none[2] = {0};

	least_must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	least_must(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED, 0, 0, 0));
	least_must(syscall(SYS_capset, &header, none));
}

static void allow(int ruleset, const char *path, unsigned long long access)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = access};

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	least_must(rule.parent_fd);
	least_must(syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0));
	close(rule.parent_fd);
}

static void rule_files(const struct least_jail *jail)
{
	/* TCP and scopes: what newer headers call handled_access_net and scoped. */
	const unsigned long long handled[3] = {ALL_FILES, 3, 3};
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, handled, sizeof(handled), 0);
	char path[512];

	least_must(ruleset);
	allow(ruleset, "/", LANDLOCK_ACCESS_FS_READ_DIR);
	allow(ruleset, "/usr", RUN);
	allow(ruleset, "/dev", USE);
	allow(ruleset, "/proc", READ);
	allow(ruleset, "/tmp", ALL_FILES);
	for (int i = 0; i < LEAST_GRANTS; i++) {
		least_grant_path(jail, i, path);
		allow(ruleset, path, i ? ALL_FILES : RUN);
	}
	least_must(syscall(SYS_landlock_restrict_self, ruleset, 0));
	close(ruleset);
}

const struct seccomp_program *least_filter(void)
{
	struct utsname name;

	return uname(&name) < 0
		       ? NULL
		       : seccomp_program_for(KS_PROFILE_WORKER_STRICT, name.machine, false);
}

static void load_filter(const struct seccomp_program *program)
{
	const struct sock_fprog loaded = {
		.len = program->len, .filter = (struct sock_filter *)program->filter};

	least_must(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &loaded));
}

_Noreturn void least_execute(struct least_jail *jail)
{
	static char *const environment[] = {(char *)"LANG=C.UTF-8", NULL};
	char *const argv[] = {(char *)jail->program, NULL};

	least_wait(&jail->step, LEAST_JOIN);
	for (int i = 0; i < LEAST_GROUPS; i++)
		least_must(write(jail->groups[i], "0", 1));
	least_must(setsid());
	set_limits();
	drop_capabilities();
	rule_files(jail);
	least_must(syscall(SYS_close_range, 3, ~0u, CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC));
	load_filter(jail->filter);
	least_wake(&jail->armed, 1);
	least_wait(&jail->step, LEAST_EXECUTE);
	execve(jail->program, argv, environment);
	_exit(127);
}
