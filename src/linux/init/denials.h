/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_INIT_DENIALS_H
#define KS_LINUX_INIT_DENIALS_H

#include <sys/types.h>

#include "linux/init/spec_read.h"

struct denials {
	int listener; /* of the worker's filter; -1 without one */
	unsigned reported;
	const struct spec *asking; /* without namespaces: calls are answered by it; else NULL */
};

void denials_init(struct denials *denials);

/* Takes one never-legitimate call off the listener, names it to the supervisor and ends the process
 * that made it. revents is what poll() said of the listener. */
void denials_take(struct denials *denials, pid_t worker, short revents);

#endif
