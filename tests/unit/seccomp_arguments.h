/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments with which a rule has to be tried. */
#ifndef KS_TESTS_SECCOMP_ARGUMENTS_H
#define KS_TESTS_SECCOMP_ARGUMENTS_H

#include <linux/seccomp.h>
#include <stdint.h>

#include "linux/seccomp/table.h"

typedef void seccomp_visitor(const struct seccomp_data *data, void *context);

/* Visits every combination of the values that the rule can tell apart, and their neighbours; halves
 * that it does not look at are once empty and once full of bits. */
void visit_seccomp_arguments(const struct seccomp_rule *rule, uint32_t arch, int nr,
	seccomp_visitor *visit, void *context);

#endif
