/* SPDX-License-Identifier: Apache-2.0 */
/* The rules for one value of a policy, whoever brings it: the parser and the setters of the API ask
 * the same functions. They look at the text alone, never at the host.
 *
 * Each returns 0, or notes a problem at that offset and returns its negative errno value. Outputs
 * change only on success and belong to the caller. */
#ifndef KS_POLICY_CHECK_H
#define KS_POLICY_CHECK_H

#include "policy/policy.h"
#include "policy/problems.h"

struct policy_field_info;

/* An absolute path, "?" before it when it is optional, in its normal form: one slash between
 * components, none at the end, no ".". */
int check_path(struct problems *to, size_t at, enum policy_field field, const char *bytes,
	size_t len, struct policy_path *ret_path);

/* "host:port", "*.domain:port". The one rule that asks more than the text: an international name is
 * refused where libidn2 is missing. */
int check_endpoint(struct problems *to, size_t at, const char *bytes, size_t len,
	struct policy_endpoint *ret_endpoint);

/* Anything that is not empty and holds no "=" and no control character. */
int check_env_name(struct problems *to, size_t at, const char *bytes, size_t len);

/* The value may hold anything but NUL; with its name it must fit into one string of execve(2). */
int check_env_value(
	struct problems *to, size_t at, const char *name, const char *bytes, size_t len);

/* A number against the bounds of its field or setting; KS_POLICY_UNSET stands for null. */
int check_number(
	struct problems *to, size_t at, const struct policy_field_info *info, uint64_t value);

/* A number as JSON writes it: only one in plain digits is whole beyond doubt. */
int check_number_text(struct problems *to, size_t at, const struct policy_field_info *info,
	const char *text, size_t len, uint64_t *ret_value);

/* Refuses what stands in the place of a number: text is what the author may have meant, such as
 * `64M`; shown is how he wrote it. */
int refuse_number(struct problems *to, size_t at, const struct policy_field_info *info,
	const char *text, size_t len, const char *shown);

#endif
