/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_LINUX_INIT_TERMINAL_H
#define KS_LINUX_INIT_TERMINAL_H

#include "linux/init/failure.h"
#include "linux/spec.h"

/* Opens a terminal of the jail's own devpts, hands its master to the supervisor and leaves the
 * worker's side in *ret_fd (close-on-exec). winsize may be NULL. */
int terminal_open(const struct spec_winsize *winsize, int *ret_fd, struct failure *failure);

/* data: a struct spec_winsize, of any alignment. */
void terminal_resize(int terminal, const void *data);

#endif
