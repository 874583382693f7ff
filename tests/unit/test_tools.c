/* SPDX-License-Identifier: Apache-2.0 */
/* The manifest of tools: what it takes, and what it refuses, where and with which advice. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <kastellan/tools.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "workers/tools.h"

static ks_tools *good(const char *text)
{
	ks_tools *tools = NULL;
	ks_error *error = NULL;

	if (ks_tools_parse(text, strlen(text), "tools.json", &tools, &error) < 0)
		fail_msg("%u:%u: %s", ks_error_line(error), ks_error_column(error),
			ks_error_message(error));
	return tools;
}

static struct ks_tool tool_of(const ks_tools *tools, const char *name)
{
	struct ks_tool tool = {.size = sizeof(tool)};

	assert_int_equal(ks_tools_find(tools, name, &tool), 0);
	return tool;
}

static void defaults_hold(void **state)
{
	ks_tools *tools = good("{\"tools\": {\"t\": {\"program\": \"cat\"}}}");
	struct ks_tool tool = tool_of(tools, "t");

	(void)state;
	assert_string_equal(tool.name, "t");
	assert_string_equal(tool.argv[0], "cat");
	assert_null(tool.argv[1]);
	assert_null(tool.cwd);
	assert_null(tool.image);
	assert_int_equal(tool.backend, KS_BACKEND_NONE);
	assert_int_equal(tool.lifecycle, KS_LIFECYCLE_SINGLE_USE);
	assert_int_equal(tool.wall_ms, 30000);
	assert_int_equal(tool.max_message_bytes, 1048576);
	assert_int_equal(ks_policy_mem_mb(tool.policy), 64);
	assert_int_equal(ks_tools_get(tools, 0, &tool), 0);
	assert_int_equal(ks_tools_get(tools, 1, &tool), -ENOENT);
	assert_int_equal(ks_tools_find(tools, "u", &tool), -ENOENT);
	ks_tools_free(tools);
}

static void everything_is_read(void **state)
{
	ks_tools *tools = good(
		"{\"$schema\": \"urn:x\", \"tools\": {\"first\": {\"program\": \"/bin/a\"}, \"t\": "
		"{"
		"\"arguments\": [\"one\", \"\"], \"program\": \"node\","
		"\"working_directory\": \"/srv\", \"policy\": {\"mem_mb\": 7,"
		" \"net\": {\"Allowlist\": [\"a.example:443\"]}},"
		"\"sandbox_backend\": \"Native\", \"container_image\": \"alpine:3.20\","
		"\"lifecycle\": {\"IdleTimeout\": {\"idle_seconds\": 1, \"max_requests\": 2,"
		" \"max_age_seconds\": 3, \"instances\": 4}},"
		"\"wall_ms\": 0, \"max_message_bytes\": 256}}}");
	struct ks_tool tool = tool_of(tools, "t");

	(void)state;
	assert_string_equal(tool.argv[0], "node");
	assert_string_equal(tool.argv[1], "one");
	assert_string_equal(tool.argv[2], "");
	assert_null(tool.argv[3]);
	assert_string_equal(tool.cwd, "/srv");
	assert_string_equal(tool.image, "alpine:3.20");
	assert_int_equal(tool.backend, KS_BACKEND_NATIVE);
	assert_int_equal(tool.lifecycle, KS_LIFECYCLE_IDLE_TIMEOUT);
	assert_int_equal(tool.idle_seconds, 1);
	assert_int_equal(tool.max_requests, 2);
	assert_int_equal(tool.max_age_seconds, 3);
	assert_int_equal(tool.instances, 4);
	assert_int_equal(tool.wall_ms, 0);
	assert_int_equal(tool.max_message_bytes, 256);
	assert_int_equal(ks_policy_mem_mb(tool.policy), 7);
	assert_string_equal(ks_policy_endpoint(tool.policy, 0), "a.example:443");
	assert_int_equal(ks_tools_get(tools, 1, &tool), 0);
	assert_string_equal(tool.name, "t");
	ks_tools_free(tools);
}

/* One member of the tool "t", and the one problem that it is. */
struct bad {
	const char *member; /* behind {"tools": {"t": { */
	unsigned column; /* in the member, from 1 */
	const char *field;
	const char *message; /* a part */
	const char *remedy; /* a part */
};

