/* SPDX-License-Identifier: Apache-2.0 */
/* Looks for Apple's container. */
#ifndef KS_MACOS_APPLY_PROBE_CONTAINER_H
#define KS_MACOS_APPLY_PROBE_CONTAINER_H

#include <stdbool.h>

#include "resolve/host.h"

/* Fills in where it is and of what version, which a spawn needs to know; tried: also whether its
 * services are started. */
void probe_container_program(struct host_macos *mac, bool tried);

#endif
