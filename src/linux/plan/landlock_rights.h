/* SPDX-License-Identifier: Apache-2.0 */
/* What the planners of Landlock's rules grant together. */
#ifndef KS_LINUX_PLAN_LANDLOCK_RIGHTS_H
#define KS_LINUX_PLAN_LANDLOCK_RIGHTS_H

#include "plan/landlock.h"

#define READING (LANDLOCK_BIT(FS_READ_FILE) | LANDLOCK_BIT(FS_READ_DIR))
#define RUNNING (READING | LANDLOCK_BIT(FS_EXECUTE))
/* Not among them: device nodes; sockets, as the filter lets nobody listen on one; and ioctl on
 * devices, as a grant shows none. */
#define WRITING                                                              \
	(RUNNING | LANDLOCK_BIT(FS_WRITE_FILE) | LANDLOCK_BIT(FS_TRUNCATE) | \
		LANDLOCK_BIT(FS_REMOVE_DIR) | LANDLOCK_BIT(FS_REMOVE_FILE) | \
		LANDLOCK_BIT(FS_MAKE_DIR) | LANDLOCK_BIT(FS_MAKE_REG) |      \
		LANDLOCK_BIT(FS_MAKE_FIFO) | LANDLOCK_BIT(FS_MAKE_SYM) | LANDLOCK_BIT(FS_REFER))
/* The kernel refuses any other right in a rule for something that is no directory. */
#define OF_FILES                                                                               \
	(LANDLOCK_BIT(FS_EXECUTE) | LANDLOCK_BIT(FS_WRITE_FILE) | LANDLOCK_BIT(FS_READ_FILE) | \
		LANDLOCK_BIT(FS_TRUNCATE) | LANDLOCK_BIT(FS_IOCTL_DEV))
#define NODE (LANDLOCK_BIT(FS_READ_FILE) | LANDLOCK_BIT(FS_WRITE_FILE))
#define TERMINAL (NODE | LANDLOCK_BIT(FS_IOCTL_DEV))

#endif
