/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/setup.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "egress/listener.h"

static int complain(struct complaint *complaint, int code, const char *step, const char *detail)
{
	*complaint = (struct complaint){code, step, detail};
	return -code;
}

/* The next message, however long it takes. */
static int wait_message(int owner, struct control_message *message, struct complaint *complaint)
{
	for (;;) {
		struct pollfd wait = {.fd = owner, .events = POLLIN};
		int r = control_receive(owner, message);

		if (r == 1)
			return 0;
		if (r < 0)
			return complain(complaint, -r, "read message", "not one of the owner's");
		if (poll(&wait, 1, -1) < 0 && errno != EINTR)
			return complain(complaint, errno, "read message", "poll");
	}
}

static bool has_end(const char *text, size_t room)
{
	return memchr(text, '\0', room) != NULL;
}

static const char other_version[] =
	"version is another one: the library and kastellan-egress do not belong together";

static const char *config_fault(const struct egress_config *config)
{
	static const uint32_t flags = EGRESS_FLAG_SNI | EGRESS_FLAG_AUDIT | EGRESS_FLAG_NO_V6 |
				      EGRESS_FLAG_IDS;

	if (config->version != EGRESS_VERSION)
		return other_version;
	if (config->flags & ~flags)
		return "flags holds one that is not known";
	if (config->groups > EGRESS_MAX_GROUPS)
		return "groups is more than a message has room for";
	if (config->connections == 0)
		return "connections is 0";
	if (config->names == 0 || config->names > SYNTHETIC_MAX)
		return "names is not 1 to 65535";
	if (config->connect_ms == 0)
		return "connect_ms is 0";
	if (!has_end(config->worker, sizeof(config->worker)) ||
		!has_end(config->policy, sizeof(config->policy)))
		return "a text has no end";
	return NULL;
}

/* What comes after the descriptor of the audit. Each is closed. */
static int join_groups(
	struct control_message *message, uint32_t groups, struct complaint *complaint)
{
	int r = 0;

	for (; groups; groups--) {
		int fd = message->fds[--message->n_fds];

		if (r == 0 && write(fd, "0", 1) != 1)
			r = complain(complaint, errno, "join control group", "the owner's");
		close(fd);
	}
	return r;
}

static const char *message_fault(
	const struct control_message *message, const struct egress_config *config)
{
	uint32_t audits = config->flags & EGRESS_FLAG_AUDIT ? 1 : 0;
	const char *fault = config_fault(config);

	if (!fault && message->n_fds != config->groups + audits)
		fault = "a descriptor is missing, or one too many";
	return fault;
}

static const char no_configuration[] = "the first message is no configuration of this version";

static const char *read_config(
	const struct control_message *message, struct egress_config *ret_config)
{
	if (message->header.type != EGRESS_CONFIG || message->len != sizeof(*ret_config))
		return no_configuration;
	memcpy(ret_config, message->data, sizeof(*ret_config));
	return message_fault(message, ret_config);
}

static const char *read_pool(
	const struct control_message *message, struct egress_pool_config *ret_pool)
{
	if (message->len != sizeof(*ret_pool))
		return no_configuration;
	memcpy(ret_pool, message->data, sizeof(*ret_pool));
	if (ret_pool->version != EGRESS_VERSION)
		return other_version;
	if (ret_pool->flags & ~(uint32_t)EGRESS_FLAG_IDS)
		return "flags holds one that is not a pool's";
	if (ret_pool->groups > EGRESS_MAX_GROUPS || ret_pool->groups != message->n_fds)
		return "a descriptor is missing, or one too many";
	if (!ret_pool->tenants || !ret_pool->connections || !ret_pool->names)
		return "tenants, connections or names is 0";
	return NULL;
}

int setup_first(int owner, struct setup_first *ret_first, struct complaint *complaint)
{
	struct setup_first first = {.audit = -1};
	struct control_message message;
	const char *fault;
	int r = wait_message(owner, &message, complaint);

	if (r < 0)
		return r;
	first.shared = message.header.type == EGRESS_POOL;
	fault = first.shared ? read_pool(&message, &first.pool)
			     : read_config(&message, &first.config);
	r = fault ? complain(complaint, EINVAL, "read configuration", fault)
		  : join_groups(&message, first.shared ? first.pool.groups : first.config.groups,
			    complaint);
	if (r < 0) {
		control_message_drop_fds(&message);
		return r;
	}
	if (message.n_fds)
		first.audit = message.fds[0];
	*ret_first = first;
	return 0;
}

int setup_tenant(struct control_message *message, struct egress_config *ret_config, int *ret_audit,
	struct complaint *complaint)
{
	struct egress_config config = {0};
	const char *fault = read_config(message, &config);

	/* Those of the process are its own. */
	if (!fault && (config.groups || (config.flags & EGRESS_FLAG_IDS)))
		fault = "groups and ids are not a tenant's";
	if (fault) {
		control_message_drop_fds(message);
		return complain(complaint, EINVAL, "read configuration", fault);
	}
	*ret_config = config;
	*ret_audit = message->n_fds ? message->fds[0] : -1;
	message->n_fds = 0;
	return 0;
}

static int add_entries(
	struct tenant *tenant, const struct control_message *message, struct complaint *complaint)
{
	const char *at = message->data, *end = at + message->len;

	if (message->len == 0 || end[-1] != '\0')
		return complain(complaint, EINVAL, "read entries", "the last one has no end");
	while (at < end) {
		size_t len = strlen(at);
		enum host_fault fault = HOST_FAULT_NONE;
		int r = rules_add(&tenant->rules, at, len, &fault);

		if (r < 0)
			return complain(complaint, -r, "read entries",
				fault ? host_fault_text(fault) : "too many, or no memory");
		at += len + 1;
	}
	return 0;
}

int setup_sockets(struct tenant *tenant, struct control_message *message)
{
	uint32_t kinds[EGRESS_MAX_SOCKETS];
	int r = 0;

	if (message->n_fds == 0 || message->len != message->n_fds * sizeof(kinds[0])) {
		control_message_drop_fds(message);
		return -EBADMSG;
	}
	memcpy(kinds, message->data, message->len);
	while (message->n_fds && r == 0) {
		message->n_fds--;
		r = listener_add(tenant, (enum egress_socket)kinds[message->n_fds],
			message->fds[message->n_fds]);
	}
	control_message_drop_fds(message);
	return r;
}

int setup_take(struct tenant *tenant, struct control_message *message, struct complaint *complaint)
{
	int r;

	if (message->header.type == EGRESS_SOCKETS) {
		r = setup_sockets(tenant, message);
		return r < 0 ? complain(complaint, -r, "take sockets",
				       "not of the kind that it is called, or too many")
			     : 0;
	}
	if (message->n_fds) {
		control_message_drop_fds(message);
		return complain(complaint, EINVAL, "read message", "a descriptor too many");
	}
	if (message->header.type == EGRESS_START)
		return 1;
	if (message->header.type == EGRESS_ENTRIES)
		return add_entries(tenant, message, complaint);
	return complain(complaint, EINVAL, "read message", "of no type that may come now");
}

int setup_rest(struct tenant *tenant, struct complaint *complaint)
{
	struct control_message message;
	int r;

	do {
		r = wait_message(tenant->owner.fd, &message, complaint);
		if (r == 0)
			r = setup_take(tenant, &message, complaint);
	} while (r == 0);
	return r < 0 ? r : 0;
}
