/* SPDX-License-Identifier: Apache-2.0 */
/* The proxy's side. What the child says may be what a name server told it to say: sizes, counts and
 * families are looked at before anything is believed. */
#include "egress/resolver.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "egress/resolver_child.h"
#include "egress/socket.h"

int resolver_ask(struct resolver *resolver, uint32_t ticket, const struct egress_host *name)
{
	struct question question = {.ticket = ticket};

	if (name->kind != HOST_NAME)
		return -EINVAL;
	memcpy(question.name, name->text, strnlen(name->text, KS_MAX_HOST));
	for (;;) {
		ssize_t sent = send(
			resolver->socket, &question, sizeof(question), MSG_DONTWAIT | socket_quiet);

		/* Half of one, which its buffer has room against, would spoil the others. */
		if (sent >= 0)
			return sent == (ssize_t)sizeof(question) ? 0 : -EPIPE;
		if (errno != EINTR)
			return errno == ECONNRESET ? -EPIPE : -errno;
	}
}

static bool is_address(const struct address *address)
{
	static const uint8_t zeros[16];

	if (address->family == ADDRESS_V4)
		return memcmp(address->bytes + 4, zeros, 12) == 0;
	return address->family == ADDRESS_V6;
}

static bool is_resolution(const struct resolution *resolution)
{
	if (resolution->error)
		return resolution->n_addresses == 0;
	if (resolution->n_addresses == 0 || resolution->n_addresses > RESOLVER_MAX_ADDRESSES)
		return false;
	for (uint32_t i = 0; i < resolution->n_addresses; i++) {
		if (!is_address(&resolution->addresses[i]))
			return false;
		for (uint32_t j = 0; j < i; j++)
			if (address_equal(&resolution->addresses[i], &resolution->addresses[j]))
				return false;
	}
	return true;
}

int resolver_take(struct resolver *resolver, struct resolution *ret_resolution)
{
	struct resolution resolution = {0};
	ssize_t len = resolver_receive(resolver->socket, &resolution, sizeof(resolution));

	if (len == -EAGAIN)
		return 0;
	if (len < 0)
		return len == -ECONNRESET ? -EPIPE : (int)len;
	if (len == 0)
		return -EPIPE;
	if ((size_t)len != sizeof(resolution) || !is_resolution(&resolution))
		return -EBADMSG;
	*ret_resolution = resolution;
	return 1;
}
