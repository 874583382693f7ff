/* SPDX-License-Identifier: Apache-2.0 */
/* Following a machine to its end. What the guest is said to have done comes from kastellan-vm,
 * which has checked it; that everything is gone is known of the two jails alone. */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/file.h"
#include "egress/pool.h"
#include "linux/control.h"
#include "linux/jail/parts.h"
#include "linux/seccomp/seccomp_filters.h"
#include "linux/spec.h"
#include "report/outcome.h"
#include "vm/jail/parts.h"

#define KILL_PATIENCE_S 4 /* kastellan-vm's own, for the guest, is 2 s */

int vm_hear(struct vm_jail *vm, struct control_message *ret)
{
	int r = vm->control >= 0 ? control_receive(vm->control, ret) : 0;

	if (r < 0)
		drop_fd(&vm->control);
	return r < 0 ? 0 : r;
}

static void take_denied(
	const struct vm_jail *vm, const struct control_message *message, struct ending *ending)
{
	struct control_denied denied;

	if (message->len < sizeof(denied))
		return;
	memcpy(&denied, message->data, sizeof(denied));
	ending->denials++;
	if (!denied.is_main || ending->denied)
		return;
	ending->denied = true;
	ending->denied_call = seccomp_syscall_name(vm->architecture, message->header.value);
}

static void tell_guest(const struct vm_jail *vm, struct ending *ending)
{
	ending->guest = vm->restored ? "template" : "boot";
	ending->guest_reason = vm->restored ? NULL : vm->booted_because;
}

static void take_exit(
	struct vm_jail *vm, const struct control_message *message, struct ending *ending)
{
	struct control_usage used;

	vm->exited = ending->have_status = true;
	ending->status = message->header.value;
	if (message->len < sizeof(used))
		return;
	memcpy(&used, message->data, sizeof(used));
	ending->cpu_usec = used.user_usec + used.system_usec;
	/* By the guest's clock, which runs on while the host gives its processor to others: the
	 * guest's RLIMIT_CPU may be reached before the budget that the host counts. */
	ending->cpu_spent |= ending_by_backstop(ending);
	ending->memory_peak_bytes = used.max_rss_kib * 1024;
}

/* The machine has broken its word or its neck; who wanted its end does not care how it came. */
static void take_failed(struct vm_jail *vm, const struct control_message *message)
{
	if (!vm->killed && !vm->broken)
		setup_error(NULL, message, &vm->broken);
}

static void take(struct vm_jail *vm, const struct control_message *message, struct ending *ending)
{
	switch (message->header.type) {
	case CONTROL_DENIED:
		take_denied(vm, message, ending);
		break;
	case CONTROL_GUEST_USAGE:
		if (message->len < sizeof(vm->guest))
			break;
		memcpy(&vm->guest, message->data, sizeof(vm->guest));
		vm->guest_known = true;
		break;
	case CONTROL_EXIT:
		take_exit(vm, message, ending);
		break;
	case CONTROL_FAILED:
		take_failed(vm, message);
		break;
	default:
		break;
	}
}

/* Where it cannot be kept, nothing is known of it. */
static void keep_network(const struct jail *jail, struct network_report *kept)
{
	const struct network_report *network = jail_network(jail);

	if (network->used && network_report_copy(network, kept) < 0)
		*kept = (struct network_report){
			.used = true, .died = true, .why = NETWORK_END_FAILED};
}

/* 1 = nothing of it is left. */
static int look_after(struct jail **jail, struct ending *ending, struct jail_usage *usage,
	struct network_report *network, bool *ret_memory, ks_error **reterr)
{
	bool memory = false;
	int r = *jail ? jail_dispatch(*jail, ending, &memory, reterr) : 1;

	*ret_memory |= memory;
	if (r <= 0 || !*jail)
		return r;
	jail_usage(*jail, usage);
	if (network)
		keep_network(*jail, network);
	jail_free(take_ptr(*jail));
	return 1;
}

/* The server ends well when the emulator has, which may be a while before the machine's jail: what
 * the worker wrote is passed on until then. */
static bool files_failed(const struct vm_jail *vm)
{
	const struct ending *ending = &vm->files_ending;

	return !ending->have_status || !WIFEXITED(ending->status) || WEXITSTATUS(ending->status);
}

static void note_files(struct vm_jail *vm)
{
	char words[COMPLAINT_MAX];

	if (vm->killed || vm->exited || vm->broken)
		return;
	file_last_line(vm->complaints, words, sizeof(words));
	error_set(&vm->broken, -EIO,
		ABOUT(.step = "files", .remedy = "try again; see kastellan doctor"),
		"files: the file server ended before the machine%s%s", words[0] ? ": " : "", words);
}

int vm_look_after(struct vm_jail *vm, bool *ret_memory, ks_error **reterr)
{
	bool had_files = vm->files != NULL;
	int r = look_after(&vm->machine, &vm->machine_ending, &vm->machine_usage, &vm->network,
		ret_memory, reterr);

	if (r < 0)
		return r;
	/* It serves nobody any more. */
	if (r > 0 && vm->files)
		jail_kill(vm->files);
	r = look_after(&vm->files, &vm->files_ending, &vm->files_usage, NULL, ret_memory, reterr);
	if (r > 0 && had_files && vm->machine && files_failed(vm)) {
		note_files(vm);
		vm_jail_kill(vm);
	}
	return r < 0 ? r : 0;
}

