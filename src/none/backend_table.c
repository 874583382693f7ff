/* SPDX-License-Identifier: Apache-2.0 */
/* A system without any backend: policies can be read and checked, and nothing runs. */
#include "resolve/backends.h"

const struct backend_table platform_backends = {
	.default_kind = KS_BACKEND_NONE,
	.os = "unsupported",
};
