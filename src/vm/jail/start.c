/* SPDX-License-Identifier: Apache-2.0 */
/* From a plan to a program that runs in a guest. Should: have both jails around everything before a
 * byte of the guest's is read; let the files be made while the guest boots. Must not: return
 * success before the guest's kernel has executed the program under all that was planned. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "egress/pool.h"
#include "linux/control.h"
#include "linux/jail/parts.h"
#include "vm/jail/parts.h"
#include "vm/machine/order.h"

#define BOOT_PATIENCE_MS 120000 /* an emulated guest on a loaded machine; a hung one is ended */
#define RESTORE_PATIENCE_MS 60000 /* of one that only has to be read */
#define LAST_WORDS_MS 500

bool vm_jail_wanted(const struct ks_plan *plan)
{
	return plan->vm.emulator != NULL;
}

/* Where the guest comes from, and what kastellan-vm is told of it. */
static int choose_guest(struct vm_jail *vm, const struct vm_program *wish, bool boot,
	struct vm_parts *parts, ks_error **reterr)
{
	bool restored = false;
	int r;

	if (!boot && wish->plan->vm.templates) {
		vm->booted_because = vm_template_open(
			wish->plan, wish->host, parts, vm->template_key);
		restored = !vm->booted_because;
	}
	r = vm_parts_order(wish->plan, restored ? VM_IS_RESTORED : VM_BOOTS, !wish->stdio, parts);
	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "machine"),
			"the machine's order cannot be written: %s", strerror(-r));
	vm->restored = restored;
	return 0;
}

static int start_jails(
	struct vm_jail *vm, const struct vm_program *wish, bool boot, ks_error **reterr)
{
	const struct ks_plan *plan = wish->plan;
	const struct ks_host *host = wish->host;
	const struct jail_setup setup = {
		.stdio = wish->stdio, .audit = vm->audit, .pool = vm->pool};
	struct vm_parts parts;
	int r;

	vm_parts_init(&parts);
	r = vm_parts_make(wish, &parts, reterr);
	if (r == 0)
		r = choose_guest(vm, wish, boot, &parts, reterr);
	if (r == 0)
		r = vm_start_machine(plan, host, &setup, &parts, &vm->machine, reterr);
	if (r == 0)
		r = vm_start_files(plan, host, &parts, &vm->files, reterr);
	if (r == 0) {
		vm->control = take_fd(&parts.control[0]);
		vm->complaints = take_fd(&parts.complaints[0]);
		vm->terminal = take_fd(&parts.terminal[0]);
	}
	vm_parts_done(&parts);
	return r;
}

/* 1 = what is awaited, 0 = go on, -errno. */
static int take_from_keeper(struct vm_jail *vm, enum control_type awaited,
	const struct ks_plan *plan, ks_error **reterr)
{
	struct control_message message;

	while (vm_hear(vm, &message) > 0) {
		control_message_drop_fds(&message);
		if (message.header.type == awaited)
			return 1;
		if (message.header.type == CONTROL_FAILED)
			return setup_error(plan, &message, reterr);
	}
	return 0;
}

static int say_ended(struct vm_jail *vm, ks_error **reterr)
{
	if (vm->broken) {
		int r = ks_error_code(vm->broken);

		if (reterr)
			*reterr = take_ptr(vm->broken);
		return r;
	}
	return error_set(reterr, -ECONNRESET,
		ABOUT(.step = "machine",
			.remedy = "see kastellan doctor; more memory for the worker (--mem) makes "
				  "the machine larger"),
		"machine: it ended before its worker started");
}

/* A jail that ends has more to say on the control socket than that. */
static int look_at_jails(struct vm_jail *vm, ks_error **reterr)
{
	bool memory = false;
	int r = vm_look_after(vm, &memory, reterr);

	if (r < 0)
		return r;
	if (vm->machine && vm->files && !memory)
		return 0;
	/* The emulator is gone, whose end the server of files saw first. */
	if (vm->control >= 0) {
		struct pollfd words = {.fd = vm->control, .events = POLLIN};

		poll(&words, 1, LAST_WORDS_MS);
	}
	return 1;
}

