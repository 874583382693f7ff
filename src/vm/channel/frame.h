/* SPDX-License-Identifier: Apache-2.0 */
/* What a micro-VM's guest and kastellan-vm say to each other, over a pipe of bytes (a virtio-serial
 * port, or a vsock): frames of a header and at most FRAME_MAX_PAYLOAD bytes.
 *
 *   kastellan-vm                            guest (kastellan-init as /init)
 *                          <-  HELLO        it is up; a snapshot is taken here
 *   SETUP, SPEC...         ->               who the worker is, what it may; seed and time
 *                          <-  CONTROL      ARMED where it is to wait, READY, STARTED, DENIED,
 *                                           FAILED, EXIT: as init says
 *   CONTROL                ->               GO, SIGNAL, WINSIZE, KILL: as init is told
 *   DATA, EOF, WINDOW, RESET  <->           one stream each way for stdin, stdout, stderr
 *                          <-  OPEN         a connection of the worker's, and where it leads
 *   DATA, EOF, WINDOW, CLOSE  <->           of a connection: both ways, until each side has closed
 *                          <-  ASK          a question of the worker's to whoever answers names
 *   ANSWER                 ->
 *                          <-  USAGE        once, behind all DATA and before CONTROL's EXIT
 *
 * CONTROL carries a struct control_header and its data (control_message.h), never a descriptor.
 * DATA is lent: of each stream no more than its window may be under way, and WINDOW gives back what
 * the receiver has passed on, so that a reader who stalls holds up its own stream alone. RESET says
 * that nobody takes a stream's bytes any more; EOF that none will come.
 *
 * Connections are there only where SETUP has room for some (connection.h). kastellan-vm connects
 * each to the very address, in a network whose every address leads to the egress proxy: what may be
 * reached is decided there, as for a worker without a machine.
 *
 * The guest is hostile: what it sends passes judge.h before anything is made of it. Pure. */
#ifndef KS_VM_CHANNEL_FRAME_H
#define KS_VM_CHANNEL_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bounds.h"

#define FRAME_HEADER 8 /* u32 len, u8 type, u8 flags, u16 stream; little endian */
#define FRAME_MAX_PAYLOAD 65536
#define CHANNEL_VERSION 2u

#define WINDOW_OUT 1048576u /* bytes under way from the guest, each stream */
#define WINDOW_IN 262144u /* bytes under way to it */
#define WINDOW_NET 65536u /* bytes under way of a connection, each way */

/* Names of the virtio-serial ports, and numbers of the host's ports where it is a vsock. */
#define CHANNEL_PORT "ctl"
#define FILES_PORT "files"
#define CHANNEL_NUMBER 1024u
#define FILES_NUMBER 1025u

enum frame_type {
	FRAME_HELLO = 1, /* u32: CHANNEL_VERSION */
	FRAME_SETUP, /* struct channel_setup */
	FRAME_SPEC, /* part of a spec (linux/spec.h); all but the last have FRAME_MORE */
	FRAME_CONTROL, /* struct control_header, data */
	FRAME_DATA,
	FRAME_EOF,
	FRAME_WINDOW, /* u32: bytes that may be sent on top */
	FRAME_RESET,
	FRAME_USAGE, /* struct channel_usage */
	FRAME_OPEN, /* struct channel_place */
	FRAME_CLOSE, /* the last of a connection from this side */
	FRAME_ASK, /* struct channel_place, a datagram */
	FRAME_ANSWER, /* the same */
	FRAME_TYPES,
};

enum frame_flag {
	FRAME_MORE = 1 << 0,
	FRAME_CUT = 1 << 1, /* it did not end, but was reset */
};

enum frame_stream {
	STREAM_SESSION = 0, /* what belongs to no stream */
	STREAM_STDIN, /* to the guest */
	STREAM_STDOUT, /* from the guest, as the next */
	STREAM_STDERR,
	STREAMS,
};

/* Streams from here on are connections; the guest chooses among those that are free. More than the
 * policy allows fit for a moment: the proxy is to see and to refuse them. */
#define CONNECTION_FIRST 16u
#define CONNECTION_SLACK 64u
#define CONNECTIONS_MAX (KS_MAX_EGRESS_CONNECTIONS + CONNECTION_SLACK)
#define QUESTIONS 64u /* that wait for an answer; a newer one takes the place of the oldest */
#define DATAGRAM_MAX 4096u /* of a question or an answer */

struct frame_header {
	uint32_t len; /* of the payload */
	uint8_t type;
	uint8_t flags;
	uint16_t stream;
};

enum {
	SETUP_FILES = 1 << 0, /* there is a port "files", and its tree is the root */
	SETUP_WAIT =
		1 << 1, /* no SPEC follows yet: the guest answers ARMED once all is made. A second
			   SETUP then comes with the SPEC, for its seed and time alone */
};

/* What the guest alone has to know. In the byte order of the machine, which is the guest's too. */
struct channel_setup {
	uint8_t seed[32]; /* for the kernel's random numbers: a restored guest has old ones */
	int64_t seconds; /* the time, since 1970 */
	uint32_t nanoseconds;
	uint32_t flags; /* SETUP_* */
	uint64_t memory_bytes; /* of the worker's control group in the guest; 0: no limit */
	uint32_t tasks; /* 0: no limit */
	uint32_t cpu_quota_pct; /* 0: no limit */
	uint32_t connections; /* at once; 0: there is no network */
	uint32_t zero;
};

/* Where something is sent to. */
struct channel_place {
	uint8_t address[16]; /* IPv4 as a mapped one; of an answer nothing */
	uint16_t port; /* in the byte order of the machine */
	uint16_t number; /* of a question and its answer, below QUESTIONS */
};

/* Of the worker's control group in the guest, at its end. */
struct channel_usage {
	uint64_t cpu_usec;
	uint64_t memory_peak_bytes;
	uint64_t tasks_peak; /* 0: the guest's kernel does not count them */
	uint64_t oom_kills;
	uint64_t tasks_refused;
};

enum frame_way { TO_HOST = 1, TO_GUEST = 2 };

void frame_encode(const struct frame_header *header, uint8_t ret[FRAME_HEADER]);
void frame_decode(const uint8_t bytes[FRAME_HEADER], struct frame_header *ret);

/* What a header alone tells: NULL, or why there is no such frame, as words for people. */
const char *frame_fault(const struct frame_header *header, enum frame_way way);

const char *frame_name(unsigned type); /* "DATA"; "unknown" */

#endif
