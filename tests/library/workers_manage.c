/* SPDX-License-Identifier: Apache-2.0 */
/* A manager of workers: its queue, its reload and its end.
 *
 *	workers_manage BACKEND PROBE [FIELD,...]   the fields may be degraded */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "workers.h"

static const char who[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"who\"}";

/* Calls in threads of their own, to have several at once. */
struct one {
	ks_workers *workers;
	pthread_t thread;
	const char *method;
	const char *params;
	struct ks_call_options options;
	enum ks_fault fault;
	atomic_long ended;
	char text[64];
};

static void *call_once(void *data)
{
	struct one *one = data;

	one->fault = ask(one->workers, one->method, one->params, &one->options, one->text,
		sizeof(one->text));
	atomic_store(&one->ended, now_ms());
	return NULL;
}

static int start(struct one *one, ks_workers *workers, const char *method, const char *params)
{
	memset(one, 0, sizeof(*one));
	one->workers = workers;
	one->method = method;
	one->params = params;
	one->options.size = sizeof(one->options);
	return pthread_create(&one->thread, NULL, call_once, one) == 0;
}

static int callers_queue_up(void)
{
	ks_workers *w = manager(NULL, "\"lifecycle\": {\"IdleTimeout\": {\"instances\": 1}}");
	const struct ks_call_options hasty = {.size = sizeof(hasty), .wait_ms = 20};
	struct one ones[4];
	char text[64];

	CHECK(w);
	for (unsigned i = 0; i < 4; i++) {
		CHECK(start(&ones[i], w, "sleep", "[120]"));
		CHECK(eventually(w, 60000, is_busy, 1) && eventually(w, 60000, is_waiting, i));
	}
	CHECK(ask_error(w, "echo", "", &hasty, NULL) == KS_FAULT_BUSY);
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(ones[i].thread, NULL);
		CHECK(ones[i].fault == KS_FAULT_NONE);
		/* In their order, one after the other, by the same worker. */
		CHECK(i == 0 || ones[i].ended >= ones[i - 1].ended + 100);
		CHECK(strcmp(ones[i].text, ones[0].text) == 0);
	}
	CHECK(status_of(w).starts == 1);
	CHECK(ask(w, "echo", "[1]", &hasty, text, sizeof(text)) == KS_FAULT_NONE);
	ks_workers_free(w);
	return 1;
}

static int instances_share_the_load(void)
{
	ks_workers *w = manager(NULL, "\"lifecycle\": {\"IdleTimeout\": {\"instances\": 3}}");
	struct one ones[6];
	struct ks_workers_status status;
	char first[64], second[64];

	CHECK(w);
	for (unsigned i = 0; i < 6; i++)
		CHECK(start(&ones[i], w, "sleep", "[150]"));
	CHECK(eventually(w, 60000, is_busy, 3) && eventually(w, 60000, is_waiting, 3));
	for (unsigned i = 0; i < 6; i++) {
		pthread_join(ones[i].thread, NULL);
		CHECK(ones[i].fault == KS_FAULT_NONE);
	}
	status = status_of(w);
	CHECK(status.starts == 3 && status.idle == 3 && status.slots == 3);
	/* One caller alone keeps to one worker, so that the others grow old. */
	CHECK(ask(w, "who", "", NULL, first, sizeof(first)) == KS_FAULT_NONE);
	CHECK(ask(w, "who", "", NULL, second, sizeof(second)) == KS_FAULT_NONE);
	CHECK(strcmp(first, second) == 0);
	ks_workers_free(w);
	return 1;
}

static int the_queue_is_bounded(void)
{
	const struct ks_workers_options options = {
		.size = sizeof(options), .max_waiting = 1, .allow_degraded = degraded};
	ks_workers *w = manager(&options, "\"lifecycle\": {\"IdleTimeout\": {}}");
	struct one ones[2];
	ks_error *error = NULL;

	CHECK(w && start(&ones[0], w, "sleep", "[200]") && eventually(w, 60000, is_busy, 1));
	CHECK(start(&ones[1], w, "echo", "[1]") && eventually(w, 60000, is_waiting, 1));
	CHECK(ask_error(w, "echo", "", NULL, &error) == KS_FAULT_BUSY);
	CHECK(strstr(ks_error_message(error), "too many wait"));
	ks_error_free(error);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(ones[i].thread, NULL);
		CHECK(ones[i].fault == KS_FAULT_NONE);
	}
	ks_workers_free(w);
	return 1;
}

