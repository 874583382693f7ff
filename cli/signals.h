/* SPDX-License-Identifier: Apache-2.0 */
/* The signals that `kastellan run` hands on to the worker, as a descriptor to be polled. */
#ifndef KS_CLI_SIGNALS_H
#define KS_CLI_SIGNALS_H

/* For a list of them. */
#define SIGNALS_FORWARDED SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, SIGQUIT

/* From now on they are taken in and not acted on; call before the spawn, so that none is lost.
 * Returns the descriptor, or -errno. */
int signals_open(void);

/* The next one that has come, or 0. */
int signals_next(int fd);

#endif
