/* SPDX-License-Identifier: Apache-2.0 */
/* From a plan to a running program. Should: have the monitor under way before anything exists that
 * would have to be removed; have the worker in its group before its first instruction. Must not:
 * return success before the kernel has executed the program under everything that was planned. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "linux/jail/announce.h"
#include "linux/jail/kept.h"
#include "linux/jail/parts.h"
#include "linux/jail/root_cache.h"
#include "linux/jail/spec_plan.h"
#include "linux/probe/probe.h"
#include "plan/open_grants.h"
#include "vm/jail/vm_jail.h"

#define LAST_WORDS_MS 200 /* for a jail that is dying to say why */
#define START_PATIENCE_MS 30000 /* a set-up that takes longer has hung */

void jail_complaint(const struct jail *jail, char text[COMPLAINT_MAX])
{
	file_last_line(jail->complaints, text, COMPLAINT_MAX);
}

int jail_announce_group(struct jail *jail, const struct cgroup *group, ks_error **reterr)
{
	int r = announce_group(jail->monitor_socket, group);

	if (r < 0 && r != -EPIPE)
		return error_set(reterr, r, ABOUT(.step = "cgroup"),
			"the monitor cannot be told of the control group: %s", strerror(-r));
	return 0;
}

static int make_group(struct jail *jail, const struct ks_host *host, const struct ks_plan *plan,
	ks_error **reterr)
{
	int r = cgroup_new(&host->cgroup, &jail->group, reterr);

	if (r < 0)
		return r;
	jail->limits = (struct cgroup_limits){.memory_bytes = plan->limits.memory_bytes,
		.tasks = plan->limits.tasks,
		.cpu_quota_pct = plan->limits.cpu_quota_pct};
	r = jail_announce_group(jail, jail->group, reterr);
	if (r == 0)
		r = cgroup_create(jail->group, &jail->limits, jail->monitor, reterr);
	/* A scope has its directories only now. */
	if (r == 0 && host->cgroup.manager == CGROUP_SCOPE)
		r = jail_announce_group(jail, jail->group, reterr);
	return r;
}

int jail_set_quota(struct jail *jail, uint64_t quota_pct, ks_error **reterr)
{
	if (!jail->group || quota_pct == UINT64_MAX)
		return 0;
	jail->limits.cpu_quota_pct = quota_pct;
	return cgroup_set_limits(jail->group, &jail->limits, reterr);
}

static int say_go(struct jail *jail, ks_error **reterr)
{
	int fds[CGROUP_MAX_JOIN];
	int n = jail->group ? cgroup_join_fds(jail->group, fds) : 0;
	int r = control_send(jail->init_socket, CONTROL_GO, 0, NULL, 0, fds, n > 0 ? (size_t)n : 0);

	/* A jail that is gone already has more to say about it than this. */
	if (r == 0 || r == -EPIPE)
		return 0;
	return error_set(reterr, r, ABOUT(.step = "start"),
		"the jail cannot be told to start the program: %s", strerror(-r));
}

static int watch(struct jail *jail, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events};

	if (fd < 0)
		return 0;
	return epoll_ctl(jail->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

static int watch_all(struct jail *jail, ks_error **reterr)
{
	uint32_t events = EPOLLIN;
	int group_fd = jail->group ? cgroup_event_fd(jail->group, &events) : -1;
	int r = watch(jail, jail->init_socket, EPOLLIN);

	if (r == 0)
		r = watch(jail, jail->monitor_socket, EPOLLIN);
	if (r == 0)
		r = watch(jail, jail->monitor_pidfd, EPOLLIN);
	if (r == 0)
		r = watch(jail, group_fd, events);
	if (r == 0)
		r = watch(jail, jail_network_fd(jail), EPOLLIN);
	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "start"),
			"the jail cannot be watched: %s", strerror(-r));
	return 0;
}

/* A group cannot be made for a jail that has died meanwhile: then its own reason is the one to
 * tell. It cannot have started the program, as nobody has told it to. */
static int make_group_or_why(struct jail *jail, const struct ks_host *host,
	const struct ks_plan *plan, ks_error **reterr)
{
	struct pollfd monitor = {.fd = jail->monitor_socket, .events = POLLIN};
	ks_error *error = NULL;
	int r = make_group(jail, host, plan, &error);

	if (r < 0 && poll(&monitor, 1, LAST_WORDS_MS) > 0) {
		int why = jail_await_start(jail, host, plan, reterr);

		if (why < 0) {
			ks_error_free(error);
			return why;
		}
	}
	if (r < 0 && reterr)
		*reterr = error;
	else
		ks_error_free(error);
	return r;
}

