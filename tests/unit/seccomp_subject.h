/* SPDX-License-Identifier: Apache-2.0 */
/* One generated program for workers, with what it is to answer: walked instruction by instruction
 * against its table, and against what libseccomp makes of that table. */
#ifndef KS_TESTS_SECCOMP_SUBJECT_H
#define KS_TESTS_SECCOMP_SUBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "linux/seccomp/seccomp_filters.h"
#include "linux/seccomp/table.h"

#define SUBJECT_NUMBERS 1024
#define SUBJECT_ROWS 1024

extern const char *const seccomp_machines[MACHINE_COUNT];

struct seccomp_subject {
	enum seccomp_machine machine;
	bool notify;
	int variant; /* for messages: the profile, or whether signals are scoped */
	const struct seccomp_program *program;
	enum seccomp_action actions[SUBJECT_ROWS]; /* of each row of the table */
	const struct seccomp_row *by_number[SUBJECT_NUMBERS];
	uint8_t *seen; /* how each instruction has run */
	unsigned long walks;
};

/* The actions are the caller's to fill in. */
void subject_open(struct seccomp_subject *subject, enum seccomp_machine machine, int variant,
	bool notify, const struct seccomp_program *program);
void subject_close(struct seccomp_subject *subject);

/* Every number below SUBJECT_NUMBERS and the edges beyond, with every class of arguments and from
 * other architectures; every instruction runs, each way that it has. */
void subject_walk_all(struct seccomp_subject *subject);

/* Where no argument decides; rows that libseccomp knows. Returns how many. */
unsigned subject_compare_numbers(struct seccomp_subject *subject);
/* Where arguments decide. Returns how many rules. */
unsigned subject_compare_rules(struct seccomp_subject *subject);

#endif