#define FRONT "{\"tools\": {\"t\": {"

static const struct bad bads[] = {
	{"}}}", 0, "program", "tool \"t\": program: is missing", "write \"program\""},
	{"\"program\": 7}}}", 12, "program", "must be a string, got 7", "absolute path"},
	{"\"program\": \"\"}}}", 12, "program", "is empty", "absolute path"},
	{"\"program\": \"./x\"}}}", 12, "program", "relative path", "absolute path"},
	{"\"program\": \"a\\nb\"}}}", 12, "program", "control character", "remove"},
	{"\"program\": \"a\", \"program\": \"b\"}}}", 17, "program", "given twice", "keep"},
	{"\"program\": \"a\", \"command\": \"b\"}}}", 17, "command", "is not a key of a tool",
		"did you mean \"program\"?"},
	{"\"program\": \"a\", \"lifecycel\": \"b\"}}}", 17, "lifecycel", "is not a key of a tool",
		"did you mean \"lifecycle\"?"},
	{"\"program\": \"a\", \"x\": 1}}}", 17, "x", "is not a key of a tool", "the keys are"},
	{"\"program\": \"a\", \"arguments\": \"b\"}}}", 30, "arguments", "array of strings",
		"write an array"},
	{"\"program\": \"a\", \"arguments\": [1]}}}", 31, "arguments", "must be a string",
		"quotes"},
	{"\"program\": \"a\", \"arguments\": [\"\\u0000\"]}}}", 31, "arguments", "NUL", "remove"},
	{"\"program\": \"a\", \"working_directory\": \"srv\"}}}", 38, "working_directory",
		"not absolute", "absolute"},
	{"\"program\": \"a\", \"working_directory\": \"/srv/..\"}}}", 38, "working_directory",
		"\"..\"", "absolute"},
	{"\"program\": \"a\", \"policy\": 1}}}", 27, "policy", "an object or a path", "fs_read"},
	{"\"program\": \"a\", \"policy\": {\"mem_mb\": \"x\"}}}}", 38, "mem_mb",
		"tool \"t\": mem_mb", ""},
	{"\"program\": \"a\", \"policy\": {\"mem_mbs\": 1}}}}", 28, "mem_mbs",
		"not a key of a policy", "mem_mb"},
	{"\"program\": \"a\", \"policy\": {\"egress\": {\"names\": 8}}}}}", 28, "egress",
		"is for an Allowlist, and net is Deny", "list endpoints"},
	{"\"program\": \"a\", \"policy\": \"/nonexistent/p.json\"}}}", 27, "policy",
		"cannot open /nonexistent/p.json", "check that the path"},
	{"\"program\": \"a\", \"sandbox_backend\": \"Seatbelt\"}}}", 36, "sandbox_backend",
		"another operating system",
		"\"Bwrap\", \"Native\", \"Landlock\", \"FirecrackerVm\""},
	{"\"program\": \"a\", \"sandbox_backend\": \"bwrap\"}}}", 36, "sandbox_backend",
		"no kind of backend", "did you mean \"Bwrap\"?"},
	{"\"program\": \"a\", \"sandbox_backend\": \"Docker\"}}}", 36, "sandbox_backend",
		"no kind of backend", "write null, or one of \"Bwrap\""},
	{"\"program\": \"a\", \"sandbox_backend\": 1}}}", 36, "sandbox_backend", "got 1", "null"},
	{"\"program\": \"a\", \"container_image\": \"a b\"}}}", 36, "container_image",
		"no name of an image", "alpine"},
	{"\"program\": \"a\", \"container_image\": \"-v\"}}}", 36, "container_image",
		"no name of an image", "alpine"},
	{"\"program\": \"a\", \"lifecycle\": \"Forever\"}}}", 30, "lifecycle",
		"\"Forever\" is no lifecycle", "write \"SingleUse\""},
	{"\"program\": \"a\", \"lifecycle\": \"IdleTimeout\"}}}", 30, "lifecycle",
		"is no lifecycle", "did you mean {\"IdleTimeout\": {}}?"},
	{"\"program\": \"a\", \"lifecycle\": {\"IdleTimout\": {}}}}}", 31, "lifecycle",
		"\"IdleTimout\" is no lifecycle", "did you mean {\"IdleTimeout\""},
	{"\"program\": \"a\", \"lifecycle\": {}}}}", 30, "lifecycle", "must be", "SingleUse"},
	{"\"program\": \"a\", \"lifecycle\": {\"IdleTimeout\": 3}}}}", 46, "lifecycle",
		"must be an object", "SingleUse"},
	{"\"program\": \"a\", \"lifecycle\": {\"IdleTimeout\": {}, \"x\": 1}}}}", 30, "lifecycle",
		"must be", "SingleUse"},
	{"\"program\": \"a\", \"lifecycle\": {\"IdleTimeout\": {\"instances\": 257}}}}}", 60,
		"instances", "out of range", "0 to 256"},
	{"\"program\": \"a\", \"lifecycle\": {\"IdleTimeout\": {\"idle_seconds\": 1.5}}}}}", 63,
		"idle_seconds", "whole number", "seconds"},
	{"\"program\": \"a\", \"lifecycle\": {\"IdleTimeout\": {\"idle\": 1}}}}}", 47, "idle",
		"not a key of IdleTimeout", "idle_seconds"},
	{"\"program\": \"a\", \"wall_ms\": -1}}}", 28, "wall_ms", "whole number", "milliseconds"},
	{"\"program\": \"a\", \"wall_ms\": \"1s\"}}}", 28, "wall_ms", "whole number",
		"milliseconds"},
	{"\"program\": \"a\", \"wall_ms\": 99999999999999999999}}}", 28, "wall_ms", "whole number",
		"milliseconds"},
	{"\"program\": \"a\", \"wall_ms\": null}}}", 28, "wall_ms", "whole number", "milliseconds"},
	{"\"program\": \"a\", \"max_message_bytes\": 255}}}", 38, "max_message_bytes",
		"out of range", "256 to 8388608"},
};

