/* SPDX-License-Identifier: Apache-2.0 */
/* Workers in control groups of this machine, for tests. */
#ifndef KS_TESTS_CGROUP_LIVE_H
#define KS_TESTS_CGROUP_LIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "linux/cgroup/cgroup.h"

#define MIB (1ull << 20)
#define NOBODY 65534

/* What this machine has, and the tests' set-up and tear-down of it. */
extern struct host_cgroup host;
int live_begin(void **state);
int live_end(void **state);

extern const struct cgroup_limits no_limits;

/* Groups can be made without a service manager, with everything in them. */
bool is_direct(void);

#define NEED_GROUPS()             \
	do {                      \
		if (!is_direct()) \
			skip();   \
	} while (0)

/* A group with limits; ending, reaping and removing everything of it. They fail the test. */
struct cgroup *make(const struct cgroup_limits *limits);
void unmake(struct cgroup *group);

/* Workers' acts. hog: touches MiB; 0. breed: how many processes could be had, this one included.
 * spin: burns milliseconds of the processor; 0. stay: breeds and waits for ever. */
int hog(uint64_t mib);
int breed(uint64_t n);
int spin(uint64_t msec);
int stay(uint64_t n);

/* A process that joins and acts; the act's result is its exit status. */
pid_t start(struct cgroup *group, int (*act)(uint64_t), uint64_t amount);
int finish(pid_t pid);
void reap_all(void);

struct cgroup_usage usage_of(struct cgroup *group);
void await_tasks(struct cgroup *group, uint64_t n);
void assert_nothing_lives(const struct cgroup *group);

int open_descriptors(void); /* of this process: how many */

#endif
