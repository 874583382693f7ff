/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/standalone.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "egress/config.h"

#define DRAIN_MS 2000 /* for what has been sent and the network has not taken yet */

int standalone_config(
	const struct policy_egress *settings, struct egress_config *config, ks_error **reterr)
{
	egress_config_fill(settings, config);
	config->drain_ms = DRAIN_MS;
	return standalone_ids(config, reterr);
}

static int option(int fd, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, name, &value, &len) < 0 ? -1 : value;
}

static bool is_door(int fd)
{
	struct sockaddr_storage name = {0};
	socklen_t len = sizeof(name);
	int domain = getsockname(fd, (struct sockaddr *)&name, &len) < 0 ? -1 : name.ss_family;

	return (domain == AF_UNIX || domain == AF_INET || domain == AF_INET6) &&
	       option(fd, SO_TYPE) == SOCK_STREAM && option(fd, SO_ACCEPTCONN) > 0;
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
