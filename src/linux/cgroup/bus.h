/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to systemd's manager over sd-bus. libsystemd is loaded at the first use and stays; a
 * connection belongs to one call and one thread. Every wait is bounded. */
#ifndef KS_LINUX_CGROUP_BUS_H
#define KS_LINUX_CGROUP_BUS_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "linux/cgroup/manager.h"

/* The functions of libsystemd that are used, by the names they have there. */
#define BUS_FUNCTIONS(X)                  \
	X(sd_bus_new)                     \
	X(sd_bus_set_address)             \
	X(sd_bus_set_bus_client)          \
	X(sd_bus_start)                   \
	X(sd_bus_is_ready)                \
	X(sd_bus_process)                 \
	X(sd_bus_wait)                    \
	X(sd_bus_get_fd)                  \
	X(sd_bus_close_unref)             \
	X(sd_bus_call)                    \
	X(sd_bus_message_new_method_call) \
	X(sd_bus_message_open_container)  \
	X(sd_bus_message_close_container) \
	X(sd_bus_message_append)          \
	X(sd_bus_message_read)            \
	X(sd_bus_message_unref)           \
	X(sd_bus_error_free)

#define DECLARE(name) __typeof__(&name) name;
struct bus_library {
	BUS_FUNCTIONS(DECLARE)
};
#undef DECLARE

/* Valid while there is a connection. */
extern struct bus_library bus_lib;

struct manager {
	sd_bus *bus;
	bool system;
	uint64_t deadline_usec; /* CLOCK_MONOTONIC; for all calls together */
};

/* What is left of the patience; never 0, which would mean the library's own default. */
uint64_t manager_left_usec(const struct manager *manager);

const char *manager_name(const struct manager *manager);
extern const char *const manager_remedy;

#endif
