/* SPDX-License-Identifier: Apache-2.0 */
/* kastellan-init: one static program in the two places of a jail where code of ours must run.
 *
 *   kastellan-init monitor   in the host's namespaces, between the supervisor and the jail
 *   kastellan-init init      as pid 1 of the jail, between the helper and the worker
 *
 * Both are started by kastellan alone, the second only with a helper, with the descriptors of
 * control.h, and print nothing. */
#include <stddef.h>
#include <string.h>

#include "linux/control.h"
#include "linux/init/monitor.h"
#include "linux/init/pid1.h"

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "monitor") == 0)
		return monitor_main(argv[1]);
	if (argc == 2 && strcmp(argv[1], "init") == 0)
		return pid1_main(NULL);
	return INIT_EXIT_FAILED;
}
