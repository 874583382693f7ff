/* SPDX-License-Identifier: Apache-2.0 */
/* Why namespaces are refused. The same errno has a dozen causes; the facts have told them apart. */
#include <errno.h>
#include <string.h>

#include "resolve/why_not.h"

struct cause_text {
	enum host_userns_cause cause;
	int code;
	const char *reason;
	const char *remedy;
};

static const struct cause_text texts[] = {
	{USERNS_CLONE_SYSCTL, -EPERM,
		"user namespaces are switched off for users without privileges "
		"(kernel.unprivileged_userns_clone is 0)",
		"sudo sysctl -w kernel.unprivileged_userns_clone=1; to keep it: "
		"echo kernel.unprivileged_userns_clone=1 | sudo tee "
		"/etc/sysctl.d/60-kastellan.conf"},
	{USERNS_PROC_MASKED, -EPERM,
		"a container runtime has covered parts of /proc, and the kernel lets nobody inside "
		"mount a /proc without such covers",
		"docker run --security-opt systempaths=unconfined, podman run --security-opt "
		"unmask=ALL, or procMount: Unmasked in Kubernetes"},
	{USERNS_PROC_ABSENT, -ENOENT,
		"nothing is mounted at /proc, by which alone the users of a namespace are mapped",
		"sudo mount -t proc proc /proc; in a container, its runtime mounts it"},
	{USERNS_PROC_READ_ONLY, -EROFS,
		"/proc is mounted read-only, so that the users of a namespace cannot be mapped",
		"sudo mount -o remount,bind,rw /proc; in a container, docker run --security-opt "
		"systempaths=unconfined, podman run --security-opt unmask=ALL"},
	{USERNS_SECCOMP, -EPERM,
		"a system-call filter that the caller lives under refuses new namespaces (a "
		"container runtime's default)",
		"docker run --security-opt seccomp=unconfined --security-opt "
		"systempaths=unconfined, "
		"or a filter profile that allows clone, unshare, mount, umount2 and pivot_root"},
	{USERNS_CHROOT, -EPERM,
		"the caller lives in a chroot, in which the kernel makes no user namespace",
		"start kastellan outside of the chroot, or enter the tree with systemd-nspawn -D"},
	{USERNS_SELINUX, -EACCES, "SELinux refuses new user namespaces to the caller's domain",
		"sudo ausearch -m avc -ts recent shows the denial; allow the caller's domain "
		"user_namespace { create }, or start kastellan from an unconfined domain"},
	{USERNS_COMPILED_OUT, -EINVAL, "this kernel is built without user namespaces",
		"use a kernel built with CONFIG_USER_NS=y"},
};

/* Step of the probe to the word in the sysctl's name. */
static const struct {
	const char *step;
	const char *sysctl;
} counters[] = {
	{"unshare", "user"},
	{"mnt", "mnt"},
	{"pid", "pid"},
	{"net", "net"},
	{"ipc", "ipc"},
	{"uts", "uts"},
	{"cgroup", "cgroup"},
};

static int too_many(const struct ks_host *host, struct why_not *ret)
{
	const char *step = host->userns_step ? host->userns_step : "unshare";
	const char *name = "user";
	int r;

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		if (strcmp(counters[i].step, step) == 0)
			name = counters[i].sysctl;
	r = why_not_say(ret, KS_FINDING_FAILS, -ENOSPC, "userns",
		"user.max_%s_namespaces is 0, or that many exist already", name);
	return r < 0 ? r
		     : why_not_advise(ret,
			       "sudo sysctl -w user.max_%s_namespaces=10000; to keep it: "
			       "echo user.max_%s_namespaces=10000 | sudo tee "
			       "/etc/sysctl.d/60-kastellan.conf",
			       name, name);
}

static int apparmor(const struct ks_host *host, struct why_not *ret)
{
	const char *path = host->bwrap.path ? host->bwrap.path : "/usr/bin/bwrap";
	int r = why_not_say(ret, KS_FINDING_FAILS, -EACCES, "userns",
		"AppArmor keeps programs without a profile of their own from using user namespaces "
		"(kernel.apparmor_restrict_unprivileged_userns, or a profile over the caller)");

	/* The profile gives bwrap alone what the switch would give to every program. */
	return r < 0 ? r
		     : why_not_advise(ret,
			       "echo 'abi <abi/4.0>, profile bwrap %s flags=(unconfined) { userns, "
			       "}' | sudo tee /etc/apparmor.d/bwrap && sudo apparmor_parser -r "
			       "/etc/apparmor.d/bwrap; or, for every program, sudo sysctl -w "
			       "kernel.apparmor_restrict_unprivileged_userns=0",
			       path);
}

static int unexplained(const struct ks_host *host, struct why_not *ret)
{
	int code = host->userns_errno ? host->userns_errno : EPERM;
	int r = why_not_say(ret, KS_FINDING_FAILS, -code, "userns",
		"namespaces cannot be made (step \"%s\"): %s",
		host->userns_step ? host->userns_step : "unknown", strerror(code));

	return r < 0 ? r
		     : why_not_advise(ret,
			       "look at the kernel's log (sudo dmesg) for what refused it; "
			       "inside a container, its runtime has to allow nested ones; in a "
			       "chroot, start kastellan outside of it");
}

/* The backend that needs no namespaces, where it works. */
#define OR_LANDLOCK                                                                               \
	"; or, without them, run with -b landlock, which holds less: kastellan plan -b landlock " \
	"tells what, and --allow-degraded accepts it"

static int refused(const struct ks_host *host, struct why_not *ret)
{
	switch (host->userns) {
	case USERNS_MAX_ZERO:
		return too_many(host, ret);
	case USERNS_APPARMOR:
		return apparmor(host, ret);
	default:
		break;
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		int r;

		if (texts[i].cause != host->userns)
			continue;
		r = why_not_say(
			ret, KS_FINDING_FAILS, texts[i].code, "userns", "%s", texts[i].reason);
		return r < 0 ? r : why_not_advise(ret, "%s", texts[i].remedy);
	}
	return unexplained(host, ret);
}

int why_not_offer_landlock(const struct ks_host *host, struct why_not *ret)
{
	if (host->landlock_abi <= 0 || !host->seccomp)
		return 0;
	/* The text is made before the one it is made from is freed. */
	return why_not_advise(ret, "%s" OR_LANDLOCK, ret->remedy ? ret->remedy : "see above");
}

int why_not_userns(const struct ks_host *host, struct why_not *ret)
{
	int r;

	*ret = (struct why_not){0};
	if (host->userns == USERNS_USABLE)
		return why_not_describe(ret, "all namespaces, with a fresh /proc");
	r = refused(host, ret);
	return r < 0 ? r : why_not_offer_landlock(host, ret);
}
