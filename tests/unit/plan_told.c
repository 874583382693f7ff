/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_told.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "linux/init/spec_read.h"
#include "linux/jail/spec_plan.h"
#include "plan_fixture.h"
#include "vm/plan/machine.h"

static void add_mount(struct strbuf *text, const struct spec_mount *mount)
{
	static const char *const kinds[] = {"", "bind-host", "bind-grant", "mask-file",
		"mask-directory", "data", "link", "tmpfs", "proc", "dev", "device"};
	const char *path = (const char *)(mount + 1);
	const char *source = path + strlen(path) + 1;

	strbuf_addf(text, "%s %s", kinds[mount->kind], path);
	if (*source)
		strbuf_puts(text, mount->kind == SPEC_MOUNT_DATA ? " with " : " from ");
	/* Of a text with several lines one is made, as each record is one. */
	for (; *source; source++)
		strbuf_add(text, *source == '\n' ? "|" : source, 1);
	if (mount->slot)
		strbuf_addf(text, " slot %u", mount->slot);
	if (mount->mode)
		strbuf_addf(text, " mode %04o", mount->mode);
	if (mount->size)
		strbuf_addf(text, " size %" PRIu64, mount->size);
	strbuf_puts(text, mount->flags & SPEC_MOUNT_WRITABLE ? " rw\n" : "\n");
}

/* What monitor and init are told where there is no helper. It stays until the next call. */
static const struct spec *told(const struct ks_plan *plan, uint32_t kernel_id)
{
	static struct spec spec;
	const struct jail_stdio stdio = {.fds = {-1, -1, -1}};
	struct failure failure;
	autofd int fd = -1;

	assert_int_equal(
		spec_from_plan(
			plan, &(struct spec_start){.stdio = &stdio, .kernel_id = kernel_id}, &fd),
		0);
	assert_int_equal(spec_load(fd, &spec, &failure), 0);
	assert_int_equal(spec.n_helper, 0);
	return &spec;
}

/* What the monitor is told instead of a helper's arguments. */
char *told_mounts(const struct ks_plan *plan)
{
	const struct spec *spec = told(plan, 0);
	const struct spec_mount *mount;
	const char *closed;
	autostrbuf struct strbuf text;
	char *result = NULL;
	size_t cursor = 0;

	strbuf_init(&text, KS_MAX_TEXT);
	strbuf_addf(&text, "hostname %s\n", spec->hostname);
	while ((mount = spec_next(spec, SPEC_MOUNT, &cursor)))
		add_mount(&text, mount);
	cursor = 0;
	while ((closed = spec_next(spec, SPEC_CLOSED, &cursor)))
		strbuf_addf(&text, "closed %s\n", closed);
	assert_int_equal(strbuf_take(&text, &result, NULL), 0);
	return result;
}

/* What init is told where there are no mounts either: rules, by path or by descriptor. */
char *told_rules(const struct ks_plan *plan)
{
	const struct spec *spec = told(plan, 77);
	const struct spec_rule *rule;
	autostrbuf struct strbuf text;
	char *result = NULL;
	size_t cursor = 0;

	strbuf_init(&text, KS_MAX_TEXT);
	assert_null(spec->hostname);
	strbuf_addf(&text, "user %u:%u\n", spec->ids->uid, spec->ids->gid);
	strbuf_addf(&text, "temporary %s access %" PRIx64 "%s\n",
		(const char *)(spec->temporary + 1), spec->temporary->access,
		spec->temporary->named ? " named" : "");
	while ((rule = spec_next(spec, SPEC_RULE, &cursor))) {
		strbuf_addf(&text, "%" PRIx64 " %s", rule->access, (const char *)(rule + 1));
		if (rule->slot)
			strbuf_addf(&text, " slot %u", rule->slot);
		strbuf_puts(&text, rule->optional ? " optional\n" : "\n");
	}
	assert_int_equal(strbuf_take(&text, &result, NULL), 0);
	return result;
}

static void add_jail(struct strbuf *text, const char *name, const struct ks_plan *jail)
{
	autofree char *mounts = told_mounts(jail);
	const struct limits_plan *limits = &jail->limits;

	strbuf_addf(text, "\njail of the %s: %s\n%s", name, jail->argv.items[0], mounts);
	if (jail->network != NETWORK_NONE)
		strbuf_addf(text, "network %s, %s and %zu more\n", plan_network_name(jail->network),
			jail->policy->endpoints[0].text, jail->policy->n_endpoints - 1);
	strbuf_addf(text, "filter %s\nrules %zu\n",
		jail->filter.profile == KS_PROFILE_WORKER_STRICT ? "strict" : "other",
		jail->landlock.n_rules);
	strbuf_addf(text, "memory %" PRIu64 " tasks %" PRIu64 " quota %" PRIu64 "\n",
		limits->memory_bytes, limits->tasks, limits->cpu_quota_pct);
}

/* The emulator's command, and the two jails around it and the files. */
char *told_machine(const struct ks_plan *plan, const struct ks_host *host)
{
	struct grants machine_grants = {0}, files_grants = {0};
	struct ks_plan *machine = NULL, *files = NULL;
	autostrbuf struct strbuf text;
	char *result = NULL;

	for (size_t i = 0; i < plan->grants.len; i++)
		fixture_grant(&files_grants, plan->grants.items[i].field,
			plan->grants.items[i].asked, plan->grants.items[i].path,
			plan->grants.items[i].directory);
	fixture_grant(&files_grants, FIELD_FS_READ, FILES_PROGRAM, NULL, false);
	assert_int_equal(plan_machine_jail(plan, host, &machine_grants, &machine, NULL), 0);
	assert_int_equal(plan_files_jail(plan, host, &files_grants, &files, NULL), 0);
	strbuf_init(&text, KS_MAX_TEXT);
	for (size_t i = 0; i < plan->vm.command.len; i++)
		strbuf_addf(&text, "%s\n", plan->vm.command.items[i]);
	add_jail(&text, "machine", machine);
	add_jail(&text, "files", files);
	plan_free(machine);
	plan_free(files);
	assert_int_equal(strbuf_take(&text, &result, NULL), 0);
	return result;
}
