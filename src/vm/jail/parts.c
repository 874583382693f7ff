/* SPDX-License-Identifier: Apache-2.0 */
/* What the machine is told, and the sockets between its parts. */
#include "vm/jail/parts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "linux/jail/memory_file.h"
#include "linux/jail/spec_plan.h"
#include "vm/machine/order.h"

void vm_parts_init(struct vm_parts *parts)
{
	memset(parts, -1, sizeof(*parts));
}

void vm_parts_done(struct vm_parts *parts)
{
	int *const fds[] = {&parts->control[0], &parts->control[1], &parts->port[0],
		&parts->port[1], &parts->complaints[0], &parts->complaints[1], &parts->terminal[0],
		&parts->terminal[1], &parts->null, &parts->order, &parts->spec, &parts->initramfs};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		drop_fd(fds[i]);
}

/* A terminal's bytes on both ways; what makes it one is in the guest. */
static int open_terminal(struct vm_parts *parts)
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, parts->terminal) < 0 ? -errno : 0;
}

static int open_sockets(struct vm_parts *parts)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, parts->control) < 0 ||
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, parts->port) < 0 ||
		pipe2(parts->complaints, O_CLOEXEC) < 0 ||
		fcntl(parts->complaints[0], F_SETFL, O_NONBLOCK) < 0)
		return -errno;
	parts->null = open("/dev/null", O_RDWR | O_CLOEXEC);
	return parts->null < 0 ? -errno : 0;
}

/* None is 0 there. */
static uint64_t or_none(uint64_t limit)
{
	return limit == UINT64_MAX ? 0 : limit;
}

static int make_order(const struct ks_plan *plan, int *ret_fd)
{
	const struct strv *command = &plan->vm.command;
	struct machine_order order = {.magic = MACHINE_ORDER_MAGIC,
		.version = MACHINE_ORDER_VERSION,
		.memory_bytes = or_none(plan->limits.memory_bytes),
		.tasks = (uint32_t)or_none(plan->limits.tasks),
		.cpu_quota_pct = (uint32_t)or_none(plan->limits.cpu_quota_pct),
		.n_args = (uint32_t)command->len};
	autostrbuf struct strbuf text;
	int fd;

	strbuf_init(&text, KS_MAX_TEXT);
	strbuf_add(&text, &order, sizeof(order));
	for (size_t i = 0; i < command->len; i++)
		strbuf_add(&text, command->items[i], strlen(command->items[i]) + 1);
	if (text.error)
		return text.error;
	order.size = (uint32_t)text.len;
	memcpy(text.data, &order, sizeof(order));
	fd = memory_file("kastellan-order", text.data, text.len);
	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

int vm_parts_make(const struct ks_plan *plan, const struct jail_stdio *stdio,
	struct vm_parts *parts, ks_error **reterr)
{
	int r = open_sockets(parts);

	if (r == 0 && stdio->terminal)
		r = open_terminal(parts);
	if (r == 0)
		r = make_order(plan, &parts->order);
	if (r == 0)
		r = spec_for_guest(plan, stdio, &parts->spec);
	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "machine"),
			"what the machine is to be told cannot be written: %s", strerror(-r));
	return vm_make_initramfs(&plan->vm, &parts->initramfs, reterr);
}
