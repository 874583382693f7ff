/* SPDX-License-Identifier: Apache-2.0 */
/* The network of a jail, made by a thread beside its first process (native_beside.c): no errno is
 * written where that does no harm. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>

#include "linux/control.h"
#include "linux/init/native_parts.h"
#include "linux/init/network.h"
#include "linux/init/raw.h"

/* By the host's /proc, which knows this thread as well, or by the jail's. */
static int hold(int *ret_network, struct failure *failure)
{
	int fd = raw_open(AT_FDCWD, "/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return failure_set(failure, -fd, "namespaces", "a network");
	*ret_network = fd;
	return 0;
}

/* Nobody's filter allows a socket where the loopback stays down. */
int native_network_make(const struct spec *spec, int *ret_network, struct failure *failure)
{
	int r = (int)raw_call(SYS_unshare, CLONE_NEWNET, 0, 0, 0, 0, 0);

	if (r < 0)
		return failure_set(failure, -r, "namespaces", "a network");
	if (spec->ports) {
		*ret_network = SLOT_EGRESS;
		return network_open(spec, failure);
	}
	if (spec_flags(spec) & SPEC_FLAG_LOOPBACK)
		r = network_loopback(failure);
	return r < 0 ? r : hold(ret_network, failure);
}
