/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_INIT_FAVOUR_H
#define KS_LINUX_INIT_FAVOUR_H

#include "linux/init/failure.h"

/* Gives up what the calling process has of its parent before other processes of the machine, and
 * would keep across an exec: real-time scheduling, which the bandwidth of a control group does not
 * count, niceness below 0, priority of input and output; and takes back odd personalities, as
 * addresses that are not randomised. What puts it behind others stays. */
int favour_renounce(struct failure *failure);

/* The same for the choice of who is killed where the machine's memory is used up: nobody of a jail
 * is spared because its caller is. For the first process of the jail, or whoever becomes it, while
 * the host's /proc is there and before it changes its ids. */
int favour_renounce_sparing(struct failure *failure);

#endif
