/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's standard streams: from what the caller asked for to descriptors. */
#ifndef KS_SUPERVISE_STDIO_H
#define KS_SUPERVISE_STDIO_H

#include <stdbool.h>

#include <kastellan/run.h>

struct stdio_ends {
	int worker[3]; /* for the worker; owned here, closed once it has started */
	int caller[3]; /* our end of a pipe, or -1 */
};

#define STDIO_ENDS_NONE ((struct stdio_ends){{-1, -1, -1}, {-1, -1, -1}})

/* Opens what is asked. Everything is close-on-exec. may_connect: nothing but the network around it
 * keeps the worker from connecting a socket. Returns 0, or -errno with nothing open; -EINVAL for a
 * stream that would be a way out of the jail. */
int stdio_open(const struct ks_run_options *options, bool may_connect, struct stdio_ends *ret,
	ks_error **reterr);
void stdio_close_worker(struct stdio_ends *ends);
void stdio_close(struct stdio_ends *ends);

#endif