static int the_end_ends_all(void)
{
	ks_workers *w = manager(NULL, "\"lifecycle\": {\"IdleTimeout\": {\"instances\": 2}}");
	struct one calling, waiting[2];
	ks_worker *loan = NULL;
	ks_error *error = NULL;
	char *answer = NULL;

	CHECK(w && ks_workers_acquire(w, "t", NULL, &loan, NULL) == 0);
	CHECK(start(&calling, w, "sleep", "[60000]") && eventually(w, 60000, is_busy, 2));
	CHECK(start(&waiting[0], w, "echo", "") && start(&waiting[1], w, "echo", ""));
	CHECK(eventually(w, 60000, is_waiting, 2));
	ks_workers_free(w);
	pthread_join(calling.thread, NULL);
	CHECK(calling.fault == KS_FAULT_SHUTDOWN);
	for (unsigned i = 0; i < 2; i++) {
		pthread_join(waiting[i].thread, NULL);
		CHECK(waiting[i].fault == KS_FAULT_SHUTDOWN);
	}
	/* What is still on loan can be asked in vain, and released. */
	CHECK(ks_worker_call(loan, who, strlen(who), NULL, &answer, NULL, &error) == -ESHUTDOWN);
	CHECK(ks_error_fault(error) == KS_FAULT_SHUTDOWN && !answer);
	ks_error_free(error);
	ks_worker_release(loan);
	return 1;
}

static int draining_lets_calls_finish(void)
{
	ks_workers *w = manager(NULL, "\"lifecycle\": {\"IdleTimeout\": {\"instances\": 2}}");
	struct one calling;
	ks_tools *tools;
	ks_error *error = NULL;

	CHECK(w && says(w, "echo", "[1]", "[1]"));
	CHECK(start(&calling, w, "sleep", "[300]") && eventually(w, 60000, is_busy, 1));
	CHECK(ks_workers_drain(w, 20) == -ETIMEDOUT);
	CHECK(ask_error(w, "echo", "", NULL, NULL) == KS_FAULT_SHUTDOWN);
	CHECK(ks_workers_drain(w, 5000) == 0);
	pthread_join(calling.thread, NULL);
	CHECK(calling.fault == KS_FAULT_NONE);
	tools = manifest("\"wall_ms\": 1");
	CHECK(ks_workers_reload(w, tools, &error) == -ESHUTDOWN);
	ks_error_free(error);
	ks_tools_free(tools);
	ks_workers_free(w);
	return 1;
}

#define WARM "\"lifecycle\": {\"IdleTimeout\": {\"instances\": 1}}"

static int reload_keeps_what_stays(void)
{
	ks_workers *w = manager(NULL, WARM);
	ks_tools *same = manifest(WARM), *other = manifest(WARM ", \"wall_ms\": 9999");
	struct one calling, waiting;
	char first[64], second[64];

	CHECK(w && same && other);
	CHECK(ask(w, "who", "", NULL, first, sizeof(first)) == KS_FAULT_NONE);
	CHECK(ks_workers_reload(w, same, NULL) == 0);
	CHECK(ask(w, "who", "", NULL, second, sizeof(second)) == KS_FAULT_NONE);
	CHECK(strcmp(first, second) == 0 && status_of(w).starts == 1);
	/* A call goes on with the worker that it has; who waits gets the new tool's. */
	CHECK(start(&calling, w, "sleep", "[300]") && eventually(w, 60000, is_busy, 1));
	CHECK(start(&waiting, w, "who", "") && eventually(w, 60000, is_waiting, 1));
	CHECK(ks_workers_reload(w, other, NULL) == 0);
	pthread_join(waiting.thread, NULL);
	CHECK(waiting.fault == KS_FAULT_NONE && strcmp(waiting.text, first) != 0);
	pthread_join(calling.thread, NULL);
	CHECK(calling.fault == KS_FAULT_NONE && strcmp(calling.text, first) == 0);
	CHECK(calling.ended > waiting.ended && status_of(w).starts == 1);
	ks_tools_free(same);
	ks_tools_free(other);
	/* Without the tool there is none. */
	CHECK(ks_tools_parse("{\"tools\": {}}", 13, "x", &other, NULL) == 0);
	CHECK(ks_workers_reload(w, other, NULL) == 0);
	CHECK(ask_error(w, "who", "", NULL, NULL) == KS_FAULT_TOOL);
	ks_tools_free(other);
	ks_workers_free(w);
	return 1;
}

static int greetings;

