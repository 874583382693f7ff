/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/cgroup/manager.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "linux/cgroup/bus.h"

#define DESTINATION "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE "org.freedesktop.systemd1.Manager"
#define UNIT_INTERFACE "org.freedesktop.systemd1.Unit"
#define SCOPE_INTERFACE "org.freedesktop.systemd1.Scope"

#define STOP_PATIENCE_USEC ((uint64_t)5000000) /* then it is killed */
#define PAUSE_NSEC 500000
#define PAUSE_MAX_NSEC 16000000

static int copy_text(const char *text, char **ret_text, ks_error **reterr)
{
	char *copy = strdup(text);

	if (!copy)
		return error_oom(reterr);
	*ret_text = copy;
	return 0;
}

static int new_call(struct manager *manager, sd_bus_message **ret, const char *path,
	const char *interface, const char *member)
{
	return bus_lib.sd_bus_message_new_method_call(
		manager->bus, ret, DESTINATION, path, interface, member);
}

/* The caller owns *ret_reply, if it asks for it. */
static int do_call(struct manager *manager, sd_bus_message *message, const char *what,
	sd_bus_message **ret_reply, ks_error **reterr)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	int r = bus_lib.sd_bus_call(
		manager->bus, message, manager_left_usec(manager), &error, &reply);

	if (r == -ETIMEDOUT)
		error_set(reterr, r,
			ABOUT(.step = "cgroup", .remedy = "try again when it is less busy"),
			"%s did not %s in time", manager_name(manager), what);
	else if (r < 0)
		error_set(reterr, r, ABOUT(.step = "cgroup", .remedy = manager_remedy),
			"%s refused to %s: %s", manager_name(manager), what,
			error.message ? error.message : strerror(-r));
	bus_lib.sd_bus_error_free(&error);
	if (r >= 0 && ret_reply)
		*ret_reply = reply;
	else
		bus_lib.sd_bus_message_unref(reply);
	return r < 0 ? r : 0;
}

static int get_text(struct manager *manager, const char *path, const char *interface,
	const char *property, char **ret_text, ks_error **reterr)
{
	sd_bus_message *message = NULL;
	sd_bus_message *reply = NULL;
	const char *text = NULL;
	int r = new_call(manager, &message, path, "org.freedesktop.DBus.Properties", "Get");

	if (r >= 0)
		r = bus_lib.sd_bus_message_append(message, "ss", interface, property);
	if (r >= 0)
		r = do_call(manager, message, "describe its scope", &reply, reterr);
	if (r >= 0)
		r = bus_lib.sd_bus_message_read(reply, "v", "s", &text);
	if (r >= 0)
		r = copy_text(text, ret_text, reterr);
	bus_lib.sd_bus_message_unref(message);
	bus_lib.sd_bus_message_unref(reply);
	return r;
}

/* with_policy: managers before systemd 253 know no OOMPolicy of scopes, and refuse the whole call.
 *
 * The limits are not the scope's but those of the worker's group inside of it, because the scope
 * holds the monitor and the init process as well. For the same reason an older manager, which ends
 * a scope once the kernel has killed something in it, begins with a signal that does nothing and
 * leaves the monitor the time to end by itself. */
static int append_properties(sd_bus_message *message, pid_t member, bool with_policy)
{
	int r = bus_lib.sd_bus_message_open_container(message, 'a', "(sv)");

	if (r >= 0)
		r = bus_lib.sd_bus_message_append(message, "(sv)(sv)(sv)(sv)(sv)(sv)(sv)",
			"Description", "s", "kastellan worker", "PIDs", "au", 1, (uint32_t)member,
			"Delegate", "b", 1, "TasksMax", "t", UINT64_MAX, "CollectMode", "s",
			"inactive-or-failed", "KillSignal", "i", (int32_t)SIGCONT,
			"TimeoutStopUSec", "t", STOP_PATIENCE_USEC);
	if (r >= 0 && with_policy)
		r = bus_lib.sd_bus_message_append(message, "(sv)", "OOMPolicy", "s", "continue");
	if (r >= 0)
		r = bus_lib.sd_bus_message_close_container(message);
	return r;
}

