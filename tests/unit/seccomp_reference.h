/* SPDX-License-Identifier: Apache-2.0 */
/* The same table and rules as libseccomp would have them, to compare with. */
#ifndef KS_TESTS_SECCOMP_REFERENCE_H
#define KS_TESTS_SECCOMP_REFERENCE_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

#include "linux/seccomp/table.h"

struct reference {
	struct sock_filter *code; /* free() it */
	size_t len;
};

/* The number that libseccomp has for the name, or -1. */
int reference_number(enum seccomp_machine machine, const char *name);

/* Whether libseccomp has a call of that number. */
bool reference_knows(enum seccomp_machine machine, int nr);

/* All rows whose action, of a list with one for each, does not depend on arguments, and that
 * libseccomp knows. Calls without a row of their own get ENOSYS; so do those with an argument rule.
 */
void reference_actions(enum seccomp_machine machine, const enum seccomp_action *actions,
	bool notify, struct reference *ret_reference);

/* One clause of a rule, for a call of that machine: ALLOW where it holds, else EPERM. */
void reference_clause(enum seccomp_machine machine, const char *call,
	const struct seccomp_clause *clause, struct reference *ret_reference);

#endif
