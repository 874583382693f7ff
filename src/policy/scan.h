/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens of JSON, as position.c needs them: each function moves *at behind what it read, or
 * notes where the text stops being JSON and returns -EINVAL. */
#ifndef KS_POLICY_SCAN_H
#define KS_POLICY_SCAN_H

#include "policy/position.h"

bool scan_peek(const struct positions *p, size_t at, char c);
void scan_space(const struct positions *p, size_t *at);
int scan_string(struct positions *p, size_t *at);
/* A string, a number, true, false or null. */
int scan_scalar(struct positions *p, size_t *at);

/* Notes that the byte at that offset cannot stand there; returns -EINVAL. */
int scan_stop(struct positions *p, size_t at, const char *expected);

#endif
