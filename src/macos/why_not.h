/* SPDX-License-Identifier: Apache-2.0 */
/* Why a backend of macOS does not work on a host, or not fully. Pure. */
#ifndef KS_MACOS_WHY_NOT_H
#define KS_MACOS_WHY_NOT_H

#include "resolve/why_not.h"

why_not_function why_not_sandbox_exec; /* the program itself */
why_not_function why_not_container_program; /* likewise, and its services */

why_not_function why_not_seatbelt;
why_not_function why_not_container;

#endif
