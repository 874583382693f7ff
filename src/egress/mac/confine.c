/* SPDX-License-Identifier: Apache-2.0 */
/* On a Mac the layer that knows files, programs and services is a Seatbelt profile, which the owner
 * has put in force before the program began (mac/owner_start.c): one of a worker with the network
 * of the host, without another process. Here it is looked at, and what a profile does not hold is
 * added.
 */
#include "egress/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "egress/confine_parts.h"
#include "egress/mac/slots.h"
#include "macos/apply/system.h"

#define RESOLVER_DESCRIPTORS 256
#define DESCRIPTORS_MOST 10240 /* that a Mac lets every process have */

/* Whoever has started it has handed over these alone; one too many would be the worker's way. */
static void close_others(void)
{
	int most = getdtablesize();

	for (int fd = EGRESS_MAC_SLOTS; fd < most && fd < DESCRIPTORS_MOST; fd++)
		close(fd);
}

int confine_start(struct complaint *complaint)
{
	const struct rlimit none = {0, 0};

	if (!system_is_confined())
		return complain(complaint, EPERM, "profile",
			"the process is in no sandbox, though kastellan starts it in one");
	close_others();
	umask(077);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	if (chdir("/") < 0)
		return complain(complaint, errno, "directory", "/");
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return complain(complaint, errno, "core", "RLIMIT_CORE");
	return 0;
}

int confine_ids(uint32_t uid, uint32_t gid, struct complaint *complaint)
{
	(void)uid;
	(void)gid;
	return complain(complaint, EOPNOTSUPP, "ids", "on a Mac it keeps those of its owner");
}

int confine_proxy(uint64_t descriptors, int *ret_landlock, struct complaint *complaint)
{
	*ret_landlock = 0;
	return limit_descriptors(
		descriptors < DESCRIPTORS_MOST ? descriptors : DESCRIPTORS_MOST, complaint);
}

int confine_waiting(struct complaint *complaint)
{
	return confine_start(complaint);
}

int confine_resolver(struct complaint *complaint)
{
	return limit_descriptors(RESOLVER_DESCRIPTORS, complaint);
}