static int start(const struct ks_plan *plan, const struct ks_host *host,
	const struct jail_setup *setup, struct jail *jail, ks_error **reterr)
{
	const struct jail_stdio *stdio = setup->stdio;
	int r = jail_pair_network(plan, jail, reterr);

	jail->machine = plan->filter.machine;
	if (r == 0)
		r = apply_jail(plan, host, setup, jail, reterr);
	/* While the jail is made. */
	if (r == 0)
		r = jail_open_network(plan, host, setup, jail, reterr);
	if (r == 0 && plan->limits.group)
		r = make_group_or_why(jail, host, plan, reterr);
	if (r == 0)
		r = jail_await_network(jail, START_PATIENCE_MS, reterr);
	if (r == 0)
		r = say_go(jail, reterr);
	/* There is nothing to do before the program runs. */
	grants_settle();
	root_cache_refill(kept_roots(host));
	if (r == 0)
		r = stdio ? jail_await_start(jail, host, plan, reterr)
			  : jail_await_armed(jail, host, plan, reterr);
	return r < 0 ? r : watch_all(jail, reterr);
}

int jail_start(const struct ks_plan *plan, const struct ks_host *host,
	const struct jail_setup *setup, struct jail **ret_jail, ks_error **reterr)
{
	struct jail *jail = jail_alloc();
	int r;

	if (!jail)
		return error_set(reterr, -errno, ABOUT(.step = "start"),
			"a jail cannot be allocated: %s", strerror(errno));
	r = vm_jail_wanted(plan) ? vm_jail_start(plan, host, setup, jail->epoll, &jail->vm, reterr)
				 : start(plan, host, setup, jail, reterr);
	if (r < 0) {
		jail_free(jail);
		return r;
	}
	*ret_jail = jail;
	return 0;
}

/* Its streams come with its program. */
int jail_build(const struct ks_plan *plan, const struct ks_host *host,
	const struct jail_setup *setup, struct jail **ret_jail, ks_error **reterr)
{
	return jail_start(plan, host,
		&(struct jail_setup){.audit = setup->audit, .pool = setup->pool}, ret_jail, reterr);
}

bool jail_waits(const struct jail *jail)
{
	struct pollfd fds[] = {{.fd = jail->init_socket, .events = POLLIN},
		{.fd = jail->monitor_socket, .events = POLLIN}};

	if (jail->vm)
		return vm_jail_waits(jail->vm);
	/* Neither has anything to say as long as all is well. */
	return poll(fds, 2, 0) == 0 && jail_network_waits(jail);
}

int jail_run(struct jail *jail, const struct ks_plan *plan, const struct ks_host *host,
	const char *const *argv, const struct jail_stdio *stdio, ks_error **reterr)
{
	const struct vm_program program = {
		.plan = plan, .host = host, .argv = argv, .stdio = stdio};
	int fds[CONTROL_PROGRAM_FDS] = {-1, stdio->fds[0], stdio->fds[1], stdio->fds[2]};
	int r;

	if (jail->vm)
		return vm_jail_run(jail->vm, &program, jail->epoll, reterr);
	/* Another backend's jail has a directory of its own on the host, or a helper, to be waited
	 * for. */
	jail->leaves = plan->kind == KS_BACKEND_NATIVE && !jail->egress;
	r = spec_of_arguments(argv, &fds[0]);
	if (r == 0) {
		if (jail->kernel_id)
			give_pipes(stdio, jail->kernel_id);
		r = control_send(
			jail->init_socket, CONTROL_PROGRAM, 0, NULL, 0, fds, CONTROL_PROGRAM_FDS);
		close(fds[0]);
	}
	/* A jail that is gone already has more to say about it than this. */
	if (r < 0 && r != -EPIPE)
		return error_set(reterr, r, ABOUT(.step = "start"),
			"the jail cannot be told its program: %s", strerror(-r));
	return jail_await_start(jail, host, plan, reterr);
}

