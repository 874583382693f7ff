/* SPDX-License-Identifier: Apache-2.0 */
/* The egress proxy of one jail: started right after the jail, beside which it becomes ready, and
 * ended after it, so that it can say what became of the worker's connections. Must not: let the
 * worker start before the proxy serves, or the jail's end wait for ever for the proxy's. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "egress/config.h"
#include "egress/owner.h"
#include "egress/owner_report.h"
#include "linux/jail/parts.h"
#include "vm/jail/vm_jail.h"

#define DRAIN_MS 2000 /* for what the worker has sent and the network has not taken yet */
#define PATIENCE_MS 1000 /* past it, for a proxy that does not end */

/* Of the limits as the policy has them. */
static void fill_config(const struct ks_plan *plan, bool alone, struct egress_config *config)
{
	egress_config_fill(&plan->policy->egress, config);
	config->drain_ms = DRAIN_MS;
	if (access("/proc/net/if_inet6", F_OK) < 0)
		config->flags |= EGRESS_FLAG_NO_V6;
	/* Ids that own nothing, and that no worker of this caller has. */
	if (alone && plan->identity.drop) {
		config->flags |= EGRESS_FLAG_IDS;
		config->uid = config->gid = kernel_id_next();
	}
}

/* In an audit that is shared by many workers. */
static int name_it(const struct ks_policy *policy, struct egress_config *config, ks_error **reterr)
{
	int r = egress_config_name_policy(policy, config);

	egress_config_name_worker(config);
	return r < 0 ? error_set(reterr, r, ABOUT(.step = "egress"),
			       "the policy cannot be named in the audit: %s", strerror(-r))
		     : 0;
}

/* The group is made while the proxy's program is loaded. */
static int open_proxy(const struct ks_plan *plan, const struct ks_host *host,
	const struct jail_setup *outer, struct jail *jail, ks_error **reterr)
{
	const struct ks_policy *policy = plan->policy;
	const char *entries[KS_MAX_ENDPOINTS];
	int groups[CGROUP_MAX_JOIN];
	struct egress_setup setup = {.entries = entries,
		.n_entries = policy->n_endpoints,
		.audit = outer->audit,
		.groups = groups,
		.jail = &jail->egress_pair[1],
		.pool = outer->pool,
		.host = host};
	int r = egress_open(&setup, &jail->egress, reterr);

	/* A pool's is in its own, and has its ids. */
	if (r == 0 && !outer->pool)
		r = jail_make_network_group(plan, host, jail, egress_pid(jail->egress), reterr);
	if (r < 0)
		return r;
	if (jail->egress_group)
		setup.n_groups = (size_t)cgroup_join_fds(jail->egress_group, groups);
	for (size_t i = 0; i < policy->n_endpoints; i++)
		entries[i] = policy->endpoints[i].text;
	fill_config(plan, !outer->pool, &setup.config);
	if (outer->audit >= 0)
		r = name_it(outer->policy ? outer->policy : policy, &setup.config, reterr);
	if (r < 0)
		return r;
	return egress_tell(jail->egress, &setup, reterr);
}

int jail_pair_network(const struct ks_plan *plan, struct jail *jail, ks_error **reterr)
{
	if (plan->network != NETWORK_PROXY)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, jail->egress_pair) == 0)
		return 0;
	return error_set(reterr, -errno, ABOUT(.step = "egress"),
		"the egress proxy cannot be talked to: %s", strerror(errno));
}

int jail_open_network(const struct ks_plan *plan, const struct ks_host *host,
	const struct jail_setup *setup, struct jail *jail, ks_error **reterr)
{
	int r = plan->network == NETWORK_PROXY ? open_proxy(plan, host, setup, jail, reterr) : 0;

	/* The proxy takes the end of the jail's last copy for: there will be no more sockets. */
	drop_fd(&jail->egress_pair[0]);
	drop_fd(&jail->egress_pair[1]);
	return r;
}

int jail_await_network(struct jail *jail, int patience_ms, ks_error **reterr)
{
	return jail->egress ? egress_await_ready(jail->egress, patience_ms, reterr) : 0;
}

bool jail_network_waits(const struct jail *jail)
{
	struct pollfd proxy = {.fd = jail->egress ? egress_fd(jail->egress) : -1, .events = POLLIN};

	/* It has nothing to say before its end. */
	return poll(&proxy, 1, 0) == 0;
}

int jail_network_fd(const struct jail *jail)
{
	return jail->egress ? egress_fd(jail->egress) : -1;
}

/* So that the jail's end does not wait for one that hangs. */
static void arm_patience(struct jail *jail)
{
	const struct itimerspec when = {.it_value.tv_sec = (DRAIN_MS + PATIENCE_MS) / 1000};
	struct epoll_event event = {.events = EPOLLIN};

	jail->patience = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (jail->patience < 0 || timerfd_settime(jail->patience, 0, &when, NULL) < 0 ||
		epoll_ctl(jail->epoll, EPOLL_CTL_ADD, jail->patience, &event) < 0)
		jail->impatient = true;
}

void jail_stop_network(struct jail *jail)
{
	if (!jail->egress || jail->egress_stopped)
		return;
	jail->egress_stopped = true;
	egress_stop(jail->egress);
	arm_patience(jail);
}

static bool is_impatient(struct jail *jail)
{
	struct pollfd due = {.fd = jail->patience, .events = POLLIN};

	return jail->impatient || (jail->patience >= 0 && poll(&due, 1, 0) > 0);
}

bool jail_dispatch_network(struct jail *jail)
{
	bool ended;

	if (!jail->egress)
		return true;
	ended = egress_dispatch(jail->egress);
	if (!ended && !is_impatient(jail))
		return false;
	egress_network_keep(egress_report(jail->egress), ended, &jail->network);
	if (jail->network.died && ended &&
		(egress_report(jail->egress)->memory || jail_network_out_of_memory(jail)))
		jail->network.why = NETWORK_END_MEMORY;
	egress_free(jail->egress);
	jail->egress = NULL;
	jail_remove_network_group(jail);
	return true;
}

const struct network_report *jail_network(const struct jail *jail)
{
	return jail->vm ? vm_jail_network(jail->vm) : &jail->network;
}

void jail_free_network(struct jail *jail)
{
	egress_free(jail->egress);
	jail->egress = NULL;
	drop_fd(&jail->egress_pair[0]);
	drop_fd(&jail->egress_pair[1]);
	jail_remove_network_group(jail);
	network_report_done(&jail->network);
	drop_fd(&jail->patience);
}
