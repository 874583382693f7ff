/* SPDX-License-Identifier: Apache-2.0 */
/* What a machine could be made of here: an emulator, its firmware, a kernel for the guest. Looking
 * costs a few system calls; nothing is started, and of no file more is read than its head. Should:
 * take only what nobody but root or the caller could have put where it is. */
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "linux/probe/child.h"
#include "linux/probe/parts.h"

#define IMAGE "vmlinuz-"

/* The directory that packages with a kernel were unpacked to, where none is installed; NULL
 * without. Ignored in set-id programs. */
static const char *unpacked_root(void)
{
	const char *root = secure_getenv("KASTELLAN_VM_ROOT");

	return root && root[0] == '/' ? root : NULL;
}

static bool is_well_owned(const struct stat *status)
{
	return (status->st_uid == 0 || status->st_uid == geteuid()) && !(status->st_mode & S_IWOTH);
}

/* 0, or -ENOMEM; *slot stays NULL where none of the files can be used. */
static int take_first(const char *const *paths, size_t n, int mode, char **slot)
{
	for (size_t i = 0; i < n; i++) {
		struct stat status;

		if (stat(paths[i], &status) < 0 || !S_ISREG(status.st_mode) ||
			!is_well_owned(&status) || (status.st_mode & (S_ISUID | S_ISGID)) ||
			access(paths[i], mode) < 0)
			continue;
		*slot = strdup(paths[i]);
		return *slot ? 0 : -ENOMEM;
	}
	return 0;
}

/* Whether the kernel starts it without a loader. What cannot be told is not, and is shown all that
 * it might need. */
static bool is_static(const char *path)
{
	autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf64_Ehdr head;
	Elf64_Phdr part;

	if (fd < 0 || pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
		memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 ||
		head.e_ident[EI_CLASS] != ELFCLASS64 || head.e_phentsize != sizeof(part))
		return false;
	for (unsigned i = 0; i < head.e_phnum; i++) {
		off_t at = (off_t)(head.e_phoff + (uint64_t)i * sizeof(part));

		if (pread(fd, &part, sizeof(part), at) != sizeof(part) || part.p_type == PT_INTERP)
			return false;
	}
	return head.e_phnum > 0;
}

#define TAKE_FIRST(paths, mode, slot) \
	take_first(paths, sizeof(paths) / sizeof((paths)[0]), mode, slot)

static int find_programs(struct host_vm *vm)
{
	static const char *const emulators[] = {"/usr/bin/qemu-system-x86_64",
		"/usr/local/bin/qemu-system-x86_64", "/usr/libexec/qemu-kvm"};
	static const char *const firmware[] = {"/usr/share/qemu/qboot.rom",
		"/usr/share/qboot/bios.bin", "/usr/share/qemu/bios-microvm.bin",
		"/usr/share/seabios/bios-microvm.bin"};
	static const char *const firecrackers[] = {
		"/usr/bin/firecracker", "/usr/local/bin/firecracker"};
	const char *const named[] = {secure_getenv("KASTELLAN_FIRECRACKER")};
	int r = TAKE_FIRST(emulators, X_OK, &vm->qemu);

	if (r == 0)
		r = TAKE_FIRST(firmware, R_OK, &vm->firmware);
	if (r == 0 && named[0] && named[0][0] == '/')
		r = TAKE_FIRST(named, X_OK, &vm->firecracker);
	else if (r == 0)
		r = TAKE_FIRST(firecrackers, X_OK, &vm->firecracker);
	vm->firecracker_static = vm->firecracker && is_static(vm->firecracker);
	return r;
}

