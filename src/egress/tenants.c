/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/tenants.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "egress/farewell.h"
#include "egress/listener.h"
#include "egress/setup.h"
#include "egress/tell.h"

#define EXIT_OWNER_GONE 3
#define OWN 64 /* descriptors that are always there */
#define EACH 8 /* of a tenant: its socket, the jail's, the audit's, and one that comes and goes */
#define MAX_EXTRA 64 /* attempts at a further address, while the first one is under way */
#define LISTENERS_LEAST 16 /* of one whose jail needs no more than one for all ports */
#define NAMES_OF_ONE 2 /* threads of the resolver, of which there are RESOLVER_THREADS */
#define NAMES_OF_ALL ((size_t)2 * RESOLVER_THREADS) /* so that one question waits beside each */

static int complain(struct complaint *complaint, int code, const char *step, const char *detail)
{
	*complaint = (struct complaint){code, step, detail};
	return -code;
}

/* As many as all entries may need a socket each, in a jail without one for all ports. */
static size_t listeners_of(const struct tenant *tenant)
{
	size_t wanted = LISTENERS_LEAST + 2 * tenant->rules.count;

	return wanted < TENANT_MAX_LISTENERS ? wanted : TENANT_MAX_LISTENERS;
}

static int set_aside_tables(struct tenant *tenant, struct complaint *complaint)
{
	struct tenants *all = &tenant->proxy->tenants;

	if (all->promised.connections + tenant->config.connections > all->most.connections)
		return complain(complaint, EUSERS, "make room",
			"with this worker's egress.connections the pool's would be passed");
	if (all->promised.names + tenant->config.names > all->most.names)
		return complain(complaint, EUSERS, "make room",
			"with this worker's egress.names the pool's would be passed");
	tenant->promised.connections = tenant->config.connections;
	tenant->promised.names = tenant->config.names;
	all->promised.connections += tenant->promised.connections;
	all->promised.names += tenant->promised.names;
	return 0;
}

static int set_aside_descriptors(struct tenant *tenant, struct complaint *complaint)
{
	struct tenants *all = &tenant->proxy->tenants;
	uint64_t wanted = (uint64_t)tenant->config.connections * 2 + MAX_EXTRA + EACH;

	tenant->max_listeners = listeners_of(tenant);
	tenant->max_extra = MAX_EXTRA;
	wanted += tenant->max_listeners;
	if (all->promised.descriptors + wanted > all->max_descriptors)
		return complain(complaint, EUSERS, "make room",
			"the proxy's limit of open files (ulimit -Hn of the caller) would be "
			"passed");
	tenant->promised.descriptors = wanted;
	all->promised.descriptors += wanted;
	return 0;
}

static void give_back(const struct tenant *tenant)
{
	struct tenants *all = &tenant->proxy->tenants;

	all->promised.connections -= tenant->promised.connections;
	all->promised.names -= tenant->promised.names;
	all->promised.descriptors -= tenant->promised.descriptors;
}

/* Also where a child of the owner's fork() has a copy of this end. */
static void hang_up(int socket)
{
	shutdown(socket, SHUT_RDWR);
	close(socket);
}

/* Once nothing of this turn can name it any more. */
static void leave(struct task *task)
{
	struct tenant *tenant = container_of(task, struct tenant, leave);
	struct proxy *proxy = tenant->proxy;

	tenant_done(tenant);
	loop_unwatch(&proxy->loop, &tenant->owner);
	give_back(tenant);
	list_remove(&tenant->link);
	proxy->tenants.count--;
	/* Last: whoever sees the hang-up may count on all else. */
	hang_up(tenant->owner.fd);
	free(tenant);
	if (proxy->tenants.retired && proxy->tenants.count == 0)
		proxy->loop.ended = true;
}

static void begin_to_leave(struct tenant *tenant)
{
	tenant->leaving = true;
	loop_later(tenant->loop, &tenant->leave);
}

static void say_failed(int socket, const struct complaint *complaint)
{
	char text[512];
	int len = snprintf(text, sizeof(text), "%s%c%s", complaint->step, '\0', complaint->detail);

	if (len > 0 && (size_t)len < sizeof(text))
		control_send(
			socket, EGRESS_FAILED, complaint->code, text, (size_t)len + 1, NULL, 0);
}

/* All is said that had to be. */
static int serve(struct tenant *tenant, struct complaint *complaint)
{
	int r = set_aside_descriptors(tenant, complaint);

	if (r < 0)
		return r;
	r = tenant_watch(tenant);
	if (r < 0)
		return complain(complaint, -r, "watch descriptors", "of the jail, or of the audit");
	tenant->serving = true;
	tell_policy(tenant);
	control_send(tenant->owner.fd, EGRESS_READY, 0, NULL, 0, NULL, 0);
	return 0;
}

static int configure(
	struct tenant *tenant, struct control_message *message, struct complaint *complaint)
{
	int audit = -1;
	int r = setup_tenant(message, &tenant->config, &audit, complaint);

	if (r < 0)
		return r;
	tenant->configured = true;
	r = set_aside_tables(tenant, complaint);
	if (r < 0) {
		if (audit >= 0)
			close(audit);
		return r;
	}
	r = tenant_configure(tenant, audit);
	return r < 0 ? complain(complaint, -r, "make tables", "connections or names") : 0;
}

static int take_early(
	struct tenant *tenant, struct control_message *message, struct complaint *complaint)
{
	int r;

