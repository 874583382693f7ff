/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the table's calls, a line each: name, number on x86_64, number on aarch64. */
#include <stdio.h>

#include "linux/seccomp/seccomp_filters.h"

int main(void)
{
	struct seccomp_call call;

	for (size_t i = 0; seccomp_call_at(i, &call); i++)
		printf("%s %d %d\n", call.name, call.x86_64, call.aarch64);
	return 0;
}
