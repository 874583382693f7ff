/* SPDX-License-Identifier: Apache-2.0 */
/* Finding bubblewrap. */
#ifndef KS_LINUX_PROBE_BWRAP_FIND_H
#define KS_LINUX_PROBE_BWRAP_FIND_H

#include "resolve/host.h"

/* Fills path and setuid of host->bwrap, or reason where a program is there and is not taken.
 * fixed: the system's directories, which come first; NULL at the end. path: a text like PATH, or
 * NULL. forced: the one file to take, or NULL. Returns 0, also where nothing is found, or -ENOMEM.
 */
int bwrap_find(
	struct ks_host *host, const char *const *fixed, const char *path, const char *forced);

#endif
