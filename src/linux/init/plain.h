/* SPDX-License-Identifier: Apache-2.0 */
/* A jail without namespaces: init is a plain process of the host, and the subreaper of the worker's
 * processes. */
#ifndef KS_LINUX_INIT_PLAIN_H
#define KS_LINUX_INIT_PLAIN_H

#include "linux/init/native.h"

/* As native_start(), but that the report stays open in the child: its end tells either side of the
 * other's. */
int plain_start(
	struct spec *spec, unsigned n_grants, struct native *native, struct failure *failure);

/* The monitor's last act, once nothing of the jail lives: removes what init has not. Takes the
 * worker's ids, where it has some of its own. */
void plain_clean(const struct spec *spec);

#endif
