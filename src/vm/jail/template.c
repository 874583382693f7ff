/* SPDX-License-Identifier: Apache-2.0 */
/* Templates of guests: found, or made by a machine that boots for nothing else. Should: have every
 * process gone that could still write one before its hash is taken. Must not: let anything that
 * goes wrong here be more than a boot. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>

#include <kastellan/kastellan.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/strbuf.h"
#include "linux/control.h"
#include "linux/jail/parts.h"
#include "linux/programs.h"
#include "vm/jail/parts.h"
#include "vm/kernel/cache.h"
#include "vm/kernel/digest.h"
#include "vm/machine/order.h"
#include "vm/template/key.h"
#include "vm/template/processor.h"
#include "vm/template/store.h"

#define MAX_PROCESSOR 65536
#define WRITE_PATIENCE_MS 150000 /* more than kastellan-vm's own */

static int make_key(int cache, const struct vm_plan *vm, const char *files, char ret[SHA256_TEXT])
{
	char keeper[SHA256_TEXT];
	autostrbuf struct strbuf processor;
	autofd int program = -1;
	int r = vm_program_open(&program, NULL);

	strbuf_init(&processor, MAX_PROCESSOR);
	if (r == 0)
		r = digest_file(cache, program, keeper);
	if (r == 0)
		r = processor_text(&processor);
	if (r == 0 && !*files)
		r = -ENODATA;
	if (r == 0)
		template_key(&(struct template_parts){.version = KASTELLAN_VERSION,
				     .vm = vm,
				     .keeper = keeper,
				     .processor = processor.data,
				     .initramfs = files},
			ret);
	return r;
}

/* 0 once the machine has written it; it lives still. With its last process its end of the socket is
 * closed. */
static int await_written(int control)
{
	int64_t deadline = clock_ms() + WRITE_PATIENCE_MS;
	struct control_message message;
	int r = 0;

	while (r == 0) {
		struct pollfd said = {.fd = control, .events = POLLIN};
		int64_t left = deadline - clock_ms();

		if (left <= 0)
			return -ETIMEDOUT;
		if (poll(&said, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
		r = control_receive(control, &message);
		if (r > 0)
			control_message_drop_fds(&message);
	}
	if (r < 0)
		return r;
	if (message.header.type == CONTROL_FAILED && message.header.value > 0)
		return -message.header.value;
	return message.header.type == CONTROL_READY ? 0 : -EIO;
}

static int run_machine(
	const struct ks_plan *plan, const struct ks_host *host, struct vm_parts *parts)
{
	const struct jail_stdio stdio = {.fds = {parts->null, parts->null, parts->null}};
	const struct jail_setup setup = {.stdio = &stdio, .audit = -1};
	struct jail *jail = NULL;
	int r = vm_start_machine(plan, host, &setup, parts, &jail, NULL);

	drop_fd(&parts->control[1]);
	if (r == 0)
		r = await_written(parts->control[0]);
	if (jail)
		jail_kill(jail);
	jail_free(jail);
	return r;
}

/* Nobody serves files to it: it asks for none before it is told to. */
static int write_once(const struct ks_plan *plan, const struct ks_host *host, int initramfs,
	int cache, const char key[SHA256_TEXT])
{
	struct vm_parts parts;
	int r;

	vm_parts_init(&parts);
	r = vm_parts_open(&parts);
	if (r == 0)
		r = vm_parts_order(plan, VM_IS_WRITTEN, false, &parts);
	if (r == 0) {
		parts.initramfs = fcntl(initramfs, F_DUPFD_CLOEXEC, 3);
		r = parts.initramfs < 0 ? -errno : template_begin(cache, &parts.template);
	}
	if (r == 0)
		r = run_machine(plan, host, &parts);
	if (r == 0)
		r = template_keep(cache, key, plan->vm.pins.tsc_khz, parts.template);
	vm_parts_done(&parts);
	return r;
}

static int write_template(const struct ks_plan *plan, const struct ks_host *host, int initramfs,
	int cache, const char key[SHA256_TEXT])
{
	int r = -MACHINE_NOT_UP;

	for (unsigned i = 0; i < VM_BOOT_TRIES && r == -MACHINE_NOT_UP; i++)
		r = write_once(plan, host, initramfs, cache, key);
	return r;
}

/* NULL, or why there is none. */
static const char *make(const struct ks_plan *plan, const struct ks_host *host,
	struct vm_parts *parts, int cache, const char key[SHA256_TEXT])
{
	uint32_t tsc_khz = plan->vm.pins.tsc_khz;
	autofd int lock = -1;
	int r;

	if (template_given_up(cache, key))
		return "its template could not be made or restored within the last hour";
	r = template_lock(cache, &lock);
	if (r < 0)
		return r == -EAGAIN ? "another process is making templates"
				    : "the cache cannot be locked";
	/* Somebody else may have been here since. */
	if (template_open(cache, key, tsc_khz, &parts->template) == 0)
		return NULL;
	if (write_template(plan, host, parts->initramfs, cache, key) < 0) {
		template_give_up(cache, key);
		return "its template could not be made";
	}
	return template_open(cache, key, tsc_khz, &parts->template) == 0
		       ? NULL
		       : "its template cannot be used";
}

const char *vm_template_open(const struct ks_plan *plan, const struct ks_host *host,
	struct vm_parts *parts, char ret_key[SHA256_TEXT])
{
	autofd int cache = cache_directory();

	if (cache < 0)
		return "there is no cache directory that is this user's alone";
	if (make_key(cache, &plan->vm, parts->files, ret_key) < 0)
		return "what it would be a template of cannot be told";
	if (template_open(cache, ret_key, plan->vm.pins.tsc_khz, &parts->template) == 0)
		return NULL;
	return make(plan, host, parts, cache, ret_key);
}

void vm_template_spoilt(const char key[SHA256_TEXT])
{
	autofd int cache = cache_directory();

	if (cache >= 0)
		template_give_up(cache, key);
}