static int await(struct vm_jail *vm, enum control_type awaited, const struct ks_plan *plan,
	int64_t deadline, ks_error **reterr)
{
	for (;;) {
		struct pollfd fds[] = {{.fd = vm->control, .events = POLLIN},
			{.fd = vm->machine ? jail_fd(vm->machine) : -1, .events = POLLIN},
			{.fd = vm->files ? jail_fd(vm->files) : -1, .events = POLLIN}};
		int64_t left = deadline - clock_ms();
		int ended, r;

		if (left <= 0)
			return error_set(reterr, -ETIMEDOUT, ABOUT(.step = "machine"),
				"machine: the guest was not ready within %d seconds",
				BOOT_PATIENCE_MS / 1000);
		if (poll(fds, 3, (int)left) < 0 && errno != EINTR)
			return error_set(reterr, -errno, ABOUT(.step = "machine"),
				"waiting for the machine failed: %s", strerror(errno));
		ended = look_at_jails(vm, reterr);
		if (ended < 0)
			return ended;
		r = take_from_keeper(vm, awaited, plan, reterr);
		if (r != 0)
			return r < 0 ? r : 0;
		if (ended || vm->control < 0)
			return say_ended(vm, reterr);
	}
}

/* What is gone already has left its last word. */
static uint64_t used_by(struct jail *jail, struct jail_usage *last)
{
	if (jail)
		jail_usage(jail, last);
	return last->cpu_usec == UINT64_MAX ? 0 : last->cpu_usec;
}

/* The time of the boot is not the worker's, and was not to be slowed down by its bandwidth, which
 * holds from here on: some milliseconds of its first ones are without. A short worker may have
 * ended by now, and its machine with it: then there is no group left to be set. */
static int note_start(struct vm_jail *vm, const struct ks_plan *plan, ks_error **reterr)
{
	vm->started = true;
	vm->machine_before = used_by(vm->machine, &vm->machine_usage);
	vm->files_before = used_by(vm->files, &vm->files_usage);
	if (!vm->machine || vm->machine_ending.have_status)
		return 0;
	return jail_set_quota(vm->machine, plan->vm.quota_pct, reterr);
}

/* All of the guest is there, and the worker waits in it for the word; or, without stdio, the guest
 * for its worker. */
static int bring_up(struct vm_jail *vm, const struct vm_program *wish, bool boot, ks_error **reterr)
{
	int r = start_jails(vm, wish, boot, reterr);

	if (r < 0) {
		vm->restored = false;
		return r;
	}
	return await(vm, wish->stdio ? CONTROL_READY : CONTROL_ARMED, wish->plan,
		clock_ms() + (vm->restored ? RESTORE_PATIENCE_MS : BOOT_PATIENCE_MS), reterr);
}

/* Nothing of it is left. */
static void undo(struct vm_jail *vm)
{
	drop_fd(&vm->control);
	jail_free(take_ptr(vm->machine));
	jail_free(take_ptr(vm->files));
	drop_fd(&vm->complaints);
	drop_fd(&vm->terminal);
	ks_error_free(take_ptr(vm->broken));
	vm->machine_ending = vm->files_ending = (struct ending){0};
}

static int pass_on(int r, ks_error *error, ks_error **reterr)
{
	if (r < 0 && reterr)
		*reterr = error;
	else
		ks_error_free(error);
	return r;
}

/* A guest that has never come up has seen nothing of the worker: it is nothing but the next one. */
static int boot(
	struct vm_jail *vm, const struct vm_program *wish, unsigned tries, ks_error **reterr)
{
	ks_error *error = NULL;
	int r = bring_up(vm, wish, true, &error);

	while (r == -MACHINE_NOT_UP && --tries > 0) {
		undo(vm);
		ks_error_free(take_ptr(error));
		r = bring_up(vm, wish, true, &error);
	}
	return pass_on(r, error, reterr);
}

/* Whether it may be the template that is to blame, and not the plan. */
static bool is_machines(const ks_error *error)
{
	const char *step = ks_error_step(error);

	return step && (strcmp(step, "machine") == 0 || strcmp(step, "channel") == 0);
}

/* A guest that cannot be restored is booted: nothing of the worker has run in it, and a boot holds
 * all that it would have held. */
