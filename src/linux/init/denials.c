/* SPDX-License-Identifier: Apache-2.0 */
/* The calls that no program has a reason for are not refused but end their process, and the outcome
 * names them. A call that is handed over here waits in the kernel and is never let go on: its
 * arguments are not looked at, so there is nothing to race for. */
#include "linux/init/denials.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "linux/control.h"
#include "linux/init/message.h"
#include "linux/init/process.h"
#include "linux/jail/parts.h"

#define REPORT_MAX 64 /* so that a flood of denied processes does not fill the socket */
#define ROOM 512 /* what a future kernel's notification may need */

void denials_init(struct denials *denials)
{
	*denials = (struct denials){.listener = -1};
}

/* The process that a thread belongs to; the thread itself where that cannot be told. */
static pid_t process_of(pid_t thread)
{
	static const char label[] = "\nTgid:";
	char path[sizeof("/proc//status") + NUMBER_TEXT] = "/proc/";
	char text[512];
	const char *found;
	uint64_t pid;

	number_text((uint64_t)thread, path + sizeof("/proc/") - 1);
	memcpy(path + strlen(path), "/status", sizeof("/status"));
	if (read_small_file(AT_FDCWD, path, text, sizeof(text)) <= 0)
		return thread;
	/* The name of the program comes before it, but has its newlines escaped. */
	found = strstr(text, label);
	if (!found)
		return thread;
	found += sizeof(label) - 1;
	while (*found == '\t' || *found == ' ')
		found++;
	pid = parse_number(&found);
	return pid > 1 ? (pid_t)pid : thread;
}

static void end_process(struct denials *denials, pid_t worker, const struct seccomp_notif *call)
{
	pid_t process = process_of((pid_t)call->pid);
	const struct control_denied denied = {
		.pid = (uint32_t)process, .is_main = process == worker, .arch = call->data.arch};

	/* Still the same thread, so what was read of its pid was about it. */
	if (ioctl(denials->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &call->id) < 0)
		return;
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

void denials_take(struct denials *denials, pid_t worker, short revents)
{
	union {
		struct seccomp_notif call;
		char room[ROOM];
	} notification;

	if (revents & POLLIN) {
		/* The kernel insists on zeroes. */
		memset(&notification, 0, sizeof(notification));
		if (ioctl(denials->listener, SECCOMP_IOCTL_NOTIF_RECV, &notification) == 0)
			end_process(denials, worker, &notification.call);
		return;
	}
	/* Nobody is left under the filter. */
	close(denials->listener);
	denials->listener = -1;
}
