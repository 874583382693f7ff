/* SPDX-License-Identifier: Apache-2.0 */
/* What the proxy and its resolver say to each other: one message a question, one an answer. */
#ifndef KS_EGRESS_RESOLVER_CHILD_H
#define KS_EGRESS_RESOLVER_CHILD_H

#include "egress/resolver.h"

struct question {
	uint32_t ticket;
	char name[KS_MAX_HOST + 1]; /* NUL-terminated */
};

/* Of kastellan-names on Linux: the way to the proxy. */
#define NAMES_SLOT_SOCKET 3

/* The answer of the host's name service, asked with the settings that resolver_settings() puts in
 * force for the calling thread; without them (false) nothing is asked. */
void resolver_answer(const struct question *question, struct resolution *ret_resolution);
bool resolver_settings(void);

#endif
