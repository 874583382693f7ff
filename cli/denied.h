/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_CLI_DENIED_H
#define KS_CLI_DENIED_H

#include <stdint.h>

#include <kastellan/kastellan.h>

#define DENIED_SHOWN 8 /* destinations; the status and the audit have more */

/* Which destination was refused, why, and what would allow it: to stderr. */
void print_denied(const struct ks_denied_destination *denied);
/* Nothing where no line of the egress audit was left out. */
void print_suppressed(uint64_t lines);

#endif
