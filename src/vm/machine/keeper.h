/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of kastellan-vm's loop. One object, for the one VM. */
#ifndef KS_VM_MACHINE_KEEPER_H
#define KS_VM_MACHINE_KEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "linux/control.h"
#include "linux/control_message.h"
#include "linux/init/failure.h"
#include "vm/channel/inbox.h"
#include "vm/channel/judge.h"
#include "vm/channel/outbox.h"
#include "vm/channel/stream.h"
#include "vm/machine/emulator.h"
#include "vm/machine/network.h"
#include "vm/machine/order.h"
#include "vm/machine/pulse.h"
#include "vm/machine/vsock.h"

enum keeper_state {
	KEEPER_RUNS,
	KEEPER_DRAINS, /* the worker has ended and the VM with it; its last bytes are passed on */
	KEEPER_DONE,
};

struct keeper {
	enum keeper_state state;
	int channel; /* to the guest; -1 before it has come by the vsock */
	struct vsock vsock;
	int monitor; /* of the emulator; -1 without one */
	struct emulator emulator;
	struct pulse pulse; /* of the guest, until it has said something */
	struct judge judge;
	struct inbox inbox;
	struct outbox outbox;
	struct source input;
	struct sink output[2]; /* stdout, stderr */
	struct network network;
	struct pollfd *watched; /* room for all that there can be */
	const struct machine_order *order;
	const char *spec; /* to be sent */
	size_t spec_left;
	bool has_files; /* the machine has a port for them */
	bool late; /* its program has not come yet */
	bool set_up; /* SETUP is sent, with a late one that which comes before the SPEC */
	int64_t deadline; /* of a VM that was told to end its worker; once that has ended, of what
			     its connections still hold; 0: none */
	struct channel_usage usage;
	struct control_usage used;
	int status;
	struct failure failure; /* code 0: none */
};

/* relay.c: what goes on between the supervisor and the guest. */

/* SETUP and SPEC, as far as there is room. */
void relay_specification(struct keeper *keeper);
/* A message of the supervisor's to the guest. */
void relay_down(struct keeper *keeper);
/* A CONTROL frame that the judge has passed. */
void relay_up(struct keeper *keeper, const struct judge_control *control);
/* Tells the supervisor how it ended. */
void relay_end(struct keeper *keeper);

/* program.c: what the worker is, and its stdio. */

/* Maps a whole descriptor and closes it; text of at most max bytes. 0, or why not is in the
 * failure. */
int program_text(int fd, size_t max, char **ret_text, size_t *ret_len, struct failure *failure,
	const char *what);
/* 0, 1 and 2 become the streams. From here on nothing has to be opened any more. */
int program_streams(struct keeper *keeper, struct failure *failure);
/* PROGRAM, for a machine that waits for it. Takes the descriptors. */
void program_take(struct keeper *keeper, struct control_message *message);

/* The VM is of no use any more: why. */
void keeper_fail(struct keeper *keeper, int code, const char *step, const char *detail);

/* keeper.c */

/* Why a guest that has said nothing yet will not do so any more, or NULL. */
const char *keeper_feel(struct keeper *keeper);
/* The emulator has hung up: its wait status, once it has said why. */
int keeper_last(struct keeper *keeper);
/* That it ended by itself before the guest said anything. */
bool keeper_gave_up(const struct keeper *keeper, int status);
/* Until it is done. */
void keeper_run(struct keeper *keeper);
/* How many descriptors it watches at most. */
size_t keeper_most(uint32_t connections);

/* template.c: waits for the guest to be up and writes its snapshot. */
void template_run(struct keeper *keeper);

#endif
