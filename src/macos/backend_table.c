/* SPDX-License-Identifier: Apache-2.0 */
/* The backends of macOS, for plans on every platform. */
#include "macos/backend_table.h"

#include "macos/kinds.h"
#include "macos/plan/container.h"
#include "macos/plan/seatbelt.h"
#include "macos/why_not.h"

static const struct backend_ops seatbelt_ops = {.plan = plan_seatbelt};

static const struct backend_ops container_ops = {.plan = plan_container};

const struct backend_row macos_rows[MACOS_N_ROWS] = {
	{.kind = KIND_SEATBELT, .ops = &seatbelt_ops, .why_not = why_not_seatbelt},
	{.kind = KIND_CONTAINER,
		.ops = &container_ops,
		.why_not = why_not_container,
		.default_image = CONTAINER_DEFAULT_IMAGE},
};

const struct layer_row macos_layers[MACOS_N_LAYERS] = {
	{"sandbox-exec", why_not_sandbox_exec},
	{"container", why_not_container_program},
};

const struct backend_table macos_backends = MACOS_TABLE;
