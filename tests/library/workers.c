/* SPDX-License-Identifier: Apache-2.0 */
/* Workers on loan: that each request gets its own answer, that lives are as long as the manifest
 * says, and that nothing is left.
 *
 *	workers BACKEND PROBE [FIELD,...]   the fields may be degraded */
#include "workers.h"

#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>

static int requests_are_answered(void)
{
	ks_workers *w = manager(NULL, "\"lifecycle\": {\"IdleTimeout\": {}}");
	char *answer = NULL;
	size_t len = 0;
	const char *request = "{\"jsonrpc\":\"2.0\",\"id\":\"m\\u00efne\",\n\"method\":\"echo\","
			      "\"params\":[1.50,\"\xc3\xa9\"]}";

	CHECK(w);
	CHECK(says(w, "echo", "[1e400]", "[1e400]"));
	CHECK(says(w, "drip", "", "\"d\xc3\xa9p\""));
	CHECK(says(w, "notify", "", "true"));
	CHECK(ks_workers_call(w, "t", request, strlen(request), NULL, &answer, &len, NULL) == 0);
	CHECK(strcmp(answer, "{\"jsonrpc\":\"2.0\",\"id\":\"m\\u00efne\","
			     "\"result\":[1.50,\"\xc3\xa9\"]}") == 0);
	CHECK(len == strlen(answer));
	free(answer);
	ks_workers_free(w);
	return 1;
}

static int single_use_is_used_once(void)
{
	ks_workers *w = manager(NULL, "\"lifecycle\": \"SingleUse\"");
	struct ks_workers_status status;
	char first[64], second[64];

	CHECK(w);
	CHECK(ask(w, "who", "", NULL, first, sizeof(first)) == KS_FAULT_NONE);
	CHECK(ask(w, "who", "", NULL, second, sizeof(second)) == KS_FAULT_NONE);
	CHECK(strcmp(first, second) != 0);
	CHECK(eventually(w, 60000, is_ended, 2));
	status = status_of(w);
	CHECK(status.calls == 2 && status.starts == 2 && status.retired == 2);
	CHECK(status.faults == 0 && status.crashes == 0 && status.busy == 0 && status.idle == 0);
	CHECK(status.last_outcome == KS_OUTCOME_EXIT && status.last_exit_code == 0);
	ks_workers_free(w);
	return 1;
}

static int warm_workers_stay(void)
{
	ks_workers *w = manager(NULL, "\"lifecycle\": {\"IdleTimeout\": {\"idle_seconds\": 1}}");
	char first[64], second[64];
	struct ks_workers_status status;

	CHECK(w);
	CHECK(ask(w, "who", "", NULL, first, sizeof(first)) == KS_FAULT_NONE);
	for (int i = 0; i < 20; i++) {
		CHECK(ask(w, "who", "", NULL, second, sizeof(second)) == KS_FAULT_NONE);
		CHECK(strcmp(first, second) == 0);
	}
	status = status_of(w);
	CHECK(status.starts == 1 && status.idle == 1 && status.calls == 21);
	/* Nobody calls, and it ends. */
	sleep_ms(700);
	CHECK(status_of(w).idle == 1);
	CHECK(eventually(w, 60000, is_ended, 1));
	CHECK(status_of(w).retired == 1 && status_of(w).crashes == 0);
	CHECK(ask(w, "who", "", NULL, second, sizeof(second)) == KS_FAULT_NONE);
	CHECK(strcmp(first, second) != 0);
	ks_workers_free(w);
	return 1;
}

