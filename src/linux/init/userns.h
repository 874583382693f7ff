/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_INIT_USERNS_H
#define KS_LINUX_INIT_USERNS_H

#include "linux/spec.h"

/* A user namespace for an id-mapped mount that shows files of `disk` as files of `kernel`, and
 * everybody else's as they are. Returns a descriptor (close-on-exec) or -errno. */
int userns_for(struct spec_ids disk, struct spec_ids kernel);

/* Waits for the process that the last one was made with. It is dying, and no signal tells of it. */
void userns_wait(void);

#endif
