/* SPDX-License-Identifier: Apache-2.0 */
/* Why limits of the whole worker tree cannot be set. */
#include <errno.h>
#include <string.h>

#include "base/bounds.h"
#include "base/strbuf.h"
#include "resolve/why_not.h"

static int no_group(const struct ks_host *host, struct why_not *ret)
{
	int r = why_not_say(ret, KS_FINDING_FAILS, -EOPNOTSUPP, "cgroup", "%s",
		host->cgroup.reason ? host->cgroup.reason
				    : "there is no control group that this caller may use");

	if (r < 0)
		return r;
	if (host->uid == 0)
		return why_not_advise(ret,
			"mount a control group file system that root may write: on a host, start "
			"systemd or mount -t cgroup2 none /sys/fs/cgroup; in a container, docker "
			"run --cgroupns=private -v /sys/fs/cgroup:/sys/fs/cgroup:rw");
	return why_not_advise(ret,
		"use a login session with a service manager of its own (sudo loginctl "
		"enable-linger %u, then export XDG_RUNTIME_DIR=/run/user/%u), or start kastellan "
		"in a delegated group: systemd-run --user --scope -p Delegate=yes kastellan ...; "
		"without a service manager, start it as root",
		(unsigned)host->uid, (unsigned)host->uid);
}

/* Names what is missing, and the policy fields that it takes with it. */
static int missing(const struct host_cgroup *group, struct strbuf *text)
{
	if (!group->memory)
		strbuf_puts(text, ", memory (mem_mb)");
	else if (!group->swap)
		strbuf_puts(text, ", counting of swap (mem_mb)");
	if (!group->tasks)
		strbuf_puts(text, ", pids (tasks_max)");
	if (!group->cpu_quota)
		strbuf_puts(text, ", cpu (cpu_quota_pct)");
	if (!group->cpu_time)
		strbuf_puts(text, ", CPU time (cpu_ms)");
	return text->error;
}

static int partial_remedy(const struct ks_host *host, struct why_not *ret)
{
	const struct host_cgroup *group = &host->cgroup;

	if (group->memory && !group->swap && group->tasks && group->cpu_quota && group->cpu_time)
		return why_not_advise(ret,
			"add swapaccount=1 to the kernel's command line (GRUB_CMDLINE_LINUX in "
			"/etc/default/grub, then sudo update-grub and reboot), or switch swap off "
			"(sudo swapoff -a)");
	switch (group->manager) {
	case CGROUP_SCOPE:
		return why_not_advise(ret,
			"have the service manager hand on all controllers: put [Service] and "
			"Delegate=cpu memory pids in "
			"/etc/systemd/system/user@.service.d/delegate.conf, then sudo "
			"systemctl daemon-reload and log in again; on a host with the old or "
			"the hybrid layout, boot with systemd.unified_cgroup_hierarchy=1");
	case CGROUP_V2:
		return why_not_advise(ret,
			"enable the controllers in the parent group: echo '+cpu +memory +pids' | "
			"sudo tee %s/cgroup.subtree_control, after moving processes out of it",
			group->v2_base ? group->v2_base : "/sys/fs/cgroup");
	default:
		return why_not_advise(ret, "let this caller write directories of its own in the "
					   "missing controllers below "
					   "/sys/fs/cgroup, or use a host with the unified layout");
	}
}

int why_not_cgroup(const struct ks_host *host, struct why_not *ret)
{
	const struct host_cgroup *group = &host->cgroup;
	autostrbuf struct strbuf text;
	int r;

	strbuf_init(&text, KS_MAX_TEXT);
	*ret = (struct why_not){0};
	if (group->manager == CGROUP_NONE)
		return no_group(host, ret);
	if (group->manager == CGROUP_SCOPE)
		r = why_not_describe(ret, "scopes of the %s's service manager",
			group->scope_system ? "system" : "user");
	else
		r = why_not_describe(ret, "version %d", group->manager == CGROUP_V1 ? 1 : 2);
	if (r == 0)
		r = missing(group, &text);
	if (r < 0 || text.len == 0)
		return r;
	r = why_not_say(ret, KS_FINDING_LIMITED, -EOPNOTSUPP, "cgroup",
		"these limits cannot be set: %s%s%s", text.data + 2, group->reason ? "; " : "",
		group->reason ? group->reason : "");
	return r < 0 ? r : partial_remedy(host, ret);
}
