/* SPDX-License-Identifier: Apache-2.0 */
/* The worker of the kill suite: holds on to life in every way that a process has.
 *
 *   worker MILLISECONDS [PORT]
 *
 * It ignores what can be ignored, asks not to be told of its parent's end, leaves a grandchild in a
 * session of its own, keeps files and shared memory, and makes and ends processes (and connections
 * to the loopback's PORT) until its time is over; then it ends with 7. Its children stay. */
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void hold_on(void)
{
	for (int number = 1; number < NSIG; number++)
		if (number != SIGCHLD)
			signal(number, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, 0);
}

static void stay(void)
{
	for (;;)
		pause();
}

/* Its parent ends at once, and its session is another one. */
static void leave_a_survivor(void)
{
	pid_t child = fork();

	if (child == 0) {
		setsid();
		if (fork() == 0) {
			hold_on();
			setsid();
			stay();
		}
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

static void leave_files(void)
{
	const char *directory = getenv("TMPDIR");
	char *shared = mmap(
		NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd;

	if (shared != MAP_FAILED)
		shared[0] = 1;
	if (chdir(directory ? directory : "/tmp") != 0)
		return;
	fd = open("kastellan-kill-file", O_RDWR | O_CREAT, 0600);
	if (fd >= 0 && ftruncate(fd, 1 << 16) == 0)
		unlink("kastellan-kill-none");
}

static void connect_once(int port)
{
	const struct sockaddr_in place = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char byte;

	if (fd >= 0 && connect(fd, (const struct sockaddr *)&place, sizeof(place)) == 0 &&
		read(fd, &byte, 1) == 1)
		write(fd, &byte, 1);
	close(fd);
}

int main(int argc, char **argv)
{
	long end = now_ms() + (argc > 1 ? atol(argv[1]) : 0);
	int port = argc > 2 ? atoi(argv[2]) : 0;

	hold_on();
	leave_files();
	leave_a_survivor();
	if (fork() == 0)
		stay();
	while (now_ms() < end) {
		struct timespec pause = {.tv_nsec = 2000000};
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		if (port)
			connect_once(port);
		if (child > 0)
			waitpid(child, NULL, 0);
		nanosleep(&pause, NULL);
	}
	return 7;
}
