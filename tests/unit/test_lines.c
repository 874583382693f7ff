/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/bounds.h"
#include "workers/lines.h"

#define MAX 8

/* What came of a stream: each line with "|" behind it, and how it ended. */
struct result {
	struct strbuf text;
	int end;
};

static int feed(struct lines *lines, const char *bytes, size_t len, struct result *to)
{
	int r = 0;

	for (size_t at = 0, used = 0; at < len; at += used) {
		const char *line;
		size_t n;

		r = lines_next(lines, bytes + at, len - at, &used, &line, &n);
		if (r < 0)
			return r;
		if (r == 1) {
			assert_int_equal(strlen(line), n);
			strbuf_add(&to->text, line, n);
			strbuf_putc(&to->text, '|');
		}
	}
	return 0;
}

/* cut: where the stream falls into two reads; step: reads of that many bytes, 0 = one. */
static struct result split(const char *bytes, size_t len, size_t max, size_t cut, size_t step)
{
	struct result result = {.end = 0};
	struct lines lines;
	int r = 0;

	strbuf_init(&result.text, KS_MAX_TEXT);
	strbuf_puts(&result.text, "");
	lines_init(&lines, max);
	for (size_t at = 0; at < len && r == 0;) {
		size_t n = at < cut ? cut - at : len - at;

		if (step && n > step)
			n = step;
		r = feed(&lines, bytes + at, n, &result);
		at += n;
	}
	result.end = lines_end(&lines);
	assert_true(r == 0 || r == result.end);
	lines_done(&lines);
	return result;
}

static void expect(const char *bytes, size_t len, size_t max, const char *text, int end)
{
	for (size_t cut = 0; cut <= len; cut++) {
		for (size_t step = 0; step <= 2; step++) {
			struct result result = split(bytes, len, max, cut, step);

			assert_int_equal(result.end, end);
			assert_int_equal(result.text.len, strlen(text));
			if (result.text.len)
				assert_memory_equal(result.text.data, text, result.text.len);
			strbuf_done(&result.text);
		}
	}
}

#define EXPECT(bytes, text, end) expect(bytes, sizeof(bytes) - 1, MAX, text, end)

static void test_cut_anywhere(void **state)
{
	(void)state;
	EXPECT("", "", 0);
	EXPECT("{}\n[1]\n", "{}|[1]|", 0);
	EXPECT("\n\r\n{}\r\n\n", "{}|", 0);
	EXPECT("a\rb\n", "a\rb|", 0);
	EXPECT("{}\n{", "{}|", -EPIPE);
	EXPECT("\xc3\xa4\n", "\xc3\xa4|", 0);
}

static void test_errors_end_the_stream(void **state)
{
	(void)state;
	EXPECT("12345678\n", "12345678|", 0);
	EXPECT("12345678\r\n", "12345678|", 0);
	EXPECT("1\n123456789\n2\n", "1|", -E2BIG);
	EXPECT("12345678\r\r\n", "", -E2BIG);
	EXPECT("123456789", "", -E2BIG);
	EXPECT("1\n\0\n2\n", "1|", -EBADMSG);
	EXPECT("1\n\xc3\n\xa4\n", "1|", -EILSEQ);
}

static void test_depth(void **state)
{
	char deep[KS_MAX_MESSAGE_DEPTH + 4] = "";

	(void)state;
	memset(deep, '[', KS_MAX_MESSAGE_DEPTH);
	deep[KS_MAX_MESSAGE_DEPTH] = '\n';
	expect(deep, KS_MAX_MESSAGE_DEPTH, 256, "", -EPIPE);
	deep[KS_MAX_MESSAGE_DEPTH] = '|';
	{
		char text[KS_MAX_MESSAGE_DEPTH + 4];

		memcpy(text, deep, sizeof(text));
		deep[KS_MAX_MESSAGE_DEPTH] = '\n';
		expect(deep, KS_MAX_MESSAGE_DEPTH + 1, 256, text, 0);
	}
	memset(deep, '{', KS_MAX_MESSAGE_DEPTH + 1);
	deep[KS_MAX_MESSAGE_DEPTH + 1] = '\n';
	expect(deep, KS_MAX_MESSAGE_DEPTH + 2, 256, "", -ELOOP);
	memset(deep, '[', KS_MAX_MESSAGE_DEPTH + 1);
	deep[0] = '"';
	expect(deep, KS_MAX_MESSAGE_DEPTH + 1, 256, "", -EPIPE);
}

/* The reference knows the whole stream and keeps no state between lines. */
static int refer(const char *bytes, size_t len, struct strbuf *to)
{
	size_t start = 0;

	for (size_t i = 0; i < len; i++) {
		size_t n = i - start;

		if (bytes[i] != '\n')
			continue;
		if (n > 0 && bytes[i - 1] == '\r')
			n--;
		if (n > MAX)
			return -E2BIG;
		if (memchr(bytes + start, '\0', n))
			return -EBADMSG;
		if (n > 0) {
			strbuf_add(to, bytes + start, n);
			strbuf_putc(to, '|');
		}
		start = i + 1;
	}
	if (len - start > MAX + 1 || (len - start == MAX + 1 && bytes[len - 1] != '\r'))
		return -E2BIG;
	return len > start ? -EPIPE : 0;
}

static void test_random_streams(void **state)
{
	static const char alphabet[] = "ab{\"\n\n\r\n\rxyzab{\"\n\r";
	uint32_t seed = 1;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		char bytes[48];
		size_t len = (size_t)round % sizeof(bytes);
		struct strbuf text;
		struct result result;
		int end;

		for (size_t i = 0; i < len; i++) {
			seed = seed * 1664525u + 1013904223u;
			bytes[i] = (seed >> 20) % 199 ? alphabet[(seed >> 8) % 18] : '\0';
		}
		strbuf_init(&text, KS_MAX_TEXT);
		end = refer(bytes, len, &text);
		result = split(bytes, len, MAX, (seed >> 16) % (len + 1), (seed >> 12) % 5);
		assert_int_equal(result.end, end);
		assert_int_equal(result.text.len, text.len);
		if (text.len)
			assert_memory_equal(result.text.data, text.data, text.len);
		strbuf_done(&result.text);
		strbuf_done(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_anywhere),
		cmocka_unit_test(test_errors_end_the_stream),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_random_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
