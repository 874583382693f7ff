/* SPDX-License-Identifier: Apache-2.0 */
/* kastellan selftest: forbidden acts, tried against the caller's own policy, backend and host.
 *
 * Each act is done twice by the same program with the same arguments, `kastellan selftest -- ACT
 * STAGE...`: as a plain child of ours, where it has to succeed, and inside a jail, where it must
 * not. What cannot be done unconfined proves nothing, and is reported as that. */
#ifndef KS_CLI_SELFTEST_H
#define KS_CLI_SELFTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <kastellan/kastellan.h>

/* What the acts are about, made outside before they are tried. */
struct stage {
	char directory[64]; /* of ours, outside of every grant; "" where there is no such place */
	int port; /* of TCP and UDP on the loopback, which answer with a byte */
	int shm; /* a System V segment, or -1 */
	pid_t victim; /* a process of the same user */
	char host[65]; /* the host's name */
	uint64_t amount; /* what the act at hand takes too much of */
	const char *path; /* a grant for reading, or "" */
	int leak; /* a descriptor that is open on purpose */
	char secret[17];
};

#define STAGE_ARGUMENTS 8
#define LEAK_VARIABLE "KASTELLAN_SELFTEST_SECRET"

/* What makes an act one that the policy allows, or one that is not to be tried. */
enum act_unless {
	UNLESS_NOTHING,
	UNLESS_NETWORK, /* ProxyEgress has the host's */
	UNLESS_NO_PLACE, /* needs stage.directory */
	UNLESS_NO_GRANT, /* needs a grant for reading */
	UNLESS_NO_AMOUNT, /* needs a limit that is low enough to be tried */
};

struct act {
	const char *name;
	const char *about; /* what would have happened */
	const char *field; /* of the receipt */
	enum act_unless unless;
	/* 0 where it succeeded, or -errno. */
	int (*run)(const struct stage *stage);
};

/* The tables, which end with a row without a name. */
extern const struct act acts_files[], acts_processes[], acts_kernel[], acts_limits[];
extern const struct act *const act_tables[];

const struct act *act_find(const char *name);
/* Does it here and now, and says what came of it. Returns the exit status. */
int act_perform(char *const *words);

/* Makes what the acts are about. self, the program, is granted for the test alone. Returns 0, or
 * -errno. */
int stage_set(const ks_policy *policy, const char *self, struct stage *ret, ks_error **reterr);
void stage_clear(struct stage *stage);

enum result { RESULT_HELD, RESULT_NOT_HELD, RESULT_DEGRADED, RESULT_NOT_SHOWN, RESULT_GRANTED };

struct trial {
	const struct act *act;
	enum result result;
	char jail[64], control[64]; /* "allowed", "denied: EPERM", "killed: ptrace", ... */
};

struct jail_of_test {
	ks_backend *backend;
	ks_policy *policy;
	const ks_plan *plan;
	unsigned allow_degraded;
	const char *self; /* the program, for both sides */
};

/* Tries one act on both sides. Returns 0, or -errno. */
int trial_run(const struct jail_of_test *jail, struct stage *stage, const struct act *act,
	struct trial *ret, ks_error **reterr);

#endif
