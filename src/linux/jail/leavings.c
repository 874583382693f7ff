/* SPDX-License-Identifier: Apache-2.0 */
/* Places without a lock: whoever empties one has what was in it, and nobody waits for somebody who
 * waits for a process. A lock would also be held for ever in a child of fork(). */
#include "linux/jail/leavings.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "linux/control.h"
#include "linux/jail/parts.h"

static atomic_int places[LEAVINGS_MAX]; /* a descriptor and 1; 0 = free */
static atomic_uint stuck;

static bool put(int pidfd)
{
	for (unsigned i = 0; i < LEAVINGS_MAX; i++) {
		int none = 0;

		if (atomic_compare_exchange_strong(&places[i], &none, pidfd + 1))
			return true;
	}
	return false;
}

bool leavings_ended(int pidfd, int patience_ms)
{
	struct pollfd ended = {.fd = pidfd, .events = POLLIN};
	int r;

	do
		r = poll(&ended, 1, patience_ms);
	while (r < 0 && errno == EINTR);
	return r > 0 && ended.revents;
}

/* By its descriptor: where somebody else has reaped it, its pid may be anybody's. */
static void reap(int pidfd)
{
	siginfo_t info = {0};
	int r;

	do
		r = waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED);
	while (r < 0 && errno == EINTR);
	if (r == 0 && info.si_code == CLD_EXITED && info.si_status == INIT_EXIT_ORPHANED)
		atomic_fetch_add(&stuck, 1);
	close(pidfd);
}

bool leavings_add(int pidfd)
{
	leavings_reap(false);
	return put(pidfd);
}

void leavings_reap(bool wait)
{
	for (unsigned i = 0; i < LEAVINGS_MAX; i++) {
		int pidfd = atomic_exchange(&places[i], 0) - 1;

		if (pidfd < 0)
			continue;
		if (!wait && !leavings_ended(pidfd, 0) && put(pidfd))
			continue;
		if (!leavings_ended(pidfd, MONITOR_PATIENCE_MS))
			syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
		reap(pidfd);
	}
}

unsigned leavings_stuck(void)
{
	return atomic_exchange(&stuck, 0);
}
