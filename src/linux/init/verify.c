/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/init/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "linux/control.h"

static int verify_ids(const struct spec_ids *ids, struct failure *failure)
{
	uid_t uid, euid, suid;
	gid_t gid, egid, sgid;

	if (getresuid(&uid, &euid, &suid) < 0 || getresgid(&gid, &egid, &sgid) < 0)
		return failure_set(failure, errno, "ids", "getresuid");
	if (uid == ids->uid && euid == uid && suid == uid && gid == ids->gid && egid == gid &&
		sgid == gid)
		return 0;
	failure_set(failure, EPERM, "ids", "ids ");
	failure_add_number(failure, uid);
	failure_add(failure, ":");
	failure_add_number(failure, gid);
	failure_add(failure, " instead of ");
	failure_add_number(failure, ids->uid);
	failure_add(failure, ":");
	failure_add_number(failure, ids->gid);
	return -EPERM;
}

/* No link is followed, so that one that was planted on the way is found out. */
static int verify_grant(const struct spec_verify *grant, struct failure *failure)
{
	const char *path = (const char *)(grant + 1);
	const struct open_how how = {.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	struct stat st;
	struct statvfs mount;
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	int r = 0;

	if (fd < 0)
		return failure_set(failure, errno, "verify", path);
	if (fstat(fd, &st) < 0 || fstatvfs(fd, &mount) < 0)
		r = failure_set(failure, errno, "verify", path);
	else if (st.st_dev != grant->dev || st.st_ino != grant->ino)
		r = failure_set(failure, ESTALE, "verify", path);
	else if (grant->read_only && !(mount.f_flag & ST_RDONLY))
		r = failure_set(failure, EROFS, "verify", path);
	close(fd);
	return r;
}

/* By the ids of the worker, and with as few capabilities: what it may do to a file that the plan
 * leaves to the kernel. */
static int verify_closed(const char *path, struct failure *failure)
{
	if (access(path, R_OK) == 0 || access(path, W_OK) == 0)
		return failure_set(failure, EPERM, "closed", path);
	return errno == EACCES || errno == ENOENT ? 0 : failure_set(failure, errno, "closed", path);
}

int verify_jail(const struct spec *spec, struct failure *failure)
{
	const struct spec_verify *grant;
	const char *path;
	size_t cursor = 0;
	int r;

	if (!spec->argc == !(spec_flags(spec) & SPEC_FLAG_LATE) || !spec->cwd || !spec->ids)
		return failure_set(failure, EBADMSG, "spec", "no program, directory or ids");
	r = verify_ids(spec->ids, failure);
	while (r == 0 && (grant = spec_next(spec, SPEC_VERIFY, &cursor)))
		r = verify_grant(grant, failure);
	cursor = 0;
	while (r == 0 && (path = spec_next(spec, SPEC_CLOSED, &cursor)))
		r = verify_closed(path, failure);
	return r;
}

/* All three are there: a descriptor of our own would else take the place, and be the worker's. */
static int check_stdio(struct failure *failure)
{
	static const char *const names[] = {"stdin", "stdout", "stderr"};

	for (int i = 0; i < 3; i++)
		if (fcntl(SLOT_STDIN + i, F_GETFD) < 0)
			return failure_set(failure, errno, "stdio", names[i]);
	return 0;
}

int verify_descriptors(const struct spec *spec, struct failure *failure)
{
	int r = spec_has_stdio(spec) ? check_stdio(failure) : 0;

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < spec_extra(spec); i++)
		if (fcntl(SLOT_EXTRA + (int)i, F_GETFD) < 0) {
			failure_set(failure, errno, "descriptors", "further one number ");
			failure_add_number(failure, i);
			return -failure->code;
		}
	return 0;
}
