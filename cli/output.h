/* SPDX-License-Identifier: Apache-2.0 */
/* Files that the command itself writes, besides its streams: FILE or fd:N. */
#ifndef KS_CLI_OUTPUT_H
#define KS_CLI_OUTPUT_H

#include <stdbool.h>

#include <kastellan/kastellan.h>

struct output {
	const char *option; /* that names it, for messages: "--status" */
	const char *where; /* NULL: it is not wanted, and the descriptor is -1 */
	bool keep; /* what a file holds already stays, and this goes behind it */
};

/* Returns 0 or -errno. The descriptor is close-on-exec. */
int output_open(const struct output *output, int *ret_fd, ks_error **reterr);

#endif
