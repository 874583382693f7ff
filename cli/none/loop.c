/* SPDX-License-Identifier: Apache-2.0 */
/* Where this version runs nothing there is nobody to hand a signal on to. */
#include "cli/loop.h"

#include <errno.h>
#include <fcntl.h>

int loop_signals(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int loop_run(ks_child *child, int signals, bool terminal, ks_error **reterr)
{
	(void)signals;
	(void)terminal;
	return ks_child_wait(child, reterr);
}
