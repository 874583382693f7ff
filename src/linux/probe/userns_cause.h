/* SPDX-License-Identifier: Apache-2.0 */
/* Which of the many causes made the kernel refuse a namespace. Pure: what was seen goes in. */
#ifndef KS_LINUX_PROBE_USERNS_CAUSE_H
#define KS_LINUX_PROBE_USERNS_CAUSE_H

#include <stdbool.h>

#include "resolve/host.h"

struct userns_seen {
	const char
		*step; /* that failed, NULL = none: "unshare", "map", "net", ..., "mount", "proc" */
	int error; /* its errno */
	bool compiled; /* /proc/self/ns/user exists */
	bool filtered; /* the caller lives under a system-call filter */
	bool chroot;
	bool selinux; /* enforcing */
	bool apparmor; /* the caller is confined by a profile */
	int apparmor_sysctl; /* kernel.apparmor_restrict_unprivileged_userns, -1 = absent */
	int clone_sysctl; /* kernel.unprivileged_userns_clone, -1 = absent */
};

enum host_userns_cause userns_cause(const struct userns_seen *seen);

#endif