static void expect_problem(const ks_error *error, const struct bad *bad, unsigned column)
{
	if (ks_error_line(error) != 1 || ks_error_column(error) != column)
		fail_msg("%s: at %u:%u, wanted 1:%u", bad->member, ks_error_line(error),
			ks_error_column(error), column);
	assert_string_equal(ks_error_field(error), bad->field);
	if (!strstr(ks_error_message(error), bad->message))
		fail_msg("%s: says %s", bad->member, ks_error_message(error));
	if (*bad->remedy &&
		(!ks_error_remedy(error) || !strstr(ks_error_remedy(error), bad->remedy)))
		fail_msg("%s: advises %s", bad->member, ks_error_remedy(error));
	assert_null(ks_error_next(error));
}

static void bad_members_are_refused(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bads) / sizeof(bads[0]); i++) {
		ks_tools *tools = NULL;
		ks_error *error = NULL;
		char text[512];

		snprintf(text, sizeof(text), FRONT "%s", bads[i].member);
		if (ks_tools_parse(text, strlen(text), "tools.json", &tools, &error) == 0)
			fail_msg("%s was taken", text);
		assert_null(tools);
		expect_problem(error, &bads[i], (unsigned)strlen(FRONT) + bads[i].column);
		ks_error_free(error);
	}
}