static int start_unit(struct manager *manager, const char *unit, pid_t member, bool with_policy,
	ks_error **reterr)
{
	sd_bus_message *message = NULL;
	int r = new_call(manager, &message, MANAGER_PATH, MANAGER_INTERFACE, "StartTransientUnit");

	if (r >= 0)
		r = bus_lib.sd_bus_message_append(message, "ss", unit, "fail");
	if (r >= 0)
		r = append_properties(message, member, with_policy);
	if (r >= 0)
		r = bus_lib.sd_bus_message_append(message, "a(sa(sv))", 0);
	if (r >= 0)
		r = do_call(manager, message, "start a scope", NULL, reterr);
	else
		error_set(reterr, r, ABOUT(.step = "cgroup"),
			"a request for a scope cannot be composed: %s", strerror(-r));
	bus_lib.sd_bus_message_unref(message);
	return r;
}

static int unit_path(struct manager *manager, const char *unit, char **ret_path, ks_error **reterr)
{
	sd_bus_message *message = NULL;
	sd_bus_message *reply = NULL;
	const char *path = NULL;
	int r = new_call(manager, &message, MANAGER_PATH, MANAGER_INTERFACE, "GetUnit");

	if (r >= 0)
		r = bus_lib.sd_bus_message_append(message, "s", unit);
	if (r >= 0)
		r = do_call(manager, message, "name its scope", &reply, reterr);
	if (r >= 0)
		r = bus_lib.sd_bus_message_read(reply, "o", &path);
	if (r >= 0)
		r = copy_text(path, ret_path, reterr);
	bus_lib.sd_bus_message_unref(message);
	bus_lib.sd_bus_message_unref(reply);
	return r;
}

/* The job of a scope is a matter of milliseconds, and its end is a change of state: asking for
 * that again is simpler than subscribing to signals, and cannot miss one. */
static int await_active(struct manager *manager, const char *path, ks_error **reterr)
{
	struct timespec pause = {.tv_nsec = PAUSE_NSEC};

	for (;;) {
		autofree char *state = NULL;
		int r = get_text(manager, path, UNIT_INTERFACE, "ActiveState", &state, reterr);

		if (r < 0 || !state)
			return r;
		if (strcmp(state, "active") == 0)
			return 0;
		if (strcmp(state, "failed") == 0)
			return error_set(reterr, -EIO,
				ABOUT(.step = "cgroup", .remedy = "see its journal for the reason"),
				"%s could not start the scope", manager_name(manager));
		if (manager_left_usec(manager) == 1)
			return error_set(reterr, -ETIMEDOUT,
				ABOUT(.step = "cgroup", .remedy = "try again when it is less busy"),
				"%s did not start the scope in time: it is %s",
				manager_name(manager), state);
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < PAUSE_MAX_NSEC)
			pause.tv_nsec *= 2;
	}
}

int manager_start_scope(struct manager *manager, const char *unit, pid_t member, char **ret_group,
	ks_error **reterr)
{
	autofree char *path = NULL;
	autofree char *group = NULL;
	int r = start_unit(manager, unit, member, true, NULL);

	if (r < 0 && r != -ETIMEDOUT)
		r = start_unit(manager, unit, member, false, reterr);
	else if (r < 0)
		error_set(reterr, r, ABOUT(.step = "cgroup", .remedy = "try again later"),
			"%s does not answer", manager_name(manager));
	if (r == 0)
		r = unit_path(manager, unit, &path, reterr);
	if (r == 0)
		r = await_active(manager, path, reterr);
	if (r == 0)
		r = get_text(manager, path, SCOPE_INTERFACE, "ControlGroup", &group, reterr);
	if (r < 0 || !group)
		return r;
	if (*group != '/')
		return error_set(reterr, -EIO, ABOUT(.step = "cgroup"),
			"%s gave the scope no control group", manager_name(manager));
	*ret_group = take_ptr(group);
	return 0;
}

int manager_attach(struct manager *manager, const char *unit, const char *subgroup, pid_t pid,
	ks_error **reterr)
{
	sd_bus_message *message = NULL;
	int r = new_call(
		manager, &message, MANAGER_PATH, MANAGER_INTERFACE, "AttachProcessesToUnit");

	if (r >= 0)
		r = bus_lib.sd_bus_message_append(
			message, "ssau", unit, subgroup, 1, (uint32_t)pid);
	if (r >= 0)
		r = do_call(manager, message, "move a process into the scope", NULL, reterr);
	bus_lib.sd_bus_message_unref(message);
	return r;
}
