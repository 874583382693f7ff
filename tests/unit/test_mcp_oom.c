/* SPDX-License-Identifier: Apache-2.0 */
/* Fails the n-th allocation, for every n, of a talk of a client with two servers through the
 * router: it goes on or says that memory ran out, and nothing leaks (which the sanitizer and
 * valgrind see). fail_alloc.c does it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "fail_alloc.h"
#include "mcp/router.h"

#define V "{\"jsonrpc\":\"2.0\","
#define OWN(number) V "\"id\":\"kastellan-" number "\","
#define CAN "\"capabilities\":{\"tools\":{},\"prompts\":{},\"resources\":{},\"logging\":{}}"
#define GREETED "\"result\":{\"protocolVersion\":\"2025-06-18\",\"instructions\":\"do\"," CAN "}}"

enum { CLIENT = -1 };

static const struct {
	int from; /* CLIENT, or a server */
	const char *line;
} talk[] = {
	{CLIENT, V "\"id\":1,\"method\":\"initialize\",\"params\":"
		   "{\"protocolVersion\":\"2030-01-01\"}}"},
	{0, OWN("1") GREETED},
	{1, OWN("2") "\"error\":{\"code\":1,\"message\":\"no\"}}"},
	{CLIENT, V "\"method\":\"notifications/initialized\"}"},
	{CLIENT, V "\"id\":2,\"method\":\"tools/call\",\"params\":{\"name\":\"b__t\"}}"},
	{1, OWN("3") GREETED},
	{CLIENT, V "\"id\":3,\"method\":\"tools/list\"}"},
	{0, OWN("4") "\"result\":{\"tools\":[{\"name\":\"t\"}],\"nextCursor\":\"c\"}}"},
	{1, OWN("5") "\"result\":{\"tools\":[{\"name\":\"t\"}]}}"},
	{0, OWN("6") "\"error\":{\"code\":1,\"message\":\"no\"}}"},
	{CLIENT, V "\"id\":4,\"method\":\"resources/read\",\"params\":{\"uri\":\"f:/1\"}}"},
	{0, OWN("7") "\"result\":{\"resources\":[{\"uri\":\"f:/2\"}]}}"},
	{1, OWN("8") "\"result\":{\"resources\":[{\"uri\":\"f:/2\"}]}}"},
	{0, OWN("9") "\"result\":{\"resourceTemplates\":[{\"uriTemplate\":\"f:/{n}\"}]}}"},
	{1, OWN("10") "\"result\":{\"resourceTemplates\":[]}}"},
	{0, OWN("11") "\"result\":{}}"},
	{CLIENT, V "\"id\":5,\"method\":\"prompts/get\",\"params\":{\"_meta\":"
		   "{\"progressToken\":\"p\"},\"name\":\"a__p\"}}"},
	{0, V "\"method\":\"notifications/progress\",\"params\":{\"progressToken\":\"p\"}}"},
	{CLIENT, V "\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":5}}"},
	{1, V "\"id\":1,\"method\":\"roots/list\",\"params\":{\"_meta\":{\"progressToken\":1}}}"},
	{CLIENT, OWN("13") "\"result\":{}}"},
	{CLIENT, V "\"id\":6,\"method\":\"logging/setLevel\",\"params\":{\"level\":\"info\"}}"},
	{0, OWN("14") "\"result\":{}}"},
	{1, OWN("15") "\"result\":{}}"},
	{CLIENT, V "\"id\":8,\"method\":\"resources/subscribe\",\"params\":{\"uri\":\"f:/2\"}}"},
	{0, OWN("16") "\"result\":{}}"},
	{CLIENT, V "\"id\":7,\"method\":\"nothing\"}"},
	{CLIENT, "no message"},
};

static int say(struct router *router, size_t i)
{
	const char *line = talk[i].line;

	if (talk[i].from == CLIENT)
		return router_client(router, line, strlen(line));
	return router_server(router, (size_t)talk[i].from, line, strlen(line));
}

static int converse(void)
{
	static const char *const names[] = {"a", "b"};
	struct router router;
	int r = router_init(&router, names, 2);

	for (size_t i = 0; r == 0 && i < sizeof(talk) / sizeof(talk[0]); i++)
		r = say(&router, i);
	if (r == 0)
		r = router_revived(&router, 0);
	/* It is as it is while nothing fails. */
	if (!failed) {
		assert_int_equal(r, 0);
		assert_false(router_busy(&router));
		assert_int_equal(router.n_listings, 0);
		assert_int_equal(router.owners.len, 2);
		assert_int_equal(router.asks.len, 0);
	}
	countdown = 0;
	router_done(&router);
	return r;
}

static void every_failure_is_clean(void **state)
{
	unsigned n = 0, told = 0;

	(void)state;
	do {
		int r;

		failed = false;
		countdown = ++n;
		r = converse();
		countdown = 0;
		if (r != 0 && r != -ENOMEM)
			fail_msg("allocation %u: %d", n, r);
		told += r == -ENOMEM;
	} while (failed);
	assert_true(told > 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_failure_is_clean),
	};

	return cmocka_run_group_tests_name("mcp-oom", tests, NULL, NULL);
}
