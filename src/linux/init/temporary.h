/* SPDX-License-Identifier: Apache-2.0 */
/* The directory for temporary files of a worker that has no /tmp of its own. */
#ifndef KS_LINUX_INIT_TEMPORARY_H
#define KS_LINUX_INIT_TEMPORARY_H

#include "linux/init/spec_read.h"

/* Chooses a name that nobody can guess; in the monitor, so that it and init know it. */
int temporary_choose(const struct spec *spec, struct failure *failure);

/* Makes it, for the caller alone. */
int temporary_make(struct failure *failure);

/* An O_PATH descriptor of it (close-on-exec), -1 where there is none; and its path. */
int temporary_fd(void);
const char *temporary_path(void);
/* The same as "TMPDIR=path". */
const char *temporary_variable(void);

/* Removes it with everything in it, as far as it is the caller's; nothing may write in it any more.
 * A second time does nothing. */
void temporary_remove(void);

#endif
