/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_TESTS_FIRECRACKER_ARGUMENTS_H
#define KS_TESTS_FIRECRACKER_ARGUMENTS_H

#include <stdbool.h>

struct arguments {
	const char *id;
	const char *config_file;
	const char *log_path;
	bool no_api;
	bool version;
};

/* NULL, or what is wrong, as the original says it (utils/src/arg_parser.rs). */
const char *arguments_read(char **argv, struct arguments *ret, char *room, int size);

#endif
