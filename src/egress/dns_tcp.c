/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/dns_tcp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "egress/socket.h"
#include "egress/tell.h"

#define TURN 32 /* questions before others have their turn */
#define PREFIX 2 /* bytes of the length */

struct client {
	struct watch watch;
	struct tenant *tenant;
	struct list link;
	struct timer timer;
	struct task task;
};

static void client_free(struct client *client)
{
	struct tenant *tenant = client->tenant;

	loop_forget(tenant->loop, &client->watch);
	timer_stop(&client->timer);
	task_cancel(&client->task);
	list_remove(&client->link);
	close(client->watch.fd);
	free(client);
	tenant_left(tenant);
}

/* The question lies in the scratch behind its length; it is taken out of the socket with the
 * answer. */
static bool answer(struct client *client, size_t len)
{
	struct tenant *tenant = client->tenant;
	uint8_t *bytes = (uint8_t *)tenant->relay.room->scratch + PREFIX;
	uint8_t reply[PREFIX + DNS_MAX_REPLY];
	struct dns_query query;
	struct dns_answer said;
	size_t known = tenant->names.count, reply_len;

	reply_len = dns_respond(bytes, len, true, &tenant->rules, &tenant->names,
		tenant->config.flags & EGRESS_FLAG_NO_V6, reply + PREFIX, &query, &said);
	if (reply_len == 0)
		return false;
	if (said.reason != REASON_ALLOWED || tenant->names.count != known)
		tell_question(tenant, VIA_DNS_TCP, &query, &said);
	reply[0] = (uint8_t)(reply_len >> 8);
	reply[1] = (uint8_t)reply_len;
	return socket_drop(client->watch.fd, tenant->relay.room->scratch, PREFIX + len) ==
		       (ssize_t)(PREFIX + len) &&
	       socket_say(client->watch.fd, reply, PREFIX + reply_len);
}

/* 1: there may be more, 0: not now, -1: it is over. */
static int serve_one(struct client *client)
{
	uint8_t *bytes = (uint8_t *)client->tenant->relay.room->scratch;
	ssize_t got = recv(
		client->watch.fd, bytes, PREFIX + DNS_MAX_QUERY, MSG_PEEK | MSG_DONTWAIT);
	size_t len = 0;
	int r;

	if (got < 0 && errno == EAGAIN)
		return 0;
	if (got <= 0)
		return -1;
	r = dns_frame(bytes, (size_t)got, &len);
	if (r <= 0)
		return r < 0 ? -1 : 0;
	return answer(client, len) ? 1 : -1;
}

static void serve(struct client *client)
{
	struct tenant *tenant = client->tenant;
	int r = 1;

	for (int i = 0; r > 0 && i < TURN; i++) {
		r = serve_one(client);
		if (r > 0)
			timer_start(tenant->loop, tenant->timers.asking, &client->timer);
	}
	if (r < 0)
		client_free(client);
	else if (r > 0)
		loop_later(tenant->loop, &client->task);
}

static void ready(struct watch *watch, uint32_t events)
{
	struct client *client = container_of(watch, struct client, watch);

	/* An end may hide behind half a question. */
	if (events & (POLLER_ERROR | POLLER_HANGUP))
		client_free(client);
	else
		serve(client);
}

static void go_on(struct task *task)
{
	serve(container_of(task, struct client, task));
}

void dns_tcp_due(struct timer *timer)
{
	client_free(container_of(timer, struct client, timer));
}

void dns_tcp_accept(struct tenant *tenant, int fd)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client) {
		socket_reset(fd);
		return;
	}
	*client = (struct client){.watch = {ready, fd}, .tenant = tenant};
	timer_init(&client->timer);
	task_init(&client->task, go_on);
	list_append(&tenant->clients, &client->link);
	tenant_joined(tenant);
	timer_start(tenant->loop, tenant->timers.asking, &client->timer);
	if (loop_watch(tenant->loop, &client->watch, POLLER_IN | POLLER_END) < 0)
		client_free(client);
}

void dns_tcp_done(struct tenant *tenant)
{
	while (!list_empty(&tenant->clients))
		client_free(container_of(tenant->clients.next, struct client, link));
}