static int format(char **slot, const char *pattern, const char *a, const char *b, const char *c)
{
	free(*slot);
	if (asprintf(slot, pattern, a, b, c) < 0) {
		*slot = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* Kernels for clouds first: they have what a machine has, and boot sooner. Then the newest. */
static bool is_better(const char *release, const char *than)
{
	bool cloud = strstr(release, "cloud") != NULL;
	bool other = strstr(than, "cloud") != NULL;

	return cloud != other ? cloud : strverscmp(release, than) > 0;
}

/* Where a distribution keeps the modules of a release; false where it has none. */
static bool find_modules(const char *root, const char *release, char path[PATH_MAX])
{
	static const char *const places[] = {"/lib/modules", "/usr/lib/modules"};
	struct stat status;

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		int len = snprintf(path, PATH_MAX, "%s%s/%s", root, places[i], release);

		if (len < PATH_MAX && stat(path, &status) == 0 && S_ISDIR(status.st_mode) &&
			is_well_owned(&status))
			return true;
	}
	return false;
}

static int refuse_image(struct host_vm *vm, const char *directory, const char *name)
{
	return format(&vm->kernel_reason, "%s/%s%s", directory, name,
		errno == EACCES ? " may not be read by this user"
				: " has no modules beside it, belongs to somebody else, or may be "
				  "written by everybody");
}

static int consider_image(
	struct host_vm *vm, const char *root, const char *directory, const char *name)
{
	const char *release = name + sizeof(IMAGE) - 1;
	char modules[PATH_MAX];
	autofree char *path = NULL;
	struct stat status;
	int r = format(&path, "%s/%s%s", directory, name, "");

	if (r < 0 || (vm->kernel_release && !is_better(release, vm->kernel_release)))
		return r;
	if (stat(path, &status) < 0 || !S_ISREG(status.st_mode))
		return 0;
	errno = 0;
	if (access(path, R_OK) < 0 || !is_well_owned(&status) ||
		!find_modules(root, release, modules))
		return refuse_image(vm, directory, name);
	r = format(&vm->kernel, "%s%s%s", path, "", "");
	if (r == 0)
		r = format(&vm->kernel_release, "%s%s%s", release, "", "");
	return r < 0 ? r : format(&vm->modules, "%s%s%s", modules, "", "");
}

static int find_kernel(struct host_vm *vm)
{
	const char *root = unpacked_root();
	autofree char *directory = NULL;
	int r = format(&directory, "%s%s%s", root ? root : "", "/boot", "");
	DIR *list = r < 0 ? NULL : opendir(directory);

	for (struct dirent *entry; r == 0 && list && (entry = readdir(list));)
		if (strncmp(entry->d_name, IMAGE, sizeof(IMAGE) - 1) == 0)
			r = consider_image(vm, root ? root : "", directory, entry->d_name);
	if (list)
		closedir(list);
	return r;
}

/* Directories where an emulator has its libraries and data, each once and by its real name. */
static int find_shown(struct host_vm *vm)
{
	static const char *const places[] = {"/usr/lib/x86_64-linux-gnu", "/usr/lib64",
		"/lib/x86_64-linux-gnu", "/lib64", "/usr/share/qemu", "/usr/share/seabios"};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof(places) / sizeof(places[0]); i++) {
		autofree char *real = realpath(places[i], NULL);
		struct stat status;

		if (!real || strcmp(real, places[i]) != 0 || stat(real, &status) < 0 ||
			!S_ISDIR(status.st_mode))
			continue;
		autofree char *before = vm->shown;

		vm->shown = NULL;
		r = format(&vm->shown, "%s%s%s", before ? before : "", before ? ":" : "", real);
	}
	return r;
}

/* Why not, or NULL. The machine's process is the caller without its groups or, of a privileged
 * caller, somebody who owns nothing. */
static const char *kvm_refusal(const struct ks_host *host)
{
	autofd int fd = -1;
	struct stat status;

	if (secure_getenv("KASTELLAN_NO_KVM"))
		return "KASTELLAN_NO_KVM is set";
	if (stat("/dev/kvm", &status) < 0 || !S_ISCHR(status.st_mode))
		return "there is no /dev/kvm";
	if (host->privileged && (status.st_mode & (S_IROTH | S_IWOTH)) != (S_IROTH | S_IWOTH))
		return "/dev/kvm is not open to everybody, and the machine of a privileged caller "
		       "is nobody's";
	fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return NULL;
	return errno == EACCES ? "/dev/kvm may not be opened by this user"
			       : "/dev/kvm cannot be opened";
}

static int find_kvm(struct ks_host *host)
{
	const char *reason = kvm_refusal(host);

	host->vm.kvm = !reason;
	if (!reason)
		return 0;
	host->vm.kvm_reason = strdup(reason);
	return host->vm.kvm_reason ? 0 : -ENOMEM;
}

/* Why every guest is booted, or NULL. */
static const char *template_refusal(const struct ks_host *host)
{
	if (secure_getenv("KASTELLAN_NO_TEMPLATE"))
		return "KASTELLAN_NO_TEMPLATE is set";
	return host->vm.kvm ? "with KVM a boot is short, and nobody has tried a template" : NULL;
}

static int find_templates(struct ks_host *host)
{
	const char *reason = template_refusal(host);

	host->vm.templates = !reason;
	if (!reason)
		return 0;
	host->vm.templates_reason = strdup(reason);
	return host->vm.templates_reason ? 0 : -ENOMEM;
}

int probe_vm(struct ks_host *host)
{
	int r = find_programs(&host->vm);

	/* Whoever has no machine needs no kernel for one. */
	if (r < 0 || (!host->vm.qemu && !host->vm.firecracker))
		return r;
	r = find_kernel(&host->vm);
	if (r == 0)
		r = find_shown(&host->vm);
	if (r == 0)
		r = find_kvm(host);
	return r < 0 ? r : find_templates(host);
}

/* "QEMU emulator version 7.2.22 (Debian ...)", "Firecracker v1.7.0". */
static int ask_version(const char *program, const char *before, char **slot)
{
	const char *const argv[] = {program, "--version", NULL};
	char text[256];
	char *word;

	if (!program || probe_run(program, argv, 0, text, sizeof(text)) != 0)
		return 0;
	word = strstr(text, before);
	if (!word)
		return 0;
	word += strlen(before);
	word[strspn(word, "0123456789.-abcdefghijklmnopqrstuvwxyz")] = '\0';
	*slot = strdup(word);
	return *slot ? 0 : -ENOMEM;
}

int probe_vm_try(struct ks_host *host)
{
	struct host_vm *vm = &host->vm;
	int r = ask_version(vm->qemu, "version ", &vm->qemu_version);

	if (r == 0)
		r = ask_version(vm->firecracker, "Firecracker v", &vm->firecracker_version);
	return r;
}
