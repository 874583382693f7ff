/* SPDX-License-Identifier: Apache-2.0 */
/* What stands beside a server's failure: which paths of a request are looked at, which refusals are
 * told and when, and where they are put. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "mcp/diagnosis.h"
#include "mcp/grants.h"

#define V "{\"jsonrpc\":\"2.0\",\"id\":1,"

static ks_policy *policy;
static struct refusals refusals;

static int setup(void **state)
{
	static const char text[] =
		"{\"fs_read\": [\"/srv/data\", \"?/opt/x\"], \"fs_write\": "
		"[\"/srv/work\"], \"net\": {\"Allowlist\": [\"a.example:443\"]}}";

	(void)state;
	refusals = (struct refusals){0};
	return ks_policy_parse(text, strlen(text), "test", &policy, NULL);
}

static int teardown(void **state)
{
	(void)state;
	ks_policy_free(policy);
	return 0;
}

static void check_paths(const char *params, const char *wanted)
{
	struct message message;
	const char *why = NULL;
	char text[1024], *paths;

	snprintf(text, sizeof(text), V "\"method\":\"x\",\"params\":%s}", params);
	assert_int_equal(message_read(text, strlen(text), &message, &why), 0);
	paths = diagnosis_paths(&message, policy);
	if (wanted)
		assert_string_equal(paths, wanted);
	else
		assert_null(paths);
	free(paths);
}

static void test_paths(void **state)
{
	(void)state;
	check_paths("{\"path\":\"/etc/../srv/x\"}", NULL);
	check_paths("{\"path\":\"/srv/secret\"}", "/srv/secret\n");
	check_paths("[\"file:///srv/secret\"]", "/srv/secret\n");
	check_paths("{\"path\":\"/srv/work/file\"}", NULL);
	check_paths("{\"path\":\"/srv/workshop\"}", "/srv/workshop\n");
	check_paths("{\"path\":\"/srv/data/file\"}", "/srv/data/file\n");
	check_paths("{\"path\":\"/usr/bin/sh\",\"b\":[\"/tmp/x\"]}", NULL);
	check_paths("{\"path\":\"see /srv/secret\",\"n\":1}", NULL);
	check_paths("{\"path\":\"/srv\\/secret\"}", NULL);
	check_paths("{\"path\":\"/srv/a\\\"/srv/b\",\"c\":\"/srv/c\"}", "/srv/c\n");
	check_paths("{\"path\":\"/\"}", NULL);
	check_paths("[\"/a/1\",\"/a/2\",\"/a/3\",\"/a/4\",\"/a/5\"]", "/a/1\n/a/2\n/a/3\n/a/4\n");
	check_paths("[]", NULL);
	check_paths("{\"a\":\"\"}", NULL);
}

static void check_put(const char *answer, const char *paths, uint64_t since, const char *wanted)
{
	struct message message;
	const char *why = NULL;
	struct strbuf to;

	strbuf_init(&to, 1 << 20);
	assert_int_equal(message_read(answer, strlen(answer), &message, &why), 0);
	assert_true(diagnosis_failed(&message));
	assert_int_equal(diagnosis_put(&to, &message, paths, policy, &refusals, since), 0);
	assert_int_equal(to.data[to.len - 1], '\n');
	to.data[to.len - 1] = '\0';
	assert_string_equal(to.data, wanted ? wanted : answer);
	strbuf_done(&to);
}

#define SECRET                                                                                  \
	"[{\"kind\":\"path\",\"path\":\"/srv/secret\",\"granted\":null,\"grant\":{\"fs_read\":" \
	"[\"/srv/data\",\"?/opt/x\",\"/srv/secret\"]}}]"

static void test_places(void **state)
{
	static const char paths[] = "/srv/secret\n";

	(void)state;
	check_put(V "\"error\":{\"code\":1,\"message\":\"no /srv/secret\"}}", paths, 0,
		V "\"error\":{\"data\":{\"denied\":" SECRET
		  "},\"code\":1,\"message\":\"no /srv/secret\"}}");
	check_put(V "\"error\":{\"code\":1,\"data\":{ \"x\":\"/srv/secret\"}}}", paths, 0,
		V "\"error\":{\"code\":1,\"data\":{\"denied\":" SECRET
		  ", \"x\":\"/srv/secret\"}}}");
	check_put(V "\"error\":{\"code\":1,\"data\":{ }, \"message\":\"/srv/secret\"}}", paths, 0,
		V "\"error\":{\"code\":1,\"data\":{\"denied\":" SECRET
		  " }, \"message\":\"/srv/secret\"}}");
	/* Data of another kind, and a place that is taken, stay the server's. */
	check_put(V "\"error\":{\"code\":1,\"data\":\"/srv/secret\"}}", paths, 0, NULL);
	check_put(
		V "\"error\":{\"code\":1,\"data\":{\"denied\":\"/srv/secret\"}}}", paths, 0, NULL);
	check_put(V "\"result\":{\"isError\":true,\"t\":\"/srv/secret\"}}", paths, 0,
		V "\"result\":{\"_meta\":{\"kastellan/denied\":" SECRET
		  "},\"isError\":true,\"t\":\"/srv/secret\"}}");
	check_put(V "\"result\":{\"isError\":true,\"t\":\"/srv/secret\",\"_meta\":{\"a\":1}}}",
		paths, 0,
		V "\"result\":{\"isError\":true,\"t\":\"/srv/secret\",\"_meta\":{"
		  "\"kastellan/denied\":" SECRET ",\"a\":1}}}");
	/* A failure that does not name it is about something else. */
	check_put(V "\"result\":{\"isError\":true,\"t\":\"no such thing\"}}", paths, 0, NULL);
	check_put(V "\"result\":{\"isError\":true,\"t\":\"/srv/secret\"}}", NULL, 0, NULL);
}

