/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_VM_MACHINE_ORDER_READ_H
#define KS_VM_MACHINE_ORDER_READ_H

#include <stddef.h>

#include "vm/machine/order.h"

struct order {
	struct machine_order head;
	char *argv[MACHINE_MAX_ARGS + 1]; /* into the text, as the next */
	const char *vsock; /* NULL: the emulator has none */
};

/* NULL, or why this is no order. The text is written to by nobody. */
const char *order_parse(char *text, size_t size, struct order *ret);

#endif
