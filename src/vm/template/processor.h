/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_VM_TEMPLATE_PROCESSOR_H
#define KS_VM_TEMPLATE_PROCESSOR_H

#include "base/strbuf.h"

/* What the kernel says of the host's first processor and of what it can: who made it, which one it
 * is, its microcode and features. 0 or -errno. */
int processor_text(struct strbuf *ret);

/* The same out of a text like /proc/cpuinfo. */
void processor_read(const char *cpuinfo, struct strbuf *ret);

#endif
