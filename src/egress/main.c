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
 *   5. the confinement of the relay; only then is a byte of the worker read */
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
	struct proxy *proxy = container_of(watch, struct proxy, owner);
	struct control_message message;
	int r;

	(void)events;
	while ((r = control_receive(watch->fd, &message)) == 1) {
		control_message_drop_fds(&message);
		if (message.header.type == EGRESS_STOP)
			farewell_begin(proxy);
		if (proxy->loop.ended)
			return;
	}
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

/* Sockets that are none of those that were promised are not served: the worker, which cannot be
 * told, finds nobody there. */
static void jail_ready(struct watch *watch, uint32_t events)
{
	struct proxy *proxy = container_of(watch, struct proxy, jail);
	struct control_message message;
	int r;

	(void)events;
	while ((r = control_receive(watch->fd, &message)) == 1) {
		if (message.header.type == EGRESS_SOCKETS && !proxy->draining_now)
			setup_sockets(proxy, &message);
		else
			control_message_drop_fds(&message);
	}
	if (r < 0) {
		loop_unwatch(&proxy->loop, watch);
		close(watch->fd);
		watch->fd = -1;
	}
}

static void audit_ready(struct watch *watch, uint32_t events)
{
	(void)events;
	audit_flush(container_of(watch, struct proxy, audit_room)->audit);
}

static int watch_all(struct proxy *proxy)
{
	int r = lookups_start(&proxy->lookups, &proxy->loop, &proxy->resolver);

	if (r == 0)
		r = loop_watch(&proxy->loop, &proxy->owner, POLLER_IN | POLLER_END);
	if (r == 0 && proxy->maker.fd >= 0)
		r = loop_watch(&proxy->loop, &proxy->maker, POLLER_IN);
	if (r == 0 && proxy->jail.fd >= 0)
		r = loop_watch(&proxy->loop, &proxy->jail, POLLER_IN | POLLER_END);
	proxy->audit_room = (struct watch){audit_ready, audit_fd(proxy->audit)};
	/* A regular file is never waited for. */
	if (r == 0 && proxy->audit_room.fd >= 0) {
		r = loop_watch(&proxy->loop, &proxy->audit_room, POLLER_OUT);
		if (r == -EPERM)
			r = 0;
	}
	return r;
}

/* Everything before the first byte of the worker. */
static int begin(struct proxy *proxy, struct complaint *complaint)
{
	struct egress_config *config = &proxy->config;
	int audit = -1, landlock, r;

	proxy->owner = (struct watch){owner_ready, EGRESS_SLOT_OWNER};
	proxy->maker = (struct watch){maker_gone, -1};
	proxy->jail = (struct watch){jail_ready, -1};
	r = confine_start(complaint);
	if (r < 0)
		return r;
	r = origin_find(proxy->owner.fd, &proxy->maker.fd, &proxy->jail.fd, complaint);
	if (r < 0)
		return r;
	r = setup_config(proxy->owner.fd, config, &audit, complaint);
	if (r == 0 && (config->flags & EGRESS_FLAG_IDS))
		r = confine_ids(config->uid, config->gid, complaint);
	if (r < 0)
		return r;
	proxy->audit = audit_new(audit, config->worker, config->policy);
	if (!proxy->audit)
		return complain(complaint, -ENOMEM, "open audit", "no memory");
	r = resolver_start(&proxy->resolver);
	if (r < 0)
		return complain(complaint, r, "start resolver", "see the error");
	proxy->routes = r = routes_open();
	if (r < 0)
		return complain(complaint, r, "open routes", "NETLINK_ROUTE");
	r = proxy_configure(proxy);
	if (r < 0)
		return complain(complaint, r, "make tables", "connections or names");
	r = setup_rest(proxy, complaint);
	proxy->started = r == 0;
	if (r == 0)
		r = confine_proxy(proxy_descriptors(proxy), &landlock, complaint);
	if (r < 0)
		return r;
	r = watch_all(proxy);
	return r < 0 ? complain(complaint, r, "watch descriptors",
			       "one of those that were handed over")
		     : 0;
}

/* What is left unread when a socket closes is an error to its peer, which comes before the last
 * words: so the owner is heard out first, up to the last thing that it says unasked. */
static void hear_out(const struct proxy *proxy)
{
	struct pollfd more = {.fd = proxy->owner.fd, .events = POLLIN};
	struct control_message message;
	bool ended = proxy->started;
	int r;

	do {
		while ((r = control_receive(more.fd, &message)) == 1) {
			control_message_drop_fds(&message);
			ended = ended || message.header.type == EGRESS_START;
		}
	} while (!ended && r == 0 && poll(&more, 1, OWNER_PATIENCE_MS) > 0);
}

static void report(const struct proxy *proxy, const struct complaint *complaint)
{
	char text[512];
	int len;

	if (!complaint->step || proxy->owner.fd < 0)
		return;
	hear_out(proxy);
	len = snprintf(text, sizeof(text), "%s%c%s", complaint->step, '\0', complaint->detail);
	if (len > 0 && (size_t)len < sizeof(text))
		control_send(proxy->owner.fd, EGRESS_FAILED, complaint->code, text, (size_t)len + 1,
			NULL, 0);
}

int main(void)
{
	static struct proxy proxy;
	struct complaint complaint = {0};
	int r;

	signal(SIGPIPE, SIG_IGN);
	proxy_init(&proxy);
	r = begin(&proxy, &complaint);
	if (r == 0)
		r = control_send(proxy.owner.fd, EGRESS_READY, 0, NULL, 0, NULL, 0);
	if (r < 0) {
		report(&proxy, &complaint);
		return EXIT_FAILURE;
	}
	tell_policy(&proxy);
	r = loop_run(&proxy.loop);
	proxy_done(&proxy);
	audit_free(proxy.audit);
	resolver_done(&proxy.resolver);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
