/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_CLI_OWN_FILES_H
#define KS_CLI_OWN_FILES_H

#include "cli/options.h"

/* Refuses a status or policy file that the worker could replace: it would write its own outcome, or
 * its next policy. A refused status file is forgotten. Returns 0 or -errno. */
int own_files_check(struct arguments *arguments, ks_error **reterr);

/* The same of a manifest of tools: of it, the files of its policies and the daemon's socket, for
 * each of its policies. */
int own_files_check_tools(
	const struct arguments *arguments, const ks_tools *tools, ks_error **reterr);

#endif
