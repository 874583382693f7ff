/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/grants.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/bounds.h"
#include "base/json.h"

json_t *grant_number(const char *field, uint64_t number)
{
	return json_with(json_object(), field, json_integer((json_int_t)number));
}

json_t *grant_endpoint(const ks_policy *policy, const char *endpoint)
{
	json_t *list = json_array();
	const char *entry;

	for (size_t i = 0; (entry = ks_policy_endpoint(policy, i)); i++)
		list = json_and(list, json_text(entry));
	list = json_and(list, json_text(endpoint));
	return json_with(json_object(), "net", json_with(json_object(), "Allowlist", list));
}

/* As the policy's JSON has it: "?" before one that may be missing. */
static json_t *path_to_json(const char *path, int optional)
{
	char text[KS_MAX_PATH + 2];

	snprintf(text, sizeof(text), "%s%s", optional ? "?" : "", path);
	return json_text(text);
}

json_t *grant_path(const ks_policy *policy, const char *path, int write)
{
	const char *(*next)(const ks_policy *policy, size_t index,
		int *ret_optional) = write ? ks_policy_write_path : ks_policy_read_path;
	json_t *list = json_array();
	const char *old;
	int optional = 0;

	for (size_t i = 0; (old = next(policy, i, &optional)); i++)
		list = json_and(list, path_to_json(old, optional));
	list = json_and(list, json_text(path));
	return json_with(json_object(), write ? "fs_write" : "fs_read", list);
}

static bool is_beneath(const char *path, const char *directory)
{
	size_t len = strlen(directory);

	if (len && directory[len - 1] == '/')
		len--;
	return strncmp(path, directory, len) == 0 && (path[len] == '/' || !path[len]);
}

/* Every jail has these, each in its own way: the policy says nothing of them. */
static bool is_of_every_jail(const char *path)
{
	static const char *const places[] = {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64",
		"/libx32", "/etc", "/proc", "/dev", "/sys", "/tmp"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (is_beneath(path, places[i]))
			return true;
	return false;
}

enum path_granted path_granted(const ks_policy *policy, const char *path)
{
	const char *grant;

	for (size_t i = 0; (grant = ks_policy_write_path(policy, i, NULL)); i++)
		if (is_beneath(path, grant))
			return PATH_GRANTED_WRITE;
	for (size_t i = 0; (grant = ks_policy_read_path(policy, i, NULL)); i++)
		if (is_beneath(path, grant))
			return PATH_GRANTED_READ;
	return is_of_every_jail(path) ? PATH_OF_EVERY_JAIL : PATH_GRANTED_NO;
}

json_t *refused_destination_to_json(const ks_policy *policy, const char *host, uint64_t port,
	const char *reason, uint64_t times, const char *entry)
{
	bool nameless = !entry && strcmp(reason, "host_not_allowed") == 0;
	json_t *json = json_with(json_object(), "kind", json_string("network"));
	char remedy[360];

	/* Only its name was asked for, so that nobody knows the port. */
	snprintf(remedy, sizeof(remedy),
		"add \"%.255s:PORT\" to net.Allowlist, with the port that it needs", host);
	json = json_with(json, "host", json_text(host));
	json = json_with(json, "port", port ? json_integer((json_int_t)port) : json_null());
	json = json_with(json, "reason", json_text(reason));
	json = json_with(json, "times", json_integer((json_int_t)times));
	json = json_with(
		json, "grant", entry && policy ? grant_endpoint(policy, entry) : json_null());
	return json_with(json, "remedy", nameless ? json_text(remedy) : json_null());
}
