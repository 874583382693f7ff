/* SPDX-License-Identifier: Apache-2.0 */
/* kastellan-warden: the process between the caller and one worker on macOS, where no kernel ends a
 * tree of processes with its supervisor or limits it.
 *
 * Should: be there before anything exists that would have to be removed; outlive the caller, and
 * end everything then; look at the worker's tree again and again. Must not: tell that the worker
 * has started before its program runs under the profile; read what the worker writes; leave
 * anything behind, whatever fails. It has one thread and no handlers, so that a fork of it may do
 * as it likes.
 */
#ifndef KS_MACOS_WARDEN_H
#define KS_MACOS_WARDEN_H

#include <poll.h>

#include "macos/apply/message.h"
#include "macos/apply/order.h"
#include "watch/watch.h"

/* Its descriptors, above those of the worker. */
#define WARDEN_CONTROL 3 /* its stream */
#define WARDEN_RECORD 4 /* of the worker, which it writes; locked, as long as it lives */

/* The caller's stdin for a virtual machine, through a pipe: its command sets what it reads from to
 * non-blocking, which would be the caller's own file. */
struct relay {
	int in; /* -1 = at its end */
	int out; /* likewise */
	size_t at;
	size_t len;
	char bytes[32768];
};

struct warden {
	char *bytes; /* of the order */
	struct order order;
	int parent_end;
	int worker_end;
	pid_t worker; /* also its session and group; 0 = none that has not been waited for */
	int status;
	bool began; /* the order was heard, and what it makes may be there */
	struct watch watch;
	enum watch_verdict verdict;
	struct relay relay;
	uint64_t cpu_usec; /* as the kernel counted it for the worker and those it has waited for */
};

#define FOR_MACHINE(warden) ((warden)->order.numbers.machine == 1)

/* Fills a report of a failure, and returns -code. text may be NULL. */
int warden_fail(struct message *failure, const char *step, int code, const char *text);

/* From the order to a running program. 0, or -errno with *failure. */
int warden_start(struct warden *warden, struct message *failure);
/* Whether the caller is gone, or wants an end. */
bool warden_is_left(const struct warden *warden);

/* Until the worker has ended and been waited for. */
void warden_run(struct warden *warden);

/* Ends all that the worker is. 0, or -errno where something lives on. */
int warden_end(struct warden *warden);
/* The same once it has ended by itself; removes the machine and the directory. 0, or -errno with
 * *report. */
int warden_clean(struct warden *warden, struct message *report);
/* Waits for the worker, which has ended or is about to. */
void warden_reap(struct warden *warden);

/* Whether the worker has ended; it is not waited for. */
bool warden_has_ended(const struct warden *warden);

/* The machine: whether it exists; sends it a signal. */
bool machine_exists(const struct warden *warden);
void machine_signal(const struct warden *warden, int signal);

#define RELAY_FDS 2
void relay_poll(const struct relay *relay, struct pollfd fds[RELAY_FDS]);
void relay_move(struct relay *relay, const struct pollfd fds[RELAY_FDS]);
void relay_close(struct relay *relay);

#endif
