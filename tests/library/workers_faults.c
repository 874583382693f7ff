/* SPDX-License-Identifier: Apache-2.0 */
/* Workers that fail: what the caller is told, when the next one starts, and that the rest goes on.
 *
 *	workers_faults BACKEND PROBE [FIELD,...]   the fields may be degraded */
#include "workers.h"

#include <errno.h>

struct ending {
	const char *method;
	const char *params;
	enum ks_fault fault;
	int outcome; /* -1 = not looked at */
	const char *message; /* a part */
};

static const struct ending endings[] = {
	{"crash", "", KS_FAULT_CRASH, KS_OUTCOME_SIGNAL, "ended before it answered: signal 11"},
	{"exit", "[0]", KS_FAULT_CRASH, KS_OUTCOME_EXIT, "exit code 0"},
	{"exit", "[5]", KS_FAULT_CRASH, KS_OUTCOME_EXIT, "exit code 5"},
	{"garbage", "", KS_FAULT_GARBAGE, -1, "no message: it is not a JSON object"},
	{"nul", "", KS_FAULT_GARBAGE, -1, "NUL"},
	{"latin1", "", KS_FAULT_GARBAGE, -1, "not UTF-8"},
	{"batch", "", KS_FAULT_GARBAGE, -1, "batches"},
	{"parse-error", "", KS_FAULT_GARBAGE, -1, "could not read the request"},
	{"wrong-id", "", KS_FAULT_GARBAGE, -1, "an answer that nobody waits for"},
	{"string-id", "", KS_FAULT_GARBAGE, -1, "an answer that nobody waits for"},
	{"large", "[70000]", KS_FAULT_FLOOD, -1, "more than 65536 bytes"},
	{"endless", "", KS_FAULT_FLOOD, -1, "more than 65536 bytes"},
	{"spam", "", KS_FAULT_FLOOD, -1, "16 messages' worth"},
	{"lines", "", KS_FAULT_FLOOD, -1, "16 messages' worth"},
	{"close", "", KS_FAULT_CLOSED, -1, "closed its stdout"},
	{"sleep", "[60000]", KS_FAULT_TIMEOUT, -1, "did not answer within 1200 ms"},
	{"memory", "", KS_FAULT_CRASH, KS_OUTCOME_OOM, "mem_mb is exceeded"},
	{"cpu", "", KS_FAULT_CRASH, KS_OUTCOME_CPU, "cpu_ms is spent"},
};

static int ends_as(const struct ending *ending, const char *lifecycle)
{
	char member[128];
	ks_error *error = NULL;
	ks_workers *w;
	enum ks_fault fault;
	const ks_outcome *outcome;

	snprintf(member, sizeof(member),
		"\"lifecycle\": %s, \"wall_ms\": %s, \"max_message_bytes\": 65536", lifecycle,
		ending->fault == KS_FAULT_TIMEOUT ? "1200" : "300000");
	w = manager(NULL, member);
	CHECK(w);
	fault = ask_error(w, ending->method, ending->params, NULL, &error);
	if (!error || fault != ending->fault || !strstr(ks_error_message(error), ending->message)) {
		printf("# %s: %s: %s\n", ending->method, ks_fault_name(fault),
			error ? ks_error_message(error) : "answered");
		return 0;
	}
	outcome = ks_error_outcome(error);
	CHECK(outcome);
	if (ending->outcome >= 0 && (int)ks_outcome_type(outcome) != ending->outcome) {
		printf("# %s: outcome %s\n", ending->method,
			ks_outcome_type_name(ks_outcome_type(outcome)));
		return 0;
	}
	CHECK(status_of(w).faults == 1 && status_of(w).last_fault == fault);
	CHECK(status_of(w).busy == 0 && status_of(w).idle == 0);
	ks_error_free(error);
	/* The next one is another worker, which knows nothing of that. */
	CHECK(says(w, "echo", "[1]", "[1]"));
	ks_workers_free(w);
	return 1;
}

static int faults_are_told(void)
{
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		/* Without a control group nothing counts the memory of a worker. */
		if (endings[i].outcome == KS_OUTCOME_OOM && degraded & KS_FIELD_MEM_MB)
			continue;
		CHECK(ends_as(&endings[i], "\"SingleUse\""));
		CHECK(ends_as(&endings[i], "{\"IdleTimeout\": {}}"));
	}
	return 1;
}

