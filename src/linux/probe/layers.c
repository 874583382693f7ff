/* SPDX-License-Identifier: Apache-2.0 */
/* Layers that the kernel answers for itself. */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "linux/grants/idmap.h"
#include "linux/probe/parts.h"
#include "plan/open_grants.h"

/* The same numbers on every architecture. */
#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif
#define LANDLOCK_VERSION (1U << 0) /* LANDLOCK_CREATE_RULESET_VERSION */

void probe_landlock(struct ks_host *host)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0UL, LANDLOCK_VERSION);

	host->landlock_abi = abi > 0 ? (int)abi : 0;
	host->landlock_errno = abi > 0 ? 0 : errno;
}

static bool action_available(uint32_t action)
{
	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0U, &action) == 0;
}

void probe_seccomp(struct ks_host *host)
{
	host->seccomp = action_available(SECCOMP_RET_ERRNO) &&
			action_available(SECCOMP_RET_KILL_PROCESS);
	host->seccomp_notify = host->seccomp && action_available(SECCOMP_RET_USER_NOTIF);
}

static bool idmap_on(const char *path)
{
	autofd int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat status;

	return fd >= 0 && fstat(fd, &status) == 0 && idmap_works(fd, status.st_dev);
}

void probe_idmap(struct ks_host *host, bool tried)
{
	if (!host->privileged)
		return;
	/* Each grant's file system is tried when it is opened; here, whether there is any. */
	if (tried) {
		host->idmap = idmap_on("/") || idmap_on("/tmp") || idmap_on("/home");
		grants_settle();
	} else {
		host->idmap = syscall(SYS_mount_setattr, -1, "", 0U, NULL, 0UL) == 0 ||
			      errno != ENOSYS;
	}
}
