/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that no program has a reason for are not refused but end their process, and the outcome
 * names them. Such a call waits in the kernel and is never let go on: its arguments are not looked
 * at, so there is nothing to race for. Without namespaces others wait for an answer: asked.c. */
#include "linux/init/denials.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "linux/control.h"
#include "linux/init/asked.h"
#include "linux/init/message.h"
#include "linux/init/process.h"
#include "linux/control_message.h"

#define REPORT_MAX 64 /* so that a flood of denied processes does not fill the socket */
#define ROOM 512 /* what a future kernel's notification may need */

void denials_init(struct denials *denials)
{
	*denials = (struct denials){.listener = -1, .asking = NULL};
}

/* The process that a thread belongs to; the thread itself where that cannot be told. */
static pid_t process_of(pid_t thread)
{
	uint64_t pid = process_status(thread, "Tgid");

	return pid > 1 ? (pid_t)pid : thread;
}

static void end_process(struct denials *denials, pid_t worker, const struct seccomp_notif *call)
{
	pid_t process = process_of((pid_t)call->pid);
	const struct control_denied denied = {
		.pid = (uint32_t)process, .is_main = process == worker, .arch = call->data.arch};

	/* Still the same thread, so what was read of its pid was about it. If that cannot be told,
	 * nobody is ended by a number: the call is refused to whoever waits. */
	if (!asked_waits(denials->listener, call)) {
		asked_refuse(denials->listener, call);
		return;
	}
	/* The main process has one such end only, and the outcome is about it: worth waiting for.
	 */
	if (denied.is_main) {
		message_send(SLOT_INIT, CONTROL_DENIED, call->data.nr, &denied, sizeof(denied));
	} else if (denials->reported < REPORT_MAX) {
		denials->reported++;
		control_send(
			SLOT_INIT, CONTROL_DENIED, call->data.nr, &denied, sizeof(denied), NULL, 0);
	}
	if (process > 1)
		kill(process, SIGKILL);
}

/* Whoever would wait for an answer that cannot be given is ended, and the outcome names his call.
 */
static bool answered(const struct denials *denials, const struct seccomp_notif *call)
{
	return denials->asking && asked_knows(call) &&
	       asked_answer(denials->asking, denials->listener, process_of((pid_t)call->pid), call);
}

void denials_take(struct denials *denials, pid_t worker, short revents)
{
	union {
		struct seccomp_notif call;
		char room[ROOM];
	} notification;

	if (revents & POLLIN) {
		/* The kernel insists on zeroes. */
		memset(&notification, 0, sizeof(notification));
		if (ioctl(denials->listener, SECCOMP_IOCTL_NOTIF_RECV, &notification) < 0)
			return;
		if (!answered(denials, &notification.call))
			end_process(denials, worker, &notification.call);
		return;
	}
	/* Nobody is left under the filter. */
	close(denials->listener);
	denials->listener = -1;
}