static int last_words_are_kept(void)
{
	ks_workers *w = manager(NULL, "\"lifecycle\": \"SingleUse\"");
	ks_error *error = NULL;
	const char *text;
	size_t len = 0;

	CHECK(w);
	CHECK(ask_error(w, "stderr", "[7]", NULL, &error) == KS_FAULT_CRASH);
	text = ks_error_stderr(error, &len);
	CHECK(text && strcmp(text, "last words of 7\n") == 0 && len == strlen(text));
	CHECK(ks_outcome_exit_code(ks_error_outcome(error)) == 3);
	ks_error_free(error);
	ks_workers_free(w);
	return 1;
}

static int failures_back_off(void)
{
	const struct ks_workers_options options = {
		.size = sizeof(options), .backoff_ms = 600, .allow_degraded = degraded};
	const struct ks_call_options hasty = {.size = sizeof(hasty), .wait_ms = 250};
	ks_workers *w = manager(&options, "\"lifecycle\": {\"IdleTimeout\": {}}");
	ks_error *error = NULL;
	long start;

	CHECK(w);
	CHECK(ask_error(w, "crash", "", NULL, NULL) == KS_FAULT_CRASH);
	CHECK(status_of(w).backoff_ms > 0 && status_of(w).backoff_ms <= 600);
	/* It says so at once, as it cannot be in time. */
	start = now_ms();
	CHECK(ask_error(w, "echo", "", &hasty, &error) == KS_FAULT_BACKOFF);
	CHECK(now_ms() - start < 250 && strstr(ks_error_message(error), "crash"));
	ks_error_free(error);
	/* Whoever has the time waits. */
	CHECK(ask_error(w, "crash", "", NULL, NULL) == KS_FAULT_CRASH);
	CHECK(now_ms() - start >= 200);
	CHECK(status_of(w).backoff_ms > 600 && status_of(w).backoff_ms <= 1200);
	CHECK(says(w, "echo", "[1]", "[1]"));
	CHECK(status_of(w).restarts == 2 && status_of(w).backoff_ms == 0);
	/* The answer has set it back. */
	CHECK(ask_error(w, "crash", "", NULL, NULL) == KS_FAULT_CRASH);
	CHECK(status_of(w).backoff_ms <= 600);
	ks_workers_free(w);
	return 1;
}

static int idle_workers_are_watched(void)
{
	static const struct {
		const char *method;
		enum ks_fault fault;
	} rows[] = {{"late-crash", KS_FAULT_CRASH}, {"late-garbage", KS_FAULT_GARBAGE},
		{"late-answer", KS_FAULT_GARBAGE}, {"twice", KS_FAULT_GARBAGE}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ks_workers *w = manager(NULL, "\"lifecycle\": {\"IdleTimeout\": {}}");
		char text[64];

		CHECK(w);
		CHECK(ask(w, rows[i].method, "", NULL, text, sizeof(text)) == KS_FAULT_NONE);
		/* Nobody calls, and yet it is noticed. */
		CHECK(eventually(w, 60000, is_ended, 1));
		CHECK(status_of(w).crashes == 1 && status_of(w).last_fault == rows[i].fault);
		CHECK(says(w, "echo", "[2]", "[2]"));
		ks_workers_free(w);
	}
	return 1;
}

struct told {
	unsigned n;
	char tool[16];
	enum ks_fault fault;
	int signal;
	char message[128];
};

static void note_fault(void *data, const char *tool, const ks_error *error)
{
	struct told *told = data;
	const ks_outcome *outcome = ks_error_outcome(error);

	__atomic_add_fetch(&told->n, 1, __ATOMIC_SEQ_CST);
	snprintf(told->tool, sizeof(told->tool), "%s", tool);
	told->fault = ks_error_fault(error);
	told->signal = outcome ? ks_outcome_signal(outcome) : -1;
	snprintf(told->message, sizeof(told->message), "%s", ks_error_message(error));
}

/* One by a call, one without, one that never started; and none where the caller has given up. */
static int faults_are_told_once(void)
{
	struct told told = {0};
	const struct ks_workers_options options = {.size = sizeof(options),
		.backoff_ms = 10,
		.allow_degraded = degraded,
		.data = &told,
		.on_fault = note_fault};
	struct ks_call_options cancelled = {.size = sizeof(cancelled)};
	ks_workers *w = manager(&options, "\"lifecycle\": {\"IdleTimeout\": {}}");
	int ends[2];

	CHECK(w && says(w, "echo", "[1]", "[1]") && told.n == 0);
	CHECK(ask_error(w, "crash", "", NULL, NULL) == KS_FAULT_CRASH);
	CHECK(told.n == 1 && strcmp(told.tool, "t") == 0 && told.fault == KS_FAULT_CRASH);
	CHECK(told.signal == 11 && strstr(told.message, "before it answered"));
	CHECK(says(w, "late-crash", "", "true"));
	CHECK(eventually(w, 60000, is_ended, 2));
	CHECK(told.n == 2 && told.signal == 11 && strstr(told.message, "while nobody used it"));
	CHECK(pipe(ends) == 0 && close(ends[1]) == 0);
	cancelled.cancel_fd = ends[0];
	CHECK(ask_error(w, "sleep", "[60000]", &cancelled, NULL) == KS_FAULT_CANCELLED);
	CHECK(told.n == 2 && close(ends[0]) == 0);
	ks_workers_free(w);
	CHECK(told.n == 2);
	w = manager(&options, "\"program\": \"/nonexistent\"");
	CHECK(w && ask_error(w, "echo", "", NULL, NULL) == KS_FAULT_START);
	CHECK(told.n == 3 && told.fault == KS_FAULT_START && strstr(told.message, "/nonexistent"));
	ks_workers_free(w);
	return 1;
}

