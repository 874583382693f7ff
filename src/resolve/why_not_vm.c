/* SPDX-License-Identifier: Apache-2.0 */
/* What a machine lacks, by the package that has it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "resolve/why_not.h"

/* Commands by ID of os-release. */
struct installer {
	const char *distribution;
	const char *qemu;
	const char *kernel;
};

static const struct installer installers[] = {
	{"debian", "sudo apt-get install qemu-system-x86",
		"sudo apt-get install linux-image-cloud-amd64"},
	{"ubuntu", "sudo apt-get install qemu-system-x86",
		"sudo apt-get install linux-image-virtual"},
	{"fedora", "sudo dnf install qemu-system-x86-core qboot", "sudo dnf install kernel-core"},
	{"arch", "sudo pacman -S qemu-system-x86", "sudo pacman -S linux"},
	{"opensuse", "sudo zypper install qemu-x86 qemu-microvm",
		"sudo zypper install kernel-default"},
	{"alpine", "sudo apk add qemu-system-x86_64", "sudo apk add linux-virt"},
};

/* Where nobody has asked for the distribution. */
static const struct installer others = {"",
	"install QEMU: sudo apt-get install qemu-system-x86 (Debian, Ubuntu), sudo dnf install "
	"qemu-system-x86-core qboot (Fedora)",
	"install a kernel for virtual machines: sudo apt-get install linux-image-cloud-amd64 "
	"(Debian), linux-image-virtual (Ubuntu), sudo dnf install kernel-core (Fedora)"};

static const struct installer *installer_of(const struct ks_host *host)
{
	for (size_t i = 0; host->distribution && i < sizeof(installers) / sizeof(installers[0]);
		i++)
		if (strcmp(installers[i].distribution, host->distribution) == 0)
			return &installers[i];
	return &others;
}

static int no_machine(const struct ks_host *host, struct why_not *ret)
{
	int r = why_not_say(ret, KS_FINDING_FAILS, -EOPNOTSUPP, "machine",
		"machines are made for x86_64 alone, and this is %s",
		host->machine ? host->machine : "unknown");

	return r < 0 ? r : why_not_advise(ret, "use the backend bwrap or native");
}

static int no_kernel(const struct ks_host *host, struct why_not *ret)
{
	const char *reason = host->vm.kernel_reason;
	int r = why_not_say(ret, KS_FINDING_FAILS, -ENOENT, "kernel",
		"there is no kernel for the guest: %s",
		reason ? reason : "no vmlinuz-RELEASE in /boot with its /lib/modules/RELEASE");

	if (r < 0)
		return r;
	if (reason && strstr(reason, "may not be read"))
		return why_not_advise(ret, "sudo chmod a+r that file");
	return why_not_advise(ret,
		"%s; or unpack such a package somewhere (dpkg-deb -x FILE DIRECTORY) and let "
		"KASTELLAN_VM_ROOT name the directory",
		installer_of(host)->kernel);
}

/* The first part that is missing; 0 with the state untouched where none is. */
static int lacks_kernel(const struct ks_host *host, struct why_not *ret)
{
	if (host->machine && strcmp(host->machine, "x86_64") != 0)
		return no_machine(host, ret);
	return host->vm.kernel ? 0 : no_kernel(host, ret);
}

static int lacks_qemu(const struct ks_host *host, struct why_not *ret)
{
	int r = 0;

	if (host->machine && strcmp(host->machine, "x86_64") != 0)
		return no_machine(host, ret);
	if (!host->vm.qemu)
		r = why_not_say(ret, KS_FINDING_FAILS, -ENOENT, "qemu",
			"the program qemu-system-x86_64 is in none of /usr/bin and /usr/local/bin, "
			"as a file of root's or this user's");
	else if (!host->vm.firmware)
		r = why_not_say(ret, KS_FINDING_FAILS, -ENOENT, "qemu",
			"there is no firmware for QEMU's machine microvm: qboot.rom or "
			"bios-microvm.bin in /usr/share/qemu");
	else
		return lacks_kernel(host, ret);
	return r < 0 ? r : why_not_advise(ret, "%s", installer_of(host)->qemu);
}

/* The jails around machine and files are Native's. Asked for first: where they fail for want of
 * user namespaces, root's programs may not even look like root's. */
static int lacks_jail(const struct ks_host *host, struct why_not *ret)
{
	int r = why_not_native(host, ret);

	if (r < 0 || ret->state == KS_FINDING_FAILS)
		return r;
	why_not_done(ret);
	return 0;
}

int why_not_qemu(const struct ks_host *host, struct why_not *ret)
{
	int r;

	*ret = (struct why_not){0};
	r = lacks_jail(host, ret);
	if (r == 0 && ret->state == KS_FINDING_WORKS)
		r = lacks_qemu(host, ret);
	if (r < 0 || ret->state == KS_FINDING_FAILS || host->vm.kvm)
		return r;
	r = why_not_say(ret, KS_FINDING_LIMITED, -EOPNOTSUPP, "kvm",
		"the machine's processor is emulated, which is slow: %s",
		host->vm.kvm_reason ? host->vm.kvm_reason : "there is no KVM");
	return r < 0 ? r
		     : why_not_advise(ret,
			       "use a host with virtualisation (/dev/kvm), as a user who may open "
			       "it: sudo usermod -a -G kvm USER");
}

/* Of one that was asked; a spawn does not ask, and finds out when the guest cannot reach it. */
static bool is_too_old(const char *version)
{
	char *rest;
	unsigned long major = version ? strtoul(version, &rest, 10) : 0;

	if (!version || *rest != '.')
		return false;
	return major < 1 || (major == 1 && strtoul(rest + 1, NULL, 10) < 8);
}

int why_not_firecracker(const struct ks_host *host, struct why_not *ret)
{
	int r;

	*ret = (struct why_not){0};
	r = lacks_jail(host, ret);
	if (r < 0 || ret->state == KS_FINDING_FAILS)
		return r;
	if (!host->vm.firecracker) {
		r = why_not_say(ret, KS_FINDING_FAILS, -ENOENT, "firecracker",
			"the program firecracker is in none of /usr/bin and /usr/local/bin, as a "
			"file of root's or this user's");
		return r < 0 ? r
			     : why_not_advise(ret,
				       "install a release of Firecracker in /usr/local/bin, or let "
				       "KASTELLAN_FIRECRACKER name it; the backend qemu needs "
				       "none");
	}
	if (!host->vm.kvm) {
		r = why_not_say(ret, KS_FINDING_FAILS, -ENODEV, "kvm",
			"Firecracker needs KVM, and %s",
			host->vm.kvm_reason ? host->vm.kvm_reason : "there is none");
		return r < 0 ? r
			     : why_not_advise(ret,
				       "use a host with virtualisation, as a user who may open "
				       "/dev/kvm (sudo usermod -a -G kvm USER); the backend qemu "
				       "also works without");
	}
	if (is_too_old(host->vm.firecracker_version)) {
		r = why_not_say(ret, KS_FINDING_FAILS, -EOPNOTSUPP, "firecracker",
			"Firecracker %s has no ACPI, without which a distribution's kernel finds "
			"none of its devices",
			host->vm.firecracker_version);
		return r < 0 ? r : why_not_advise(ret, "install Firecracker 1.8 or newer");
	}
	return lacks_kernel(host, ret);
}
