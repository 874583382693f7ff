/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the guest's init, in the order in which guest.c calls them. System calls only. */
#ifndef KS_LINUX_INIT_GUEST_PARTS_H
#define KS_LINUX_INIT_GUEST_PARTS_H

#include <poll.h>
#include <stdbool.h>
#include <sys/types.h>

#include "linux/init/spec_read.h"
#include "vm/channel/frame.h"
#include "vm/channel/outbox.h"

/* Directories of the initramfs. */
#define GUEST_ROOT "/root" /* the worker's root is mounted here */
#define GUEST_SERVED "/served" /* and the tree once more, with nothing mounted on it */
#define GUEST_GROUP "/group" /* control groups */

/* Every descriptor of the guest's own is at least this, so that it lies in nobody's slot. */
#define GUEST_FIRST_FD 64

/* guest_boot.c */

/* Mounts, stdio and modules: afterwards there are ports. */
int guest_boot(struct failure *failure);
/* The port of that name, or of that number where the machine has a vsock; waited for: a
 * non-blocking descriptor, or a failure. */
int guest_port(const char *name, uint32_t number, struct failure *failure);
/* Moves the descriptor out of the way; -1 stays. */
int guest_raise(int fd);

/* guest_timer.c */

/* A failure where nobody could sleep as long as he wants to: then the machine has to start anew. */
int guest_timer_check(struct failure *failure);
/* What it looks at: the text of /proc/timer_list. */
bool guest_timer_fits(const char *list);

/* guest_vsock.c */

/* Whether the machine has a vsock, which is its way to the host then. */
bool guest_vsock_is_there(void);
/* A non-blocking connection to the host, or -1 with errno set. */
int guest_vsock_connect(uint32_t number);

/* guest_setup.c */

/* The time, and random numbers that nobody else has. */
int guest_refresh(const struct channel_setup *setup, struct failure *failure);
/* The worker's control group. Returns a descriptor that is written to for joining it. */
int guest_group_make(const struct channel_setup *setup, struct failure *failure);
void guest_group_usage(struct channel_usage *ret);

/* guest_files.c */

/* Mounts the tree that the other side of the port serves, and starts what forwards its requests. */
int guest_mount_files(int port, const char *where);

/* guest_proc.c */

struct native_root;
/* Covers what the worker's /proc has of this kernel's own, besides what every jail shows. */
int guest_proc_cover(const struct native_root *root, struct failure *failure);

/* guest_root.c */

/* In a mount namespace of its own: makes the worker's root and enters it. files: the tree is
 * mounted at GUEST_ROOT. */
int guest_root_build(const struct spec *spec, bool files, struct failure *failure);

/* guest_network.c: of a machine without a network each does nothing. */

/* Room for so many connections at once, and for all descriptors of them behind own others. */
int guest_network_make(
	uint32_t at_once, size_t own, struct pollfd **ret_watched, struct failure *failure);
/* The network of the spec, where it has one; SLOT_EGRESS then holds its namespace. */
int guest_network_open(const struct spec *spec, struct failure *failure);
/* A frame that is about it; false: it is out of order. */
bool guest_network_take(const struct frame_header *header, const uint8_t *payload);
/* Appends to fds and returns how many there are then. */
size_t guest_network_watch(const struct outbox *outbox, struct pollfd *fds, size_t n);
void guest_network_react(const struct pollfd *fds, struct outbox *outbox);
void guest_network_speak(struct outbox *outbox);
/* Once the worker has ended: whether all that it has sent is under way. */
bool guest_network_is_quiet(void);

/* guest_worker.c */

struct guest_worker {
	pid_t pid; /* of its init */
	int control; /* to its init */
	bool terminal; /* it is given one, whose master its init sends: no streams */
	int streams[3]; /* our ends of its stdin, stdout, stderr, non-blocking; or -1 */
};

/* Starts the init of the worker, which the spec, a sealed memfd, is for; takes the memfd. */
int guest_worker_start(int spec, bool files, struct guest_worker *ret, struct failure *failure);

#endif
