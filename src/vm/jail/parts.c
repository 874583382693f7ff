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
#include "vm/plan/firecracker.h"

void vm_parts_init(struct vm_parts *parts)
{
	memset(parts, -1, sizeof(*parts));
	parts->files[0] = '\0';
}

void vm_parts_done(struct vm_parts *parts)
{
	int *const fds[] = {&parts->control[0], &parts->control[1], &parts->port[0],
		&parts->port[1], &parts->complaints[0], &parts->complaints[1], &parts->terminal[0],
		&parts->terminal[1], &parts->null, &parts->order, &parts->spec, &parts->initramfs,
		&parts->template};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		drop_fd(fds[i]);
}

/* A terminal's bytes on both ways; what makes it one is in the guest. */
static int open_terminal(struct vm_parts *parts)
{
	return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, parts->terminal) < 0 ? -errno : 0;
}

int vm_parts_open(struct vm_parts *parts)
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

/* What the emulator is told besides its command: restored, where its guest comes from; to write
 * one, by whom it is asked to. */
static int add_mode(struct strv *words, enum vm_mode mode)
{
	int r = 0;

	if (mode == VM_IS_RESTORED) {
		r = strv_add(words, "-incoming");
		return r < 0 ? r : strv_addf(words, "fd:%d", MACHINE_SLOT_TEMPLATE);
	}
	if (mode == VM_BOOTS)
		return 0;
	r = strv_add(words, "-chardev");
	if (r == 0)
		r = strv_addf(words, "socket,id=qmp,fd=%d", MACHINE_SLOT_QMP);
	if (r == 0)
		r = strv_add(words, "-mon");
	return r < 0 ? r : strv_add(words, "chardev=qmp,mode=control");
}

static void add_words(struct strbuf *text, const struct strv *words)
{
	for (size_t i = 0; i < words->len; i++)
		strbuf_add(text, words->items[i], strlen(words->items[i]) + 1);
}

/* The bandwidth that the guest holds by its own clock, which counts for the worker's what the
 * host's group has the machine wait for: both at once would leave a part of a part. So only where
 * the host has no such group. */
static uint32_t quota_inside(const struct ks_plan *plan)
{
	return plan->vm.quota_pct == UINT64_MAX ? (uint32_t)or_none(plan->limits.cpu_quota_pct) : 0;
}

int vm_parts_order(const struct ks_plan *plan, enum vm_mode mode, bool late, struct vm_parts *parts)
{
	static const uint32_t flags[] = {
		[VM_IS_RESTORED] = MACHINE_RESTORED, [VM_IS_WRITTEN] = MACHINE_TEMPLATE};
	struct machine_order order = {.magic = MACHINE_ORDER_MAGIC,
		.version = MACHINE_ORDER_VERSION,
		.flags = (plan->vm.config ? MACHINE_VSOCK : flags[mode]) |
			 (late ? MACHINE_LATE : 0u),
		.memory_bytes = or_none(plan->limits.memory_bytes),
		.tasks = (uint32_t)or_none(plan->limits.tasks),
		.cpu_quota_pct = quota_inside(plan),
		.connections = plan->vm.connections};
	autostrv struct strv more = {0};
	autostrbuf struct strbuf text;
	int r = add_mode(&more, mode);

	strbuf_init(&text, KS_MAX_TEXT);
	if (r < 0)
		return r;
	order.n_args = (uint32_t)(plan->vm.command.len + more.len);
	strbuf_add(&text, &order, sizeof(order));
	add_words(&text, &plan->vm.command);
	add_words(&text, &more);
	if (plan->vm.config)
		strbuf_add(&text, FIRECRACKER_VSOCK, sizeof(FIRECRACKER_VSOCK));
	if (text.error)
		return text.error;
	order.size = (uint32_t)text.len;
	memcpy(text.data, &order, sizeof(order));
	r = memory_file("kastellan-order", text.data, text.len);
	if (r < 0)
		return r;
	parts->order = r;
	return 0;
}

int vm_parts_make(const struct vm_program *program, struct vm_parts *parts, ks_error **reterr)
{
	const struct jail_stdio *stdio = program->stdio;
	int r = vm_parts_open(parts);

	if (r == 0 && stdio && stdio->terminal)
		r = open_terminal(parts);
	if (r == 0 && stdio)
		r = spec_for_guest(program->plan, program->argv, stdio, &parts->spec);
	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "machine"),
			"what the machine is to be told cannot be written: %s", strerror(-r));
	return vm_make_initramfs(&program->plan->vm, parts, reterr);
}