static int idle_notes_do_no_harm(void)
{
	ks_workers *w = manager(NULL, "\"lifecycle\": {\"IdleTimeout\": {}}");

	CHECK(w);
	CHECK(says(w, "late-note", "", "true"));
	sleep_ms(100);
	CHECK(says(w, "echo", "[2]", "[2]"));
	CHECK(status_of(w).starts == 1 && status_of(w).crashes == 0);
	ks_workers_free(w);
	return 1;
}

/* A worker that ended since it was used last is no reason to refuse a request that it cannot have
 * heard, however soon that comes: another one has it. Where the jail's init has not let go of the
 * worker's stdin yet, nobody can tell that, and the request ends in the crash. */
static int unheard_requests_find_another(void)
{
	const struct ks_workers_options options = {.size = sizeof(options),
		.backoff_ms = 1,
		.max_backoff_ms = 1,
		.allow_degraded = degraded};
	ks_workers *w = manager(&options, "\"lifecycle\": {\"IdleTimeout\": {}}");
	struct ks_workers_status status;
	char text[64];
	int found = 0;

	CHECK(w);
	for (int i = 0; i < 20; i++) {
		enum ks_fault fault;

		CHECK(says(w, "echo", "[1]", "[1]") && says(w, "last", "", "true"));
		fault = ask(w, "echo", "[2]", NULL, text, sizeof(text));
		CHECK(fault == KS_FAULT_NONE || fault == KS_FAULT_CRASH);
		found += fault == KS_FAULT_NONE && strcmp(text, "[2]") == 0;
	}
	CHECK(found > 0);
	status = status_of(w);
	CHECK(status.calls == 60 && status.crashes == 20);
	ks_workers_free(w);
	return 1;
}

static int starts_may_fail(void)
{
	ks_workers *w = manager(NULL, "\"program\": \"/nonexistent\"");
	ks_error *error = NULL;

	CHECK(w);
	CHECK(ask_error(w, "echo", "", NULL, &error) == KS_FAULT_START);
	CHECK(ks_error_code(error) == -ENOENT && strcmp(ks_error_step(error), "exec") == 0);
	ks_error_free(error);
	CHECK(status_of(w).faults == 1 && status_of(w).last_fault == KS_FAULT_START);
	ks_workers_free(w);
	/* It starts, and ends before it is asked anything. */
	w = manager(NULL, "\"arguments\": [\"fail\"]");
	CHECK(w);
	error = NULL;
	CHECK(ask_error(w, "echo", "", NULL, &error) == KS_FAULT_CRASH);
	CHECK(ks_outcome_exit_code(ks_error_outcome(error)) == 7);
	ks_error_free(error);
	ks_workers_free(w);
	return 1;
}

static int stubborn_workers_end(void)
{
	const struct ks_workers_options options = {
		.size = sizeof(options), .grace_ms = 100, .allow_degraded = degraded};
	ks_workers *w = manager(&options, "\"arguments\": [\"stubborn\"]");

	CHECK(w);
	CHECK(says(w, "echo", "[1]", "[1]"));
	CHECK(eventually(w, 60000, is_ended, 1));
	CHECK(status_of(w).last_outcome == KS_OUTCOME_SIGNAL && status_of(w).last_signal == 9);
	ks_workers_free(w);
	return 1;
}

static const struct test tests[] = {
	TEST(faults_are_told),
	TEST(last_words_are_kept),
	TEST(failures_back_off),
	TEST(idle_workers_are_watched),
	TEST(faults_are_told_once),
	TEST(idle_notes_do_no_harm),
	TEST(unheard_requests_find_another),
	TEST(starts_may_fail),
	TEST(stubborn_workers_end),
};

int main(int argc, char **argv)
{
	return run_tests(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
