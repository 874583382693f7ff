/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/cgroup/bus.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"

/* What systemd's own clients grant a manager that has other things to do. */
#define PATIENCE_USEC 25000000ull

const char *const manager_remedy =
	"log in through a session with a user manager (loginctl enable-linger makes one), or run "
	"in a delegated control group";

struct bus_library bus_lib;

static pthread_once_t bus_once = PTHREAD_ONCE_INIT;
static bool bus_loaded;

static void load_bus(void)
{
	void *library = dlopen("libsystemd.so.0", RTLD_NOW | RTLD_LOCAL);

	if (!library)
		return;
#define LOAD(name)                                       \
	*(void **)&bus_lib.name = dlsym(library, #name); \
	if (!bus_lib.name)                               \
		return;
	BUS_FUNCTIONS(LOAD)
	bus_loaded = true;
}

uint64_t manager_left_usec(const struct manager *manager)
{
	uint64_t now = clock_usec();

	return now >= manager->deadline_usec ? 1 : manager->deadline_usec - now;
}

const char *manager_name(const struct manager *manager)
{
	return manager->system ? "the system's service manager" : "the user's service manager";
}

/* sd_bus_call() would wait for the handshake as long as the other side likes. */
static int await_ready(const struct manager *manager)
{
	for (;;) {
		int r = bus_lib.sd_bus_is_ready(manager->bus);

		if (r != 0)
			return r < 0 ? r : 0;
		r = bus_lib.sd_bus_process(manager->bus, NULL);
		if (r < 0)
			return r;
		if (clock_usec() >= manager->deadline_usec)
			return -ETIMEDOUT;
		if (r == 0)
			r = bus_lib.sd_bus_wait(manager->bus, manager_left_usec(manager));
		if (r < 0 && r != -EINTR)
			return r;
	}
}

/* A manager outside of our pid namespace takes our numbers for other processes. The kernel tells
 * the peer's number as we would see it. */
static int check_sees_us(const struct manager *manager)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int fd = bus_lib.sd_bus_get_fd(manager->bus);

	if (fd < 0)
		return fd;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -errno;
	return peer.pid > 0 ? 0 : -EXDEV;
}

static int try_address(struct manager *manager, const char *address, bool through_daemon)
{
	int r = bus_lib.sd_bus_new(&manager->bus);

	if (r >= 0)
		r = bus_lib.sd_bus_set_address(manager->bus, address);
	if (r >= 0 && through_daemon)
		r = bus_lib.sd_bus_set_bus_client(manager->bus, true);
	if (r >= 0)
		r = bus_lib.sd_bus_start(manager->bus);
	if (r >= 0)
		r = await_ready(manager);
	if (r >= 0)
		r = check_sees_us(manager);
	if (r < 0)
		manager->bus = bus_lib.sd_bus_close_unref(manager->bus);
	return r < 0 ? r : 0;
}

/* The manager's own socket needs no message bus; the bus is there where that is hidden. */
static int connect_any(struct manager *manager)
{
	const char *runtime = secure_getenv("XDG_RUNTIME_DIR");
	char directory[64];
	char address[512];
	int r;

	if (manager->system) {
		r = try_address(manager, "unix:path=/run/systemd/private", false);
		if (r < 0 && r != -ETIMEDOUT)
			r = try_address(manager, "unix:path=/run/dbus/system_bus_socket", true);
		return r;
	}
	/* Characters that mean something in an address are not worth the trouble of quoting. */
	if (!runtime || *runtime != '/' || strpbrk(runtime, ",;%\\*=: ") || strlen(runtime) > 400) {
		snprintf(directory, sizeof(directory), "/run/user/%lu", (unsigned long)geteuid());
		runtime = directory;
	}
	snprintf(address, sizeof(address), "unix:path=%s/systemd/private", runtime);
	r = try_address(manager, address, false);
	if (r >= 0 || r == -ETIMEDOUT)
		return r;
	snprintf(address, sizeof(address), "unix:path=%s/bus", runtime);
	return try_address(manager, address, true);
}

int manager_connect(bool system, struct manager **ret_manager, ks_error **reterr)
{
	struct manager *manager;
	int r;

	pthread_once(&bus_once, load_bus);
	if (!bus_loaded)
		return error_set(reterr, -ECONNREFUSED,
			ABOUT(.step = "cgroup", .path = "libsystemd.so.0",
				.remedy = "install libsystemd (0.240 or newer)"),
			"libsystemd.so.0, which a scope is asked for with, cannot be loaded");
	manager = calloc(1, sizeof(*manager));
	if (!manager)
		return error_oom(reterr);
	manager->system = system;
	manager->deadline_usec = clock_usec() + PATIENCE_USEC;
	r = connect_any(manager);
	if (r < 0) {
		error_set(reterr, r == -ETIMEDOUT ? r : -ECONNREFUSED,
			ABOUT(.step = "cgroup", .remedy = manager_remedy),
			"%s cannot be reached: %s", manager_name(manager),
			r == -EXDEV ? "it is outside of this pid namespace" : strerror(-r));
		manager_close(manager);
		return r == -ETIMEDOUT ? r : -ECONNREFUSED;
	}
	*ret_manager = manager;
	return 0;
}

void manager_close(struct manager *manager)
{
	if (!manager)
		return;
	if (manager->bus)
		bus_lib.sd_bus_close_unref(manager->bus);
	free(manager);
}
