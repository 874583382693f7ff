/* SPDX-License-Identifier: Apache-2.0 */
/* The egress proxy of one worker on a Mac: started before the worker, and ended after it, so that
 * it can say what became of the worker's connections. Its unix socket lies in a directory that the
 * warden makes and removes. Must not: let the worker start before the proxy serves, or the worker's
 * end wait for ever for the proxy's. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "egress/config.h"
#include "egress/owner_report.h"
#include "macos/apply/parts.h"
#include "macos/kinds.h"

#define DRAIN_MS 2000 /* for what the worker has sent and the network has not taken yet */
#define PATIENCE_MS 1000 /* past it, for a proxy that does not end */
#define READY_MS 10000
#define BACKLOG 256

/* Into a machine the socket is relayed with its mode, and for root; nobody else of the host gets to
 * it, as the directory is the caller's alone. */
static int listen_at(const char *path, mode_t mode)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	size_t len = strlen(path);
	autofd int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (len >= sizeof(name.sun_path))
		return -ENAMETOOLONG;
	memcpy(name.sun_path, path, len + 1);
	if (fd < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
		bind(fd, (const struct sockaddr *)&name, sizeof(name)) < 0 ||
		chmod(path, mode) < 0 || listen(fd, BACKLOG) < 0)
		return -errno;
	return take_fd(&fd);
}

static int tell(const struct ks_plan *plan, int audit, int door, struct egress_owner *owner,
	ks_error **reterr)
{
	static const enum egress_socket kind = EGRESS_SOCKET_DOOR;
	const struct ks_policy *policy = plan->policy;
	const char *entries[KS_MAX_ENDPOINTS];
	struct egress_setup setup = {.entries = entries,
		.n_entries = policy->n_endpoints,
		.audit = audit,
		.sockets = &door,
		.kinds = &kind,
		.n_sockets = 1};

	for (size_t i = 0; i < policy->n_endpoints; i++)
		entries[i] = policy->endpoints[i].text;
	egress_config_fill(&policy->egress, &setup.config);
	setup.config.drain_ms = DRAIN_MS;
	egress_config_name_worker(&setup.config);
	if (audit >= 0 && egress_config_name_policy(policy, &setup.config) < 0)
		return error_oom(reterr);
	return egress_tell(owner, &setup, reterr);
}

static int watch(struct jail *jail)
{
	int r = waiter_make(&jail->waiter);

	if (r == 0)
		r = waiter_add(&jail->waiter, jail->control);
	return r < 0 ? r : waiter_add(&jail->waiter, egress_fd(jail->egress));
}

int network_open(const struct ks_plan *plan, int audit, struct jail *jail, ks_error **reterr)
{
	const struct worker_names *names = &jail->names;
	static const struct egress_setup nothing = {.audit = -1};
	autofd int door = listen_at(names->socket, plan->kind == KIND_CONTAINER ? 0666 : 0600);
	int r;

	if (door < 0)
		return error_set(reterr, door, ABOUT(.step = "egress", .path = names->socket),
			"the egress proxy's socket cannot be made: %s: %s", names->socket,
			strerror(-door));
	r = egress_open(&nothing, &jail->egress, reterr);
	if (r == 0)
		r = tell(plan, audit, door, jail->egress, reterr);
	if (r == 0)
		r = egress_await_ready(jail->egress, READY_MS, reterr);
	if (r < 0)
		return r;
	r = watch(jail);
	return r < 0 ? error_set(reterr, r, ABOUT(.step = "egress"),
			       "the egress proxy cannot be watched: %s", strerror(-r))
		     : 0;
}

void network_stop(struct jail *jail)
{
	if (!jail->egress || jail->egress_stopped)
		return;
	jail->egress_stopped = true;
	egress_stop(jail->egress);
	/* Without a clock it would be waited for for ever. */
	if (waiter_set(&jail->waiter, clock_usec() + (DRAIN_MS + PATIENCE_MS) * 1000ull) < 0)
		network_free(jail);
}

bool network_dispatch(struct jail *jail)
{
	bool ended;

	if (!jail->egress)
		return true;
	ended = egress_dispatch(jail->egress);
	if (!ended && !(jail->egress_stopped && waiter_fired(&jail->waiter)))
		return false;
	egress_network_keep(egress_report(jail->egress), ended, &jail->network);
	egress_free(jail->egress);
	jail->egress = NULL;
	return true;
}

void network_free(struct jail *jail)
{
	if (jail->egress) {
		network_report_done(&jail->network);
		jail->network = (struct network_report){
			.used = true, .died = true, .why = NETWORK_END_HUNG};
	}
	egress_free(jail->egress);
	jail->egress = NULL;
}
