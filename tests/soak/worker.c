/* SPDX-License-Identifier: Apache-2.0 */
/* The worker of the soak: one act, by name, and how it ends. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int __attribute__((noreturn)) spin(void)
{
	for (;;)
		;
}

static int touch_memory(void)
{
	for (;;) {
		char *memory = mmap(
			NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (memory == MAP_FAILED)
			return 9;
		memset(memory, 1, 1 << 20);
	}
}

static int make_children(void)
{
	for (int i = 0; i < 100; i++) {
		pid_t child = fork();

		if (child == 0)
			for (;;)
				pause();
		if (child < 0)
			return errno == EAGAIN ? 4 : 9;
	}
	return 0;
}

static int forbidden_call(void)
{
	return syscall(SYS_mount, "none", "/", "none", 0, NULL) == 0 ? 8 : 9;
}

static int forbidden_write(void)
{
	return open("/etc/passwd", O_WRONLY) >= 0 ? 8 : 3;
}

static int __attribute__((noreturn)) wait_for_ever(void)
{
	for (;;)
		pause();
}

static int __attribute__((noreturn)) ignore_and_wait(void)
{
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_IGN);
	wait_for_ever();
}

/* Its session is another one and its parent is gone, when we end. */
static int leave_a_survivor(void)
{
	pid_t child = fork();

	if (child == 0) {
		setsid();
		if (fork() == 0)
			ignore_and_wait();
		_exit(0);
	}
	return child > 0 ? 5 : 9;
}

static int flood(void)
{
	static char text[1 << 16];

	for (int i = 0; i < 64; i++)
		if (write(STDOUT_FILENO, text, sizeof(text)) < 0)
			return 9;
	return 6;
}

static int signal_itself(void)
{
	return raise(SIGUSR1) == 0 ? 8 : 9;
}

static int nothing(void)
{
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*act)(void);
	} acts[] = {{"nothing", nothing}, {"spin", spin}, {"memory", touch_memory},
		{"children", make_children}, {"call", forbidden_call}, {"write", forbidden_write},
		{"wait", wait_for_ever}, {"stubborn", ignore_and_wait},
		{"survivor", leave_a_survivor}, {"flood", flood}, {"signal", signal_itself}};

	for (size_t i = 0; argc > 1 && i < sizeof(acts) / sizeof(acts[0]); i++)
		if (strcmp(acts[i].name, argv[1]) == 0)
			return acts[i].act();
	return 99;
}
