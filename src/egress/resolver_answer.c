/* SPDX-License-Identifier: Apache-2.0 */
/* getaddrinfo() is asked without flags. AI_ADDRCONFIG would spare the question for the family that
 * the host has no address of, but a host or namespace with the loopback alone has neither, and
 * could not even resolve what its own /etc/hosts says; what cannot be reached is sorted last
 * anyway. */
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include "egress/resolver_child.h"

static bool address_of(const struct sockaddr *name, socklen_t len, struct address *ret)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)name;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)name;

	if (name->sa_family == AF_INET && len >= sizeof(*v4)) {
		*ret = address_from_v4((const uint8_t *)&v4->sin_addr);
		return true;
	}
	/* What is meant on one interface alone is no destination that could be looked at by its
	 * bytes. */
	if (name->sa_family == AF_INET6 && len >= sizeof(*v6) && v6->sin6_scope_id == 0) {
		*ret = address_from_v6(v6->sin6_addr.s6_addr);
		return true;
	}
	return false;
}

static void add_address(struct resolution *resolution, const struct address *address)
{
	for (uint32_t i = 0; i < resolution->n_addresses; i++)
		if (address_equal(&resolution->addresses[i], address))
			return;
	if (resolution->n_addresses < RESOLVER_MAX_ADDRESSES)
		resolution->addresses[resolution->n_addresses++] = *address;
}

void resolver_answer(const struct question *question, struct resolution *ret_resolution)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list = NULL;

	memset(ret_resolution, 0, sizeof(*ret_resolution)); /* its padding leaves the process */
	ret_resolution->ticket = question->ticket;
	ret_resolution->error = resolver_settings()
					? getaddrinfo(question->name, NULL, &hints, &list)
					: EAI_MEMORY;
	if (ret_resolution->error)
		return;
	for (const struct addrinfo *i = list; i; i = i->ai_next) {
		struct address address;

		if (address_of(i->ai_addr, i->ai_addrlen, &address))
			add_address(ret_resolution, &address);
	}
	freeaddrinfo(list);
	if (!ret_resolution->n_addresses)
		ret_resolution->error = EAI_NONAME;
}
