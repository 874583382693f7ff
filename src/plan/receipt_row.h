/* SPDX-License-Identifier: Apache-2.0 */
/* A row of the receipt under construction, for the planners of every platform. */
#ifndef KS_PLAN_RECEIPT_ROW_H
#define KS_PLAN_RECEIPT_ROW_H

#include "base/strbuf.h"
#include "plan/plan.h"

struct receipt_text {
	struct strbuf request;
	struct strbuf mechanism;
	struct strbuf detail;
};

void receipt_text_init(struct receipt_text *text);
void receipt_text_done(struct receipt_text *text);

#define autorow __attribute__((cleanup(receipt_text_done)))

/* A text that is needed until the row has been copied; free with free(). NULL = out of memory. */
char *receipt_format(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The three texts as a row. 0 or -ENOMEM. */
int receipt_row(struct ks_plan *plan, enum policy_field field, struct receipt_text *text,
	enum receipt_verdict verdict, const char *remedy);

/* Starts the next item of a list; false when the list is long enough. */
bool receipt_next(struct strbuf *list, size_t index, size_t total);

/* What the policy asks for, in words. */
void receipt_paths(struct strbuf *text, const struct ks_plan *plan, const struct policy_path *paths,
	size_t n_paths);
void receipt_net(struct strbuf *text, const struct ks_policy *policy);

/* Names alone: values may be secrets, and receipts go into logs. */
void receipt_env(struct strbuf *text, const struct ks_policy *policy);

/* The row of an environment that is exactly the policy's, but for a TMPDIR that names the worker's
 * private directory. 0 or -ENOMEM. */
int receipt_own_env(struct ks_plan *plan);
/* What the proxy's socket adds to it. */
#define RECEIPT_DOOR                                                                               \
	"KASTELLAN_PROXY and ALL_PROXY are added, which name the egress proxy's socket; those of " \
	"the policy take their place"

/* The row of the egress proxy's settings, once there is one of the network: the proxy that holds
 * the list of endpoints is what holds its own settings, and one cannot be had without the other. 0
 * or -ENOMEM. */
int receipt_egress(struct ks_plan *plan);

#endif
