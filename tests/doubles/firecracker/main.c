/* SPDX-License-Identifier: Apache-2.0 */
/* A test double of Firecracker, for hosts without KVM. It takes Firecracker's command line and its
 * configuration, and nothing else; it boots what that names, in an emulated machine with the
 * devices that Firecracker has (virtio over MMIO, found by ACPI: a vsock and an entropy device; one
 * serial port on stdout; and none besides), and treats the guest's connections as Firecracker does.
 * It ends with Firecracker's exit codes.
 *
 * It is not Firecracker: its processor is QEMU's, and nothing of KVM, of Firecracker's filters or
 * of its boot protocol is tried with it. Of /dev/kvm it asks only that it can be opened. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arguments.h"
#include "machine.h"
#include "muxer.h"
#include "schema.h"

#define VERSION "1.12.0-test-double"

/* vmm/src/lib.rs: FcExitCode. */
enum { EXIT_OK = 0, EXIT_GENERIC = 1, EXIT_ARGUMENTS = 153 };

static struct vhost vhost;
static struct muxer muxer;

static int __attribute__((format(printf, 2, 3))) say(int code, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	fputs("Error: ", stderr);
	vfprintf(stderr, format, list);
	fputc('\n', stderr);
	va_end(list);
	return code;
}

static const char *text_of(const json_t *json, const char *object, const char *name)
{
	return json_string_value(json_object_get(json_object_get(json, object), name));
}

static long long number_of(const json_t *json, const char *object, const char *name)
{
	return json_integer_value(json_object_get(json_object_get(json, object), name));
}

/* An ELF file, as the original boots nothing else. */
static bool is_kernel(const char *path)
{
	char mark[4] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool fits = fd >= 0 && read(fd, mark, 4) == 4 && memcmp(mark, "\177ELF", 4) == 0;

	if (fd >= 0)
		close(fd);
	return fits;
}

static bool can_open(const char *path, int flags, bool device)
{
	struct stat st;
	int fd = open(path, flags | O_CLOEXEC, 0600);
	bool fits = fd >= 0 && fstat(fd, &st) == 0 && (!device || S_ISCHR(st.st_mode));

	if (fd >= 0)
		close(fd);
	return fits;
}

/* Where connections of the host's would arrive; that it can be made is what counts here. */
static int bind_host_side(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, strlen(path));
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return listen(fd, 1) < 0 ? -1 : fd;
}

static void drain(int fd)
{
	uint64_t count;

	(void)!read(fd, &count, sizeof(count));
}

/* Until QEMU hangs up: its end is what ends the machine. */
static void serve(void)
{
	for (;;) {
		struct pollfd fds[1 + QUEUES + MUXER_CONNECTIONS];

		fds[0] = (struct pollfd){vhost.front, POLLIN, 0};
		for (int i = 0; i < QUEUES; i++)
			fds[1 + i] = (struct pollfd){vhost.queues[i].kick, POLLIN, 0};
		muxer_watch(&muxer, &vhost, fds + 1 + QUEUES);
		if (poll(fds, sizeof(fds) / sizeof(fds[0]), -1) < 0 && errno != EINTR)
			return;
		if (fds[0].revents && !vhost_serve(&vhost))
			return;
		for (int i = 0; i < QUEUES; i++)
			if (fds[1 + i].revents & POLLIN && vhost.queues[i].kick == fds[1 + i].fd)
				drain(fds[1 + i].fd);
		if (vhost.queues[QUEUE_FROM_GUEST].kick >= 0)
			muxer_react(&muxer, &vhost, fds + 1 + QUEUES);
	}
}

static int run(const json_t *json)
{
	const char *uds = text_of(json, "vsock", "uds_path");
	struct machine machine = {.kernel = text_of(json, "boot-source", "kernel_image_path"),
		.initrd = text_of(json, "boot-source", "initrd_path"),
		.words = text_of(json, "boot-source", "boot_args"),
		.memory_mib = number_of(json, "machine-config", "mem_size_mib")};
	int status = 0;
	int pair[2];
	pid_t pid;

	if (!is_kernel(machine.kernel))
		return say(EXIT_GENERIC, "StartMicroVM(KernelLoader(%s))", machine.kernel);
	if (machine.initrd && !can_open(machine.initrd, O_RDONLY, false))
		return say(EXIT_GENERIC, "StartMicroVM(InitrdLoad(%s))", machine.initrd);
	if (!can_open("/dev/kvm", O_RDWR, true))
		return say(EXIT_GENERIC, "StartMicroVM(Kvm(%s))", strerror(errno));
	if (bind_host_side(uds) < 0)
		return say(EXIT_GENERIC, "CreateVsockBackend(UnixBind(%s))", strerror(errno));
	if (!machine.words || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return say(EXIT_GENERIC, "StartMicroVM(%s)", "no boot_args");
	machine.vsock = pair[1];
	vhost = (struct vhost){
		.front = pair[0], .cid = (uint64_t)number_of(json, "vsock", "guest_cid")};
	for (int i = 0; i < QUEUES; i++)
		vhost.queues[i].kick = vhost.queues[i].call = -1;
	muxer_init(&muxer, uds, vhost.cid);
	pid = machine_start(&machine);
	if (pid < 0)
		return EXIT_GENERIC;
	serve();
	/* What it serves is over; a machine that goes on without it is of no use. */
	close(vhost.front);
	kill(pid, SIGTERM);
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status))
		return say(EXIT_GENERIC, "the double's QEMU ended with status %d", status);
	return EXIT_OK;
}

int main(int argc, char **argv)
{
	struct arguments arguments;
	char room[256];
	const char *fault = arguments_read(argv, &arguments, room, sizeof(room));
	json_error_t error;
	json_t *json;

	(void)argc;
	if (fault)
		return say(EXIT_ARGUMENTS, "%s", fault);
	if (arguments.version) {
		printf("Firecracker v%s\n\n", VERSION);
		return EXIT_OK;
	}
	if (!arguments.no_api)
		return say(EXIT_GENERIC, "the double has no API: --no-api is needed");
	if (arguments.log_path && !can_open(arguments.log_path, O_WRONLY | O_CREAT, false))
		return say(EXIT_GENERIC, "LoggerInitialization(%s)", strerror(errno));
	json = json_load_file(arguments.config_file, JSON_REJECT_DUPLICATES, &error);
	if (!json)
		return say(EXIT_GENERIC, "ParseFromJson(InvalidJson(%s))", error.text);
	fault = schema_fault(json);
	if (fault)
		return say(EXIT_GENERIC, "ParseFromJson(InvalidJson(unknown or wrong field `%s`))",
			fault);
	return run(json);
}
