/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/init/capabilities.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STEP "capabilities"
#define HIGHEST 63 /* the sets have 64 bits; the kernel says EINVAL past its own last one */

#define SECURE_BITS                                                       \
	(SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |  \
		SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED | \
		SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED)

struct sets {
	struct __user_cap_data_struct words[2];
};

static int get_sets(struct sets *ret)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};

	return (int)syscall(SYS_capget, &header, ret->words);
}

int capabilities_clear(struct failure *failure)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct sets none = {0};

	/* Emptying the others would empty this one too; kernels without it have nothing to empty.
	 */
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &header, none.words) < 0)
		return failure_set(failure, errno, STEP, "capset");
	return 0;
}

/* What only CAP_SETPCAP allows. Without it, no_new_privs alone keeps the sets empty. */
static int renounce_for_good(struct failure *failure)
{
	for (int capability = 0; capability <= HIGHEST; capability++)
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) < 0) {
			if (errno == EINVAL)
				break;
			return failure_set(failure, errno, STEP, "PR_CAPBSET_DROP");
		}
	if (prctl(PR_SET_SECUREBITS, SECURE_BITS, 0, 0, 0) < 0)
		return failure_set(failure, errno, STEP, "PR_SET_SECUREBITS");
	return 0;
}

int capabilities_bound(struct failure *failure)
{
	struct sets sets;

	if (get_sets(&sets) < 0)
		return failure_set(failure, errno, STEP, "capget");
	return sets.words[0].effective & (1u << CAP_SETPCAP) ? renounce_for_good(failure) : 0;
}

int capabilities_check_bound(struct failure *failure)
{
	for (int capability = 0; capability <= HIGHEST; capability++) {
		int kept = prctl(PR_CAPBSET_READ, capability, 0, 0, 0);

		if (kept < 0 && errno == EINVAL && capability > CAP_SETPCAP)
			break;
		if (kept < 0)
			return failure_set(failure, errno, STEP, "PR_CAPBSET_READ");
		if (kept > 0)
			return failure_set(failure, EPERM, STEP, "the bounding set is not empty");
	}
	return 0;
}

int capabilities_renounce(struct failure *failure)
{
	int r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return failure_set(failure, errno, "no_new_privs", "prctl");
	r = capabilities_bound(failure);
	return r < 0 ? r : capabilities_clear(failure);
}

int capabilities_check(struct failure *failure)
{
	struct sets sets;
	uint32_t any = 0;

	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return failure_set(failure, EPERM, "no_new_privs", "it is not in force");
	if (get_sets(&sets) < 0)
		return failure_set(failure, errno, STEP, "capget");
	for (unsigned i = 0; i < 2; i++)
		any |= sets.words[i].effective | sets.words[i].permitted |
		       sets.words[i].inheritable;
	if (any)
		return failure_set(failure, EPERM, STEP, "a set is not empty");
	return 0;
}
