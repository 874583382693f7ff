/* SPDX-License-Identifier: Apache-2.0 */
/* The backends of Linux. */
#include "linux/plan/bwrap.h"
#include "linux/plan/landlock_backend.h"
#include "linux/plan/native.h"
#include "resolve/backends.h"
#include "vm/kernel/kernel.h"
#include "vm/plan/firecracker.h"
#include "vm/plan/qemu.h"

static const struct backend_ops bwrap_ops = {.plan = plan_bwrap};

static const struct backend_ops native_ops = {.plan = plan_native};

static const struct backend_ops landlock_ops = {.plan = plan_landlock_backend};

static const struct backend_ops firecracker_ops = {.plan = plan_firecracker, .look = vm_look};

static const struct backend_ops qemu_ops = {.plan = plan_qemu, .look = vm_look};

static const struct backend_row rows[] = {
	{.kind = KS_BACKEND_BWRAP,
		.ops = &bwrap_ops,
		.why_not = why_not_bwrap,
		.spared_parts = HOST_PARTS & ~(unsigned)HOST_PART_HELPER},
	{.kind = KS_BACKEND_NATIVE,
		.ops = &native_ops,
		.why_not = why_not_native,
		.spared_parts = HOST_PARTS},
	{.kind = KS_BACKEND_LANDLOCK,
		.ops = &landlock_ops,
		.why_not = why_not_landlock_backend,
		.spared_parts = HOST_PARTS},
	{.kind = KS_BACKEND_FIRECRACKER_VM,
		.ops = &firecracker_ops,
		.why_not = why_not_firecracker},
	{.kind = KS_BACKEND_QEMU_VM, .ops = &qemu_ops, .why_not = why_not_qemu},
};

static const struct layer_row layers[] = {
	{"bubblewrap", why_not_bwrap_program},
	{"userns", why_not_userns},
	{"landlock", why_not_landlock},
	{"seccomp", why_not_seccomp},
	{"cgroup", why_not_cgroup},
	{"idmap", why_not_idmap},
	{"egress", why_not_egress},
};

const struct backend_table platform_backends = {
	.rows = rows,
	.len = sizeof(rows) / sizeof(rows[0]),
	.default_kind = KS_BACKEND_BWRAP,
	.layers = layers,
	.n_layers = sizeof(layers) / sizeof(layers[0]),
	.os = "linux",
};
