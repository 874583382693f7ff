/* SPDX-License-Identifier: Apache-2.0 */
/* On this Linux the backends of macOS are those of the platform. A test double. */
#include "macos/backend_table.h"

const struct backend_table platform_backends = MACOS_TABLE;
