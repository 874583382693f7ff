/* SPDX-License-Identifier: Apache-2.0 */
/* kastellan-vm: keeps one micro-VM, between the supervisor and the emulator (order.h). It starts
 * the emulator, gives up all that this took, and then only passes on what the guest may say.
 *
 * Everything it reads of a guest is hostile. A guest that takes it over, or takes over the
 * emulator, is in the jail that both of them were started in. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bounds.h"
#include "linux/control_message.h"
#include "linux/init/message.h"
#include "vm/machine/keeper.h"
#include "vm/machine/order_read.h"

#define STEP "machine"
#define MAX_ORDER_BYTES 65536

static struct keeper keeper;
static struct order order;

static int read_order(struct failure *failure)
{
	char *text = NULL;
	char *spec = NULL;
	size_t len = 0;
	const char *fault;
	int r = program_text(MACHINE_SLOT_ORDER, MAX_ORDER_BYTES, &text, &len, failure,
		"the order cannot be read");

	if (r < 0)
		return r;
	fault = order_parse(text, len, &order);
	if (fault) {
		failure_set(failure, EBADMSG, STEP, "the order: ");
		failure_add(failure, fault);
		return -EBADMSG;
	}
	keeper.order = &order.head;
	if (order.head.flags & MACHINE_RESTORED)
		keeper.judge.phase = JUDGE_GREETED;
	keeper.late = order.head.flags & MACHINE_LATE;
	if (order.head.flags & (MACHINE_TEMPLATE | MACHINE_LATE))
		return 0;
	r = program_text(MACHINE_SLOT_SPEC, KS_MAX_SPEC_BYTES, &spec, &keeper.spec_left, failure,
		"the specification cannot be read");
	if (r < 0)
		return r;
	keeper.spec = spec;
	return 0;
}

/* A pair above every slot, so that none of them is taken. */
static int open_pair(int ret_pair[2], struct failure *failure)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return failure_set(failure, errno, STEP, "socketpair");
	for (int i = 0; i < 2; i++) {
		ret_pair[i] = fcntl(pair[i], F_DUPFD_CLOEXEC, MACHINE_FIRST_FD);
		close(pair[i]);
	}
	return ret_pair[0] < 0 || ret_pair[1] < 0
		       ? failure_set(failure, EMFILE, STEP, "descriptors")
		       : 0;
}

static int start(struct failure *failure)
{
	int channel[2] = {-1, -1};
	int monitor[2] = {-1, -1};
	struct emulator_ends ends = {.restored = order.head.flags & MACHINE_RESTORED,
		.network = order.head.connections > 0};
	int r;

	/* While no descriptor of our own can be mistaken for it. */
	keeper.has_files = fcntl(MACHINE_SLOT_FILES, F_GETFD) >= 0;
	r = order.vsock ? vsock_listen(order.vsock, keeper.has_files ? MACHINE_SLOT_FILES : -1,
				  &keeper.vsock, failure)
			: open_pair(channel, failure);
	if (r == 0 && order.head.flags & MACHINE_TEMPLATE)
		r = open_pair(monitor, failure);
	if (r < 0)
		return r;
	ends.channel = channel[1];
	ends.monitor = monitor[1];
	r = emulator_start(order.argv, &ends, &keeper.emulator, failure);
	close(MACHINE_SLOT_INITRAMFS);
	/* The other side of the files is to see the emulator's end, not ours. */
	if (!order.vsock)
		close(MACHINE_SLOT_FILES);
	keeper.channel = channel[0];
	keeper.monitor = monitor[0];
	return r;
}

/* Only what is used of it costs memory. */
static int make_network(struct failure *failure)
{
	size_t most = keeper_most(order.head.connections);

	keeper.watched = mmap(NULL, most * sizeof(*keeper.watched), PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (keeper.watched == MAP_FAILED)
		return failure_set(failure, errno, STEP, "room for what is watched");
	return network_make(&keeper.network, order.head.connections, failure);
}

int main(void)
{
	int r;

	keeper.emulator.complaints = keeper.emulator.pidfd = -1;
	vsock_init(&keeper.vsock);
	keeper.input.from.fd = keeper.output[0].to.fd = keeper.output[1].to.fd = -1;
	r = read_order(&keeper.failure);
	keeper.emulator.firecracker = order.vsock != NULL;
	if (r == 0)
		r = start(&keeper.failure);
	if (r == 0)
		r = make_network(&keeper.failure);
	signal(SIGPIPE, SIG_IGN);
	/* One that waits has yet to open what comes, and until then nobody works in its guest. */
	if (r == 0 && !keeper.late)
		r = program_streams(&keeper, &keeper.failure);
	if (r < 0) {
		emulator_end(&keeper.emulator);
		failure_send(MACHINE_SLOT_CONTROL, CONTROL_FAILED, &keeper.failure);
		return INIT_EXIT_FAILED;
	}
	if (order.head.flags & MACHINE_TEMPLATE)
		template_run(&keeper);
	else
		keeper_run(&keeper);
	return INIT_EXIT_DONE;
}
