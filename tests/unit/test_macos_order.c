/* SPDX-License-Identifier: Apache-2.0 */
/* What the warden of a worker on macOS is told, and what it takes for an order. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bounds.h"
#include "macos/apply/order.h"

static char *sample(bool machine, size_t *ret_len)
{
	struct order order = {
		.numbers = {.caller = 7, .machine = machine, .tasks = 64, .n_rlimits = 1},
		.program = "/usr/bin/sandbox-exec",
		.cwd = "/",
		.directory = "/private/tmp/kastellan-1",
		.file = machine ? "/private/tmp/kastellan-1/env" : NULL,
		.file_text = machine ? "A=b\n" : NULL,
		.proof = machine ? "/private/tmp/kastellan-1/cid" : NULL,
		.name = machine ? "kastellan-1" : NULL,
		.record = "/private/tmp/kastellan-1.owner"};
	struct strbuf bytes;
	char *text = NULL;

	strbuf_init(&bytes, KS_MAX_SPEC_BYTES);
	assert_int_equal(strv_add(&order.argv, "sandbox-exec"), 0);
	assert_int_equal(strv_add(&order.argv, ""), 0);
	assert_int_equal(strv_add(&order.env, "A=b c"), 0);
	if (machine)
		assert_int_equal(strv_add(&order.tell, "container"), 0);
	assert_int_equal(order_write(&order, &bytes), 0);
	assert_int_equal(strbuf_take(&bytes, &text, ret_len), 0);
	order_done(&order);
	return text;
}

static int read_order(const char *text, size_t len)
{
	struct order order;
	int r = order_read(text, len, &order);

	order_done(&order);
	return r;
}

static void test_there_and_back(void **state)
{
	size_t len;
	char *text = sample(false, &len);
	struct order order;

	(void)state;
	assert_int_equal(order_read(text, len, &order), 0);
	assert_string_equal(order.program, "/usr/bin/sandbox-exec");
	assert_int_equal(order.argv.len, 2);
	assert_string_equal(order.argv.items[1], "");
	assert_string_equal(order.env.items[0], "A=b c");
	assert_int_equal(order.numbers.caller, 7);
	assert_string_equal(order.file, "");
	assert_string_equal(order.record, "/private/tmp/kastellan-1.owner");
	order_done(&order);
	free(text);
	text = sample(true, &len);
	assert_int_equal(read_order(text, len), 0);
	free(text);
}

/* Each part of it, as if the stream had ended there; its own copy, so that a sanitizer sees every
 * byte that is read past the end. */
static void test_cut_off(void **state)
{
	size_t len;
	char *text = sample(true, &len);

	(void)state;
	for (size_t cut = 0; cut < len; cut++) {
		char *part = malloc(cut + 1);
		struct order_numbers numbers;

		memcpy(part, text, cut);
		if (cut >= sizeof(numbers)) {
			memcpy(&numbers, part, sizeof(numbers));
			numbers.size = cut;
			memcpy(part, &numbers, sizeof(numbers));
		}
		assert_int_equal(read_order(part, cut), -EINVAL);
		free(part);
	}
	free(text);
}

static void test_wrong_numbers(void **state)
{
	static const struct {
		size_t offset;
		uint64_t value;
	} rows[] = {
		{offsetof(struct order_numbers, version), ORDER_VERSION + 1},
		{offsetof(struct order_numbers, size), 5},
		{offsetof(struct order_numbers, caller), 0},
		{offsetof(struct order_numbers, caller), 1},
		{offsetof(struct order_numbers, caller), UINT64_MAX},
		{offsetof(struct order_numbers, machine), 1},
		{offsetof(struct order_numbers, machine), 2},
		{offsetof(struct order_numbers, n_argv), 0},
		{offsetof(struct order_numbers, n_argv), 1},
		{offsetof(struct order_numbers, n_argv), UINT64_MAX},
		{offsetof(struct order_numbers, n_env), 3},
		{offsetof(struct order_numbers, n_tell), UINT64_MAX},
		{offsetof(struct order_numbers, n_rlimits), ORDER_MAX_RLIMITS + 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t len;
		char *text = sample(false, &len);

		memcpy(text + rows[i].offset, &rows[i].value, sizeof(rows[i].value));
		assert_int_equal(read_order(text, len), -EINVAL);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_cut_off),
		cmocka_unit_test(test_wrong_numbers),
	};

	return cmocka_run_group_tests_name("macos_order", tests, NULL, NULL);
}
