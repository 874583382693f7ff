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

#include "workers/message.h"

static struct message good(const char *text, enum message_kind kind)
{
	struct message message;
	const char *why = NULL;

	if (message_read(text, strlen(text), &message, &why) < 0)
		fail_msg("%s: %s", text, why);
	assert_int_equal(message.kind, kind);
	return message;
}

#define V "\"jsonrpc\":\"2.0\","

static void kinds_are_told(void **state)
{
	struct message message = good("{" V "\"id\":7,\"method\":\"a/b\"}", MESSAGE_REQUEST);

	(void)state;
	assert_true(message_part_is(&message, message.id, "7"));
	assert_true(message_method_is(&message, "a/b"));
	assert_false(message_method_is(&message, "a/"));
	assert_false(message_method_is(&message, "a/bc"));
	message = good("{" V "\"method\":\"\\u0061\\/b\"}", MESSAGE_NOTIFICATION);
	assert_true(message_method_is(&message, "a/b"));
	assert_false(message_method_is(&message, "a"));
	assert_false(message_method_is(&message, "a/b\""));
	message = good("{" V "\"method\":\"a\\n\\u0000\\u00e1\"}", MESSAGE_NOTIFICATION);
	assert_false(message_method_is(&message, "a"));
	assert_false(message_method_is(&message, "an"));
	message = good("{" V "\"id\":\"7\",\"method\":\"x\",\"params\":[1]}", MESSAGE_REQUEST);
	assert_true(message_part_is(&message, message.id, "\"7\""));
	assert_true(message_part_is(&message, message.params, "[1]"));
	message = good("{\"method\":\"x\"," V "\"params\":{}}", MESSAGE_NOTIFICATION);
	message = good(" {" V "\"id\" : -1 , \"result\" : {\"id\":2} } ", MESSAGE_RESPONSE);
	assert_true(message_part_is(&message, message.id, "-1"));
	assert_true(message_part_is(&message, message.result, "{\"id\":2}"));
	message = good("{" V "\"id\":null,\"error\":{\"code\":1}}", MESSAGE_RESPONSE);
	message = good("{" V "\"result\":null,\"id\":1,\"id2\":3}", MESSAGE_RESPONSE);
	/* A number that no double holds is handed on as it is. */
	good("{" V "\"id\":1,\"result\":1e999}", MESSAGE_RESPONSE);
	message = good("{" V "\"\\u0069d\":4,\"method\":\"x\"}", MESSAGE_REQUEST);
	assert_true(message_part_is(&message, message.id, "4"));
	good("{" V "\"id\\u0000\":4,\"method\":\"x\"}", MESSAGE_NOTIFICATION);
}

