/* SPDX-License-Identifier: Apache-2.0 */
/* The layers that confine.c puts in force. */
#ifndef KS_EGRESS_CONFINE_PARTS_H
#define KS_EGRESS_CONFINE_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "egress/confine.h"

/* Fills the complaint and returns -code. */
int complain(struct complaint *complaint, int code, const char *step, const char *detail);

/* Never above what the owner may have. */
int limit_descriptors(uint64_t descriptors, struct complaint *complaint);

/* No right in any file, and no port to listen on. *ret_abi is 0 where the kernel has no Landlock.
 */
int landlock_proxy(int *ret_abi, struct complaint *complaint);

/* What getaddrinfo() reads, and TCP to name servers alone. */
int landlock_resolver(struct complaint *complaint);

/* The filter of the proxy, or of the resolver; no_new_privs is in force. */
int filter_enforce(bool resolver, struct complaint *complaint);

#endif
