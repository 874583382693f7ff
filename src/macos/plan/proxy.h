/* SPDX-License-Identifier: Apache-2.0 */
/* The egress proxy's own jail on a Mac: it is a worker itself, with the host's network. Pure. */
#ifndef KS_MACOS_PLAN_PROXY_H
#define KS_MACOS_PLAN_PROXY_H

#include <kastellan/error.h>

#include "base/strv.h"

/* The command that starts one of its programs (a real path) under the profile of "ProxyEgress"
 * without a grant: no file of its own or of anybody, no other program, no further process. 0 or
 * -errno. */
int proxy_command(const char *program, struct strv *ret_argv, ks_error **reterr);

#endif
