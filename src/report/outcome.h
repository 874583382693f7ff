/* SPDX-License-Identifier: Apache-2.0 */
/* How a worker ended: the facts that the supervisor collects, and the typed outcome that follows
 * from them. Pure. */
#ifndef KS_REPORT_OUTCOME_H
#define KS_REPORT_OUTCOME_H

#include <stdbool.h>
#include <stdint.h>

#include <kastellan/run.h>

#include "plan/plan.h"
#include "report/network.h"

/* What was seen, in no order. */
struct ending {
	bool have_status;
	int status; /* wait status of the program */
	bool timed_out; /* the wall-clock limit came first and ended it */
	bool cpu_spent; /* the budget was spent and the supervisor ended it */
	uint64_t cpu_budget_usec; /* 0 = none; a process past it may end by its backstop, RLIMIT_CPU
				   */
	bool denied; /* the main process was killed for a system call */
	const char *denied_call; /* its name, NULL = unknown */
	const char *last_call; /* of the last process that was killed for one, whichever it is */
	unsigned denials; /* processes killed for one, the main one included */
	uint64_t oom_kills;
	uint64_t tasks_refused;
	uint64_t wall_usec;
	uint64_t cpu_usec;
	uint64_t memory_peak_bytes;
	uint64_t tasks_peak;
	const char *guest; /* where that of a machine came from: "template", "boot" (static); NULL:
			      there was none */
	const char *guest_reason; /* why not from a template (static), or NULL */
};

struct ks_outcome {
	enum ks_outcome_type type;
	int exit_code; /* -1 = none */
	int signal; /* 0 = none */
	char *detail;
	/* setup only */
	int error;
	char *message;
	char *path;
	char *field;
	char *remedy;
	struct ending ending;
	const char *backend; /* static string; NULL = unknown */
	struct network_report network;
	bool has_receipt;
	struct receipt receipt; /* a copy */
};

/* The main process was ended by RLIMIT_CPU, as the kernel does that; its time and status are set.
 */
bool ending_by_backstop(const struct ending *ending);

/* The type and its details from what was seen. The first that holds: a denied main process, the
 * CPU budget, memory, the wall clock, a refused task with a failing exit, a signal, an exit. */
enum ks_outcome_type outcome_decide(const struct ending *ending);

/* 0 or -ENOMEM. The receipt is copied; it may be NULL. */
int outcome_new(const struct ending *ending, const char *backend, const struct receipt *receipt,
	struct ks_outcome **ret_outcome);

/* Attaches where a setup outcome came from. 0 or -ENOMEM. */
int outcome_set_receipt(
	struct ks_outcome *outcome, const char *backend, const struct receipt *receipt);

/* Attaches a copy of what became of its connections. 0 or -ENOMEM. */
int outcome_set_network(struct ks_outcome *outcome, const struct network_report *report);

/* For the public row form, used by plan and outcome. */
int receipt_row_out(const struct receipt *receipt, size_t index, struct ks_receipt_row *ret_row);

#endif
