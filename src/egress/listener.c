/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "egress/dns_tcp.h"
#include "egress/dns_udp.h"
#include "egress/flow.h"
#include "egress/judge.h"
#include "egress/socket.h"
#include "egress/tell.h"

#define ACCEPT_TURN 64 /* connections before others have their turn */
#define BACKLOG_MOST \
	65536 /* connections that can wait at all; a worker that is gone makes no more */
#define DNS_PORT 53

static int option(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? -1 : value;
}

/* The jail sends these, so that they are looked at first. */
static bool is_of_kind(int fd, enum egress_socket kind)
{
	int domain = socket_family(fd), type = option(fd, SO_TYPE);
	bool inet = domain == AF_INET || domain == AF_INET6;
	/* Some systems answer with the flag's own number. */
	bool listens = type == SOCK_STREAM && option(fd, SO_ACCEPTCONN) > 0;

	switch (kind) {
	case EGRESS_SOCKET_TCP:
	case EGRESS_SOCKET_DNS_TCP:
		return inet && listens;
	case EGRESS_SOCKET_DNS_UDP:
		return inet && type == SOCK_DGRAM;
	case EGRESS_SOCKET_DOOR:
		return (inet || domain == AF_UNIX) && listens;
	}
	return false;
}

static void refuse(struct tenant *tenant, const struct listener *listener, int fd)
{
	struct address address = {0};
	uint16_t port = 0;

	if (listener->kind == EGRESS_SOCKET_TCP)
		socket_local(fd, &address, &port);
	tell_refused(tenant, &address, port);
	socket_reset(fd);
}

/* The jail's port of names, whatever address it was asked at; but an endpoint of the list is where
 * it says, also on that port. */
static bool is_for_names(
	const struct listener *listener, const struct address *address, uint16_t port)
{
	return (port == DNS_PORT || listener->kind == EGRESS_SOCKET_DNS_TCP) &&
	       !judge_lists(listener->tenant, address, port);
}

static void take(struct listener *listener, int fd)
{
	struct tenant *tenant = listener->tenant;
	struct address address;
	uint16_t port;

	if (tenant->open >= tenant->config.connections) {
		refuse(tenant, listener, fd);
	} else if (listener->kind == EGRESS_SOCKET_DOOR) {
		if (socket_prepare(fd) < 0)
			socket_reset(fd);
		else
			flow_accept_door(tenant, fd);
	} else if (!socket_local(fd, &address, &port)) {
		socket_reset(fd);
	} else if (is_for_names(listener, &address, port)) {
		dns_tcp_accept(tenant, fd);
	} else {
		flow_accept(tenant, fd, &address, port);
	}
}

/* True: there may be more. Without a descriptor for the next connection it waits in the backlog
 * until one is closed, and does not cost a turn of the loop before that. */
static bool accept_one(struct listener *listener)
{
	struct tenant *tenant = listener->tenant;
	int fd = socket_accept(listener->watch.fd);

	if (fd >= 0) {
		take(listener, fd);
		return true;
	}
	switch (-fd) {
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		tenant->starved = true;
		timer_start(tenant->loop, tenant->timers.starving, &tenant->retry);
		return false;
	case EAGAIN:
	case EINVAL: /* listens no longer: the jail is gone */
		return false;
	default:
		return true; /* of that one connection alone */
	}
}

static void work(struct listener *listener)
{
	if (listener->kind == EGRESS_SOCKET_DNS_UDP) {
		if (dns_udp_serve(listener->tenant, listener->watch.fd))
			loop_later(listener->tenant->loop, &listener->task);
		return;
	}
	for (int i = 0; i < ACCEPT_TURN; i++)
		if (!accept_one(listener))
			return;
	loop_later(listener->tenant->loop, &listener->task);
}

static void ready(struct watch *watch, uint32_t events)
{
	(void)events;
	work(container_of(watch, struct listener, watch));
}

static void go_on(struct task *task)
{
	work(container_of(task, struct listener, task));
}

static void listener_free(struct listener *listener)
{
	struct tenant *tenant = listener->tenant;

	/* The jail may have it open, too: closing alone would leave it in the loop. */
	loop_unwatch(tenant->loop, &listener->watch);
	task_cancel(&listener->task);
	list_remove(&listener->link);
	tenant->n_listeners--;
	close(listener->watch.fd);
	free(listener);
}

static int check(const struct tenant *tenant, enum egress_socket kind, int fd)
{
	if (!is_of_kind(fd, kind))
		return -EPROTO;
	if (tenant->n_listeners >= tenant->max_listeners)
		return -E2BIG;
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	/* Connections of TCP have it from their listener; those of a unix socket do not. */
	return kind == EGRESS_SOCKET_DNS_UDP ? 0 : socket_prepare(fd);
}

int listener_add(struct tenant *tenant, enum egress_socket kind, int fd)
{
	int r = check(tenant, kind, fd);
	struct listener *listener = r == 0 ? calloc(1, sizeof(*listener)) : NULL;

	if (!listener) {
		close(fd);
		return r ? r : -ENOMEM;
	}
	*listener = (struct listener){.watch = {ready, fd}, .tenant = tenant, .kind = kind};
	task_init(&listener->task, go_on);
	list_append(&tenant->listeners, &listener->link);
	tenant->n_listeners++;
	if (kind == EGRESS_SOCKET_DNS_UDP)
		dns_udp_prepare(fd);
	r = loop_watch(tenant->loop, &listener->watch, POLLER_IN);
	if (r < 0)
		listener_free(listener);
	return r;
}

void listeners_take_all(struct tenant *tenant)
{
	for (struct list *at = tenant->listeners.next; at != &tenant->listeners; at = at->next) {
		struct listener *listener = container_of(at, struct listener, link);

		if (listener->kind != EGRESS_SOCKET_TCP)
			continue;
		for (int i = 0; i < BACKLOG_MOST && accept_one(listener); i++)
			continue;
	}
}

void listeners_done(struct tenant *tenant)
{
	while (!list_empty(&tenant->listeners))
		listener_free(container_of(tenant->listeners.next, struct listener, link));
}

void listeners_retry(struct tenant *tenant)
{
	tenant->starved = false;
	for (struct list *at = tenant->listeners.next; at != &tenant->listeners; at = at->next)
		loop_later(tenant->loop, &container_of(at, struct listener, link)->task);
}