static int boot_instead(
	struct vm_jail *vm, const struct vm_program *wish, ks_error *error, ks_error **reterr)
{
	undo(vm);
	if (is_machines(error))
		vm_template_spoilt(vm->template_key);
	ks_error_free(error);
	vm->restored = false;
	vm->booted_because = "its template could not be restored";
	return boot(vm, wish, VM_BOOT_TRIES, reterr);
}

static int bring_up_or_boot(struct vm_jail *vm, const struct vm_program *wish, ks_error **reterr)
{
	ks_error *error = NULL;
	int r = bring_up(vm, wish, false, &error);

	if (r < 0 && vm->restored)
		return boot_instead(vm, wish, error, reterr);
	if (r != -MACHINE_NOT_UP)
		return pass_on(r, error, reterr);
	undo(vm);
	ks_error_free(error);
	return boot(vm, wish, VM_BOOT_TRIES - 1, reterr);
}

static int run(struct vm_jail *vm, const struct ks_plan *plan, ks_error **reterr)
{
	int r = control_send(vm->control, CONTROL_GO, 0, NULL, 0, NULL, 0);

	if (r < 0 && r != -EPIPE)
		return error_set(reterr, r, ABOUT(.step = "machine"),
			"the machine cannot be told to start the program: %s", strerror(-r));
	r = await(vm, CONTROL_STARTED, plan, clock_ms() + BOOT_PATIENCE_MS, reterr);
	return r < 0 ? r : note_start(vm, plan, reterr);
}

static int watch(struct vm_jail *vm, int watched)
{
	const int fds[] = {vm->control, vm->machine ? jail_fd(vm->machine) : -1,
		vm->files ? jail_fd(vm->files) : -1, vm->patience};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		struct epoll_event event = {.events = EPOLLIN};

		if (fds[i] >= 0 && epoll_ctl(watched, EPOLL_CTL_ADD, fds[i], &event) < 0)
			return -errno;
	}
	return 0;
}

static int run_and_watch(
	struct vm_jail *vm, const struct vm_program *wish, int watched, ks_error **reterr)
{
	int r = run(vm, wish->plan, reterr);

	if (r < 0)
		return r;
	r = watch(vm, watched);
	return r < 0 ? error_set(reterr, r, ABOUT(.step = "machine"),
			       "the machine cannot be watched: %s", strerror(-r))
		     : 0;
}

int vm_jail_start(const struct ks_plan *plan, const struct ks_host *host,
	const struct jail_setup *setup, int watched, struct vm_jail **ret_vm, ks_error **reterr)
{
	const struct vm_program wish = {.plan = plan,
		.host = host,
		.argv = (const char *const *)plan->argv.items,
		.stdio = setup->stdio};
	struct vm_jail *vm;
	int r;

	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return error_oom(reterr);
	*ret_vm = vm;
	vm->control = vm->complaints = vm->terminal = vm->patience = -1;
	/* A guest that waits may have to be booted anew when its program comes. */
	vm->audit = setup->audit < 0 ? -1 : fcntl(setup->audit, F_DUPFD_CLOEXEC, 3);
	if (setup->audit >= 0 && vm->audit < 0)
		return error_set(reterr, -errno, ABOUT(.step = "egress"),
			"the audit cannot be kept: %s", strerror(errno));
	vm->pool = egress_pool_ref(setup->pool);
	vm->machine_usage.cpu_usec = vm->files_usage.cpu_usec = UINT64_MAX;
	vm->architecture = plan->filter.machine;
	vm->patience = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (vm->patience < 0)
		return error_set(reterr, -errno, ABOUT(.step = "machine"),
			"the machine cannot be watched: %s", strerror(errno));
	r = bring_up_or_boot(vm, &wish, reterr);
	if (r < 0 || !setup->stdio)
		return r;
	return run_and_watch(vm, &wish, watched, reterr);
}

int vm_jail_run(
	struct vm_jail *vm, const struct vm_program *program, int watched, ks_error **reterr)
{
	ks_error *error = NULL;
	int r = vm_tell_program(vm, program, &error);

	if (r == 0)
		r = await(vm, CONTROL_READY, program->plan, clock_ms() + BOOT_PATIENCE_MS, &error);
	if (r < 0 && vm->restored)
		r = boot_instead(vm, program, error, reterr);
	else
		r = pass_on(r, error, reterr);
	return r < 0 ? r : run_and_watch(vm, program, watched, reterr);
}
