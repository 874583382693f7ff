/* SPDX-License-Identifier: Apache-2.0 */
/* kastellan-egress: the only way out for a worker whose policy lists what it may reach.
 *
 * Started by kastellan alone, with the descriptors of control.h and without arguments. The order
 * below is what keeps it safe:
 *
 *   1. no descriptor but those, no core, the end with the owner's
 *   2. the configuration, and the ids it names: before anything else is read or opened
 *   3. the resolver, which must not inherit a socket of the jail or the proxy's way out
 *   4. what has to be opened while it still can be; entries and sockets
 *   5. the confinement of the relay; only then is a byte of a worker read. Where it serves many,
 *      none of them is heard of before this */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "egress/farewell.h"
#include "egress/origin.h"
#include "egress/proxy.h"
#include "egress/routes.h"
#include "egress/setup.h"
#include "egress/tell.h"
#include "egress/tenants.h"

#define EXIT_OWNER_GONE 3
#define OWNER_PATIENCE_MS 1000

static int complain(struct complaint *complaint, int r, const char *step, const char *detail)
{
	*complaint = (struct complaint){-r, step, detail};
	return r;
}

/* The owner's last word is EGRESS_STOP; all that is heard after START is that, or its end. */
static void owner_ready(struct watch *watch, uint32_t events)
{
	struct tenant *tenant = container_of(watch, struct tenant, owner);
	struct control_message message;
	int r;

	(void)events;
	while ((r = control_receive(watch->fd, &message)) == 1) {
		control_message_drop_fds(&message);
		if (message.header.type == EGRESS_STOP)
			farewell_begin(tenant);
		if (tenant->loop->ended)
			return;
	}
	/* Of what it is told last, if it had no room before. */
	farewell_go_on(tenant);
	/* Nobody is there to tell, and every connection ends with the process. */
	if (r < 0)
		_exit(EXIT_OWNER_GONE);
}

static void maker_gone(struct watch *watch, uint32_t events)
{
	(void)watch;
	(void)events;
	_exit(EXIT_OWNER_GONE);
}

static void over(struct tenant *tenant)
{
	tenant->loop->ended = true;
}

/* What it is for, and the ids and groups that go with it. */
static int settle_in(struct proxy *proxy, int *ret_jail, struct setup_first *ret_first,
	struct complaint *complaint)
{
	struct setup_first *first = ret_first;
	int r;

	r = confine_start(complaint);
	if (r == 0)
		r = origin_find(EGRESS_SLOT_OWNER, &proxy->maker.fd, ret_jail, complaint);
	if (r == 0)
		r = setup_first(EGRESS_SLOT_OWNER, first, complaint);
	if (r < 0)
		return r;
	if (first->shared && (first->pool.flags & EGRESS_FLAG_IDS))
		return confine_ids(first->pool.uid, first->pool.gid, complaint);
	if (!first->shared && (first->config.flags & EGRESS_FLAG_IDS))
		return confine_ids(first->config.uid, first->config.gid, complaint);
	return 0;
}

static int open_parts(struct proxy *proxy, struct complaint *complaint)
{
	int r = resolver_start(&proxy->resolver);

	if (r < 0)
		return complain(complaint, r, "start resolver", "see the error");
	proxy->routes = r = routes_open();
	if (r < 0)
		return complain(complaint, r, "open routes", "NETLINK_ROUTE");
	r = loop_open(&proxy->loop);
	return r < 0 ? complain(complaint, r, "make tables", "of the loop") : 0;
}

/* Of a worker that has the process to itself. */
static int prepare_one(
	struct tenant *tenant, const struct setup_first *first, struct complaint *complaint)
{
	int r;

	tenant->owner = (struct watch){owner_ready, EGRESS_SLOT_OWNER};
	tenant->over = over;
	tenant->config = first->config;
	r = tenant_configure(tenant, first->audit);
	if (r < 0)
		return complain(complaint, r, "make tables", "connections or names");
	return setup_rest(tenant, complaint);
}

static int watch_all(struct proxy *proxy, struct tenant *alone)
{
	int r = asking_start(&proxy->asking, &proxy->loop, &proxy->resolver);

	if (r == 0 && proxy->maker.fd >= 0)
		r = loop_watch(&proxy->loop, &proxy->maker, POLLER_IN);
	if (r == 0 && !alone)
		return tenants_begin(proxy);
	if (r == 0)
		r = loop_watch(&proxy->loop, &alone->owner, TENANT_OWNER_EVENTS);
	return r == 0 ? tenant_watch(alone) : r;
}

/* Everything before the first byte of a worker. Where it serves many, *alone becomes NULL. */
static int begin(struct proxy *proxy, struct tenant **alone, struct complaint *complaint)
{
	struct setup_first first = {.audit = -1};
	int landlock, r;

	proxy->maker = (struct watch){maker_gone, -1};
	r = settle_in(proxy, &(*alone)->jail.fd, &first, complaint);
	if (r == 0)
		r = open_parts(proxy, complaint);
	if (r < 0)
		return r;
	if (first.shared) {
		*alone = NULL;
		proxy->lobby.fd = EGRESS_SLOT_OWNER;
		r = tenants_prepare(proxy, &first.pool);
		if (r < 0)
			return complain(complaint, r, "limit descriptors", "RLIMIT_NOFILE");
	} else {
		r = prepare_one(*alone, &first, complaint);
	}
	proxy->started = r == 0;
	if (r == 0)
		r = confine_proxy(first.shared ? tenants_descriptors(&first.pool)
					       : proxy_descriptors(&first.config),
			&landlock, complaint);
	if (r < 0)
		return r;
	r = watch_all(proxy, *alone);
	return r < 0 ? complain(complaint, r, "watch descriptors",
			       "one of those that were handed over")
		     : 0;
}

/* What is left unread when a socket closes is an error to its peer, which comes before the last
 * words: so the owner is heard out first, up to the last thing that it says unasked. */
static void hear_out(bool started)
{
	struct pollfd more = {.fd = EGRESS_SLOT_OWNER, .events = POLLIN};
	struct control_message message;
	bool ended = started;
	int r;

	do {
		while ((r = control_receive(more.fd, &message)) == 1) {
			control_message_drop_fds(&message);
			ended = ended || message.header.type == EGRESS_START;
		}
	} while (!ended && r == 0 && poll(&more, 1, OWNER_PATIENCE_MS) > 0);
}

static void report(bool started, const struct complaint *complaint)
{
	char text[512];
	int len;

	if (!complaint->step)
		return;
	hear_out(started);
	len = snprintf(text, sizeof(text), "%s%c%s", complaint->step, '\0', complaint->detail);
	if (len > 0 && (size_t)len < sizeof(text))
		control_send(EGRESS_SLOT_OWNER, EGRESS_FAILED, complaint->code, text,
			(size_t)len + 1, NULL, 0);
}

int main(void)
{
	static struct proxy proxy;
	static struct tenant one;
	struct tenant *alone = &one;
	struct complaint complaint = {0};
	int r;

	signal(SIGPIPE, SIG_IGN);
	proxy_init(&proxy);
	tenant_init(&one, &proxy);
	r = begin(&proxy, &alone, &complaint);
	if (r == 0)
		r = control_send(EGRESS_SLOT_OWNER, EGRESS_READY, 0, NULL, 0, NULL, 0);
	if (r < 0) {
		report(proxy.started, &complaint);
		return EXIT_FAILURE;
	}
	if (alone)
		tell_policy(alone);
	r = loop_run(&proxy.loop);
	if (alone)
		tenant_done(alone);
	tenants_done(&proxy);
	proxy_done(&proxy);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
