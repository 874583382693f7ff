/* SPDX-License-Identifier: Apache-2.0 */
/* One function a layer. A remedy is a command that can be copied, or the word to put in a named
 * file; where both exist, first what holds until the next boot and then what stays. */
#include "resolve/why_not.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/error.h"
#include "base/strbuf.h"

static int set_text(char **slot, const char *format, va_list args)
{
	char *text = NULL;

	if (vasprintf(&text, format, args) < 0)
		return -ENOMEM;
	free(*slot);
	*slot = text;
	return 0;
}

int why_not_say(struct why_not *ret, enum ks_finding_state state, int code, const char *layer,
	const char *format, ...)
{
	va_list args;
	int r;

	ret->state = state;
	ret->code = code;
	ret->layer = layer;
	va_start(args, format);
	r = set_text(&ret->reason, format, args);
	va_end(args);
	return r;
}

int why_not_advise(struct why_not *ret, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = set_text(&ret->remedy, format, args);
	va_end(args);
	return r;
}

int why_not_describe(struct why_not *ret, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = set_text(&ret->detail, format, args);
	va_end(args);
	return r;
}

void why_not_done(struct why_not *why)
{
	free(why->detail);
	free(why->reason);
	free(why->remedy);
	*why = (struct why_not){0};
}

int why_not_error(const struct why_not *why, ks_error **reterr)
{
	if (why->state != KS_FINDING_FAILS)
		return 0;
	return error_set(reterr, why->code, ABOUT(.step = why->layer, .remedy = why->remedy),
		"%s: %s", why->layer, why->reason);
}

int why_not_refuse(int found, struct why_not *why, ks_error **reterr)
{
	int r = found < 0 ? error_oom(reterr) : why_not_error(why, reterr);

	why_not_done(why);
	return r;
}

static const struct {
	const char *distribution;
	const char *command;
} installers[] = {
	{"debian", "sudo apt-get install bubblewrap"},
	{"ubuntu", "sudo apt-get install bubblewrap"},
	{"fedora", "sudo dnf install bubblewrap"},
	{"rhel", "sudo dnf install bubblewrap"},
	{"centos", "sudo dnf install bubblewrap"},
	{"arch", "sudo pacman -S bubblewrap"},
	{"suse", "sudo zypper install bubblewrap"},
	{"opensuse", "sudo zypper install bubblewrap"},
	{"alpine", "sudo apk add bubblewrap"},
	{"nixos", "nix-env -iA nixos.bubblewrap"},
	{"gentoo", "sudo emerge sys-apps/bubblewrap"},
};

static bool is_debian(const struct ks_host *host)
{
	return host->distribution && (strcmp(host->distribution, "debian") == 0 ||
					     strcmp(host->distribution, "ubuntu") == 0);
}

static const char *install_command(const struct ks_host *host)
{
	for (size_t i = 0; host->distribution && i < sizeof(installers) / sizeof(installers[0]);
		i++)
		if (strcmp(installers[i].distribution, host->distribution) == 0)
			return installers[i].command;
	return "install the package bubblewrap";
}

/* There is one, or one was named, and it was not taken. */
static int bwrap_refused(const struct ks_host *host, struct why_not *ret)
{
	int r = why_not_say(ret, KS_FINDING_FAILS, -EPERM, "bubblewrap", "%s", host->bwrap.reason);

	if (r < 0)
		return r;
	if (strstr(host->bwrap.reason, "KASTELLAN_BWRAP"))
		return why_not_advise(ret,
			"unset KASTELLAN_BWRAP, or let it name the program file of bubblewrap");
	return why_not_advise(ret,
		"sudo chown root and sudo chmod go-w that file, or install bubblewrap from the "
		"distribution: %s",
		install_command(host));
}

static int bwrap_missing(const struct ks_host *host, struct why_not *ret)
{
	int r;

	if (host->bwrap.reason)
		return bwrap_refused(host, ret);
	r = why_not_say(ret, KS_FINDING_FAILS, -ENOENT, "bubblewrap",
		"the program bwrap is in none of /usr/bin, /usr/local/bin, /bin and the "
		"directories of PATH");
	return r < 0 ? r : why_not_advise(ret, "%s", install_command(host));
}

static int bwrap_setuid(const struct ks_host *host, struct why_not *ret)
{
	const char *path = host->bwrap.path;
	int r = why_not_say(ret, KS_FINDING_FAILS, -EPERM, "bubblewrap",
		"%s is refused because of its set-uid bit: it would parse what it is given with "
		"root's rights, and needs none",
		path);

	if (r < 0)
		return r;
	if (is_debian(host))
		return why_not_advise(ret,
			"sudo dpkg-statoverride --force-all --update --add root root 0755 %s",
			path);
	return why_not_advise(ret, "sudo chmod u-s %s", path);
}

