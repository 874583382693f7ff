/* SPDX-License-Identifier: Apache-2.0 */
/* On a Mac the backends of macOS are those of the platform. */
#include "macos/backend_table.h"

_Static_assert(KIND_SEATBELT == KS_BACKEND_SEATBELT && KIND_CONTAINER == KS_BACKEND_CONTAINER,
	"the numbers of the kinds have the same meaning everywhere");

const struct backend_table platform_backends = MACOS_TABLE;
