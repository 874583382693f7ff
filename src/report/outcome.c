/* SPDX-License-Identifier: Apache-2.0 */
#include "report/outcome.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "base/error.h"
#include "report/refused.h"

/* RLIMIT_CPU sends SIGXCPU, then SIGKILL; anybody else may send them, too. */
bool ending_by_backstop(const struct ending *ending)
{
	int signal = ending->have_status && WIFSIGNALED(ending->status) ? WTERMSIG(ending->status)
									: 0;

	return ending->cpu_budget_usec && ending->cpu_usec >= ending->cpu_budget_usec &&
	       (signal == SIGXCPU || signal == SIGKILL);
}

enum ks_outcome_type outcome_decide(const struct ending *ending)
{
	bool failed = !ending->have_status || !WIFEXITED(ending->status) ||
		      WEXITSTATUS(ending->status) != 0;
	int signal = ending->have_status && WIFSIGNALED(ending->status) ? WTERMSIG(ending->status)
									: 0;

	if (ending->denied || signal == SIGSYS)
		return KS_OUTCOME_DENIED;
	if (ending->cpu_spent || ending_by_backstop(ending))
		return KS_OUTCOME_CPU;
	if (ending->oom_kills && failed)
		return KS_OUTCOME_OOM;
	if (ending->timed_out)
		return KS_OUTCOME_TIMEOUT;
	if (ending->tasks_refused && failed)
		return KS_OUTCOME_TASKS;
	if (ending->have_status && WIFEXITED(ending->status))
		return KS_OUTCOME_EXIT;
	return KS_OUTCOME_SIGNAL;
}

static int copy(const char *text, char **ret)
{
	if (!text)
		return 0;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

int outcome_set_receipt(
	struct ks_outcome *outcome, const char *backend, const struct receipt *receipt)
{
	outcome->backend = backend;
	if (!receipt)
		return 0;
	outcome->has_receipt = true;
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		const struct receipt_row *from = &receipt->rows[i];
		struct receipt_row *to = &outcome->receipt.rows[i];

		*to = (struct receipt_row){.field = from->field,
			.verdict = from->verdict,
			.requested = from->requested};
		if (copy(from->request, &to->request) < 0 ||
			copy(from->mechanism, &to->mechanism) < 0 ||
			copy(from->detail, &to->detail) < 0 || copy(from->remedy, &to->remedy) < 0)
			return -ENOMEM;
	}
	return 0;
}

int outcome_set_network(struct ks_outcome *outcome, const struct network_report *report)
{
	return network_report_copy(report, &outcome->network);
}

static const char *detail_of(const struct ks_outcome *outcome)
{
	if (outcome->type == KS_OUTCOME_SIGNAL && !outcome->ending.have_status)
		return "jail";
	if (outcome->type != KS_OUTCOME_DENIED)
		return NULL;
	return outcome->ending.denied_call ? outcome->ending.denied_call : "unknown";
}

int outcome_new(const struct ending *ending, const char *backend, const struct receipt *receipt,
	struct ks_outcome **ret_outcome)
{
	struct ks_outcome *outcome = calloc(1, sizeof(*outcome));

	if (!outcome)
		return -ENOMEM;
	outcome->ending = *ending;
	outcome->type = outcome_decide(ending);
	outcome->exit_code = -1;
	if (ending->have_status && WIFEXITED(ending->status))
		outcome->exit_code = WEXITSTATUS(ending->status);
	else if (ending->have_status && WIFSIGNALED(ending->status))
		outcome->signal = WTERMSIG(ending->status);
	else
		outcome->signal = SIGKILL;
	if (copy(detail_of(outcome), &outcome->detail) < 0 ||
		outcome_set_receipt(outcome, backend, receipt) < 0) {
		ks_outcome_free(outcome);
		return -ENOMEM;
	}
	*ret_outcome = outcome;
	return 0;
}