/* What did not end by itself. */
static void end_hard(struct vm_jail *vm)
{
	uint64_t expirations;

	if (vm->patience < 0 || read(vm->patience, &expirations, sizeof(expirations)) <= 0)
		return;
	if (vm->machine)
		jail_kill(vm->machine);
	if (vm->files)
		jail_kill(vm->files);
}

int vm_jail_dispatch(struct vm_jail *vm, struct ending *ending, bool *ret_memory, ks_error **reterr)
{
	struct control_message message;
	int r;

	*ret_memory = false;
	tell_guest(vm, ending);
	while (vm_hear(vm, &message) > 0) {
		control_message_drop_fds(&message);
		take(vm, &message, ending);
	}
	end_hard(vm);
	r = vm_look_after(vm, ret_memory, reterr);
	if (r < 0) {
		vm_jail_kill(vm);
		return r;
	}
	if (vm->broken && vm->machine)
		jail_kill(vm->machine);
	if (vm->machine || vm->files)
		return 0;
	/* What it said last may have come between. */
	while (vm_hear(vm, &message) > 0) {
		control_message_drop_fds(&message);
		take(vm, &message, ending);
	}
	if (!vm->broken || vm->exited)
		return 1;
	r = ks_error_code(vm->broken);
	if (reterr)
		*reterr = take_ptr(vm->broken);
	return r;
}

static bool is_read(const struct jail_usage *usage)
{
	return usage->cpu_usec != UINT64_MAX;
}

static uint64_t since(uint64_t now, uint64_t before)
{
	return now > before ? now - before : 0;
}

void vm_jail_usage(struct vm_jail *vm, struct jail_usage *ret_usage)
{
	if (vm->machine)
		jail_usage(vm->machine, &vm->machine_usage);
	if (vm->files)
		jail_usage(vm->files, &vm->files_usage);
	*ret_usage = (struct jail_usage){.cpu_usec = UINT64_MAX,
		.oom_kills = vm->machine_usage.oom_kills + vm->files_usage.oom_kills};
	if (is_read(&vm->machine_usage))
		ret_usage->cpu_usec = since(vm->machine_usage.cpu_usec, vm->machine_before);
	/* What the server did, it did for the worker. */
	if (is_read(ret_usage) && is_read(&vm->files_usage))
		ret_usage->cpu_usec += since(vm->files_usage.cpu_usec, vm->files_before);
	if (!vm->guest_known)
		return;
	/* A guest's clock runs on while the host gives its processor to others: what it counts is
	 * taken where the host counts nothing. */
	if (!is_read(ret_usage))
		ret_usage->cpu_usec = vm->guest.cpu_usec;
	ret_usage->memory_peak_bytes = vm->guest.memory_peak_bytes;
	ret_usage->tasks_peak = vm->guest.tasks_peak;
	ret_usage->oom_kills += vm->guest.oom_kills;
	ret_usage->tasks_refused = vm->guest.tasks_refused;
}

int vm_jail_signal(struct vm_jail *vm, int signal)
{
	int r = vm->control < 0
			? -ESRCH
			: control_send(vm->control, CONTROL_SIGNAL, signal, NULL, 0, NULL, 0);

	return r == -EPIPE ? -ESRCH : r;
}

int vm_jail_resize(struct vm_jail *vm, uint16_t rows, uint16_t columns)
{
	const struct spec_winsize size = {.rows = rows, .columns = columns};
	int r = vm->control < 0 ? -ESRCH
				: control_send(vm->control, CONTROL_WINSIZE, 0, &size, sizeof(size),
					  NULL, 0);

	return r == -EPIPE ? -ESRCH : r;
}

const struct network_report *vm_jail_network(const struct vm_jail *vm)
{
	return vm->machine ? jail_network(vm->machine) : &vm->network;
}

int vm_jail_take_terminal(struct vm_jail *vm)
{
	return take_fd(&vm->terminal);
}

/* First the guest is asked to end its worker, so that what that wrote and used is not lost. */
int vm_jail_kill(struct vm_jail *vm)
{
	const struct itimerspec when = {.it_value.tv_sec = KILL_PATIENCE_S};

	if (vm->killed)
		return 0;
	vm->killed = true;
	if (vm->control >= 0 && vm->files && vm->started &&
		control_send(vm->control, CONTROL_KILL, 0, NULL, 0, NULL, 0) == 0 &&
		timerfd_settime(vm->patience, 0, &when, NULL) == 0)
		return 0;
	if (vm->files)
		jail_kill(vm->files);
	return vm->machine ? jail_kill(vm->machine) : 0;
}

void vm_jail_free(struct vm_jail *vm)
{
	if (!vm)
		return;
	/* A hang-up is the order to end. */
	drop_fd(&vm->control);
	jail_free(vm->machine);
	jail_free(vm->files);
	drop_fd(&vm->complaints);
	drop_fd(&vm->terminal);
	drop_fd(&vm->patience);
	drop_fd(&vm->audit);
	ks_egress_pool_free(vm->pool);
	network_report_done(&vm->network);
	ks_error_free(vm->broken);
	free(vm);
}
