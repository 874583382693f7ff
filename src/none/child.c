/* SPDX-License-Identifier: Apache-2.0 */
/* A system on which this version runs nothing: the only child that there can be is one that a stub
 * backend says has ended. */
#include "supervise/child.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"

static int refuse(ks_error **reterr)
{
	return error_set(reterr, -EOPNOTSUPP,
		ABOUT(.step = "start",
			.remedy = "run it on Linux; kastellan plan shows what would hold here"),
		"this version of kastellan starts no worker on this operating system");
}

/* Its descriptor is readable from the start on, as the other end is closed. */
static int ended_descriptor(void)
{
	int ends[2];

	if (pipe(ends) < 0)
		return -errno;
	close(ends[1]);
	return ends[0];
}

int child_finished(struct ks_plan *plan, int exit_code, ks_child **ret_child)
{
	struct ks_child *child = calloc(1, sizeof(*child));
	int r;

	if (!child) {
		plan_free(plan);
		return -ENOMEM;
	}
	child->plan = plan;
	child->waiter = WAITER_NONE;
	child->terminal = -1;
	child->ending = (struct ending){.have_status = true, .status = (exit_code & 0xff) << 8};
	child->waiter.fd = ended_descriptor();
	r = child->waiter.fd < 0 ? child->waiter.fd
				 : outcome_new(&child->ending, ks_backend_kind_name(plan->kind),
					   &plan->receipt, &child->outcome);
	if (r < 0) {
		ks_child_free(child);
		return r;
	}
	*ret_child = child;
	return 0;
}

int child_start(struct ks_plan *plan, const struct ks_host *host,
	const struct ks_run_options *options, ks_child **ret_child, ks_error **reterr)
{
	(void)host;
	(void)options;
	(void)ret_child;
	plan_free(plan);
	return refuse(reterr);
}

int child_start_in(struct jail *jail, struct ks_plan *plan, const struct ks_host *host,
	const char *const *argv, const struct ks_run_options *options, ks_child **ret_child,
	ks_error **reterr)
{
	(void)argv;
	jail_free(jail);
	return child_start(plan, host, options, ret_child, reterr);
}

int child_audit(const struct ks_run_options *options)
{
	return options->egress_audit ? options->egress_audit_fd : -1;
}

int jail_build(const struct ks_plan *plan, const struct ks_host *host,
	const struct jail_setup *setup, struct jail **ret_jail, ks_error **reterr)
{
	(void)plan;
	(void)host;
	(void)setup;
	(void)ret_jail;
	return refuse(reterr);
}

bool jail_waits(const struct jail *jail)
{
	(void)jail;
	return false;
}

void jail_free(struct jail *jail)
{
	(void)jail;
}

int jail_settle(bool wait, ks_error **reterr)
{
	(void)wait;
	(void)reterr;
	return 0;
}

int ks_child_stdio(const ks_child *child, int stream)
{
	(void)child;
	(void)stream;
	return -1;
}

int ks_child_take_stdio(ks_child *child, int stream)
{
	return ks_child_stdio(child, stream);
}

int ks_child_terminal(const ks_child *child)
{
	return child->terminal;
}

int ks_child_resize(ks_child *child, uint16_t rows, uint16_t columns)
{
	(void)child;
	(void)rows;
	(void)columns;
	return -ESRCH;
}

int ks_child_fd(const ks_child *child)
{
	return child->waiter.fd;
}

int ks_child_dispatch(ks_child *child, ks_error **reterr)
{
	(void)child;
	(void)reterr;
	return 1;
}

int ks_child_wait(ks_child *child, ks_error **reterr)
{
	(void)child;
	(void)reterr;
	return 0;
}

int ks_child_signal(ks_child *child, int signal)
{
	(void)child;
	(void)signal;
	return -ESRCH;
}

int ks_child_stop(ks_child *child)
{
	return ks_child_signal(child, 0);
}

int ks_child_kill(ks_child *child)
{
	(void)child;
	return 0;
}

const ks_outcome *ks_child_outcome(const ks_child *child)
{
	return child->outcome;
}

void ks_child_free(ks_child *child)
{
	if (!child)
		return;
	if (child->waiter.fd >= 0)
		close(child->waiter.fd);
	ks_outcome_free(child->outcome);
	plan_free(child->plan);
	free(child);
}