int ks_outcome_from_error(const ks_error *error, ks_outcome **ret_outcome)
{
	const struct refused *refused = refused_of(error);
	struct ks_outcome *outcome = calloc(1, sizeof(*outcome));

	if (!outcome)
		return -ENOMEM;
	outcome->type = KS_OUTCOME_SETUP;
	outcome->exit_code = -1;
	outcome->error = ks_error_code(error);
	if (copy(ks_error_step(error), &outcome->detail) < 0 ||
		copy(ks_error_message(error), &outcome->message) < 0 ||
		copy(ks_error_path(error), &outcome->path) < 0 ||
		copy(ks_error_field(error), &outcome->field) < 0 ||
		copy(ks_error_remedy(error), &outcome->remedy) < 0 ||
		(refused && outcome_set_receipt(outcome, ks_backend_kind_name(refused->kind),
				    &refused->receipt) < 0)) {
		ks_outcome_free(outcome);
		return -ENOMEM;
	}
	*ret_outcome = outcome;
	return 0;
}

void ks_outcome_free(ks_outcome *outcome)
{
	if (!outcome)
		return;
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		free(outcome->receipt.rows[i].request);
		free(outcome->receipt.rows[i].mechanism);
		free(outcome->receipt.rows[i].detail);
		free(outcome->receipt.rows[i].remedy);
	}
	network_report_done(&outcome->network);
	free(outcome->detail);
	free(outcome->message);
	free(outcome->path);
	free(outcome->field);
	free(outcome->remedy);
	free(outcome);
}

const char *ks_outcome_type_name(enum ks_outcome_type type)
{
	static const char *const names[] = {
		"exit", "signal", "timeout", "cpu", "oom", "tasks", "denied", "setup"};

	return (unsigned)type < sizeof(names) / sizeof(names[0]) ? names[type] : "unknown";
}

enum ks_outcome_type ks_outcome_type(const ks_outcome *outcome)
{
	return outcome->type;
}

int ks_outcome_exit_code(const ks_outcome *outcome)
{
	return outcome->exit_code;
}

int ks_outcome_signal(const ks_outcome *outcome)
{
	return outcome->signal;
}

const char *ks_outcome_detail(const ks_outcome *outcome)
{
	return outcome->detail;
}

uint64_t ks_outcome_wall_ms(const ks_outcome *outcome)
{
	return outcome->ending.wall_usec / 1000;
}

uint64_t ks_outcome_cpu_ms(const ks_outcome *outcome)
{
	return outcome->ending.cpu_usec / 1000;
}

uint64_t ks_outcome_memory_peak_bytes(const ks_outcome *outcome)
{
	return outcome->ending.memory_peak_bytes;
}

uint64_t ks_outcome_tasks_peak(const ks_outcome *outcome)
{
	return outcome->ending.tasks_peak;
}

uint64_t ks_outcome_oom_kills(const ks_outcome *outcome)
{
	return outcome->ending.oom_kills;
}

uint64_t ks_outcome_tasks_refused(const ks_outcome *outcome)
{
	return outcome->ending.tasks_refused;
}

uint64_t ks_outcome_calls_denied(const ks_outcome *outcome)
{
	return outcome->ending.denials;
}

static int setup_status(const ks_outcome *outcome)
{
	if (!outcome->detail || strcmp(outcome->detail, "exec") != 0)
		return 125;
	return outcome->error == -ENOENT ? 127 : 126;
}

int ks_outcome_shell_status(const ks_outcome *outcome)
{
	switch (outcome->type) {
	case KS_OUTCOME_SETUP:
		return setup_status(outcome);
	case KS_OUTCOME_TIMEOUT:
		return 124;
	case KS_OUTCOME_CPU:
	case KS_OUTCOME_OOM:
		return 128 + SIGKILL;
	case KS_OUTCOME_DENIED:
		return 128 + SIGSYS;
	case KS_OUTCOME_EXIT:
	case KS_OUTCOME_SIGNAL:
	case KS_OUTCOME_TASKS:
		break;
	}
	return outcome->exit_code >= 0 ? outcome->exit_code : 128 + outcome->signal;
}
