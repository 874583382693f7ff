/* SPDX-License-Identifier: Apache-2.0 */
/* `kastellan run` may be in a program that starts faster than the command, and can less: cli/front.
 * There these become the command itself, which starts anew with the same words; what they are asked
 * about has not happened yet then. In the command they do nothing. */
#ifndef KS_CLI_HAND_OVER_H
#define KS_CLI_HAND_OVER_H

#include "cli/options.h"

/* Once, with what main() was given. */
void hand_over_words(char **argv);

/* In every case: it cannot be done here, or is to be said by the command. */
void hand_over(void);

/* Where the policy is in a file that cannot be read twice. */
void hand_over_policy(const char *path);

/* Where the backend needs what only the command can load. */
void hand_over_backend(ks_backend *backend);

#endif
