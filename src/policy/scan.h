/* SPDX-License-Identifier: Apache-2.0 */
/* The tokens of JSON, as position.c needs them: each function moves *at behind what it read, or
 * notes where the text stops being JSON and returns -EINVAL. */
#ifndef KS_POLICY_SCAN_H
#define KS_POLICY_SCAN_H

#include "policy/position.h"

bool scan_peek(const struct positions *p, size_t at, char c);
void scan_space(const struct positions *p, size_t *at);
/* ret_length is that of the decoded string, in bytes. */
int scan_string(struct positions *p, size_t *at, size_t *ret_length);
/* A string, a number, true, false or null; ret_length is set for a string only. */
int scan_scalar(struct positions *p, size_t *at, size_t *ret_length);

/* Notes that the byte at that offset cannot stand there; returns -EINVAL. */
int scan_stop(struct positions *p, size_t at, const char *expected);

#endif