static int greet(void *data, const char *tool, ks_worker *worker, ks_error **reterr)
{
	char *answer = NULL;
	int r = ks_worker_call(worker, who, strlen(who), NULL, &answer, NULL, reterr);

	greetings += strcmp(tool, "t") == 0;
	free(answer);
	return r < 0 ? r : *(const int *)data;
}

static int new_workers_are_greeted(void)
{
	int verdict = 0;
	const struct ks_workers_options options = {.size = sizeof(options),
		.greet = greet,
		.data = &verdict,
		.backoff_ms = 1,
		.allow_degraded = degraded};
	ks_workers *w = manager(&options, WARM);

	greetings = 0;
	CHECK(w && says(w, "echo", "[1]", "[1]") && says(w, "echo", "[2]", "[2]"));
	CHECK(greetings == 1);
	CHECK(ask_error(w, "crash", "", NULL, NULL) == KS_FAULT_CRASH);
	verdict = -EPROTO;
	CHECK(ask_error(w, "echo", "", NULL, NULL) == KS_FAULT_START);
	CHECK(status_of(w).busy == 0 && status_of(w).idle == 0 && greetings == 2);
	verdict = 0;
	CHECK(says(w, "echo", "[3]", "[3]"));
	ks_workers_free(w);
	return 1;
}

static int freed;

static void count_free(void *data)
{
	(void)data;
	freed++;
}

/* The backend of a slot is the one that was asked for when it was filled, until it is empty. */
static int slots_hold_their_backend(void)
{
	const struct ks_backend_stub_ops ops = {.size = sizeof(ops), .free = count_free};
	ks_backends *own = NULL;
	ks_backend *stub = NULL, *real = NULL;
	ks_tools *tools = manifest(WARM);
	struct ks_workers_options options = {
		.size = sizeof(options), .backoff_ms = 1, .allow_degraded = degraded};
	struct ks_tool tool = {.size = sizeof(tool)};
	ks_workers *w = NULL;

	freed = 0;
	CHECK(ks_backends_new(&own) == 0 && ks_tools_get(tools, 0, &tool) == 0);
	CHECK(ks_backends_resolve(own, tool.backend, NULL, &real) == 0);
	CHECK(ks_backend_stub_new(tool.backend, &ops, NULL, &stub) == 0);
	CHECK(ks_workers_new(own, tools, &options, &w, NULL) == 0);
	CHECK(says(w, "echo", "[1]", "[1]"));
	CHECK(ks_backends_set(own, tool.backend, stub, NULL) == 0);
	ks_backend_unref(stub);
	CHECK(says(w, "echo", "[2]", "[2]"));
	CHECK(ask_error(w, "crash", "", NULL, NULL) == KS_FAULT_CRASH);
	/* The next worker is the stub's, which ends at once and answers nothing. */
	CHECK(ask_error(w, "echo", "[3]", NULL, NULL) == KS_FAULT_CRASH);
	CHECK(freed == 0);
	CHECK(ks_backends_set(own, tool.backend, real, NULL) == 0);
	CHECK(freed == 1);
	CHECK(says(w, "echo", "[4]", "[4]"));
	ks_backend_unref(real);
	ks_workers_free(w);
	ks_tools_free(tools);
	ks_backends_free(own);
	return 1;
}

static int status_is_json(void)
{
	ks_workers *w = manager(NULL, WARM);
	char *text = NULL;

	CHECK(w && ks_workers_json(w, &text) == 0);
	CHECK(strstr(text, "\"last_outcome\":null") && strstr(text, "\"last_fault\":null"));
	free(text);
	CHECK(ask_error(w, "exit", "[3]", NULL, NULL) == KS_FAULT_CRASH);
	CHECK(ks_workers_json(w, &text) == 0);
	CHECK(strstr(text, "{\"tools\":{\"t\":{") && strstr(text, "\"last_fault\":\"crash\""));
	CHECK(strstr(text, "\"exit_code\":3"));
	free(text);
	ks_workers_free(w);
	return 1;
}

static const struct test tests[] = {
	TEST(callers_queue_up),
	TEST(instances_share_the_load),
	TEST(the_queue_is_bounded),
	TEST(the_end_ends_all),
	TEST(draining_lets_calls_finish),
	TEST(reload_keeps_what_stays),
	TEST(new_workers_are_greeted),
	TEST(slots_hold_their_backend),
	TEST(status_is_json),
};

int main(int argc, char **argv)
{
	return run_tests(argc, argv, tests, sizeof(tests) / sizeof(tests[0]));
}
