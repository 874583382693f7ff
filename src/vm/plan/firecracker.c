/* SPDX-License-Identifier: Apache-2.0 */
/* Firecracker's configuration: a kernel with its initramfs, memory, one processor, a vsock; no
 * drive, no network, no service of metadata, and no socket for its API. It ignores a key that it
 * does not know at the top, so that what is written here is checked against its schema by the
 * tests. Its own words for the kernel would forbid modules: ours replace them. What it prints is
 * the guest's console and, at an error, one line of its own; its log goes nowhere. */
#include "vm/plan/firecracker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "linux/plan/parts.h"
#include "plan/frame.h"
#include "resolve/why_not.h"
#include "vm/machine/order.h"
#include "vm/plan/parts.h"

#define MIB (UINT64_C(1024) * 1024)
#define EVIDENCE                                                                                \
	"with a test double that boots the same kernel and init behind a vsock; Firecracker's " \
	"own program has been read, and not been run"

#define KERNEL_WORDS                                                                  \
	"console=ttyS0 quiet loglevel=1 panic=-1 reboot=k pci=off cryptomgr.notests " \
	"i8042.noaux i8042.nomux i8042.nopnp i8042.dumbkbd "                          \
	"random.trust_cpu=on lsm=landlock"

_Static_assert(MACHINE_SLOT_INITRAMFS == 6, "the path of the initramfs says so");

static json_t *boot_source(void)
{
	json_t *json = json_with(json_object(), "kernel_image_path", json_text(MACHINE_KERNEL));

	json = json_with(json, "initrd_path", json_text("/proc/self/fd/6"));
	return json_with(json, "boot_args", json_text(KERNEL_WORDS));
}

static json_t *machine_config(const struct vm_plan *vm)
{
	json_t *json = json_with(json_object(), "vcpu_count", json_integer(GUEST_PROCESSORS));

	json = json_with(json, "mem_size_mib", json_integer((json_int_t)(vm->guest_bytes / MIB)));
	json = json_with(json, "smt", json_false());
	return json_with(json, "track_dirty_pages", json_false());
}

static json_t *vsock(void)
{
	json_t *json = json_with(json_object(), "guest_cid", json_integer(FIRECRACKER_GUEST_CID));

	return json_with(json, "uds_path", json_text(FIRECRACKER_VSOCK));
}

static int make_config(struct vm_plan *vm)
{
	json_t *json = json_with(json_object(), "boot-source", boot_source());

	json = json_with(json, "drives", json_array());
	json = json_with(json, "machine-config", machine_config(vm));
	json = json_with(json, "vsock", vsock());
	json = json_with(json, "entropy", json_object());
	vm->config = json_write(json, JSON_INDENT(2));
	json_decref(json);
	return vm->config ? 0 : -ENOMEM;
}

static int make_command(struct vm_plan *vm)
{
	static const char *const words[] = {"--id", "kastellan", "--no-api", "--config-file",
		MACHINE_CONFIG, "--log-path", "/dev/null", NULL};
	int r = strv_add(&vm->command, vm->emulator);

	for (const char *const *word = words; r == 0 && *word; word++)
		r = strv_add(&vm->command, *word);
	return r;
}

static int fill(struct ks_plan *plan, const struct plan_request *request, ks_error **reterr)
{
	const struct ks_host *host = request->host;
	struct why_not why = {0};
	int r = why_not_firecracker(host, &why);

	r = why_not_refuse(r, &why, reterr);
	if (r < 0)
		return r;
	plan->vm.emulator = strdup(host->vm.firecracker);
	if (!plan->vm.emulator)
		return error_oom(reterr);
	r = vm_plan_guest(plan, request, reterr);
	if (r < 0)
		return r;
	plan->vm.templates = false;
	free(plan->vm.templates_reason);
	plan->vm.templates_reason = strdup(
		"Firecracker makes and loads snapshots by its API alone, which is not opened");
	if (!plan->vm.templates_reason)
		return error_oom(reterr);
	return make_config(&plan->vm) < 0 || make_command(&plan->vm) < 0 ? error_oom(reterr) : 0;
}

int plan_firecracker(const struct plan_request *request, struct grants *grants,
	struct ks_plan **ret_plan, ks_error **reterr)
{
	const struct plan_frame frame = {.kind = KS_BACKEND_FIRECRACKER_VM,
		.search = PLAN_SEARCH,
		.evidence = EVIDENCE,
		.fill = fill};

	return plan_make(&frame, request, grants, ret_plan, reterr);
}
