/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/machine/order_read.h"

#include <string.h>

#include "base/bounds.h"

static const char *check(const struct machine_order *head, size_t size)
{
	const uint32_t guest = MACHINE_RESTORED | MACHINE_TEMPLATE | MACHINE_VSOCK;
	const uint32_t kinds = head->flags & guest;

	if (head->magic != MACHINE_ORDER_MAGIC)
		return "this is no order";
	if (head->version != MACHINE_ORDER_VERSION)
		return "kastellan-vm and the library are of different versions";
	if (head->size != size)
		return "cut off, or longer than it says";
	/* Of the first three no two make sense together. */
	if (head->flags & ~(guest | MACHINE_LATE) || kinds & (kinds - 1) ||
		(head->flags & MACHINE_TEMPLATE && head->flags & MACHINE_LATE))
		return "it has an unknown flag";
	if (head->connections > KS_MAX_EGRESS_CONNECTIONS)
		return "it has more connections than any policy";
	if (head->n_args == 0 || head->n_args > MACHINE_MAX_ARGS)
		return "it has no program, or too many arguments";
	return NULL;
}

static char *next_string(char *text, size_t size, size_t *at)
{
	char *string = text + *at;
	const char *end = memchr(string, '\0', size - *at);

	if (!end)
		return NULL;
	*at = (size_t)(end + 1 - text);
	return string;
}

const char *order_parse(char *text, size_t size, struct order *ret)
{
	const char *fault;
	size_t at = sizeof(ret->head);

	if (size < sizeof(ret->head))
		return "this is no order";
	memcpy(&ret->head, text, sizeof(ret->head));
	fault = check(&ret->head, size);
	if (fault)
		return fault;
	for (uint32_t i = 0; i < ret->head.n_args; i++) {
		ret->argv[i] = next_string(text, size, &at);
		if (!ret->argv[i])
			return "an argument has no end";
	}
	ret->argv[ret->head.n_args] = NULL;
	ret->vsock = ret->head.flags & MACHINE_VSOCK ? next_string(text, size, &at) : NULL;
	if (ret->head.flags & MACHINE_VSOCK && (!ret->vsock || ret->vsock[0] != '/'))
		return "its vsock has no absolute path";
	if (at != size)
		return "there is more than its arguments";
	return ret->argv[0][0] == '/' ? NULL : "its program has no absolute path";
}
