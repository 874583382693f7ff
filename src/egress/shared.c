/* SPDX-License-Identifier: Apache-2.0 */
/* The process of a pool. It is as confined as one that a worker has to itself, and has a control
 * group of its own: what all its tenants make it hold, and the kernel on its behalf, is counted
 * there and has an end. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "egress/network_memory.h"
#include "egress/owner_parts.h"
#include "egress/shared.h"
#include "linux/control_message.h"

#define CONDEMNED_MS 5000 /* for one that was killed to be gone */
#define ADMIT_MS 30000 /* for a process that has others to serve; the start of a worker waits */

static int make_group(struct egress_shared *shared, const struct egress_pool_config *config,
	const struct host_cgroup *host, ks_error **reterr)
{
	const struct cgroup_limits limits = {.memory_bytes = network_memory_of_pool(config),
		.tasks = CGROUP_NO_LIMIT,
		.cpu_quota_pct = CGROUP_NO_LIMIT};
	const struct host_cgroup alone = network_memory_alone(host);
	int r;

	if (!host->memory)
		return 0;
	r = keeper_start(&shared->keeper, reterr);
	if (r == 0)
		r = cgroup_new(&alone, &shared->group, reterr);
	/* It is told before and after, as a monitor is. */
	if (r == 0)
		r = keeper_tell(&shared->keeper, shared->group, reterr);
	if (r == 0)
		r = cgroup_create(shared->group, &limits, egress_pid(shared->process), reterr);
	return r < 0 ? r : keeper_tell(&shared->keeper, shared->group, reterr);
}

static int tell(
	struct egress_shared *shared, const struct egress_pool_config *config, ks_error **reterr)
{
	struct egress_pool_config told = *config;
	int groups[CGROUP_MAX_JOIN];
	int n = shared->group ? cgroup_join_fds(shared->group, groups) : 0;
	int r;

	told.version = EGRESS_VERSION;
	told.groups = n > 0 ? (uint32_t)n : 0;
	if (told.groups > EGRESS_MAX_GROUPS)
		return owner_fail(reterr, -E2BIG, "cannot join its control group", NULL);
	r = control_send(
		shared->process->socket, EGRESS_POOL, 0, &told, sizeof(told), groups, told.groups);
	/* One that is gone already says why to whoever comes. */
	if (r == 0 || r == -EPIPE)
		return 0;
	return owner_fail(reterr, r, "cannot be told what it may do", NULL);
}

static bool remove_group(struct egress_shared *shared)
{
	bool gone = true;

	if (!shared->group)
		return true;
	if (!cgroup_remove_empty(shared->group))
		gone = cgroup_kill(shared->group) == 0 && cgroup_remove(shared->group) == 0;
	cgroup_free(shared->group);
	shared->group = NULL;
	return gone;
}

static void shared_free(struct egress_shared *shared)
{
	drop_fd(&shared->lobby);
	egress_free(shared->process);
	keeper_end(&shared->keeper, remove_group(shared));
	drop_fd(&shared->ended);
	pthread_mutex_destroy(&shared->lock);
	free(shared);
}

/* The group is made while the program is loaded. */
static int start(struct egress_shared *shared, const struct egress_pool_config *config,
	const struct host_cgroup *host, ks_error **reterr)
{
	static const struct egress_setup nothing = {.audit = -1};
	int r = egress_open(&nothing, &shared->process, reterr);

	if (r < 0)
		return r;
	shared->ended = fcntl(shared->process->ended, F_DUPFD_CLOEXEC, 3);
	shared->lobby = fcntl(shared->process->socket, F_DUPFD_CLOEXEC, 3);
	if (shared->ended < 0 || shared->lobby < 0)
		return owner_fail(reterr, -errno, "cannot be watched", NULL);
	r = make_group(shared, config, host, reterr);
	return r < 0 ? r : tell(shared, config, reterr);
}

int shared_start(const struct egress_pool_config *config, const struct host_cgroup *host,
	struct egress_shared **ret_shared, ks_error **reterr)
{
	struct egress_shared *shared = calloc(1, sizeof(*shared));
	int r;

	if (!shared)
		return error_oom(reterr);
	shared->users = 1;
	shared->ended = shared->lobby = -1;
	shared->keeper = KEEPER_NONE;
	pthread_mutex_init(&shared->lock, NULL);
	r = start(shared, config, host, reterr);
	if (r < 0) {
		shared_free(shared);
		return r;
	}
	*ret_shared = shared;
	return 0;
}

static bool takes_more(struct egress_shared *shared)
{
	bool takes;

	pthread_mutex_lock(&shared->lock);
	egress_dispatch(shared->process);
	takes = shared->process->socket >= 0 && !shared->condemned;
	pthread_mutex_unlock(&shared->lock);
	return takes;
}

int shared_admit(struct egress_shared *shared, const int *fds, size_t n_fds)
{
	const uint32_t version = EGRESS_VERSION;
	int64_t deadline = clock_ms() + ADMIT_MS;
	int r = takes_more(shared) ? -EAGAIN : -EPIPE;

	while (r == -EAGAIN) {
		struct pollfd room = {.fd = shared->lobby, .events = POLLOUT};
		int64_t left = deadline - clock_ms();

		r = control_send(shared->lobby, EGRESS_TENANT, (int32_t)n_fds, &version,
			sizeof(version), fds, n_fds);
		if (r == -EAGAIN && left <= 0)
			r = -ETIMEDOUT;
		else if (r == -EAGAIN)
			poll(&room, 1, (int)left);
	}
	if (r == 0)
		__atomic_add_fetch(&shared->users, 1, __ATOMIC_RELAXED);
	return r;
}

int egress_shared_fd(const struct egress_shared *shared)
{
	return shared->ended;
}

/* With the lock. */
static void note_end(struct egress_shared *shared)
{
	struct cgroup_usage usage;

	if (shared->over || !egress_dispatch(shared->process))
		return;
	shared->over = true;
	shared->status = egress_report(shared->process)->status;
	shared->memory = shared->group && cgroup_usage(shared->group, &usage) == 0 &&
			 usage.oom_kills > 0;
}

bool egress_shared_ended(struct egress_shared *shared, int *ret_status, bool *ret_memory)
{
	bool over;

	pthread_mutex_lock(&shared->lock);
	note_end(shared);
	over = shared->over;
	*ret_status = shared->status;
	*ret_memory = shared->memory;
	pthread_mutex_unlock(&shared->lock);
	return over;
}

int egress_shared_why(struct egress_shared *shared, ks_error **reterr)
{
	int r;

	pthread_mutex_lock(&shared->lock);
	egress_dispatch(shared->process);
	r = owner_say_why(shared->process, reterr);
	pthread_mutex_unlock(&shared->lock);
	return r;
}

/* The pool must not take it for a living one afterwards. */
void egress_shared_condemn(struct egress_shared *shared)
{
	struct pollfd ended = {.fd = shared->ended, .events = POLLIN};

	pthread_mutex_lock(&shared->lock);
	note_end(shared);
	shared->condemned = true;
	if (!shared->over)
		owner_kill(shared->process);
	pthread_mutex_unlock(&shared->lock);
	while (poll(&ended, 1, CONDEMNED_MS) < 0 && errno == EINTR)
		;
}

void egress_shared_unref(struct egress_shared *shared)
{
	if (shared && __atomic_sub_fetch(&shared->users, 1, __ATOMIC_ACQ_REL) == 0)
		shared_free(shared);
}
