/* SPDX-License-Identifier: Apache-2.0 */
/* All that the proxy is told before it serves. */
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "egress/owner_parts.h"
#include "linux/control_message.h"

int owner_fail(ks_error **reterr, int code, const char *what, const char *remedy)
{
	return error_set(reterr, code, ABOUT(.step = "egress", .remedy = remedy),
		"the egress proxy %s: %s", what, strerror(-code));
}

static int send_config(struct egress_owner *owner, const struct egress_setup *setup)
{
	struct egress_config config = setup->config;
	int fds[1 + EGRESS_MAX_GROUPS];
	size_t n_fds = 0;
	autofd int own = -1;
	int audit = setup->audit, r;

	if (setup->n_groups > EGRESS_MAX_GROUPS)
		return -E2BIG;
	if (owner->shared && audit >= 0) {
		r = owner_open_audit(audit, &own);
		if (r < 0)
			return r;
		audit = own;
	}
	config.version = EGRESS_VERSION;
	config.groups = (uint32_t)setup->n_groups;
	if (audit >= 0) {
		config.flags |= EGRESS_FLAG_AUDIT;
		fds[n_fds++] = audit;
	}
	for (size_t i = 0; i < setup->n_groups; i++)
		fds[n_fds++] = setup->groups[i];
	return control_send(owner->socket, EGRESS_CONFIG, 0, &config, sizeof(config), fds, n_fds);
}

static int send_entries(struct egress_owner *owner, const struct egress_setup *setup)
{
	char text[CONTROL_MAX - sizeof(struct control_header)];
	size_t used = 0;

	for (size_t i = 0; i < setup->n_entries; i++) {
		size_t len = strlen(setup->entries[i]) + 1;
		int r = 0;

		if (len > sizeof(text))
			return -E2BIG;
		if (len > sizeof(text) - used) {
			r = control_send(owner->socket, EGRESS_ENTRIES, 0, text, used, NULL, 0);
			used = 0;
		}
		if (r < 0)
			return r;
		memcpy(text + used, setup->entries[i], len);
		used += len;
	}
	return used ? control_send(owner->socket, EGRESS_ENTRIES, 0, text, used, NULL, 0) : 0;
}

static int send_sockets(struct egress_owner *owner, const struct egress_setup *setup)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < setup->n_sockets; i++) {
		uint32_t kind = setup->kinds[i];

		r = control_send(owner->socket, EGRESS_SOCKETS, 0, &kind, sizeof(kind),
			&setup->sockets[i], 1);
	}
	return r;
}

/* The socket has room for all of it, so that nobody waits for the proxy to read. */
int egress_tell(struct egress_owner *owner, const struct egress_setup *setup, ks_error **reterr)
{
	int r = send_config(owner, setup);

	if (r == 0)
		r = send_entries(owner, setup);
	if (r == 0)
		r = send_sockets(owner, setup);
	if (r == 0)
		r = control_send(owner->socket, EGRESS_START, 0, NULL, 0, NULL, 0);
	/* One that is gone already has said why, or is found out below. */
	if (r == 0 || r == -EPIPE)
		return 0;
	return owner_fail(reterr, r, "cannot be told what it may do", NULL);
}
