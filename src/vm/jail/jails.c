/* SPDX-License-Identifier: Apache-2.0 */
/* The two jails of a machine, each started as the program of its plan. Should: open every program
 * and image once, and mount what was opened. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "linux/programs.h"
#include "vm/jail/parts.h"
#include "vm/kernel/kernel.h"
#include "vm/machine/order.h"
#include "vm/plan/machine.h"

#define FIRST_EXTRA MACHINE_SLOT_CONTROL

/* Takes the descriptor, and a copy of what else is said of it; ids are the object's. 0 or -errno.
 */
static int add_copy(struct grants *grants, int fd, const struct grant *said)
{
	struct grant *items = realloc(grants->items, (grants->len + 1) * sizeof(*items));
	struct grant grant = *said;
	struct stat st;
	int r;

	if (items)
		grants->items = items;
	if (!items || fstat(fd, &st) < 0) {
		r = items ? -errno : -ENOMEM;
		close(fd);
		return r;
	}
	grant.fd = fd;
	grant.dev = st.st_dev;
	grant.ino = st.st_ino;
	grant.asked = said->asked ? strdup(said->asked) : NULL;
	grant.path = said->path ? strdup(said->path) : NULL;
	items[grants->len++] = grant;
	return (said->asked && !grant.asked) || (said->path && !grant.path) ? -ENOMEM : 0;
}

/* The planner names it. */
static int add_grant(struct grants *grants, int fd)
{
	const struct grant plain = {.field = FIELD_FS_READ};

	return add_copy(grants, fd, &plain);
}

static int machine_grants(const struct vm_plan *vm, struct grants *grants, ks_error **reterr)
{
	int fd = -1;
	int r = vm_program_open(&fd, reterr);

	if (r == 0 && add_grant(grants, fd) < 0)
		r = error_oom(reterr);
	if (r == 0)
		r = vm_open_pinned(vm->emulator, vm->config ? vm->pins.firecracker : vm->pins.qemu,
			"emulator", &fd, reterr);
	if (r == 0 && add_grant(grants, fd) < 0)
		r = error_oom(reterr);
	if (r == 0)
		r = vm_open_kernel(vm, &fd, reterr);
	if (r == 0 && add_grant(grants, fd) < 0)
		r = error_oom(reterr);
	if (r == 0 && vm->firmware)
		r = vm_open_pinned(vm->firmware, vm->pins.firmware, "firmware", &fd, reterr);
	if (r == 0 && vm->firmware && add_grant(grants, fd) < 0)
		r = error_oom(reterr);
	return r;
}

/* What belongs to the policy, once more, and the server behind it. */
static int files_grants(const struct ks_plan *plan, struct grants *grants, ks_error **reterr)
{
	const struct grant program = {.field = FIELD_FS_READ,
		.asked = (char *)FILES_PROGRAM,
		.path = (char *)FILES_PROGRAM};
	int server = -1;
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->grants.len; i++) {
		int fd = fcntl(plan->grants.items[i].fd, F_DUPFD_CLOEXEC, 3);

		r = fd < 0 ? -errno : add_copy(grants, fd, &plan->grants.items[i]);
	}
	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "machine"),
			"the grants cannot be handed to the file server: %s", strerror(-r));
	r = files_program_open(&server, reterr);
	if (r == 0 && add_copy(grants, server, &program) < 0)
		r = error_oom(reterr);
	return r;
}

int vm_start_machine(const struct ks_plan *plan, const struct ks_host *host,
	const struct jail_setup *outer, const struct vm_parts *parts, struct jail **ret_jail,
	ks_error **reterr)
{
	/* In the order of their slots, without a gap: what is not there is nothing. They end before
	 * the one that leads to the egress proxy. */
	const int extra[] = {parts->control[1], parts->order,
		parts->spec >= 0 ? parts->spec : parts->null, parts->initramfs, parts->port[1],
		parts->template};
	const struct jail_stdio terminal = {
		.fds = {parts->terminal[1], parts->terminal[1], parts->null}};
	const struct jail_stdio none = {.fds = {parts->null, parts->null, parts->null}};
	const struct jail_stdio *stdio = outer->stdio;
	const struct jail_setup setup = {.stdio = !stdio	    ? &none
						  : stdio->terminal ? &terminal
								    : stdio,
		.audit = outer->audit,
		.pool = outer->pool,
		.policy = plan->policy,
		.extra = extra,
		.n_extra = parts->template >= 0 ? MACHINE_SLOT_TEMPLATE - FIRST_EXTRA + 1
						: MACHINE_SLOT_FILES - FIRST_EXTRA + 1};
	struct grants grants = {0};
	struct ks_plan *jail = NULL;
	int r = machine_grants(&plan->vm, &grants, reterr);

	if (r == 0)
		r = plan_machine_jail(plan, host, &grants, &jail, reterr);
	if (r == 0)
		r = jail_start(jail, host, &setup, ret_jail, reterr);
	grants_done(&grants);
	plan_free(jail);
	return r;
}

int vm_start_files(const struct ks_plan *plan, const struct ks_host *host,
	const struct vm_parts *parts, struct jail **ret_jail, ks_error **reterr)
{
	const struct jail_stdio stdio = {
		.fds = {parts->port[0], parts->null, parts->complaints[1]}};
	const struct jail_setup setup = {.stdio = &stdio, .audit = -1};
	struct grants grants = {0};
	struct ks_plan *jail = NULL;
	int r = files_grants(plan, &grants, reterr);

	if (r == 0)
		r = plan_files_jail(plan, host, &grants, &jail, reterr);
	if (r == 0)
		r = jail_start(jail, host, &setup, ret_jail, reterr);
	grants_done(&grants);
	plan_free(jail);
	return r;
}
