/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for kastellan-egress, whose environment the library leaves empty, and preloads what
 * fails its allocations. */
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	(void)argc;
	setenv("LD_PRELOAD", DIRECTORY "/fail_alloc.so", 1);
	execv(DIRECTORY "/kastellan-egress", argv);
	return 96;
}
