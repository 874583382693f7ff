/* SPDX-License-Identifier: Apache-2.0 */
/* The status file of `kastellan run`: opened before anything starts, written after the end. */
#ifndef KS_CLI_STATUS_H
#define KS_CLI_STATUS_H

#include <kastellan/kastellan.h>

/* where is FILE or fd:N; NULL gives -1. Returns 0 or -errno. The descriptor is close-on-exec. */
int status_open(const char *where, int *ret_fd, ks_error **reterr);

/* Writes the outcome, a line. Returns 0 or -errno. */
int status_write(int fd, const ks_outcome *outcome, ks_error **reterr);

#endif
