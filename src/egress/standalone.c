/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/standalone.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "egress/config.h"
#include "linux/jail/parts.h"
#include "linux/probe/parts.h"

#define DRAIN_MS 2000 /* for what has been sent and the network has not taken yet */

static int find_ids(struct egress_config *config, ks_error **reterr)
{
	struct ks_host *host = host_new();
	int r = host ? probe_system(host) : -ENOMEM;

	if (r == 0 && host->set_ids) {
		config->flags |= EGRESS_FLAG_IDS;
		config->uid = config->gid = kernel_id_next();
	}
	host_free(host);
	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "egress"),
			"the privileges of the caller cannot be found out: %s", strerror(-r));
	return 0;
}

int standalone_config(
	const struct policy_egress *settings, struct egress_config *config, ks_error **reterr)
{
	egress_config_fill(settings, config);
	config->drain_ms = DRAIN_MS;
	return find_ids(config, reterr);
}

static int option(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? -1 : value;
}

static bool is_door(int fd)
{
	int domain = option(fd, SO_DOMAIN);

	return (domain == AF_UNIX || domain == AF_INET || domain == AF_INET6) &&
	       option(fd, SO_TYPE) == SOCK_STREAM && option(fd, SO_ACCEPTCONN) == 1;
}

int standalone_check(const int *doors, size_t n_doors, ks_error **reterr)
{
	for (size_t i = 0; i < n_doors; i++)
		if (!is_door(doors[i]))
			return error_set(reterr, -EINVAL,
				ABOUT(.step = "options",
					.remedy = "pass unix or TCP sockets after listen()"),
				"options: doors[%zu] is no stream socket that listens", i);
	return 0;
}
