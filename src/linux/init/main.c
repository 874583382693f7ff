/* SPDX-License-Identifier: Apache-2.0 */
/* kastellan-init: one static program in the places of a jail where code of ours must run.
 *
 *   kastellan-init monitor   in the host's namespaces, between the supervisor and the jail
 *   kastellan-init init      as pid 1 of the jail, between the helper and the worker
 *   kastellan-init groups    beside a supervisor whose egress pool has a control group
 *   /init                    as the first process of a micro-VM's guest, whatever its arguments
 *
 * The first three are started by kastellan alone, the second only with a helper, with the
 * descriptors of control.h; the fourth by the guest's kernel. They print nothing. */
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "linux/control.h"
#include "linux/init/guest.h"
#include "linux/init/monitor.h"
#include "linux/init/pid1.h"

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "monitor") == 0)
		return monitor_main(argv[1]);
	if (argc == 2 && strcmp(argv[1], "groups") == 0)
		return monitor_groups_main();
	if (argc == 2 && strcmp(argv[1], "init") == 0)
		return pid1_main(NULL, NULL);
	if (argc > 0 && strcmp(argv[0], "/init") == 0 && getpid() == 1)
		return guest_main();
	return INIT_EXIT_FAILED;
}