static int requests_and_age_are_counted(void)
{
	ks_workers *w = manager(NULL, "\"lifecycle\": {\"IdleTimeout\": {\"max_requests\": 3}}");
	char before[64] = "", now[64];
	int changes = 0;

	CHECK(w);
	for (int i = 0; i < 9; i++) {
		CHECK(ask(w, "who", "", NULL, now, sizeof(now)) == KS_FAULT_NONE);
		changes += strcmp(before, now) != 0;
		snprintf(before, sizeof(before), "%s", now);
	}
	CHECK(changes == 3);
	ks_workers_free(w);
	w = manager(NULL, "\"lifecycle\": {\"IdleTimeout\": {\"max_age_seconds\": 1}}");
	CHECK(w);
	CHECK(ask(w, "who", "", NULL, before, sizeof(before)) == KS_FAULT_NONE);
	CHECK(ask(w, "sleep", "[1100]", NULL, now, sizeof(now)) == KS_FAULT_NONE);
	CHECK(strcmp(before, now) == 0);
	CHECK(eventually(w, 60000, is_ended, 1) && status_of(w).retired == 1);
	ks_workers_free(w);
	return 1;
}

struct heard {
	int notes;
	int requests;
};

static void hear(void *data, ks_worker *worker, const char *text, size_t len)
{
	static const char reply[] = "{\"jsonrpc\":\"2.0\",\"id\":\"mine\",\n\"result\":[\"root\"]}";
	struct heard *heard = data;

	if (!strstr(text, "roots/list")) {
		heard->notes += strlen(text) == len;
		return;
	}
	heard->requests++;
	ks_worker_send(worker, reply, strlen(reply), NULL);
}

static int workers_may_ask(void)
{
	struct heard heard = {0, 0};
	const struct ks_call_options options = {
		.size = sizeof(options), .on_message = hear, .data = &heard};
	ks_workers *w = manager(NULL, "\"lifecycle\": {\"IdleTimeout\": {}}");
	char text[512];

	CHECK(w);
	CHECK(ask(w, "notify", "", &options, text, sizeof(text)) == KS_FAULT_NONE);
	CHECK(heard.notes == 3);
	CHECK(ask(w, "ask", "", &options, text, sizeof(text)) == KS_FAULT_NONE);
	CHECK(heard.requests == 1 && strstr(text, "[\"root\"]"));
	/* Without anybody to ask it gets a refusal, and not silence. */
	CHECK(ask(w, "ask", "", NULL, text, sizeof(text)) == KS_FAULT_NONE);
	CHECK(strstr(text, "-32601"));
	CHECK(status_of(w).starts == 1);
	ks_workers_free(w);
	return 1;
}

