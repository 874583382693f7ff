/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of macOS by their numbers, which have the same meaning everywhere: their names in the
 * public header exist on a Mac alone, and their planners on every platform. */
#ifndef KS_MACOS_KINDS_H
#define KS_MACOS_KINDS_H

#include <kastellan/backend.h>

#define KIND_SEATBELT ((enum ks_backend_kind)6)
#define KIND_CONTAINER ((enum ks_backend_kind)7)

#endif
