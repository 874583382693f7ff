/* SPDX-License-Identifier: Apache-2.0 */
/* The stages in order, on one page:
 *
 *   policy (parsed, validated) -> backend (resolved) -> plan -> receipt checked -> jail -> outcome
 */
#ifndef KS_CORE_PIPELINE_H
#define KS_CORE_PIPELINE_H

#include <kastellan/run.h>

#include "plan/plan.h"
#include "resolve/backends.h"
#include "supervise/jail.h"

/* Copies a structure that begins with its size from a caller of another age: what it does not have
 * stays as it is in options. least: the smallest size there ever was. Returns 0, -EINVAL, or -E2BIG
 * for a newer caller's non-zero tail. */
int options_copy_sized(
	const void *given, size_t least, void *options, size_t size, ks_error **reterr);

/* Complete options: every member has its meaning, none is left to a default. Returns 0, -EINVAL,
 * or -E2BIG for a newer caller's non-zero tail. */
int options_complete(
	const struct ks_run_options *given, struct ks_run_options *ret_options, ks_error **reterr);

int pipeline_plan(ks_backend *backend, const ks_policy *policy, const char *const *argv,
	const struct ks_run_options *options, struct ks_plan **ret_plan, ks_error **reterr);

/* A plan that may be carried out: the host can, and its receipt is what the caller accepts. argv
 * may be NULL here and above. *ret_host: the host it is for; NULL for a stub's plan. */
int pipeline_checked_plan(ks_backend *backend, const ks_policy *policy, const char *const *argv,
	const struct ks_run_options *options, struct ks_plan **ret_plan,
	const struct ks_host **ret_host, ks_error **reterr);

/* 0, or -EINVAL or -E2BIG: a program that can be named to a jail. */
int pipeline_check_argv(const char *const *argv, ks_error **reterr);

/* All but the program: a jail that waits for it. A stub has a plan and no jail. */
int pipeline_build(ks_backend *backend, const ks_policy *policy,
	const struct ks_run_options *options, struct ks_plan **ret_plan, struct jail **ret_jail,
	ks_error **reterr);

int pipeline_spawn(ks_backend *backend, const ks_policy *policy, const char *const *argv,
	const struct ks_run_options *options, ks_child **ret_child, ks_error **reterr);

#endif
