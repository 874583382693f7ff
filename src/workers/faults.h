/* SPDX-License-Identifier: Apache-2.0 */
/* Faults: the verdict about a stream, and the error object that carries it with the worker's
 * outcome and the last of its stderr. */
#ifndef KS_WORKERS_FAULTS_H
#define KS_WORKERS_FAULTS_H

#include <kastellan/workers.h>

#include "workers/ring.h"

/* What came of a look at a worker's streams; fault KS_FAULT_NONE: nothing is wrong. */
struct verdict {
	enum ks_fault fault;
	char why[192]; /* what the worker did, after "the worker" */
};

/* Sets it; returns -1, so that it may end the function that found it. */
int verdict_set(struct verdict *verdict, enum ks_fault fault, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The errno value of a fault, negative. */
int fault_code(enum ks_fault fault);

/* An error about the tool, without a worker. Returns its code. */
int fault_error(ks_error **reterr, enum ks_fault fault, const char *tool, const char *remedy,
	const char *format, ...) __attribute__((format(printf, 5, 6)));

int fault_no_tool(ks_error **reterr, const char *tool);

/* An error about a worker that is gone. Takes the outcome, which may be NULL. Returns its code. */
int fault_worker_error(ks_error **reterr, const struct verdict *verdict, const char *tool,
	ks_outcome *outcome, const struct ring *errors);

/* Makes a fault of an error that is there. */
void fault_mark(ks_error *error, enum ks_fault fault);

#endif
