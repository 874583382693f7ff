/* SPDX-License-Identifier: Apache-2.0 */
/* What would allow what was refused: pieces of a policy that are the given one's with more in them,
 * to be copied as they are. Pure. Each gives NULL where memory runs out. */
#ifndef KS_MCP_GRANTS_H
#define KS_MCP_GRANTS_H

#include <jansson.h>

#include <kastellan/policy.h>

json_t *grant_number(const char *field, uint64_t number);

/* One more endpoint of net.Allowlist, or path of fs_read or fs_write. */
json_t *grant_endpoint(const ks_policy *policy, const char *endpoint);
json_t *grant_path(const ks_policy *policy, const char *path, int write);

/* What the policy says of a path, by its name alone: no link is followed, and the host is not
 * asked, so that nobody learns from it what the host has. */
enum path_granted { PATH_GRANTED_NO, PATH_GRANTED_READ, PATH_GRANTED_WRITE, PATH_OF_EVERY_JAIL };
enum path_granted path_granted(const ks_policy *policy, const char *path);

/* {"kind": "network", ...} of a destination that the egress proxy refused. port 0: only its name
 * was asked for; entry: what would allow it, or NULL. */
json_t *refused_destination_to_json(const ks_policy *policy, const char *host, uint64_t port,
	const char *reason, uint64_t times, const char *entry);

#endif
