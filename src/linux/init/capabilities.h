/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_INIT_CAPABILITIES_H
#define KS_LINUX_INIT_CAPABILITIES_H

#include "linux/init/failure.h"

/* Empties the effective, permitted, inheritable and ambient sets of the calling process. */
int capabilities_clear(struct failure *failure);

/* What of it needs CAP_SETPCAP, where it is there: no exec gives a capability any more. */
int capabilities_bound(struct failure *failure);

/* Fails unless the bounding set is empty: a helper that could not empty it may go on. */
int capabilities_check_bound(struct failure *failure);

/* The same as capabilities_bound, and before it all that keeps them from coming back: the bounding
 * set and the secure bits, where the process may still change them, and no_new_privs, always. */
int capabilities_renounce(struct failure *failure);

/* Fails unless all of it holds. */
int capabilities_check(struct failure *failure);

#endif