static void expect_refused(const char *text, const char *message)
{
	ks_tools *tools = NULL;
	ks_error *error = NULL;

	assert_true(ks_tools_parse(text, strlen(text), "tools.json", &tools, &error) < 0);
	if (!strstr(ks_error_message(error), message))
		fail_msg("%s: says %s", text, ks_error_message(error));
	ks_error_free(error);
}

static void bad_manifests_are_refused(void **state)
{
	(void)state;
	expect_refused("", "empty");
	expect_refused("[]", "a JSON object with \"tools\", got an array");
	expect_refused("{}", "a JSON object with \"tools\"");
	expect_refused("{\"tools\": []}", "must be an object, got an array");
	expect_refused("{\"tools\": {}, \"tool\": {}}", "tool: is not a key of a manifest");
	expect_refused("{\"tools\": {}, \"tools\": {}}", "given twice");
	expect_refused("{\"tools\": {\"a b\": {\"program\": \"x\"}}}", "no name of a tool");
	expect_refused("{\"tools\": {\"-a\": {\"program\": \"x\"}}}", "no name of a tool");
	expect_refused("{\"tools\": {\"\": {\"program\": \"x\"}}}", "no name of a tool");
	expect_refused("{\"tools\": {\"a\": {\"program\": \"x\"}, \"a\": {\"program\": \"x\"}}}",
		"given twice");
	expect_refused("{\"tools\": {\"a\": \"x\"}}", "each tool must be an object");
	expect_refused("{\"tools\": {\"a\": {\"program\": \"x\",}}}", "not valid JSON");
	expect_refused("{\"$schema\": 1, \"tools\": {}}", "$schema: must be a string");
}

static void all_problems_are_told(void **state)
{
	static const char text[] = "{\"tools\": {\n\"a\": {\"program\": 1, \"wall_ms\": -1},\n"
				   "\"b\": {\"policy\": {\"cpu_ms\": true, \"net\": 1}}}}";
	static const unsigned lines[] = {2, 2, 3, 3, 3};
	ks_tools *tools = NULL;
	ks_error *error = NULL;
	const ks_error *problem;
	size_t n = 0;

	(void)state;
	assert_int_equal(ks_tools_parse(text, strlen(text), "t", &tools, &error), -EINVAL);
	for (problem = error; problem; problem = ks_error_next(problem), n++) {
		assert_true(n < 5);
		assert_int_equal(ks_error_line(problem), lines[n]);
		assert_non_null(strstr(ks_error_message(problem), n < 2 ? "\"a\"" : "\"b\""));
	}
	assert_int_equal(n, 5);
	ks_error_free(error);
}

