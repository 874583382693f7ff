/* SPDX-License-Identifier: Apache-2.0 */
/* Where the proxy comes from; each system tells in its own way (origin_linux.c, mac/origin.c). */
#ifndef KS_EGRESS_ORIGIN_H
#define KS_EGRESS_ORIGIN_H

#include "egress/confine.h"

/* *ret_maker polls readable once the process is gone that has made the owner's socket; -1 where
 * nobody can be seen, and the hang-up has to do. *ret_jail is the jail's socket, or -1: there is
 * none. 0, or -errno with the complaint. */
int origin_find(int owner, int *ret_maker, int *ret_jail, struct complaint *complaint);

#endif