static int bwrap_incomplete(const struct ks_host *host, struct why_not *ret)
{
	const struct host_bwrap *bwrap = &host->bwrap;
	autostrbuf struct strbuf text;
	int r;

	strbuf_init(&text, KS_MAX_TEXT);
	if (!bwrap->bind_fd)
		strbuf_puts(&text, ", --bind-fd (grants are bound through /proc/self/fd instead)");
	if (!bwrap->size)
		strbuf_puts(&text, ", --size (temporary file systems have no limit of their own)");
	if (!bwrap->disable_userns)
		strbuf_puts(&text, ", --disable-userns (only the system-call filter forbids "
				   "namespaces inside)");
	if (text.error)
		return text.error;
	if (text.len == 0)
		return 0;
	r = why_not_say(ret, KS_FINDING_LIMITED, -EOPNOTSUPP, "bubblewrap", "%s does not have %s",
		bwrap->path, text.data + 2);
	if (r < 0)
		return r;
	return why_not_advise(ret,
		"install bubblewrap 0.10 or later, or an update of the distribution's own package");
}

int why_not_bwrap_program(const struct ks_host *host, struct why_not *ret)
{
	const struct host_bwrap *bwrap = &host->bwrap;
	int r;

	*ret = (struct why_not){0};
	if (!bwrap->path)
		return bwrap_missing(host, ret);
	r = why_not_describe(
		ret, bwrap->version ? "%s, version %s" : "%s", bwrap->path, bwrap->version);
	if (r < 0)
		return r;
	return bwrap->setuid ? bwrap_setuid(host, ret) : bwrap_incomplete(host, ret);
}

/* What each ABI of Landlock added, and is therefore left to the other layers below it. */
static const struct {
	int abi;
	const char *adds;
} landlock_steps[] = {
	{2, "renames between directories"},
	{3, "truncation"},
	{4, "TCP"},
	{5, "device ioctls"},
	{6, "abstract sockets and signals"},
};

static int landlock_detail(const struct ks_host *host, struct why_not *ret)
{
	autostrbuf struct strbuf text;

	strbuf_init(&text, KS_MAX_TEXT);
	for (size_t i = 0; i < sizeof(landlock_steps) / sizeof(landlock_steps[0]); i++)
		if (host->landlock_abi < landlock_steps[i].abi)
			strbuf_addf(&text, "%s%s", text.len ? ", " : "; left to other layers: ",
				landlock_steps[i].adds);
	if (text.error)
		return text.error;
	return why_not_describe(ret, "ABI %d%s", host->landlock_abi, text.data ? text.data : "");
}

int why_not_landlock(const struct ks_host *host, struct why_not *ret)
{
	int code = host->landlock_errno ? host->landlock_errno : ENOSYS;
	int r;

	*ret = (struct why_not){0};
	if (host->landlock_abi > 0)
		return landlock_detail(host, ret);
	if (code == ENOSYS) {
		r = why_not_say(ret, KS_FINDING_FAILS, -code, "landlock",
			"this kernel (%s) has no Landlock, or the caller's system-call filter "
			"hides it",
			host->kernel ? host->kernel : "unknown");
		return r < 0 ? r
			     : why_not_advise(ret,
				       "use a kernel from 5.13 on, built with "
				       "CONFIG_SECURITY_LANDLOCK=y; in a container, a runtime "
				       "whose filter knows landlock_create_ruleset");
	}
	if (code == EOPNOTSUPP) {
		r = why_not_say(ret, KS_FINDING_FAILS, -code, "landlock",
			"Landlock is in the kernel, and was not switched on at boot");
		return r < 0 ? r
			     : why_not_advise(ret, "put landlock first in the kernel's lsm= list "
						   "(with the rest of "
						   "it from /sys/kernel/security/lsm): in "
						   "GRUB_CMDLINE_LINUX of "
						   "/etc/default/grub, e.g. "
						   "lsm=landlock,lockdown,yama,apparmor,bpf; "
						   "then sudo update-grub, and reboot");
	}
	return why_not_say(ret, KS_FINDING_FAILS, -code, "landlock", "Landlock does not answer: %s",
		strerror(code));
}

int why_not_seccomp(const struct ks_host *host, struct why_not *ret)
{
	int r;

	*ret = (struct why_not){0};
	if (!host->seccomp) {
		r = why_not_say(ret, KS_FINDING_FAILS, -ENOSYS, "seccomp",
			"system-call filters cannot be loaded");
		return r < 0 ? r
			     : why_not_advise(ret, "use a kernel built with "
						   "CONFIG_SECCOMP_FILTER=y; in a container, "
						   "a runtime whose own filter allows seccomp(2)");
	}
	if (!host->seccomp_notify) {
		r = why_not_say(ret, KS_FINDING_LIMITED, -EOPNOTSUPP, "seccomp",
			"filters work without user notification: a forbidden call ends the worker, "
			"and the outcome does not name it");
		return r < 0 ? r : why_not_advise(ret, "use a kernel from 5.0 on");
	}
	return why_not_describe(ret, "filters, with user notification");
}

