/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "egress/confine_parts.h"
#include "egress/control.h"
#include "egress/origin.h"

/* A jail that is taken for none would wait for us for ever. */
static int find_jail(int *ret_jail, struct complaint *complaint)
{
	if (fcntl(EGRESS_SLOT_JAIL, F_GETFD) >= 0)
		*ret_jail = EGRESS_SLOT_JAIL;
	else if (errno != EBADF)
		return complain(complaint, errno, "find jail", "fcntl");
	return 0;
}

/* The hang-up alone may come late: a child that the owner has forked, and that executes nothing,
 * has a copy of the socket. In another pid namespace nobody can be seen, and the hang-up has to do.
 */
int origin_find(int owner, int *ret_maker, int *ret_jail, struct complaint *complaint)
{
	struct ucred maker = {0};
	socklen_t len = sizeof(maker);
	int r = find_jail(ret_jail, complaint);

	if (r < 0)
		return r;
	if (getsockopt(owner, SOL_SOCKET, SO_PEERCRED, &maker, &len) < 0)
		return complain(complaint, errno, "find owner", "SO_PEERCRED");
	if (maker.pid <= 0)
		return 0;
	*ret_maker = (int)syscall(SYS_pidfd_open, maker.pid, 0);
	return *ret_maker < 0 ? complain(complaint, errno, "find owner", "pidfd_open") : 0;
}
