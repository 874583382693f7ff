/* SPDX-License-Identifier: Apache-2.0 */
#include "machine.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vm/kernel/tsc.h"

#define MARK "KSFCDBL1"
#define ARGUMENT 2048

/* QEMU's program as a file in memory. */
static int unpack(void)
{
	struct {
		uint64_t len;
		char mark[sizeof(MARK) - 1];
	} tail;
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int fd = memfd_create("qemu", MFD_CLOEXEC);
	struct stat st;
	off_t at;

	if (self < 0 || fd < 0 || fstat(self, &st) < 0 ||
		pread(self, &tail, sizeof(tail), st.st_size - (off_t)sizeof(tail)) !=
			sizeof(tail) ||
		memcmp(tail.mark, MARK, sizeof(tail.mark)) != 0)
		return -1;
	at = st.st_size - (off_t)(sizeof(tail) + tail.len);
	for (off_t end = at + (off_t)tail.len; at < end;)
		if (sendfile(fd, self, &at, (size_t)(end - at)) <= 0)
			return -1;
	close(self);
	return fd;
}

static void __attribute__((noreturn)) child(int program, const char **argv, pid_t parent)
{
	char *const no_environment[] = {NULL};

	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == 0 && getppid() == parent)
		execveat(program, "", (char *const *)argv, no_environment, AT_EMPTY_PATH);
	perror("Error: the double's QEMU");
	_exit(1);
}

pid_t machine_start(const struct machine *machine)
{
	char memory[64], object[128], words[ARGUMENT], chardev[64];
	const char *argv[] = {"qemu-system-x86_64", "-M",
		"microvm,acpi=on,rtc=on,pit=off,pic=off,isa-serial=on,pcie=off,usb=off,"
		"auto-kernel-cmdline=off,memory-backend=ram",
		"-object", object, "-m", memory, "-smp", "1", "-accel",
		"tcg,thread=single,tb-size=64", "-cpu", "max,erms=off,fsrm=off", "-nodefaults",
		"-no-user-config", "-nographic", "-no-reboot", "-monitor", "none", "-bios",
		"/usr/share/qemu/qboot.rom", "-kernel", machine->kernel, "-append", words,
		"-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console", "-global",
		"virtio-mmio.force-legacy=false", "-chardev", chardev, "-device",
		"vhost-user-vsock-device,chardev=vsock", "-device", "virtio-rng-device",
		machine->initrd ? "-initrd" : NULL, machine->initrd, NULL};
	int program = unpack();
	pid_t parent = getpid();
	pid_t pid;

	if (program < 0) {
		fprintf(stderr, "Error: the double has no QEMU in it\n");
		return -1;
	}
	snprintf(memory, sizeof(memory), "%lld", machine->memory_mib);
	snprintf(object, sizeof(object), "memory-backend-memfd,id=ram,size=%lldM,share=on",
		machine->memory_mib);
	snprintf(chardev, sizeof(chardev), "socket,id=vsock,fd=%d", machine->vsock);
	/* Emulated, the kernel has to be told the rate of the counter, or it waits for ever. */
	snprintf(words, sizeof(words), "%s tsc_early_khz=%u tsc=reliable", machine->words,
		tsc_measure_khz());
	fcntl(machine->vsock, F_SETFD, 0);
	pid = fork();
	if (pid == 0)
		child(program, argv, parent);
	close(program);
	close(machine->vsock);
	return pid;
}
