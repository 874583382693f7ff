/* SPDX-License-Identifier: Apache-2.0 */
#include "vm/machine/emulator.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vm/machine/confine.h"
#include "vm/machine/firecracker_exit.h"
#include "vm/machine/order.h"

#define STEP "machine"

/* 0 or an errno. */
static int place(const struct emulator_ends *ends, int output, int report)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0 || dup2(null, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0 ||
		(ends->channel >= 0 && dup2(ends->channel, MACHINE_SLOT_CHANNEL) < 0) ||
		(ends->monitor >= 0 && dup2(ends->monitor, MACHINE_SLOT_QMP) < 0))
		return errno;
	close(MACHINE_SLOT_CONTROL);
	close(MACHINE_SLOT_ORDER);
	close(MACHINE_SLOT_SPEC);
	if (ends->channel < 0) {
		close(MACHINE_SLOT_FILES);
		close(MACHINE_SLOT_CHANNEL);
	}
	if (!ends->restored)
		close(MACHINE_SLOT_TEMPLATE);
	if (ends->monitor < 0)
		close(MACHINE_SLOT_QMP);
	/* The report closes itself; everything else is above the slots. */
	if (syscall(SYS_close_range, MACHINE_SLOT_QMP + 1, report - 1, 0) < 0 ||
		syscall(SYS_close_range, report + 1, ~0u, 0) < 0)
		return errno;
	return 0;
}

static void __attribute__((noreturn))
child(char *const *argv, const struct emulator_ends *ends, int output, int report, pid_t parent)
{
	static char *const no_environment[] = {NULL};
	int code = 0;

	/* Should we die before the call, there is nobody to die with any more. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != parent)
		code = errno ? errno : ESRCH;
	if (!code)
		code = place(ends, output, report);
	if (!code && ends->network)
		code = confine_sockets(ends->channel < 0);
	if (!code) {
		execve(argv[0], argv, no_environment);
		code = errno;
	}
	(void)!write(report, &code, sizeof(code));
	_exit(127);
}

/* Waits until the program runs, or says why it does not. */
static int await_exec(int report, const char *program, struct failure *failure)
{
	int code;
	ssize_t len;

	do {
		len = read(report, &code, sizeof(code));
	} while (len < 0 && errno == EINTR);
	if (len == 0)
		return 0;
	failure_set(failure, len == sizeof(code) ? code : EIO, STEP, program);
	failure_add(failure, " cannot be started");
	return -failure->code;
}

/* Above every slot, so that none is overwritten. */
static int raise_fd(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, MACHINE_FIRST_FD);

	close(fd);
	return high;
}

static int pipe_above(int ret_ends[2])
{
	if (pipe2(ret_ends, O_CLOEXEC) < 0)
		return -errno;
	ret_ends[0] = raise_fd(ret_ends[0]);
	ret_ends[1] = raise_fd(ret_ends[1]);
	return ret_ends[0] < 0 || ret_ends[1] < 0 ? -EMFILE : 0;
}

int emulator_start(char *const *argv, const struct emulator_ends *ends, struct emulator *ret,
	struct failure *failure)
{
	pid_t parent = getpid();
	int output[2] = {-1, -1};
	int report[2] = {-1, -1};
	int r = pipe_above(output);

	if (r == 0)
		r = pipe_above(report);
	if (r < 0)
		return failure_set(failure, -r, STEP, "pipes");
	ret->pid = fork();
	if (ret->pid == 0)
		child(argv, ends, output[1], report[1], parent);
	if (ret->pid < 0)
		return failure_set(failure, errno, STEP, "fork");
	close(output[1]);
	close(report[1]);
	if (ends->channel >= 0)
		close(ends->channel);
	if (ends->monitor >= 0)
		close(ends->monitor);
	ret->complaints = output[0];
	fcntl(ret->complaints, F_SETFL, O_NONBLOCK);
	r = await_exec(report[0], argv[0], failure);
	close(report[0]);
	if (r < 0)
		return r;
	ret->pidfd = (int)syscall(SYS_pidfd_open, ret->pid, 0);
	return ret->pidfd < 0 ? failure_set(failure, errno, STEP, "pidfd_open") : 0;
}

static void keep(struct emulator *emulator, char c)
{
	if (c == '\n') {
		emulator->line_over = true;
		return;
	}
	if (emulator->line_over)
		emulator->n_words = 0;
	emulator->line_over = false;
	if (emulator->n_words + 1 < sizeof(emulator->words))
		emulator->words[emulator->n_words++] = c >= ' ' && c <= '~' ? c : '?';
}

void emulator_listen(struct emulator *emulator)
{
	char text[1024];
	ssize_t len = emulator->complaints < 0 ? -1
					       : read(emulator->complaints, text, sizeof(text));

	for (ssize_t i = 0; i < len; i++)
		keep(emulator, text[i]);
	if (len == 0) {
		close(emulator->complaints);
		emulator->complaints = -1;
	}
}

void emulator_await(const struct emulator *emulator, int patience_ms)
{
	struct pollfd ended = {.fd = emulator->pidfd, .events = POLLIN};

	poll(&ended, 1, patience_ms);
}

int emulator_end(struct emulator *emulator)
{
	int status = 0;

	if (emulator->pid <= 0)
		return 0;
	syscall(SYS_pidfd_send_signal, emulator->pidfd, SIGKILL, NULL, 0);
	while (waitpid(emulator->pid, &status, 0) < 0 && errno == EINTR)
		;
	emulator->pid = 0;
	for (int i = 0; i < 64; i++)
		emulator_listen(emulator);
	return status;
}

static void explain(int status, struct failure *failure)
{
	const char *words = firecracker_exit(status, &failure->code);

	if (!words)
		return;
	failure_add(failure, " (");
	failure_add(failure, words);
	failure_add(failure, ")");
}

void emulator_why(
	const struct emulator *emulator, int status, const char *what, struct failure *failure)
{
	char words[EMULATOR_WORDS + 1] = "";

	failure_set(failure, ECONNRESET, STEP, what);
	if (WIFEXITED(status)) {
		failure_add(failure, ": the emulator exited with status ");
		failure_add_number(failure, (uint64_t)WEXITSTATUS(status));
		if (emulator->firecracker)
			explain(WEXITSTATUS(status), failure);
	} else if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) {
		failure_add(failure, ": the emulator was ended by signal ");
		failure_add_number(failure, (uint64_t)WTERMSIG(status));
	}
	for (size_t i = 0; i < emulator->n_words; i++)
		words[i] = emulator->words[i];
	if (words[0]) {
		failure_add(failure, ": ");
		failure_add(failure, words);
	}
}
