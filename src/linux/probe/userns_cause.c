/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/probe/userns_cause.h"

#include <errno.h>
#include <string.h>

/* EPERM and EACCES of anything after the namespace itself exists: its owner has every right in it
 * but for a security module or a filter. */
static enum host_userns_cause refused_inside(const struct userns_seen *seen)
{
	if (seen->apparmor_sysctl == 1 || seen->apparmor)
		return USERNS_APPARMOR;
	if (seen->selinux && seen->error == EACCES)
		return USERNS_SELINUX;
	return seen->filtered ? USERNS_SECCOMP : USERNS_OTHER;
}

static enum host_userns_cause refused_outright(const struct userns_seen *seen)
{
	/* Security modules say EACCES, the kernel itself EPERM. */
	if (seen->error == EACCES)
		return seen->selinux && !seen->apparmor ? USERNS_SELINUX : USERNS_APPARMOR;
	if (seen->clone_sysctl == 0)
		return USERNS_CLONE_SYSCTL;
	if (seen->chroot)
		return USERNS_CHROOT;
	if (seen->filtered)
		return USERNS_SECCOMP;
	return seen->apparmor_sysctl == 1 || seen->apparmor ? USERNS_APPARMOR : USERNS_OTHER;
}

static enum host_userns_cause refused_proc(const struct userns_seen *seen)
{
	/* The kernel's own rule about covered parts of /proc answers EPERM. */
	return seen->error == EPERM ? USERNS_PROC_MASKED : refused_inside(seen);
}

/* Where ids are mapped by a file of /proc. */
static enum host_userns_cause without_proc(const struct userns_seen *seen)
{
	if (strcmp(seen->step, "map") != 0 && strcmp(seen->step, "proc") != 0)
		return USERNS_OTHER;
	return seen->error == EROFS ? USERNS_PROC_READ_ONLY : USERNS_PROC_ABSENT;
}

enum host_userns_cause userns_cause(const struct userns_seen *seen)
{
	if (!seen->step)
		return USERNS_USABLE;
	switch (seen->error) {
	case ENOSPC:
	case EUSERS:
		return USERNS_MAX_ZERO;
	case ENOSYS:
		return seen->filtered ? USERNS_SECCOMP : USERNS_COMPILED_OUT;
	case EINVAL:
		return seen->compiled ? USERNS_OTHER : USERNS_COMPILED_OUT;
	case ENOENT:
	case EROFS:
		return without_proc(seen);
	case EPERM:
	case EACCES:
		break;
	default:
		return USERNS_OTHER;
	}
	if (strcmp(seen->step, "unshare") == 0)
		return refused_outright(seen);
	return strcmp(seen->step, "proc") == 0 ? refused_proc(seen) : refused_inside(seen);
}
