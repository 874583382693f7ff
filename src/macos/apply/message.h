/* SPDX-License-Identifier: Apache-2.0 */
/* What the library and kastellan-warden say to one another over their stream, after the order:
 *
 *   caller's process                        kastellan-warden            the worker
 *     jail.c   -- order, SIGNAL, KILL -->     warden.c   -- fork, exec -->  sandbox-exec, program
 *              <- STARTED | FAILED, ENDED -   watches its tree              or container run
 *
 * Where the worker has an egress proxy, the warden says WAITS before it makes the worker, and goes
 * on at GO.
 *
 * The end of the stream is an order, too: to end everything. So is the end of the caller's process.
 */
#ifndef KS_MACOS_APPLY_MESSAGE_H
#define KS_MACOS_APPLY_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "base/bounds.h"

enum message_kind {
	MESSAGE_STARTED = 1, /* the program runs, confined */
	MESSAGE_FAILED, /* it never ran: value is an errno value, step and text are set; error is
			 * one where not all that was made by then is gone */
	MESSAGE_ENDED, /* value is the wait status; with what was used. Everything is gone, or error
			* is an errno value, and step and text say what is not */
	MESSAGE_SIGNAL, /* to the warden: send signal `value` */
	MESSAGE_KILL,
	MESSAGE_WAITS, /* from the warden: directories are there, and it waits for a proxy */
	MESSAGE_GO /* to the warden: there is one */
};

struct message {
	uint32_t kind;
	int32_t value;
	int32_t error;
	uint32_t verdict; /* enum watch_verdict: the limit that ended it */
	uint64_t cpu_usec;
	uint64_t memory_peak;
	uint64_t tasks_peak;
	char step[24];
	char text[KS_MAX_STEP_TEXT];
};

/* Sends or receives a whole one. 0, -EPIPE at the end of the stream, or -errno. */
int message_send(int fd, const struct message *message);
int message_receive(int fd, struct message *ret_message);

/* Any bytes, all of them; as above. */
int bytes_send(int fd, const void *bytes, size_t len);
int bytes_receive(int fd, void *bytes, size_t len);

#endif
