/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <jansson.h>

#include "egress/audit_line.h"

static json_t *written(const struct audit_line *line, char text[AUDIT_MAX_LINE + 1])
{
	size_t len = audit_line_write(line, text);
	json_t *object;

	assert_int_equal(strlen(text), len);
	assert_true(len <= AUDIT_MAX_LINE);
	assert_int_equal(text[len - 1], '\n');
	assert_ptr_equal(strchr(text, '\n'), text + len - 1);
	for (size_t i = 0; i + 1 < len; i++)
		assert_true(text[i] >= 0x20 && text[i] < 0x7f);
	object = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	if (!object)
		fail_msg("no JSON: %s", text);
	return object;
}

static struct address at(const char *text)
{
	struct address address;

	assert_true(address_parse(text, strlen(text), &address));
	return address;
}

static void test_a_denial(void **state)
{
	struct audit_line line = AUDIT_LINE_INIT;
	char text[AUDIT_MAX_LINE + 1];

	(void)state;
	line.real_usec = 1795545065382004;
	line.mono_usec = 91234567;
	line.worker = "w-7f3";
	line.policy = "sha256:00";
	line.seq = 42;
	line.reason = REASON_ADDRESS_FORBIDDEN;
	line.host = "api.x.com";
	line.host_len = 9;
	line.port = 443;
	line.proto = "tcp";
	line.via = VIA_TRANSPARENT;
	line.dst = at("198.18.1.4");
	line.resolved[0] = at("10.0.0.5");
	line.n_resolved = 1;
	line.class = CLASS_PRIVATE;
	line.entry = "10.0.0.5:443";
	audit_line_write(&line, text);
	assert_string_equal(text,
		"{\"v\":1,\"ts\":\"2026-11-24T18:31:05.382004Z\",\"mono_us\":91234567,"
		"\"worker\":\"w-7f3\",\"policy\":\"sha256:00\",\"seq\":42,\"ev\":\"connect\","
		"\"verdict\":\"deny\",\"reason\":\"address_forbidden\",\"host\":\"api.x.com\","
		"\"port\":443,\"proto\":\"tcp\",\"via\":\"transparent\",\"dst\":\"198.18.1.4\","
		"\"class\":\"private\",\"rule\":null,\"entry\":\"10.0.0.5:443\","
		"\"resolved\":[\"10.0.0.5\"]}\n");
	json_decref(written(&line, text));
}

static void test_an_allowed_connection_and_its_end(void **state)
{
	struct audit_line line = AUDIT_LINE_INIT, end = AUDIT_LINE_INIT;
	char text[AUDIT_MAX_LINE + 1];

	(void)state;
	line.ip = at("203.0.113.10");
	line.rule = "api.x.com:443";
	line.sni = "api.x.com";
	line.sni_len = 9;
	line.conn = 17;
	line.dial_usec = 11249;
	audit_line_write(&line, text);
	assert_string_equal(text,
		"{\"v\":1,\"ts\":\"1970-01-01T00:00:00.000000Z\",\"mono_us\":0,\"seq\":0,"
		"\"ev\":\"connect\",\"verdict\":\"allow\",\"ip\":\"203.0.113.10\","
		"\"rule\":\"api.x.com:443\",\"conn\":17,\"dial_ms\":11.2,\"sni\":\"api.x.com\"}\n");
	end.event = AUDIT_CLOSE;
	end.conn = 17;
	end.up = 809;
	end.down = 0;
	end.life_usec = 22150;
	end.end = END_WORKER_GONE;
	audit_line_write(&end, text);
	assert_non_null(strstr(text, "\"ev\":\"close\",\"conn\":17,\"up\":809,\"down\":0,"
				     "\"ms\":22.1,\"end\":\"worker_gone\"}\n"));
	json_decref(written(&end, text));
}

static void test_dates(void **state)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} dates[] = {
		{951782399, "2000-02-28T23:59:59"},
		{951782400, "2000-02-29T00:00:00"},
		{951868800, "2000-03-01T00:00:00"},
		{1709164800, "2024-02-29T00:00:00"},
		{1735689599, "2024-12-31T23:59:59"},
		{1735689600, "2025-01-01T00:00:00"},
		{4107542400, "2100-03-01T00:00:00"},
		{4294967296, "2106-02-07T06:28:16"},
	};
	char text[AUDIT_MAX_LINE + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
		struct audit_line line = AUDIT_LINE_INIT;

		line.real_usec = dates[i].seconds * 1000000;
		audit_line_write(&line, text);
		if (!strstr(text, dates[i].text))
			fail_msg("%s is not in %s", dates[i].text, text);
	}
}

static void test_no_name_breaks_a_line(void **state)
{
	char name[256], text[AUDIT_MAX_LINE + 1];
	struct audit_line line = AUDIT_LINE_INIT;
	json_t *object;

	(void)state;
	for (int i = 0; i < 256; i++)
		name[i] = (char)i;
	line.host = name;
	line.host_len = 64;
	object = written(&line, text);
	assert_non_null(strstr(text, "\\u0000\\u0001"));
	assert_non_null(strstr(text, "!\\u0022#"));
	json_decref(object);
	line.host = "a\x1b]0;x\x07\xff\\";
	line.host_len = 9;
	object = written(&line, text);
	assert_non_null(strstr(text, "a\\u001B]0;x\\u0007\\u00FF\\u005C"));
	json_decref(object);
}

static void test_the_longest_line_fits_and_is_whole(void **state)
{
	static char long_text[5000];
	struct audit_line line = AUDIT_LINE_INIT;
	char text[AUDIT_MAX_LINE + 1];
	json_t *object;

	(void)state;
	memset(long_text, 1, sizeof(long_text) - 1);
	line.real_usec = UINT64_MAX;
	line.mono_usec = line.seq = INT64_MAX;
	line.worker = line.policy = line.host = line.rule = line.entry = line.sni = long_text;
	line.host_len = line.sni_len = sizeof(long_text) - 1;
	line.proto = long_text;
	line.reason = REASON_ADDRESS_FORBIDDEN;
	line.port = 65535;
	line.via = VIA_TRANSPARENT;
	line.dst = line.ip = at("2001:db8:1111:2222:3333:4444:5555:6666");
	line.class = CLASS_V4_COMPATIBLE;
	line.conn = line.dial_usec = line.up = line.down = line.life_usec = INT64_MAX;
	line.qtype = line.suppressed = line.connections = line.denials = INT64_MAX;
	line.end = END_WORKER_GONE;
	line.n_resolved = 1000;
	for (int i = 0; i < AUDIT_MAX_RESOLVED; i++)
		line.resolved[i] = line.dst;
	object = written(&line, text);
	assert_non_null(json_object_get(object, "reason"));
	assert_non_null(json_object_get(object, "host"));
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_denial),
		cmocka_unit_test(test_an_allowed_connection_and_its_end),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_no_name_breaks_a_line),
		cmocka_unit_test(test_the_longest_line_fits_and_is_whole),
	};

	return cmocka_run_group_tests_name("egress_audit", tests, NULL, NULL);
}
