/* SPDX-License-Identifier: Apache-2.0 */
/* Rules for the host's own tree. A right to list holds for everything beneath, so that neither the
 * root nor /etc, /dev or /proc have one: what is read in them is ruled in piece by piece.
 *
 * Not among the pieces: other processes; terminals, as the caller's other ones belong to the same
 * user (the worker's own is ruled in where it is opened); whatever the other backends generate, as
 * the host's own texts tell who works there. */
#include <string.h>

#include "linux/plan/landlock_rights.h"
#include "linux/plan/parts.h"
#include "linux/system_paths.h"
#include "plan/paths.h"

static int add_system(struct landlock_plan *landlock, const struct host_path *path)
{
	uint64_t access = path_beneath("/etc", path->path) ? READING : RUNNING;

	if (path_beneath("/proc", path->path) || path->kind == HOST_LINK)
		return 0;
	if (path->kind == HOST_FILE)
		access &= OF_FILES;
	return plan_landlock_rule(landlock, path->path, access, PLAN_NO_GRANT);
}

static int add_pieces(struct landlock_plan *landlock)
{
	static const struct {
		const char *path;
		uint64_t access;
	} pieces[] = {
		{"/dev/full", NODE},
		{"/dev/null", NODE},
		{"/dev/random", NODE},
		{"/dev/tty", TERMINAL},
		{"/dev/urandom", NODE},
		{"/dev/zero", NODE},
		/* The worker's own; whatever it starts has others. Not all of it: the host's
		 * connections, mounts and groups are listed in each. */
		{"/proc/self/auxv", LANDLOCK_BIT(FS_READ_FILE)},
		{"/proc/self/cmdline", LANDLOCK_BIT(FS_READ_FILE)},
		{"/proc/self/comm", LANDLOCK_BIT(FS_READ_FILE)},
		{"/proc/self/environ", LANDLOCK_BIT(FS_READ_FILE)},
		{"/proc/self/fd", READING},
		{"/proc/self/limits", LANDLOCK_BIT(FS_READ_FILE)},
		{"/proc/self/maps", LANDLOCK_BIT(FS_READ_FILE)},
		{"/proc/self/mem", LANDLOCK_BIT(FS_READ_FILE)},
		{"/proc/self/smaps", LANDLOCK_BIT(FS_READ_FILE)},
		{"/proc/self/stat", LANDLOCK_BIT(FS_READ_FILE)},
		{"/proc/self/statm", LANDLOCK_BIT(FS_READ_FILE)},
		{"/proc/self/status", LANDLOCK_BIT(FS_READ_FILE)},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(pieces) / sizeof(pieces[0]); i++)
		r = plan_landlock_rule(landlock, pieces[i].path, pieces[i].access, PLAN_NO_GRANT);
	return r;
}

static int add_proc(struct landlock_plan *landlock)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n_system_proc; i++) {
		const char *path = system_proc[i].path;
		bool directory = system_proc[i].directory;

		/* Without a namespace they are the host's. */
		if (strcmp(path, "/proc/sysvipc") == 0)
			continue;
		r = plan_landlock_rule(
			landlock, path, directory ? READING : READING & OF_FILES, PLAN_NO_GRANT);
	}
	return r;
}

static int add_grants(struct ks_plan *plan)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->grants.len; i++) {
		const struct grant *grant = &plan->grants.items[i];
		uint64_t access = grant->field == FIELD_FS_WRITE ? WRITING : RUNNING;

		if (grant->pin)
			continue;
		r = plan_landlock_rule(&plan->landlock, grant->path,
			grant->directory ? access : access & OF_FILES, i);
	}
	return r;
}

int plan_landlock_on_host(struct ks_plan *plan, const struct ks_host *host)
{
	struct landlock_plan *landlock = &plan->landlock;
	int r = 0;

	if (!plan_landlock_head(landlock, host))
		return 0;
	for (size_t i = 0; r == 0 && i < host->n_paths; i++)
		if (!system_path_of_network(host->paths[i].path))
			r = add_system(landlock, &host->paths[i]);
	if (r == 0)
		r = add_pieces(landlock);
	if (r == 0)
		r = add_proc(landlock);
	for (size_t i = 0; i < landlock->n_rules; i++)
		landlock->rules[i].optional = true;
	landlock->temporary = WRITING & landlock->handled_fs;
	return r < 0 ? r : add_grants(plan);
}
