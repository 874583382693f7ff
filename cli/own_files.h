/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_CLI_OWN_FILES_H
#define KS_CLI_OWN_FILES_H

#include "cli/options.h"

/* Refuses a status or policy file that the worker could replace: it would write its own outcome, or
 * its next policy. A refused status file is forgotten. Returns 0 or -errno. */
int own_files_check(struct arguments *arguments, ks_error **reterr);

/* The same of the manifest of tools, for one policy of it. */
int own_files_check_tools(const struct arguments *arguments, const ks_policy *policy,
	enum ks_backend_kind kind, ks_error **reterr);

#endif
