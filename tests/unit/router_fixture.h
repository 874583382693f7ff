/* SPDX-License-Identifier: Apache-2.0 */
/* A client and two servers, "a" and "b-2", around a router. */
#ifndef TESTS_ROUTER_FIXTURE_H
#define TESTS_ROUTER_FIXTURE_H

#include "mcp/router.h"

#define V "{\"jsonrpc\":\"2.0\","
#define PARAMS "\"params\":{\"protocolVersion\":\"2025-06-18\",\"x\":1.50}}"
#define INITIALIZE V "\"id\":0,\"method\":\"initialize\"," PARAMS
#define GREETING(own) V "\"id\":\"kastellan-" own "\",\"method\":\"initialize\"," PARAMS "\n"
#define INITIALIZED V "\"method\":\"notifications/initialized\"}"
#define ALL "{\"tools\":{},\"prompts\":{},\"resources\":{\"subscribe\":true},\"logging\":{}}"
#define GREETED(own, version, can)                                                  \
	V "\"id\":\"kastellan-" own "\",\"result\":{\"protocolVersion\":\"" version \
	  "\",\"capabilities\":" can "}}"
#define OWN(number) "\"id\":\"kastellan-" number "\""

extern struct router router;

int setup(void **state);
int teardown(void **state);

void client(const char *line);
void server(size_t index, const char *line);

/* What waits there is exactly these lines; it is taken. */
void to_client(const char *lines);
void to_server(size_t index, const char *lines);

/* One line that begins and goes on like this. */
void to_client_like(const char *front, const char *within);

/* Both servers have been initialised. */
void acquainted(void);

#endif
