/* SPDX-License-Identifier: Apache-2.0 */
/* The last error of each tool's workers, for the status: why one was started again is mostly asked
 * by somebody who did not make the call that failed. */
#ifndef KS_DAEMON_ERRORS_H
#define KS_DAEMON_ERRORS_H

#include "daemon/state.h"

/* For on_fault of the manager's options, with the daemon as its data. */
void errors_note(void *daemon, const char *tool, const ks_error *error);

/* Forgets those of tools that are not the same in the new manifest; NULL: all. Without the lock. */
void errors_forget(struct daemon *daemon, const ks_tools *now);

/* The status of the manager, with "last_error" in each tool's: *ret_text is for free(). 0 or
 * -ENOMEM. Without the lock. */
int errors_status(struct daemon *daemon, char **ret_text);

#endif
