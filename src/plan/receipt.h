/* SPDX-License-Identifier: Apache-2.0 */
/* Filling of receipt rows, shared by the platforms. */
#ifndef KS_PLAN_RECEIPT_H
#define KS_PLAN_RECEIPT_H

#include "plan/plan.h"

/* What a planner says of one field. Texts may be NULL; they are copied. */
struct receipt_says {
	bool nothing_asked;
	enum receipt_verdict verdict;
	const char *request;
	const char *mechanism;
	const char *detail;
	const char *remedy;
};

/* 0 or -ENOMEM. */
int receipt_say(struct receipt *receipt, enum policy_field field, const struct receipt_says *says);

/* In a detail: between a reason, which other fields may share, and what follows for this one. */
#define RECEIPT_SO "; so "

#define SAYS(...) (&(const struct receipt_says){__VA_ARGS__})

void receipt_done(struct receipt *receipt);

#endif
