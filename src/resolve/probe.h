/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at the host: the one effect of this stage. Each platform directory has its own
 * implementation, chosen by the build. */
#ifndef KS_RESOLVE_PROBE_H
#define KS_RESOLVE_PROBE_H

#include <stdbool.h>

#include <kastellan/error.h>

#include "resolve/host.h"

/* Fills the facts. tried: everything by doing, with helper processes; else only what a spawn needs
 * to know beforehand. What the host lacks is a fact and no error: returns 0, or -ENOMEM. */
int host_probe(bool tried, struct ks_host **ret_host, ks_error **reterr);

/* Whether the image is in the host's store: 0, -ENOENT, -EINVAL or other -errno. */
int image_probe(const struct ks_host *host, const char *image, ks_error **reterr);

#endif
