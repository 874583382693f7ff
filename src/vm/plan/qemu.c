/* SPDX-License-Identifier: Apache-2.0 */
/* QEMU's command line: a machine of the kind microvm, with two serial ports over sockets that it is
 * given, and nothing else that a guest could talk to. Every path is one of the machine's jail.
 *
 * ACPI is on, as the distributions' kernels find virtio devices in no other way. Such a machine has
 * no timer that ticks before the local APIC's is calibrated: emulated, the kernel would wait for
 * one for ever, unless it is told the rate of the time stamp counter and to trust it. */
#include "vm/plan/qemu.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/error.h"
#include "linux/plan/parts.h"
#include "plan/frame.h"
#include "resolve/why_not.h"
#include "vm/channel/frame.h"
#include "vm/machine/order.h"
#include "vm/plan/machine.h"
#include "vm/plan/parts.h"

#define MIB (UINT64_C(1024) * 1024)

/* One word. */
#define MACHINE \
	"microvm,acpi=on,rtc=on,pit=off,pic=off,isa-serial=on,pcie=off,usb=off" MACHINE_PLAIN
#define MACHINE_PLAIN ",auto-kernel-cmdline=off"
#define SANDBOX "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"

/* Nothing of the worker's: a kernel shows it to everybody. Landlock is named, as a kernel may have
 * it and not use it; no other module of security has anything to do in there. No word may make the
 * kernel wait before it has started init, as its timer may be none (linux/init/guest_timer.c): one
 * that sets a sysctl does. */
#define KERNEL_WORDS                                                                              \
	"console=ttyS0 quiet loglevel=1 panic=-1 reboot=t cryptomgr.notests random.trust_cpu=on " \
	"lsm=landlock"

static int add_all(struct strv *command, const char *const *texts)
{
	int r = 0;

	for (; r == 0 && *texts; texts++)
		r = strv_add(command, *texts);
	return r;
}

static int add_processor(struct strv *command, const struct vm_plan *vm)
{
	int r = strv_add(command, "-accel");

	if (r == 0)
		r = vm->kvm ? strv_add(command, "kvm")
			    : strv_addf(command, "tcg,thread=single,tb-size=%u", TRANSLATIONS_MB);
	if (r == 0)
		r = strv_add(command, "-cpu");
	/* Emulated, moving by single bytes takes a round each, and "fast" is what these words call
	 * it: without them the guest's kernel moves eight at a time. */
	if (r == 0)
		r = strv_add(command, vm->kvm ? "host" : "max,erms=off,fsrm=off");
	return r;
}

static int add_boot(struct strv *command, const struct vm_plan *vm)
{
	int r = strv_add(command, "-bios");

	if (r == 0)
		r = strv_add(command, MACHINE_FIRMWARE);
	if (r == 0)
		r = strv_add(command, "-kernel");
	if (r == 0)
		r = strv_add(command, MACHINE_KERNEL);
	if (r == 0)
		r = strv_add(command, "-initrd");
	if (r == 0)
		r = strv_addf(command, "/proc/self/fd/%d", MACHINE_SLOT_INITRAMFS);
	if (r == 0)
		r = strv_add(command, "-append");
	if (r == 0)
		r = vm->kvm ? strv_add(command, KERNEL_WORDS)
			    : strv_addf(command, "%s tsc_early_khz=%" PRIu32 " tsc=reliable",
				      KERNEL_WORDS, vm->pins.tsc_khz);
	return r;
}

static int add_port(struct strv *command, const char *name, int slot)
{
	int r = strv_add(command, "-chardev");

	if (r == 0)
		r = strv_addf(command, "socket,id=%s,fd=%d", name, slot);
	if (r == 0)
		r = strv_add(command, "-device");
	return r < 0 ? r : strv_addf(command, "virtserialport,chardev=%s,name=%s", name, name);
}

static int make_command(struct vm_plan *vm)
{
	static const char machine[] = MACHINE;
	const char *const head[] = {"-M", machine, "-nodefaults", "-no-user-config", "-nographic",
		"-no-reboot", "-sandbox", SANDBOX, NULL};
	static const char *const devices[] = {"-serial", "null", "-monitor", "none", "-global",
		"virtio-mmio.force-legacy=false", "-device", "virtio-serial-device,max_ports=4",
		NULL};
	struct strv *command = &vm->command;
	int r = strv_add(command, vm->emulator);

	if (r == 0)
		r = add_all(command, head);
	if (r == 0)
		r = add_processor(command, vm);
	if (r == 0)
		r = strv_add(command, "-m");
	if (r == 0)
		r = strv_addf(command, "%" PRIu64, vm->guest_bytes / MIB);
	if (r == 0)
		r = strv_add(command, "-smp");
	if (r == 0)
		r = strv_addf(command, "%u", GUEST_PROCESSORS);
	if (r == 0)
		r = add_boot(command, vm);
	if (r == 0)
		r = add_all(command, devices);
	if (r == 0)
		r = add_port(command, CHANNEL_PORT, MACHINE_SLOT_CHANNEL);
	return r < 0 ? r : add_port(command, FILES_PORT, MACHINE_SLOT_FILES);
}

static int fill(struct ks_plan *plan, const struct plan_request *request, ks_error **reterr)
{
	const struct ks_host *host = request->host;
	struct why_not why = {0};
	int r = why_not_qemu(host, &why);

	r = why_not_refuse(r, &why, reterr);
	if (r < 0)
		return r;
	plan->vm.emulator = strdup(host->vm.qemu);
	plan->vm.firmware = strdup(host->vm.firmware);
	if (!plan->vm.emulator || !plan->vm.firmware)
		return error_oom(reterr);
	r = vm_plan_guest(plan, request, reterr);
	if (r < 0)
		return r;
	return make_command(&plan->vm) < 0 ? error_oom(reterr) : 0;
}

int plan_qemu(const struct plan_request *request, struct grants *grants, struct ks_plan **ret_plan,
	ks_error **reterr)
{
	const struct plan_frame frame = {
		.kind = KS_BACKEND_QEMU_VM, .search = PLAN_SEARCH, .fill = fill};

	return plan_make(&frame, request, grants, ret_plan, reterr);
}