static void write_file(const char *directory, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "we");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void policies_lie_beside(void **state)
{
	char directory[] = "/tmp/kastellan-tools.XXXXXX", path[256];
	ks_tools *tools = NULL;
	ks_error *error = NULL;

	(void)state;
	assert_non_null(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/tools.json", directory);
	write_file(directory, "tools.json",
		"{\"tools\": {\"t\": {\"program\": \"a\", \"policy\": \"p.json\"}}}");
	write_file(directory, "p.json", "{\"mem_mb\": 9}");
	assert_int_equal(ks_tools_load(path, &tools, &error), 0);
	assert_int_equal(ks_policy_mem_mb(tool_of(tools, "t").policy), 9);
	ks_tools_free(tools);
	tools = NULL;
	write_file(directory, "p.json", "{\n \"mem_mb\": -9}");
	assert_int_equal(ks_tools_load(path, &tools, &error), -EINVAL);
	assert_int_equal(ks_error_line(error), 1);
	assert_non_null(strstr(ks_error_message(error), "p.json:2:12: mem_mb: "));
	ks_error_free(error);
	error = NULL;
	unlink(path);
	assert_int_equal(ks_tools_load(path, &tools, &error), -ENOENT);
	assert_non_null(strstr(ks_error_remedy(error), "manifest"));
	ks_error_free(error);
	snprintf(path, sizeof(path), "%s/p.json", directory);
	unlink(path);
	rmdir(directory);
}

static int same(const char *a, const char *b)
{
	char text[512];
	ks_tools *first, *second;
	int r;

	snprintf(text, sizeof(text), FRONT "%s}}}", a);
	first = good(text);
	snprintf(text, sizeof(text), FRONT "%s}}}", b);
	second = good(text);
	r = tool_same(&first->tools[0], &second->tools[0]);
	ks_tools_free(first);
	ks_tools_free(second);
	return r;
}

static void changes_are_seen(void **state)
{
	static const char *const members[] = {
		"\"program\": \"b\"",
		"\"program\": \"a\", \"arguments\": [\"x\"]",
		"\"program\": \"a\", \"working_directory\": \"/\"",
		"\"program\": \"a\", \"policy\": {\"mem_mb\": 65}",
		"\"program\": \"a\", \"sandbox_backend\": \"Native\"",
		"\"program\": \"a\", \"container_image\": \"x\"",
		"\"program\": \"a\", \"lifecycle\": {\"IdleTimeout\": {}}",
		"\"program\": \"a\", \"wall_ms\": 1",
		"\"program\": \"a\", \"max_message_bytes\": 1000",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		assert_int_equal(same(members[i], members[i]), 1);
		assert_int_equal(same("\"program\": \"a\"", members[i]), 0);
	}
	assert_int_equal(
		same("\"program\": \"a\"", "\"policy\": {\"mem_mb\": 64}, \"program\": \"a\""), 1);
}

/* What the manual and the schema say of a key has to be what the reader takes. */
static void own_values_pass(const struct tool_keys *keys, const char *front, const char *back)
{
	for (size_t i = 0; i < keys->len; i++) {
		const struct tool_key *key = &keys->rows[i];
		char text[512];

		if (strcmp(key->name, "program") == 0 ||
			strcmp(key->example, "\"filesystem.json\"") == 0)
			continue;
		snprintf(text, sizeof(text), FRONT "\"program\": \"a\", %s\"%s\": %s%s", front,
			key->name, key->example, back);
		ks_tools_free(good(text));
		snprintf(text, sizeof(text), FRONT "\"program\": \"a\", %s\"%s\": %s%s", front,
			key->name, key->default_text, back);
		ks_tools_free(good(text));
	}
}

static void examples_are_good(void **state)
{
	(void)state;
	own_values_pass(&tool_keys, "", "}}}");
	own_values_pass(&idle_keys, "\"lifecycle\": {\"IdleTimeout\": {", "}}}}}");
}

static void shipped_schema_is_current(void **state)
{
	const char *source = getenv("KASTELLAN_SOURCE");
	autofree char *shipped = calloc(1, 256 * 1024), *made = NULL;
	autofile FILE *file = NULL;
	char path[1024];

	(void)state;
	snprintf(path, sizeof(path), "%s/share/kastellan/tools.schema.json", source ? source : ".");
	file = fopen(path, "re");
	if (!file || !shipped)
		fail_msg("cannot open %s", path);
	assert_true(fread(shipped, 1, 256 * 1024 - 1, file) > 0);
	assert_int_equal(ks_tools_schema(&made), 0);
	if (strcmp(shipped, made) != 0)
		fail_msg("%s is not current: put the output of `kastellan schema tools` there",
			path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_hold),
		cmocka_unit_test(everything_is_read),
		cmocka_unit_test(bad_members_are_refused),
		cmocka_unit_test(bad_manifests_are_refused),
		cmocka_unit_test(all_problems_are_told),
		cmocka_unit_test(policies_lie_beside),
		cmocka_unit_test(changes_are_seen),
		cmocka_unit_test(examples_are_good),
		cmocka_unit_test(shipped_schema_is_current),
	};

	return cmocka_run_group_tests_name("tools", tests, NULL, NULL);
}
