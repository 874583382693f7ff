/* SPDX-License-Identifier: Apache-2.0 */
#include "workers/faults.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "policy/say.h"

/* What hangs on the error. */
struct report {
	enum ks_fault fault;
	ks_outcome *outcome;
	char *errors;
	size_t errors_len;
};

static const struct {
	const char *name;
	int code;
} rows[] = {
	[KS_FAULT_NONE] = {"none", -EIO},
	[KS_FAULT_TOOL] = {"tool", -ENOENT},
	[KS_FAULT_BUSY] = {"busy", -EAGAIN},
	[KS_FAULT_BACKOFF] = {"backoff", -EAGAIN},
	[KS_FAULT_START] = {"start", -EIO},
	[KS_FAULT_CRASH] = {"crash", -EPIPE},
	[KS_FAULT_TIMEOUT] = {"timeout", -ETIMEDOUT},
	[KS_FAULT_GARBAGE] = {"garbage", -EPROTO},
	[KS_FAULT_FLOOD] = {"flood", -EMSGSIZE},
	[KS_FAULT_CLOSED] = {"closed", -EPIPE},
	[KS_FAULT_CANCELLED] = {"cancelled", -ECANCELED},
	[KS_FAULT_SHUTDOWN] = {"shutdown", -ESHUTDOWN},
};

const char *ks_fault_name(enum ks_fault fault)
{
	return (size_t)fault < sizeof(rows) / sizeof(rows[0]) ? rows[fault].name : "none";
}

int fault_code(enum ks_fault fault)
{
	return rows[fault].code;
}

int verdict_set(struct verdict *verdict, enum ks_fault fault, const char *format, ...)
{
	va_list args;

	verdict->fault = fault;
	va_start(args, format);
	vsnprintf(verdict->why, sizeof(verdict->why), format, args);
	va_end(args);
	return -1;
}

static void release_report(void *data)
{
	struct report *report = data;

	ks_outcome_free(report->outcome);
	free(report->errors);
	free(report);
}

/* Takes the outcome. Where memory runs out the error goes without it. */
static void attach(
	ks_error *error, enum ks_fault fault, ks_outcome *outcome, const struct ring *errors)
{
	struct report *report = error ? calloc(1, sizeof(*report)) : NULL;

	if (!report) {
		ks_outcome_free(outcome);
		return;
	}
	report->fault = fault;
	report->outcome = outcome;
	if (errors && errors->len)
		ring_text(errors, &report->errors, &report->errors_len);
	error_attach(error, report, release_report);
}

void fault_mark(ks_error *error, enum ks_fault fault)
{
	attach(error, fault, NULL, NULL);
}

int fault_error(ks_error **reterr, enum ks_fault fault, const char *tool, const char *remedy,
	const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	error_set(reterr, fault_code(fault),
		ABOUT(.step = "worker", .path = tool, .remedy = remedy), "tool \"%s\": %s", tool,
		text);
	if (reterr)
		fault_mark(*reterr, fault);
	return fault_code(fault);
}

int fault_no_tool(ks_error **reterr, const char *tool)
{
	return fault_error(reterr, KS_FAULT_TOOL, tool, "name one of the manifest's tools",
		"there is no such tool");
}

/* Which field of the policy an outcome is about, and what to do. */
static const struct {
	const char *field;
	const char *what;
	const char *remedy;
} hints[] = {
	[KS_OUTCOME_CPU] = {"cpu_ms", "cpu_ms is spent",
		"raise cpu_ms, which is for the whole life of a worker (0 = no limit), or end "
		"warm workers earlier with max_requests"},
	[KS_OUTCOME_OOM] = {"mem_mb", "mem_mb is exceeded", "raise mem_mb, if it may use more"},
	[KS_OUTCOME_TASKS] = {"tasks_max", "tasks_max refused it a process or thread",
		"raise tasks_max, if it may have more"},
	[KS_OUTCOME_DENIED] = {"profile", "it made a system call that is never allowed",
		"no policy allows it: run a program that does without"},
	[KS_OUTCOME_SETUP] = {NULL, NULL, NULL},
};

static struct phrase ending(const ks_outcome *outcome)
{
	enum ks_outcome_type type = ks_outcome_type(outcome);

	if (hints[type].what && ks_outcome_detail(outcome))
		return phrase(": %s: %s", hints[type].what, ks_outcome_detail(outcome));
	if (hints[type].what)
		return phrase(": %s", hints[type].what);
	if (ks_outcome_signal(outcome))
		return phrase(": signal %d", ks_outcome_signal(outcome));
	return phrase(": exit code %d", ks_outcome_exit_code(outcome));
}

/* An ending that we brought about says nothing of its own. */
static bool tells(const struct verdict *verdict, const ks_outcome *outcome)
{
	return outcome &&
	       (verdict->fault == KS_FAULT_CRASH || hints[ks_outcome_type(outcome)].what);
}

int fault_worker_error(ks_error **reterr, const struct verdict *verdict, const char *tool,
	ks_outcome *outcome, const struct ring *errors)
{
	bool told = tells(verdict, outcome);
	enum ks_outcome_type type = told ? ks_outcome_type(outcome) : KS_OUTCOME_EXIT;
	int code = fault_code(verdict->fault);

	error_set(reterr, code,
		ABOUT(.step = "worker", .field = hints[type].field, .path = tool,
			.remedy = hints[type].remedy),
		"tool \"%s\": the worker %s%s", tool, verdict->why,
		told ? ending(outcome).text : "");
	if (reterr)
		attach(*reterr, verdict->fault, outcome, errors);
	else
		ks_outcome_free(outcome);
	return code;
}

enum ks_fault ks_error_fault(const ks_error *error)
{
	const struct report *report = error_attached(error, release_report);

	return report ? report->fault : KS_FAULT_NONE;
}

const ks_outcome *ks_error_outcome(const ks_error *error)
{
	const struct report *report = error_attached(error, release_report);

	return report ? report->outcome : NULL;
}

const char *ks_error_stderr(const ks_error *error, size_t *ret_len)
{
	const struct report *report = error_attached(error, release_report);

	if (ret_len)
		*ret_len = report ? report->errors_len : 0;
	return report ? report->errors : NULL;
}