static int loans_keep_their_worker(void)
{
	static const char request[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"who\"}";
	static const char crash[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"crash\"}";
	static const char note[] = "{\"jsonrpc\":\"2.0\",\"method\":\"n\"}";
	ks_workers *w = manager(NULL, "\"lifecycle\": \"SingleUse\"");
	char *first = NULL, *second = NULL;
	ks_worker *worker = NULL;
	ks_error *error = NULL;

	CHECK(w && ks_workers_acquire(w, "t", NULL, &worker, NULL) == 0);
	CHECK(ks_worker_call(worker, request, strlen(request), NULL, &first, NULL, NULL) == 0);
	CHECK(ks_worker_send(worker, note, strlen(note), NULL) == 0);
	CHECK(ks_worker_call(worker, request, strlen(request), NULL, &second, NULL, NULL) == 0);
	CHECK(strcmp(first, second) == 0);
	CHECK(ks_worker_send(worker, request, strlen(request), &error) == -EINVAL);
	ks_error_free(error);
	error = NULL;
	CHECK(ks_worker_call(worker, crash, strlen(crash), NULL, &first, NULL, NULL) == -EPIPE);
	CHECK(ks_worker_call(worker, request, strlen(request), NULL, &first, NULL, &error) ==
		-EPIPE);
	CHECK(ks_error_fault(error) == KS_FAULT_CRASH);
	ks_error_free(error);
	ks_worker_release(worker);
	ks_worker_release(NULL);
	free(first);
	free(second);
	CHECK(status_of(w).busy == 0 && status_of(w).starts == 1);
	ks_workers_free(w);
	return 1;
}

static int bad_calls_are_refused(void)
{
	ks_workers *w = manager(
		NULL, "\"lifecycle\": {\"IdleTimeout\": {}}, \"max_message_bytes\": 256");
	static const char who[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"who\"}";
	const struct ks_call_options endless = {.size = sizeof(endless), .timeout_ms = UINT64_MAX};
	char large[400], *answer = NULL;
	ks_error *error = NULL;

	CHECK(w);
	CHECK(ks_workers_call(w, "x", "{}", 2, NULL, &answer, NULL, &error) == -ENOENT);
	CHECK(ks_error_fault(error) == KS_FAULT_TOOL);
	ks_error_free(error);
	error = NULL;
	CHECK(ks_workers_call(w, "t", who, strlen(who), &endless, &answer, NULL, &error) ==
		-ERANGE);
	ks_error_free(error);
	error = NULL;
	CHECK(ks_workers_call(w, "t", "{}", 2, NULL, &answer, NULL, &error) == -EINVAL);
	CHECK(ks_error_fault(error) == KS_FAULT_NONE);
	ks_error_free(error);
	error = NULL;
	memset(large, ' ', sizeof(large));
	CHECK(ks_workers_call(w, "t", large, sizeof(large), NULL, &answer, NULL, &error) ==
		-EMSGSIZE);
	CHECK(strstr(ks_error_remedy(error), "max_message_bytes"));
	ks_error_free(error);
	CHECK(status_of(w).starts == 0 && status_of(w).calls == 0);
	CHECK(says(w, "echo", "[1]", "[1]"));
	CHECK(status_of(w).starts == 1 && !answer);
	ks_workers_free(w);
	return 1;
}

static int calls_can_be_cancelled(void)
{
	ks_workers *w = manager(NULL, "\"lifecycle\": {\"IdleTimeout\": {}}");
	struct ks_call_options options = {.size = sizeof(options)};
	uint64_t one = 1;
	char text[64];

	CHECK(w);
	options.cancel_fd = eventfd(0, EFD_CLOEXEC);
	CHECK(ask(w, "echo", "", &options, text, sizeof(text)) == KS_FAULT_NONE);
	CHECK(write(options.cancel_fd, &one, sizeof(one)) > 0);
	CHECK(ask(w, "sleep", "[60000]", &options, text, sizeof(text)) == KS_FAULT_CANCELLED);
	close(options.cancel_fd);
	/* That is no failure of the worker's: the next one need not wait. */
	CHECK(status_of(w).backoff_ms == 0 && status_of(w).faults == 0);
	CHECK(says(w, "echo", "[1]", "[1]"));
	CHECK(status_of(w).starts == 2);
	ks_workers_free(w);
	return 1;
}

static int jails_are_built_ahead(void)
{
	const struct ks_workers_options options = {
		.size = sizeof(options), .jails_ahead = 2, .allow_degraded = degraded};
	ks_workers *w = manager(&options, "\"lifecycle\": \"SingleUse\"");
	char first[64], second[64];

	CHECK(w);
	for (int i = 0; i < 5; i++) {
		CHECK(eventually(w, 60000, has_jails, 2));
		CHECK(ask(w, "who", "", NULL, i % 2 ? first : second, 64) == KS_FAULT_NONE);
		CHECK(i == 0 || strcmp(first, second) != 0);
	}
	CHECK(ask_error(w, "crash", "", NULL, NULL) == KS_FAULT_CRASH);
	CHECK(eventually(w, 60000, has_jails, 2));
	ks_workers_free(w);
	return 1;
}

static const struct test tests[] = {
	TEST(requests_are_answered),
	TEST(single_use_is_used_once),
	TEST(warm_workers_stay),
	TEST(requests_and_age_are_counted),
	TEST(workers_may_ask),
	TEST(loans_keep_their_worker),
	TEST(bad_calls_are_refused),
	TEST(calls_can_be_cancelled),
	TEST(jails_are_built_ahead),
};

int main(int argc, char **argv)
{
	return run_tests(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
