/* SPDX-License-Identifier: Apache-2.0 */
/* The least that a jail with the same policy costs on this kernel, for the goals to be judged by:
 * no call twice, nothing looked at again, and side by side what can be: the caller makes the groups
 * and a helper the network while the root is built. See least_jail.c for what it has and leaves
 * out, and least_monitor.c for what safety adds. */
#ifndef KS_BENCH_LEAST_H
#define KS_BENCH_LEAST_H

#include <stdbool.h>
#include <stdint.h>

#define LEAST_GRANTS 2 /* read/, where the program is, and write/ */
#define LEAST_GROUPS 4 /* memory, pids, cpu, cpuacct */
#define LEAST_UID 1000 /* inside */

struct least_mask {
	const char *path; /* from the root; NULL: no more */
	bool directory;
};

/* What the caller of a jail allows: each word of memory is waited for by a futex. */
enum least_step { LEAST_BUILD, LEAST_JOIN, LEAST_EXECUTE };

struct least_jail {
	const char *place;
	const char *program;
	unsigned uid; /* the caller's */
	int grants[LEAST_GRANTS]; /* mounts that show mapped ids; -1: none, by path */
	const struct least_mask *masks; /* what of /proc is covered; NULL: nothing */
	const struct seccomp_program *filter;
	int groups[LEAST_GROUPS]; /* "tasks" of each, to be joined; there from LEAST_JOIN on */
	uint32_t step; /* enum least_step, of the caller's */
	uint32_t armed; /* 1: all is in force, only the exec is left */
};

/* least_groups.c: in the order of their rows there. 0, or -errno with nothing left behind. */
int least_make_groups(int tasks[LEAST_GROUPS]);
void least_close_groups(const int tasks[LEAST_GROUPS]);
void least_remove_groups(void);

/* least_jail.c */

/* Anything that goes wrong ends the process: no message, as it is to cost nothing. */
void least_must(long result);
void least_wait(const uint32_t *word, uint32_t until);
void least_wake(uint32_t *word, uint32_t value);
/* Makes the network of a process that has its other namespaces; it shares memory and descriptors,
 * and writes where it is to be found. Returns whom to wait for. */
int least_start_network(int *ret_network);
/* The only id of a process. */
void least_map(const char *process, unsigned outside);
void least_root(const struct least_jail *jail);
void least_enter_network(int maker, const int *network);
/* And the old root is gone. */
void least_pivot(void);
/* And the rest: groups, session, limits, capabilities, Landlock, filter, exec. */
_Noreturn void least_execute(struct least_jail *jail);

/* WorkerStrict's for this machine, as kastellan loads it where there is no listener. */
const struct seccomp_program *least_filter(void);
/* A directory of the place that is granted. */
void least_grant_path(const struct least_jail *jail, int grant, char path[512]);

#endif