int why_not_idmap(const struct ks_host *host, struct why_not *ret)
{
	int r;

	*ret = (struct why_not){0};
	if (!host->privileged)
		return why_not_describe(ret, "not needed: a worker keeps the caller's own user");
	if (host->idmap)
		return why_not_describe(ret, "mounts with mapped ids");
	r = why_not_say(ret, KS_FINDING_LIMITED, -EOPNOTSUPP, "idmap",
		"mounts with mapped ids cannot be made, so that a root caller's worker cannot "
		"write what belongs to others");
	return r < 0 ? r
		     : why_not_advise(ret,
			       "use a kernel from 5.12 on and grants on a file system that "
			       "has such mounts (ext4, xfs, btrfs; tmpfs from 6.3 on), or "
			       "start kastellan as the user who owns the grants");
}

/* The finding of a backend as a whole keeps the layer at fault; a layer's words about how well it
 * works are not the backend's. */
static int first_limit(const struct ks_host *host, bool helper, struct why_not *ret)
{
	static why_not_function *const layers[] = {why_not_bwrap_program, why_not_landlock,
		why_not_seccomp, why_not_cgroup, why_not_idmap};

	for (size_t i = helper ? 0 : 1; i < sizeof(layers) / sizeof(layers[0]); i++) {
		int r = layers[i](host, ret);

		if (r < 0)
			return r;
		if (ret->state != KS_FINDING_WORKS) {
			ret->state = KS_FINDING_LIMITED;
			break;
		}
		why_not_done(ret);
	}
	free(ret->detail);
	ret->detail = NULL;
	return 0;
}

int why_not_bwrap(const struct ks_host *host, struct why_not *ret)
{
	int r = why_not_bwrap_program(host, ret);

	if (r < 0 || ret->state == KS_FINDING_FAILS)
		return r;
	why_not_done(ret);
	/* Facts that were only looked at have no reason, unless looking was enough. */
	if (!host->bwrap.works && (host->tried || host->bwrap.reason))
		return why_not_complaint(host, host->bwrap.reason, ret);
	return first_limit(host, true, ret);
}

#define INIT KS_LIBEXECDIR "/kastellan-init"

/* The causes are those of namespaces; the program that has to be let is another one. */
static int native_refused(const struct ks_host *host, struct why_not *ret)
{
	int r = why_not_userns(host, ret);

	if (r == 0 && host->userns == USERNS_APPARMOR) {
		r = why_not_advise(ret,
			"echo 'abi <abi/4.0>, profile kastellan-init " INIT
			" flags=(unconfined) { userns, }' | sudo tee "
			"/etc/apparmor.d/kastellan-init "
			"&& sudo apparmor_parser -r /etc/apparmor.d/kastellan-init; or, for every "
			"program, sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0");
		if (r == 0)
			r = why_not_offer_landlock(host, ret);
	}
	if (r < 0 || ret->state == KS_FINDING_FAILS)
		return r;
	why_not_done(ret);
	r = why_not_say(ret, KS_FINDING_FAILS, -EIO, "native", "%s",
		host->native.reason ? host->native.reason : "no jail could be made");
	if (r == 0 && host->native.remedy)
		r = why_not_advise(ret, "%s", host->native.remedy);
	return r;
}

int why_not_native(const struct ks_host *host, struct why_not *ret)
{
	*ret = (struct why_not){0};
	/* What was done counts, whatever else is known: a privileged caller's jail is made where
	 * others are refused, and a profile may let one program make one. */
	if (!host->native.works && (host->tried || host->native.reason))
		return native_refused(host, ret);
	return first_limit(host, false, ret);
}

int why_not_egress(const struct ks_host *host, struct why_not *ret)
{
	int r;

	*ret = (struct why_not){0};
	if (host->egress.works)
		return why_not_describe(ret, "a network that leads to the proxy alone");
	/* What nobody tried may work. */
	if (!host->egress.reason)
		return 0;
	r = why_not_say(ret, KS_FINDING_FAILS, -EIO, "egress", "%s", host->egress.reason);
	return r < 0 || !host->egress.remedy ? r : why_not_advise(ret, "%s", host->egress.remedy);
}

#define NO_NAMESPACES                                                                            \
	"works without namespaces, and so leaves names and sizes of the host's files, its name " \
	"and its process numbers visible"

int why_not_landlock_backend(const struct ks_host *host, struct why_not *ret)
{
	static why_not_function *const needed[] = {why_not_landlock, why_not_seccomp};
	int r = 0;

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		r = needed[i](host, ret);
		if (r < 0 || ret->state == KS_FINDING_FAILS)
			return r;
		why_not_done(ret);
	}
	r = why_not_say(ret, KS_FINDING_LIMITED, -EOPNOTSUPP, "landlock", "%s", NO_NAMESPACES);
	return r < 0 ? r
		     : why_not_advise(ret, "kastellan plan -b landlock tells what has to be "
					   "accepted with --allow-degraded; bwrap and native hold "
					   "it where namespaces work");
}
