/* SPDX-License-Identifier: Apache-2.0 */
/* The proxy's confinement is made for Linux, and without it there is none. */
#include <errno.h>

#include "base/error.h"
#include "egress/owner.h"
#include "egress/standalone.h"

static int unsupported(ks_error **reterr)
{
	return error_set(reterr, -ENOTSUP,
		ABOUT(.step = "egress", .remedy = "run it on Linux, or in a machine with Linux"),
		"this system has no egress proxy");
}

int standalone_config(
	const struct policy_egress *settings, struct egress_config *config, ks_error **reterr)
{
	(void)settings;
	(void)config;
	return unsupported(reterr);
}

int standalone_check(const int *doors, size_t n_doors, ks_error **reterr)
{
	(void)doors;
	(void)n_doors;
	return unsupported(reterr);
}

int egress_open(
	const struct egress_setup *setup, struct egress_owner **ret_owner, ks_error **reterr)
{
	(void)setup;
	(void)ret_owner;
	return unsupported(reterr);
}

int egress_await_ready(struct egress_owner *owner, int patience_ms, ks_error **reterr)
{
	(void)owner;
	(void)patience_ms;
	return unsupported(reterr);
}

int egress_fd(const struct egress_owner *owner)
{
	(void)owner;
	return -1;
}

bool egress_dispatch(struct egress_owner *owner)
{
	(void)owner;
	return true;
}

void egress_stop(struct egress_owner *owner)
{
	(void)owner;
}

const struct egress_report *egress_report(const struct egress_owner *owner)
{
	static const struct egress_report none = {.died = true};

	(void)owner;
	return &none;
}

void egress_free(struct egress_owner *owner)
{
	(void)owner;
}
