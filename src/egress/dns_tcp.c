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
	struct proxy *proxy;
	struct list link;
	struct timer timer;
	struct task task;
};

static void client_free(struct client *client)
{
	struct proxy *proxy = client->proxy;

	loop_forget(&proxy->loop, &client->watch);
	timer_stop(&client->timer);
	task_cancel(&client->task);
	list_remove(&client->link);
	close(client->watch.fd);
	free(client);
	proxy_left(proxy);
}

/* The question lies in the scratch behind its length; it is taken out of the socket with the
 * answer. */
static bool answer(struct client *client, size_t len)
{
	struct proxy *proxy = client->proxy;
	uint8_t *bytes = (uint8_t *)proxy->relay.scratch + PREFIX;
	uint8_t reply[PREFIX + DNS_MAX_REPLY];
	struct dns_query query;
	struct dns_answer said;
	size_t known = proxy->names.count, reply_len;

	reply_len = dns_respond(bytes, len, true, &proxy->rules, &proxy->names,
		proxy->config.flags & EGRESS_FLAG_NO_V6, reply + PREFIX, &query, &said);
	if (reply_len == 0)
		return false;
	if (said.reason != REASON_ALLOWED || proxy->names.count != known)
		tell_question(proxy, VIA_DNS_TCP, &query, &said);
	reply[0] = (uint8_t)(reply_len >> 8);
	reply[1] = (uint8_t)reply_len;
	return socket_drop(client->watch.fd, proxy->relay.scratch, PREFIX + len) ==
		       (ssize_t)(PREFIX + len) &&
	       socket_say(client->watch.fd, reply, PREFIX + reply_len);
}

/* 1: there may be more, 0: not now, -1: it is over. */
static int serve_one(struct client *client)
{
	uint8_t *bytes = (uint8_t *)client->proxy->relay.scratch;
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
	struct proxy *proxy = client->proxy;
	int r = 1;

	for (int i = 0; r > 0 && i < TURN; i++) {
		r = serve_one(client);
		if (r > 0)
			timer_start(&proxy->loop, &proxy->asking, &client->timer);
	}
	if (r < 0)
		client_free(client);
	else if (r > 0)
		loop_later(&proxy->loop, &client->task);
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

void dns_tcp_accept(struct proxy *proxy, int fd)
{
	struct client *client = calloc(1, sizeof(*client));

	if (!client) {
		socket_reset(fd);
		return;
	}
	*client = (struct client){.watch = {ready, fd}, .proxy = proxy};
	timer_init(&client->timer);
	task_init(&client->task, go_on);
	list_append(&proxy->clients, &client->link);
	proxy->open++;
	timer_start(&proxy->loop, &proxy->asking, &client->timer);
	if (loop_watch(&proxy->loop, &client->watch, POLLER_IN | POLLER_END) < 0)
		client_free(client);
}

void dns_tcp_done(struct proxy *proxy)
{
	while (!list_empty(&proxy->clients))
		client_free(container_of(proxy->clients.next, struct client, link));
}
