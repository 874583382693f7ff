/* SPDX-License-Identifier: Apache-2.0 */
/* How long is waited for what, in one place: whoever waits for another waits for longer than that
 * one may take with all that it waits for itself. In milliseconds. */
#ifndef KS_MACOS_APPLY_PATIENCE_H
#define KS_MACOS_APPLY_PATIENCE_H

#define COMMAND_MS 30000 /* a command of container that removes or lists machines */
#define TELL_MS 3000 /* one that sends a signal */
#define RUN_END_MS 5000 /* for "container run" to see that its machine is gone */
#define TREE_MS 10000 /* a hundred looks at the table of processes, while a tree is ended */
#define DIRECTORY_MS 10000 /* a directory that somebody fills while it is emptied */
#define SWEEP_MS 5000 /* what others have left, before a start; the one that is begun is done */

#define PROGRAM_MS 10000 /* for sandbox-exec to apply its profile and become the program */
#define MACHINE_MS 900000 /* for an image to be fetched, and a machine made of it */

/* Once a second the ends are looked for that nothing has told of. */
#define LOOK_MS 1000

/* A machine is deleted, and listed where that fails. */
#define MACHINE_GONE_MS (2 * COMMAND_MS)
/* From the word to the report of the warden. It may be sending a signal; it removes the machine, or
 * ends the tree, before and after the worker has ended; and then two directories. */
#define WARDEN_END_MS                                                                         \
	(TELL_MS + 2 * (MACHINE_GONE_MS > TREE_MS ? MACHINE_GONE_MS : TREE_MS) + RUN_END_MS + \
		2 * DIRECTORY_MS)
/* The caller's, after which it does the warden's work itself. */
#define WARDEN_PATIENCE_MS (WARDEN_END_MS + 15000)

#endif