static void test_no_failure(void **state)
{
	static const char *const good[] = {V "\"result\":{}}", V "\"result\":{\"isError\":false}}",
		V "\"result\":{\"x\":{\"isError\":true}}}", V "\"result\":[true]}",
		V "\"result\":null}"};

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct message message;
		const char *why = NULL;

		assert_int_equal(message_read(good[i], strlen(good[i]), &message, &why), 0);
		assert_false(diagnosis_failed(&message));
	}
}

static void line(const char *text)
{
	refusals_line(&refusals, text, strlen(text));
}

#define FAILED V "\"error\":{}}"
#define BEFORE V "\"error\":{\"data\":{\"denied\":["
#define BEHIND "]}}}"

static void test_destinations(void **state)
{
	static const char denied[] = "{\"ev\":\"connect\",\"verdict\":\"deny\",\"reason\":"
				     "\"address_not_allowed\",\"dst\":\"192.0.2.7\",\"port\":80,"
				     "\"entry\":\"192.0.2.7:80\"}";

	(void)state;
	line("{\"ev\":\"connect\",\"verdict\":\"allow\",\"host\":\"a.example\",\"port\":443}");
	line("{\"ev\":\"close\",\"host\":\"a.example\"}");
	line("no JSON");
	line("[]");
	line("{\"verdict\":\"deny\"}");
	check_put(FAILED, NULL, 0, NULL);
	line(denied);
	line(denied);
	check_put(FAILED, NULL, 7, NULL);
	check_put(FAILED, NULL, 6,
		BEFORE "{\"kind\":\"network\",\"host\":\"192.0.2.7\",\"port\":80,\"reason\":"
		       "\"address_not_allowed\",\"times\":2,\"grant\":{\"net\":{\"Allowlist\":["
		       "\"a.example:443\",\"192.0.2.7:80\"]}},\"remedy\":null}" BEHIND);
	line("{\"ev\":\"dns\",\"verdict\":\"deny\",\"reason\":\"host_not_allowed\",\"host\":"
	     "\"b.example\"}");
	check_put(FAILED, NULL, 7,
		BEFORE
		"{\"kind\":\"network\",\"host\":\"b.example\",\"port\":null,\"reason\":"
		"\"host_not_allowed\",\"times\":1,\"grant\":null,\"remedy\":\"add "
		"\\\"b.example:PORT\\\" to net.Allowlist, with the port that it needs\"}" BEHIND);
	refusals_forget(&refusals);
	check_put(FAILED, NULL, 0, NULL);
}

/* However many there are, the table does not grow, and the latest are in it. */
static void test_many_destinations(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 1000; i++) {
		char text[1024];

		snprintf(text, sizeof(text),
			"{\"verdict\":\"deny\",\"reason\":\"r\",\"host\":\"h%u.example%0300d\","
			"\"entry\":\"e%0300d\"}",
			i, 0, 0);
		line(text);
	}
	assert_int_equal(refusals.n_destinations, REFUSALS_DESTINATIONS);
	for (size_t i = 0; i < REFUSALS_DESTINATIONS; i++) {
		assert_true(refusals.destinations[i].last > 1000 - REFUSALS_DESTINATIONS);
		assert_string_equal(refusals.destinations[i].entry, "");
	}
}

static void test_counts(void **state)
{
	(void)state;
	refusals.tasks = 3;
	check_put(FAILED, NULL, 0,
		BEFORE "{\"kind\":\"tasks\",\"times\":3,\"grant\":{\"tasks_max\":128}}" BEHIND);
	check_put(FAILED, NULL, 0, NULL);
	refusals.tasks = 4;
	refusals.calls = 1;
	refusals.call = "ptrace";
	check_put(FAILED, NULL, 0,
		BEFORE "{\"kind\":\"tasks\",\"times\":1,\"grant\":{\"tasks_max\":128}},"
		       "{\"kind\":\"call\",\"times\":1,\"grant\":null,\"call\":\"ptrace\"}" BEHIND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(test_places, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_failure, setup, teardown),
		cmocka_unit_test_setup_teardown(test_destinations, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_destinations, setup, teardown),
		cmocka_unit_test_setup_teardown(test_counts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
