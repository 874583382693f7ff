/* SPDX-License-Identifier: Apache-2.0 */
/* A policy that bytes describe: few different paths, so that grants lie in and upon each other. */
#ifndef KS_TESTS_FUZZ_PLAN_BUILDER_H
#define KS_TESTS_FUZZ_PLAN_BUILDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <kastellan/policy.h>

struct source {
	const uint8_t *bytes;
	size_t len;
};

/* 0 where nothing is left. */
uint8_t source_byte(struct source *source);
/* NULL where memory is short. What the setters refuse is left out. */
ks_policy *build_policy(struct source *source);

#endif
