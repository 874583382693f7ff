/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/routes.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int routes_add(struct routes *routes, enum route_kind kind, size_t server,
	unsigned long long number, struct route **ret_route)
{
	struct route *route;

	if (routes->len >= ROUTES_MAX)
		return -ENOBUFS;
	route = calloc(1, sizeof(*route));
	if (!route)
		return -ENOMEM;
	route->kind = kind;
	route->server = server;
	snprintf(route->own, sizeof(route->own), "\"kastellan-%llu\"", number);
	route->next = routes->first;
	routes->first = route;
	routes->len++;
	*ret_route = route;
	return 0;
}

struct route *routes_find_own(
	const struct routes *routes, const struct message *message, struct span id)
{
	struct route *route = routes->first;

	while (route && !message_part_is(message, id, route->own))
		route = route->next;
	return route;
}

struct route *routes_find_id(
	const struct routes *routes, const struct message *message, struct span id)
{
	struct route *route = routes->first;

	while (route && !(route->id && message_part_is(message, id, route->id)))
		route = route->next;
	return route;
}

size_t routes_count(const struct routes *routes, size_t server)
{
	size_t count = 0;

	for (const struct route *route = routes->first; route; route = route->next)
		count += route->server == server;
	return count;
}

void routes_remove(struct routes *routes, struct route *route)
{
	struct route **slot = &routes->first;

	while (*slot != route)
		slot = &(*slot)->next;
	*slot = route->next;
	routes->len--;
	free(route->id);
	free(route->token);
	free(route->uri);
	free(route);
}

void routes_done(struct routes *routes)
{
	while (routes->first)
		routes_remove(routes, routes->first);
}
