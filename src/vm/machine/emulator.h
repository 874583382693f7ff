/* SPDX-License-Identifier: Apache-2.0 */
/* The emulator's process: started with what is for it alone, and ended with certainty. */
#ifndef KS_VM_MACHINE_EMULATOR_H
#define KS_VM_MACHINE_EMULATOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "linux/init/failure.h"

#define EMULATOR_WORDS 160 /* kept of its last line */

struct emulator {
	pid_t pid;
	int pidfd;
	int complaints; /* what it prints, read without waiting */
	char words[EMULATOR_WORDS]; /* the last line of it, printable */
	size_t n_words;
	bool line_over;
	bool firecracker; /* its exit codes say something */
};

/* channel, monitor: the ends that become its descriptors MACHINE_SLOT_CHANNEL and MACHINE_SLOT_QMP;
 * -1 where it has none. It gets these, the initramfs, the files' socket where it has a channel and,
 * to be restored, the template, and nothing else; it dies with us. Both ends are closed here. */
struct emulator_ends {
	int channel;
	int monitor;
	bool restored;
	bool network; /* its jail has one, which is not for it */
};

int emulator_start(char *const *argv, const struct emulator_ends *ends, struct emulator *ret,
	struct failure *failure);

/* What it has printed meanwhile. */
void emulator_listen(struct emulator *emulator);

/* Waits for its own end, but no longer than that. */
void emulator_await(const struct emulator *emulator, int patience_ms);

/* Kills it where it still runs, and waits for its end. Returns its wait status. */
int emulator_end(struct emulator *emulator);

/* Why it ended by itself, for people. */
void emulator_why(
	const struct emulator *emulator, int status, const char *what, struct failure *failure);

#endif
