/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bounds.h"
#include "base/error.h"
#include "base/grow.h"
#include "base/strbuf.h"
#include "base/strv.h"

static void test_error_carries_everything(void **state)
{
	ks_error *error = NULL;

	(void)state;
	assert_int_equal(error_set(&error, -ENOENT,
				 ABOUT(.step = "grant", .field = "fs_read", .path = "/x",
					 .remedy = "create it", .line = 3, .column = 7),
				 "%s does not exist", "/x"),
		-ENOENT);
	assert_int_equal(ks_error_code(error), -ENOENT);
	assert_string_equal(ks_error_message(error), "/x does not exist");
	assert_string_equal(ks_error_step(error), "grant");
	assert_string_equal(ks_error_field(error), "fs_read");
	assert_string_equal(ks_error_path(error), "/x");
	assert_string_equal(ks_error_remedy(error), "create it");
	assert_int_equal(ks_error_line(error), 3);
	assert_int_equal(ks_error_column(error), 7);
	ks_error_free(error);
}

static void test_error_may_quote_the_one_it_replaces(void **state)
{
	ks_error *error = NULL;

	(void)state;
	error_set(&error, -EPERM, ABOUT(.step = "a"), "inner");
	error_set(&error, -EIO, ABOUT(.step = "b"), "outer: %s", ks_error_message(error));
	assert_string_equal(ks_error_message(error), "outer: inner");
	ks_error_free(error);
}

static void test_problem_chain_is_bounded(void **state)
{
	ks_error *chain = NULL;
	unsigned count = 0;

	(void)state;
	for (unsigned i = 0; i < 2 * KS_MAX_PROBLEMS; i++)
		error_append(&chain, -EINVAL, ABOUT(.step = "policy"), "problem %u", i);
	for (const ks_error *error = chain; error; error = ks_error_next(error))
		count++;
	assert_int_equal(count, KS_MAX_PROBLEMS);
	ks_error_free(chain);
}

static void test_strbuf_ceiling_is_sticky(void **state)
{
	struct strbuf buf;
	char *text = NULL;

	(void)state;
	strbuf_init(&buf, 10);
	strbuf_puts(&buf, "0123456789");
	assert_int_equal(buf.error, 0);
	strbuf_putc(&buf, 'x');
	strbuf_puts(&buf, "");
	assert_int_equal(strbuf_take(&buf, &text, NULL), -E2BIG);
	assert_null(text);
	strbuf_done(&buf);
}

static void test_strbuf_formats(void **state)
{
	struct strbuf buf;
	char *text = NULL;
	size_t len = 0;

	(void)state;
	strbuf_init(&buf, KS_MAX_TEXT);
	for (int i = 0; i < 100; i++)
		strbuf_addf(&buf, "%d,", i);
	assert_int_equal(strbuf_take(&buf, &text, &len), 0);
	assert_int_equal(len, strlen(text));
	assert_int_equal(strncmp(text, "0,1,2,", 6), 0);
	free(text);
	strbuf_done(&buf);
}

static void test_strv_stays_terminated(void **state)
{
	struct strv list = {0};

	(void)state;
	assert_int_equal(strv_add(&list, "a"), 0);
	assert_int_equal(strv_addf(&list, "%c%d", 'b', 2), 0);
	assert_int_equal(list.len, 2);
	assert_string_equal(list.items[1], "b2");
	assert_null(list.items[2]);
	strv_done(&list);
	assert_null(list.items);
}

static void test_list_grows_in_few_moves(void **state)
{
	size_t *items = NULL;

	(void)state;
	for (size_t i = 0; i < 1000; i++) {
		size_t *grown = list_grow(items, i, sizeof(*items));

		assert_non_null(grown);
		/* Between the powers of two there is room already. */
		if (i > 0 && (i < 8 || (i & (i - 1)) != 0))
			assert_ptr_equal(grown, items);
		items = grown;
		items[i] = i;
	}
	for (size_t i = 0; i < 1000; i++)
		assert_int_equal(items[i], i);
	free(items);
}

static void test_list_too_long_for_memory_stays(void **state)
{
	char *items = list_grow(NULL, 0, 1);

	(void)state;
	assert_non_null(items);
	assert_null(list_grow(items, 8, SIZE_MAX / 8));
	free(items);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error_carries_everything),
		cmocka_unit_test(test_error_may_quote_the_one_it_replaces),
		cmocka_unit_test(test_problem_chain_is_bounded),
		cmocka_unit_test(test_strbuf_ceiling_is_sticky),
		cmocka_unit_test(test_strbuf_formats),
		cmocka_unit_test(test_strv_stays_terminated),
		cmocka_unit_test(test_list_grows_in_few_moves),
		cmocka_unit_test(test_list_too_long_for_memory_stays),
	};

	return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
