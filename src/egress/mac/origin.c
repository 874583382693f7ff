/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/origin.h"

#include <errno.h>
#include <unistd.h>

#include "egress/confine_parts.h"
#include "macos/apply/system.h"

/* Its parent has started it; sandbox-exec has become this program meanwhile. One who ended before
 * he is watched has left it to another parent. */
int origin_find(int owner, int *ret_maker, int *ret_jail, struct complaint *complaint)
{
	pid_t parent = getppid();
	int fd = system_end_fd(parent);

	(void)owner;
	*ret_jail = -1;
	if (fd == -ESRCH || getppid() != parent) {
		if (fd >= 0)
			close(fd);
		return complain(complaint, ESRCH, "find owner", "it is gone");
	}
	/* Where the profile keeps him out of sight, the hang-up has to do. */
	*ret_maker = fd < 0 ? -1 : fd;
	return 0;
}
