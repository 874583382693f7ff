/* SPDX-License-Identifier: Apache-2.0 */
/* A rule holds for the object that its path leads to now, so the ruleset is made in the finished
 * jail: one made before a mount would rule what lies beneath it. */
#include "linux/init/ruleset.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/init/temporary.h"

#define STEP "landlock"

/* Of kernels newer than the headers that the build may have. */
#define ACCESS_FS_TRUNCATE (1ull << 14)
#define ACCESS_FS_IOCTL_DEV (1ull << 15)
#define ACCESS_FS_RESOLVE_UNIX (1ull << 16)

/* The rights that something other than a directory can have; a rule with more is refused. */
#define ACCESS_FILE                                                                       \
	(LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |                     \
		LANDLOCK_ACCESS_FS_READ_FILE | ACCESS_FS_TRUNCATE | ACCESS_FS_IOCTL_DEV | \
		ACCESS_FS_RESOLVE_UNIX)

/* As far as it is known; a kernel that knows less refuses what is not zero, and must. */
struct ruleset_attr {
	uint64_t handled_fs;
	uint64_t handled_net;
	uint64_t scoped;
};

static int check_abi(uint32_t wanted, struct failure *failure)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 0)
		return failure_set(failure, errno, STEP, "this kernel has none, or it is off");
	if ((uint32_t)abi >= wanted)
		return 0;
	failure_set(failure, EOPNOTSUPP, STEP, "this kernel has ABI ");
	failure_add_number(failure, (uint64_t)abi);
	failure_add(failure, ", planned was ");
	failure_add_number(failure, wanted);
	return -EOPNOTSUPP;
}

static int rule_in(
	int ruleset, int object, uint64_t access, const char *path, struct failure *failure)
{
	struct landlock_path_beneath_attr attr = {.allowed_access = access, .parent_fd = object};
	struct stat st;

	if (fstat(object, &st) < 0)
		return failure_set(failure, errno, STEP, path);
	if (!S_ISDIR(st.st_mode))
		attr.allowed_access &= ACCESS_FILE;
	/* A rule that allows nothing is an error to the kernel, and no rule is the same. */
	if (attr.allowed_access &&
		syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attr, 0) < 0)
		return failure_set(failure, errno, STEP, path);
	return 0;
}

static int add_rule(int ruleset, const struct spec_rule *rule, struct failure *failure)
{
	const char *path = (const char *)(rule + 1);
	const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS};
	int object, r;

	if (rule->slot)
		return rule_in(ruleset, (int)rule->slot, rule->access, path, failure);
	object = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	if (object < 0) {
		if (rule->optional && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
			return 0;
		return failure_set(failure, errno, STEP, path);
	}
	r = rule_in(ruleset, object, rule->access, path, failure);
	close(object);
	return r;
}

/* What has no path before the worker is there. */
static int add_own(int ruleset, const struct spec *spec, int terminal, struct failure *failure)
{
	uint64_t terminal_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
				   ACCESS_FS_IOCTL_DEV;
	int r;

	if (!spec->temporary)
		return 0;
	r = rule_in(ruleset, temporary_fd(), spec->temporary->access, temporary_path(), failure);
	if (r < 0 || terminal < 0)
		return r;
	return rule_in(ruleset, terminal, terminal_access & spec->landlock->handled_fs,
		"the terminal", failure);
}

int ruleset_build(const struct spec *spec, int terminal, int *ret_fd, struct failure *failure)
{
	const struct spec_rule *rule;
	struct ruleset_attr attr;
	size_t cursor = 0;
	int ruleset, r;

	if (!spec->landlock)
		return 0;
	r = check_abi(spec->landlock->abi, failure);
	if (r < 0)
		return r;
	attr = (struct ruleset_attr){.handled_fs = spec->landlock->handled_fs,
		.handled_net = spec->landlock->handled_net,
		.scoped = spec->landlock->scoped};
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (ruleset < 0)
		return failure_set(failure, errno, STEP, "a ruleset with these rights");
	while (r == 0 && (rule = spec_next(spec, SPEC_RULE, &cursor)))
		r = add_rule(ruleset, rule, failure);
	if (r == 0)
		r = add_own(ruleset, spec, terminal, failure);
	if (r < 0)
		close(ruleset);
	else
		*ret_fd = ruleset;
	return r;
}

int ruleset_enforce(int fd, struct failure *failure)
{
	if (fd < 0)
		return 0;
	if (syscall(SYS_landlock_restrict_self, fd, 0) < 0)
		return failure_set(failure, errno, STEP, "landlock_restrict_self");
	close(fd);
	return 0;
}
