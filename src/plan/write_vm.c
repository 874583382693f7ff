/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/write_vm.h"

#include <inttypes.h>
#include <string.h>

#include "base/json.h"
#include "plan/quote.h"

#define MIB (UINT64_C(1024) * 1024)

/* What a worker finds otherwise than in a jail without a machine, and no field of a policy is
 * about.
 */
static const char *const differences[] = {
	"the standard streams are pipes of the guest's own, whatever the caller's are",
	"a FIFO in a grant is the guest's own, and leads to nobody on the host",
	"limits of the caller's own (ulimit) hold for the emulator, not for the worker",
	"the kernel, what its /proc tells, and its clock are the guest's",
	"the worker's processes are the guest's, and none of the host's",
};

#define N_DIFFERENCES (sizeof(differences) / sizeof(differences[0]))

/* A file and what it has to be. */
static void put_file(struct strbuf *out, const char *label, const char *path, const char *pin)
{
	if (!path)
		return;
	strbuf_addf(out, "  %-10s", label);
	quote_shell(out, path);
	if (*pin)
		strbuf_addf(out, "\n  %-10ssha256 %s", "", pin);
	strbuf_putc(out, '\n');
}

/* An option stays on one line with what belongs to it. */
static void put_command(struct strbuf *out, const struct strv *command)
{
	strbuf_puts(out, "  command  ");
	for (size_t i = 0; i < command->len; i++) {
		strbuf_puts(out, i && command->items[i][0] == '-' ? "\n            " : " ");
		quote_shell(out, command->items[i]);
	}
	strbuf_putc(out, '\n');
}

static void put_start(struct strbuf *out, const struct vm_plan *vm)
{
	if (vm->templates)
		strbuf_puts(out,
			"  start     from a template of a booted guest, made where there is "
			"none; where that fails, a boot\n");
	else
		strbuf_addf(out, "  start     a boot%s%s\n", vm->templates_reason ? ": " : "",
			vm->templates_reason ? vm->templates_reason : "");
}

static const char *emulator_pin(const struct vm_plan *vm)
{
	return vm->config ? vm->pins.firecracker : vm->pins.qemu;
}

void write_vm(struct strbuf *out, const struct vm_plan *vm)
{
	if (!vm->emulator)
		return;
	strbuf_puts(out, "\nmachine\n");
	strbuf_addf(out, "  processor %s%s%s\n", vm->kvm ? "the host's (KVM)" : "emulated",
		!vm->kvm && vm->kvm_reason ? ": " : "",
		!vm->kvm && vm->kvm_reason ? vm->kvm_reason : "");
	strbuf_addf(out, "  memory    %" PRIu64 " MiB, with its emulator %" PRIu64 " MiB\n",
		vm->guest_bytes / MIB, vm->host_bytes / MIB);
	put_start(out, vm);
	put_file(out, "emulator", vm->emulator, emulator_pin(vm));
	put_file(out, "firmware", vm->firmware, vm->pins.firmware);
	put_file(out, "kernel", vm->kernel, vm->pins.kernel);
	put_file(out, "modules", vm->modules, "");
	put_command(out, &vm->command);
	for (size_t i = 0; i < N_DIFFERENCES; i++)
		strbuf_addf(out, "  %-10s%s\n", i ? "" : "differs", differences[i]);
	if (vm->config)
		strbuf_addf(out, "\nconfiguration\n%s\n", vm->config);
}

static json_t *file_to_json(const char *path, const char *pin)
{
	json_t *json = json_with(json_object(), "path", json_text_or_null(path));

	return json_with(json, "sha256", *pin ? json_text(pin) : json_null());
}

json_t *write_vm_json(json_t *object, const struct vm_plan *vm)
{
	json_t *json = json_object();
	json_t *command = json_array();
	json_t *differs = json_array();

	if (!vm->emulator) {
		json_decref(json);
		json_decref(command);
		json_decref(differs);
		return object;
	}
	for (size_t i = 0; i < vm->command.len; i++)
		command = json_and(command, json_text(vm->command.items[i]));
	json = json_with(json, "kvm", json_boolean(vm->kvm));
	json = json_with(json, "kvm_reason", json_text_or_null(vm->kvm_reason));
	json = json_with(json, "templates", json_boolean(vm->templates));
	json = json_with(json, "templates_reason", json_text_or_null(vm->templates_reason));
	json = json_with(json, "guest_bytes", json_integer((json_int_t)vm->guest_bytes));
	json = json_with(json, "host_bytes", json_integer((json_int_t)vm->host_bytes));
	json = json_with(json, "emulator", file_to_json(vm->emulator, emulator_pin(vm)));
	json = json_with(json, "firmware", file_to_json(vm->firmware, vm->pins.firmware));
	json = json_with(json, "kernel", file_to_json(vm->kernel, vm->pins.kernel));
	json = json_with(json, "release", json_text_or_null(vm->release));
	json = json_with(json, "modules", json_text_or_null(vm->modules));
	json = json_with(json, "command", command);
	for (size_t i = 0; i < N_DIFFERENCES; i++)
		differs = json_and(differs, json_text(differences[i]));
	json = json_with(json, "differs", differs);
	if (vm->config)
		json = json_with(json, "configuration", json_text(vm->config));
	return json_with(object, "machine", json);
}