static void others_are_refused(void **state)
{
	static const char *const bad[][2] = {
		{"", "not a JSON object"},
		{"1", "not a JSON object"},
		{"[{" V "\"id\":1,\"method\":\"x\"}]", "batches"},
		{"{" V "\"id\":1,\"method\":\"x\"", "not valid JSON"},
		{"{" V "\"id\":1,\"method\":\"x\"}}", "something follows"},
		{"{" V "\"id\":1,\"method\":\"x\",}", "not valid JSON"},
		{"{" V "\"id\":1 \"method\":\"x\"}", "not valid JSON"},
		{"{" V "\"id\":01,\"method\":\"x\"}", "not valid JSON"},
		{"{" V "\"id\":1,\"method\":\"x\",\"params\":[1,]}", "not valid JSON"},
		{"{" V "\"id\":1,\"method\":\"x\",\"params\":{1:2}}", "not valid JSON"},
		{"{" V "\"id\":1,\"method\":\"\xff\"}", "not UTF-8"},
		{"{\"id\":1,\"method\":\"x\"}", "\"2.0\""},
		{"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"x\"}", "\"2.0\""},
		{"{\"jsonrpc\":2.0,\"id\":1,\"method\":\"x\"}", "\"2.0\""},
		{"{" V "\"id\":1,\"id\":2,\"method\":\"x\"}", "given twice"},
		{"{" V "\"id\":1,\"i\\u0064\":2,\"method\":\"x\"}", "given twice"},
		{"{" V "\"id\":1,\"method\":1}", "method is not a string"},
		{"{" V "\"id\":1,\"method\":\"x\",\"result\":1}", "a method, and a result"},
		{"{" V "\"id\":1,\"method\":\"x\",\"params\":1}", "neither an object nor"},
		{"{" V "\"id\":null,\"method\":\"x\"}", "its id"},
		{"{" V "\"id\":1.5,\"method\":\"x\"}", "its id"},
		{"{" V "\"id\":1e3,\"result\":1}", "its id"},
		{"{" V "\"id\":{},\"result\":1}", "its id"},
		{"{" V "\"id\":null,\"result\":1}", "its id"},
		{"{" V "\"id\":1}", "no method"},
		{"{" V "\"result\":1}", "without an id"},
		{"{" V "\"id\":1,\"result\":1,\"error\":{}}", "both"},
		{"{" V "\"id\":1,\"error\":\"x\"}", "not an object"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct message message;
		const char *why = NULL;

		if (message_read(bad[i][0], strlen(bad[i][0]), &message, &why) != -EPROTO)
			fail_msg("%s was taken", bad[i][0]);
		if (!strstr(why, bad[i][1]))
			fail_msg("%s: %s", bad[i][0], why);
	}
}

static void expect_id(const char *text, const char *id, const char *wanted)
{
	struct message message;
	const char *why = NULL;
	char *out = NULL;
	size_t len = 0;

	assert_int_equal(message_read(text, strlen(text), &message, &why), 0);
	assert_int_equal(message_with_id(&message, id, strlen(id), &out, &len), 0);
	assert_string_equal(out, wanted);
	assert_int_equal(len, strlen(wanted));
	free(out);
}

static void ids_are_replaced(void **state)
{
	(void)state;
	expect_id("{" V "\"id\":\"long one\",\"method\":\"x\"}", "7",
		"{" V "\"id\":7,\"method\":\"x\"}");
	expect_id("{\n" V "\r\n\"id\":1,\"method\":\"x\\n\"}", "\"seven\"",
		"{ " V "  \"id\":\"seven\",\"method\":\"x\\n\"}");
	expect_id("{" V "\"id\":1,\"result\":{\"id\":1,\"x\":1.50}}", "22",
		"{" V "\"id\":22,\"result\":{\"id\":1,\"x\":1.50}}");
}

static void expect_member(const char *params, const char *key, int found, const char *value)
{
	char text[512];
	struct message message;
	struct span span = {0, 0};

	snprintf(text, sizeof(text), "{" V "\"method\":\"x\",\"params\":%s}", params);
	message = good(text, MESSAGE_NOTIFICATION);
	assert_int_equal(message_member(&message, message.params, key, &span), found);
	if (found == 1)
		assert_true(message_part_is(&message, span, value));
}

static void members_are_found(void **state)
{
	(void)state;
	expect_member("{\"a\":1,\"b\": {\"a\" : [2]} }", "a", 1, "1");
	expect_member("{\"a\":1,\"b\": {\"a\" : [2]} }", "b", 1, "{\"a\" : [2]}");
	expect_member("{\"a\":1,\"\\u0062\":1.50}", "b", 1, "1.50");
	expect_member("{\"a\":{\"c\":1}}", "c", 0, NULL);
	expect_member("{}", "a", 0, NULL);
	expect_member("[\"a\"]", "a", 0, NULL);
	expect_member("{\"a\":1,\"\\u0061\":2}", "a", -EPROTO, NULL);
}

static void depth_is_bounded(void **state)
{
	char text[512];

	(void)state;
	for (int depth = 60; depth <= 66; depth++) {
		struct message message;
		const char *why = NULL;
		size_t len = (size_t)snprintf(text, sizeof(text), "{" V "\"id\":1,\"result\":");

		/* The envelope is the first level. */
		memset(text + len, '[', (size_t)depth - 1);
		memset(text + len + depth - 1, ']', (size_t)depth - 1);
		memcpy(text + len + 2 * (depth - 1), "}", 2);
		assert_int_equal(message_read(text, strlen(text), &message, &why),
			depth <= 64 ? 0 : -EPROTO);
	}
}

/* What jansson makes of the same bytes. A repeated key that is none of the envelope's is nothing to
 * us, and large numbers are not in the alphabet. */
static int jansson_takes(const char *text, size_t len)
{
	json_t *json = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
	int takes = json_is_object(json);

	json_decref(json);
	return takes;
}

static int is_syntax(const char *why)
{
	return strstr(why, "JSON") || strstr(why, "UTF-8") || strstr(why, "batches");
}

static void random_texts_are_judged_as_jansson_does(void **state)
{
	static const char *const pieces[] = {"{", "}", "[", "]", ",", ":", "\"", "\\", "\"a\"",
		"\"id\"", "1", "0", "-", ".", "true", "null", " ", "\n", "\\u00e9", "\xc3\xa9",
		"\x01", "\"jsonrpc\":\"2.0\"", "\\ud800", "\"method\":\"m\"", "/", "\xff"};
	static const char seed_text[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":{\"a\":[1,\"\\n\",{}]}}";
	unsigned long taken = 0, number = 88172645463325252ul;

	(void)state;
	for (int round = 0; round < 200000; round++) {
		struct message message;
		const char *why = "";
		char text[256];
		size_t len = sizeof(seed_text) - 1;
		int r;

		memcpy(text, seed_text, len + 1);
		for (int change = round % 4; change > 0; change--) {
			const char *piece;
			size_t at, cut, n;

			number ^= number << 13;
			number ^= number >> 7;
			number ^= number << 17;
			piece = pieces[number % (sizeof(pieces) / sizeof(pieces[0]))];
			n = strlen(piece);
			at = number / 64 % (len + 1);
			cut = number / 65536 % 3;
			cut = cut > len - at ? len - at : cut;
			memmove(text + at + n, text + at + cut, len - at - cut + 1);
			memcpy(text + at, piece, n);
			len += n - cut;
		}
		r = message_read(text, len, &message, &why);
		taken += r == 0;
		/* These two are found before the end of the text. */
		if (strstr(why, "follows") || strstr(why, "twice"))
			continue;
		if ((r == 0 || !is_syntax(why)) != jansson_takes(text, len))
			fail_msg("%.*s: %d, %s", (int)len, text, r, why);
	}
	assert_true(taken > 50000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds_are_told),
		cmocka_unit_test(others_are_refused),
		cmocka_unit_test(ids_are_replaced),
		cmocka_unit_test(members_are_found),
		cmocka_unit_test(depth_is_bounded),
		cmocka_unit_test(random_texts_are_judged_as_jansson_does),
	};

	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
