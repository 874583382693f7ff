/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "router_fixture.h"

struct router router;

int setup(void **state)
{
	(void)state;
	return router_init(&router, (const char *const[]){"a", "b-2"}, 2);
}

int teardown(void **state)
{
	(void)state;
	router_done(&router);
	return 0;
}

void client(const char *line)
{
	assert_int_equal(router_client(&router, line, strlen(line)), 0);
}

void server(size_t index, const char *line)
{
	assert_int_equal(router_server(&router, index, line, strlen(line)), 0);
}

static void expect(struct strbuf *from, const char *lines)
{
	const char *found = from->len ? from->data : "";

	if (from->len != strlen(lines) || memcmp(found, lines, from->len) != 0)
		fail_msg("found %.*s, wanted %s", (int)from->len, found, lines);
	from->len = 0;
}

void to_client(const char *lines)
{
	expect(&router.to_client, lines);
}

void to_server(size_t index, const char *lines)
{
	expect(&router.peers[index].to_server, lines);
}

void to_client_like(const char *front, const char *within)
{
	const char *found = router.to_client.len ? router.to_client.data : "";

	if (strncmp(found, front, strlen(front)) != 0 || !strstr(found, within))
		fail_msg("found %s, wanted %s with %s", found, front, within);
	router.to_client.len = 0;
}

void acquainted(void)
{
	client(INITIALIZE);
	to_server(0, GREETING("1"));
	to_server(1, GREETING("2"));
	server(1, GREETED("2", "2025-06-18", ALL));
	to_client("");
	server(0, GREETED("1", "2025-06-18", ALL));
	to_client_like(V "\"id\":0,\"result\":{\"protocolVersion\":\"2025-06-18\"",
		"\"resources\":{\"listChanged\":true,\"subscribe\":true}");
	client(INITIALIZED);
	to_server(0, INITIALIZED "\n");
	to_server(1, INITIALIZED "\n");
	assert_false(router_busy(&router));
}