	if (!tenant->configured)
		return configure(tenant, message, complaint);
	r = setup_take(tenant, message, complaint);
	return r > 0 ? serve(tenant, complaint) : r;
}

static void take(struct tenant *tenant, struct control_message *message)
{
	struct complaint complaint;

	if (tenant->serving) {
		control_message_drop_fds(message);
		if (message->header.type == EGRESS_STOP)
			farewell_begin(tenant);
	} else if (take_early(tenant, message, &complaint) < 0) {
		say_failed(tenant->owner.fd, &complaint);
		begin_to_leave(tenant);
	}
}

static void owner_ready(struct watch *watch, uint32_t events)
{
	struct tenant *tenant = container_of(watch, struct tenant, owner);
	struct control_message message;
	int r = 0;

	(void)events;
	while (!tenant->leaving && (r = control_receive(watch->fd, &message)) == 1)
		take(tenant, &message);
	if (tenant->leaving)
		return;
	/* Nobody is there to tell: its connections end now, and nobody else's. */
	if (r < 0)
		begin_to_leave(tenant);
	else
		farewell_go_on(tenant);
}

static void refuse(int socket, int jail, int code, const char *detail)
{
	const struct complaint complaint = {code, "make room", detail};

	say_failed(socket, &complaint);
	hang_up(socket);
	if (jail >= 0)
		close(jail);
}

static void enter(struct proxy *proxy, int socket, int jail)
{
	struct tenants *all = &proxy->tenants;
	struct tenant *tenant = NULL;

	if (all->count >= all->most.tenants) {
		refuse(socket, jail, EUSERS, "with this worker the pool's workers would be passed");
		return;
	}
	tenant = malloc(sizeof(*tenant));
	if (!tenant) {
		refuse(socket, jail, ENOMEM, "no memory");
		return;
	}
	tenant_init(tenant, proxy);
	tenant->owner = (struct watch){owner_ready, socket};
	tenant->jail.fd = jail;
	tenant->over = begin_to_leave;
	task_init(&tenant->leave, leave);
	list_append(&all->list, &tenant->link);
	all->count++;
	/* What it has said already is told at once. */
	if (loop_watch(&proxy->loop, &tenant->owner, TENANT_OWNER_EVENTS) < 0)
		begin_to_leave(tenant);
}

static bool is_tenant(const struct control_message *message)
{
	uint32_t version;

	if (message->header.type != EGRESS_TENANT || message->len != sizeof(version))
		return false;
	memcpy(&version, message->data, sizeof(version));
	return version == EGRESS_VERSION && (message->n_fds == 1 || message->n_fds == 2);
}

/* The kernel leaves out what there is no room for. */
static bool is_whole(const struct control_message *message)
{
	return message->header.value == (int32_t)message->n_fds;
}

/* What is no tenant is nothing else either: it reaches nobody. */
static void lobby_ready(struct watch *watch, uint32_t events)
{
	struct proxy *proxy = container_of(watch, struct proxy, lobby);
	struct control_message message;
	int r;

	(void)events;
	while ((r = control_receive(watch->fd, &message)) == 1) {
		if (!is_tenant(&message)) {
			control_message_drop_fds(&message);
			continue;
		}
		if (is_whole(&message))
			enter(proxy, message.fds[0], message.n_fds == 2 ? message.fds[1] : -1);
		else
			refuse(message.fds[0], -1, EMFILE, "no descriptor is left for its jail");
	}
	if (r < 0)
		_exit(EXIT_OWNER_GONE);
}

/* Without names it would be of little use: who is here stays, and the owner, who sees the hang-up,
 * starts another one for those who come. */
static void retire(struct asking *asking)
{
	struct proxy *proxy = container_of(asking, struct proxy, asking);

	loop_unwatch(&proxy->loop, &proxy->lobby);
	hang_up(proxy->lobby.fd);
	proxy->lobby.fd = -1;
	proxy->tenants.retired = true;
	if (proxy->tenants.count == 0)
		proxy->loop.ended = true;
}

uint64_t tenants_descriptors(const struct egress_pool_config *most)
{
	return (uint64_t)most->connections * 2 +
	       (uint64_t)most->tenants * (MAX_EXTRA + EACH + LISTENERS_LEAST) +
	       TENANT_MAX_LISTENERS + (uint64_t)2 * PIPES_MAX + OWN;
}

int tenants_prepare(struct proxy *proxy, const struct egress_pool_config *most)
{
	const uint64_t wanted = tenants_descriptors(most), own = (uint64_t)2 * PIPES_MAX + OWN;
	struct tenants *all = &proxy->tenants;
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return -errno;
	if (files.rlim_max <= own)
		return -EMFILE;
	all->most = *most;
	all->max_descriptors = (wanted < files.rlim_max ? wanted : files.rlim_max) - own;
	asking_init(&proxy->asking, NAMES_OF_ONE, NAMES_OF_ALL);
	proxy->asking.when_broken = retire;
	return 0;
}

int tenants_begin(struct proxy *proxy)
{
	proxy->lobby.ready = lobby_ready;
	return loop_watch(&proxy->loop, &proxy->lobby, POLLER_IN | POLLER_END);
}

void tenants_done(struct proxy *proxy)
{
	while (!list_empty(&proxy->tenants.list))
		leave(&container_of(proxy->tenants.list.next, struct tenant, link)->leave);
}