/* 1 = what is waited for, 0 = go on, -errno with the error set. */
static int take_from_init(struct jail *jail, enum control_type awaited, const struct ks_host *host,
	const struct ks_plan *plan, ks_error **reterr)
{
	struct control_message message;

	while (jail_hear_init(jail, &message) > 0) {
		if (message.header.type == CONTROL_TTY && message.n_fds == 1 &&
			jail->terminal < 0) {
			jail->terminal = message.fds[0];
			message.n_fds = 0;
		}
		if (message.header.type == CONTROL_READY && message.n_fds == 1) {
			kept_hold_network(host, message.fds[0]);
			message.n_fds = 0;
		}
		control_message_drop_fds(&message);
		if (message.header.type == awaited)
			return 1;
		if (message.header.type == CONTROL_FAILED)
			return setup_error(plan, &message, reterr);
	}
	return 0;
}

/* A step of the jail's own making that the kernel refuses without saying why. */
static bool needs_namespaces(const struct control_message *message)
{
	const char *step = message->data;
	const char *detail = step + strlen(step) + 1 < step + message->len ? step + strlen(step) + 1
									   : "";

	if (strcmp(step, "mount") == 0)
		return strcmp(detail, "/proc") == 0;
	/* At the root of a chroot, which is no mount. */
	if (strcmp(step, "stage") == 0)
		return strcmp(detail, "the mounts' propagation") == 0;
	return strcmp(step, "namespaces") == 0 || strcmp(step, "map") == 0;
}

static int take_from_monitor(struct jail *jail, const struct ks_host *host,
	const struct ks_plan *plan, ks_error **reterr)
{
	struct control_message message;
	int r = control_receive(jail->monitor_socket, &message);

	if (r == 0)
		return 0;
	if (r > 0)
		control_message_drop_fds(&message);
	if (r > 0 && message.header.type == CONTROL_MONITOR_FAILED) {
		r = needs_namespaces(&message) ? probe_why_no_namespaces(host, reterr) : 0;
		return r < 0 ? r : setup_error(plan, &message, reterr);
	}
	jail->helper_gone = true;
	return 0;
}

/* The helper ended without init having said anything: only its own words can say why. */
static int helper_failed(struct jail *jail, const struct ks_host *host, const struct ks_plan *plan,
	ks_error **reterr)
{
	char complaint[COMPLAINT_MAX];

	jail_complaint(jail, complaint);
	if (!plan->helper.len && !complaint[0])
		return error_set(reterr, -EIO,
			ABOUT(.step = "start",
				.remedy = "see kastellan doctor; in a build tree, see what "
					  "KASTELLAN_INIT names"),
			"the jail ended without a word: it was killed, or kastellan-init is "
			"another program");
	return probe_why_not(host, complaint, reterr);
}

static int await(struct jail *jail, enum control_type awaited, const struct ks_host *host,
	const struct ks_plan *plan, ks_error **reterr)
{
	int64_t deadline = clock_ms() + START_PATIENCE_MS;
	int started = jail_await_monitor(jail, reterr);

	if (started < 0)
		return started;
	for (;;) {
		struct pollfd fds[2] = {{.fd = jail->init_socket, .events = POLLIN},
			{.fd = jail->monitor_socket, .events = POLLIN}};
		int64_t left = deadline - clock_ms();
		int r;

		if (left <= 0)
			return error_set(reterr, -ETIMEDOUT, ABOUT(.step = "start"),
				"the jail was not ready within %d seconds",
				START_PATIENCE_MS / 1000);
		if (poll(fds, 2, (int)left) < 0 && errno != EINTR)
			return error_set(reterr, -errno, ABOUT(.step = "start"),
				"waiting for the jail failed: %s", strerror(errno));
		r = take_from_init(jail, awaited, host, plan, reterr);
		if (r != 0)
			return r < 0 ? r : 0;
		r = take_from_monitor(jail, host, plan, reterr);
		if (r < 0)
			return r;
		if (jail->helper_gone) {
			r = take_from_init(jail, awaited, host, plan, reterr);
			return r < 0 ? r : r > 0 ? 0 : helper_failed(jail, host, plan, reterr);
		}
	}
}

int jail_await_ready(struct jail *jail, const struct ks_host *host, const struct ks_plan *plan,
	ks_error **reterr)
{
	return await(jail, CONTROL_READY, host, plan, reterr);
}

int jail_await_armed(struct jail *jail, const struct ks_host *host, const struct ks_plan *plan,
	ks_error **reterr)
{
	return await(jail, CONTROL_ARMED, host, plan, reterr);
}

int jail_await_start(struct jail *jail, const struct ks_host *host, const struct ks_plan *plan,
	ks_error **reterr)
{
	return await(jail, CONTROL_STARTED, host, plan, reterr);
}
