/* SPDX-License-Identifier: Apache-2.0 */
/* The order is the point: whatever needs a right or a file comes before the layer that takes it.
 *
 * The proxy does not ask the kernel for a signal at its parent's death: the parent of the kernel is
 * the thread that started it, and that may end long before its program. The hang-up of the owner's
 * socket tells the true end. The resolver's parent is the proxy, which has one thread. */
#include "egress/confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "egress/confine_parts.h"
#include "egress/control.h"

#define KEPT_CAPABILITIES ((1u << CAP_SETUID) | (1u << CAP_SETGID))
#define RESOLVER_DESCRIPTORS 256
#define NOBODY ((uid_t)-1) /* no id: -1 means "as it is" to the calls */

/* Those of kept stay where they are held, in the sets that count. */
static int reduce_capabilities(uint32_t kept, struct complaint *complaint)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[2];

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capget, &header, sets) < 0)
		return complain(complaint, errno, "capabilities", "capget");
	sets[0].permitted &= kept;
	sets[0].effective = sets[0].permitted;
	sets[0].inheritable = 0;
	sets[1] = (struct __user_cap_data_struct){0};
	if (syscall(SYS_capset, &header, sets) < 0)
		return complain(complaint, errno, "capabilities", "capset");
	return 0;
}

/* One byte instead of none: at zero the kernel would still start the host's core handler. */
static int hide_memory(struct complaint *complaint)
{
	const struct rlimit one_byte = {1, 1};
	const struct rlimit none = {0, 0};

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return complain(complaint, errno, "core", "PR_SET_DUMPABLE");
	/* Fails where the limit is zero already, for want of the right to raise it. */
	if (setrlimit(RLIMIT_CORE, &one_byte) < 0 && setrlimit(RLIMIT_CORE, &none) < 0)
		return complain(complaint, errno, "core", "RLIMIT_CORE");
	return 0;
}

static int renounce_privileges(struct complaint *complaint)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return complain(complaint, errno, "no_new_privs", "prctl");
	return hide_memory(complaint);
}

int confine_start(struct complaint *complaint)
{
	int r = renounce_privileges(complaint);

	if (r < 0)
		return r;
	if (syscall(SYS_close_range, EGRESS_SLOT_NAMES + 1, ~0u, 0) < 0)
		return complain(complaint, errno, "descriptors", "close_range");
	/* Signals from a terminal, and a directory that somebody wants to unmount. */
	setsid();
	if (chdir("/") < 0)
		return complain(complaint, errno, "directory", "/");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	prctl(PR_SET_NAME, "kastellan-egress", 0, 0, 0);
	return reduce_capabilities(KEPT_CAPABILITIES, complaint);
}

int confine_ids(uint32_t uid, uint32_t gid, struct complaint *complaint)
{
	if (uid == NOBODY || gid == NOBODY)
		return complain(complaint, EINVAL, "ids", "no such id");
	if (setgroups(0, NULL) < 0)
		return complain(complaint, errno, "ids", "setgroups");
	if (setresgid(gid, gid, gid) < 0)
		return complain(complaint, errno, "ids", "setresgid");
	if (setresuid(uid, uid, uid) < 0)
		return complain(complaint, errno, "ids", "setresuid");
	/* A change of ids resets what was said about memory. */
	if (hide_memory(complaint) < 0)
		return -complaint->code;
	return reduce_capabilities(0, complaint);
}

int confine_proxy(uint64_t descriptors, int *ret_landlock, struct complaint *complaint)
{
	int r = limit_descriptors(descriptors, complaint);

	if (r == 0)
		r = renounce_privileges(complaint);
	if (r == 0)
		r = reduce_capabilities(0, complaint);
	if (r == 0)
		r = landlock_proxy(ret_landlock, complaint);
	return r < 0 ? r : filter_enforce(false, complaint);
}

int confine_waiting(struct complaint *complaint)
{
	int r = renounce_privileges(complaint);

	return r < 0 ? r : reduce_capabilities(0, complaint);
}

int confine_resolver(struct complaint *complaint)
{
	int r = limit_descriptors(RESOLVER_DESCRIPTORS, complaint);

	if (r == 0)
		r = renounce_privileges(complaint);
	if (r == 0)
		r = reduce_capabilities(0, complaint);
	if (r == 0)
		r = landlock_resolver(complaint);
	return r < 0 ? r : filter_enforce(true, complaint);
}
