/* SPDX-License-Identifier: Apache-2.0 */
/* What only Linux can be asked; the rest is resolve/probe.h. */
#ifndef KS_LINUX_PROBE_PROBE_H
#define KS_LINUX_PROBE_PROBE_H

#include <kastellan/error.h>

#include "resolve/host.h"

/* Why a helper that said `complaint` could not make the jail. Tries the namespaces anew, as what a
 * spawn knows of the host was only looked at. Always returns -errno. */
int probe_why_not(const struct ks_host *host, const char *complaint, ks_error **reterr);

/* Why a step that needs namespaces failed, where that is why: namespaces are tried anew. 0 = they
 * work, and the reason is another. */
int probe_why_no_namespaces(const struct ks_host *host, ks_error **reterr);

#endif
