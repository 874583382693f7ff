/* SPDX-License-Identifier: Apache-2.0 */
/* A machine that was made ready ahead, and the program that comes to it later. Must not: use a
 * guest that anything has happened to meanwhile. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "linux/control.h"
#include "linux/jail/parts.h"
#include "linux/jail/spec_plan.h"
#include "vm/jail/parts.h"

bool vm_jail_waits(const struct vm_jail *vm)
{
	struct pollfd fds[] = {{.fd = vm->control, .events = POLLIN},
		{.fd = vm->machine ? jail_fd(vm->machine) : -1, .events = POLLIN},
		{.fd = vm->files ? jail_fd(vm->files) : -1, .events = POLLIN}};

	return vm->control >= 0 && vm->machine && vm->files && poll(fds, 3, 0) == 0;
}

int vm_tell_program(struct vm_jail *vm, const struct vm_program *program, ks_error **reterr)
{
	const struct jail_stdio *stdio = program->stdio;
	int fds[CONTROL_PROGRAM_FDS] = {-1, stdio->fds[0], stdio->fds[1], stdio->fds[2]};
	int r = spec_for_guest(program->plan, program->argv, stdio, &fds[0]);

	if (r == 0) {
		if (vm->machine->kernel_id)
			give_pipes(stdio, vm->machine->kernel_id);
		r = control_send(
			vm->control, CONTROL_PROGRAM, 0, NULL, 0, fds, CONTROL_PROGRAM_FDS);
		close(fds[0]);
	}
	/* One that is gone already has more to say about it than this. */
	if (r < 0 && r != -EPIPE)
		return error_set(reterr, r, ABOUT(.step = "machine"),
			"the machine cannot be told its program: %s", strerror(-r));
	return 0;
}
