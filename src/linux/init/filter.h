/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's system-call filter. */
#ifndef KS_LINUX_INIT_FILTER_H
#define KS_LINUX_INIT_FILTER_H

#include "linux/init/spec_read.h"

/* Loads the filter into the calling process. *ret_listener gets the descriptor on which its
 * never-legitimate calls wait, or stays as it is where they just kill. A spec without a filter
 * loads none. */
int filter_load(const struct spec *spec, int *ret_listener, struct failure *failure);

#endif
