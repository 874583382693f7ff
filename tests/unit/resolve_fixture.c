/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const struct backend_ops no_ops;
static const struct backend_row mac_rows[] = {
	{.kind = SEATBELT, .ops = &no_ops, .why_not = why_not_seccomp},
	{.kind = CONTAINER,
		.ops = &no_ops,
		.why_not = why_not_seccomp,
		.default_image = "alpine:3.20"},
};
const struct backend_table mac = {.rows = mac_rows, .len = 2, .default_kind = SEATBELT};

atomic_int probes;

static int count_probe(bool tried, struct ks_host **ret_host, ks_error **reterr)
{
	struct ks_host *host = host_new();

	(void)reterr;
	assert_non_null(host);
	host->tried = tried;
	host->seccomp = host->seccomp_notify = true;
	host->landlock_abi = tried ? 7 : 6;
	atomic_fetch_add(&probes, 1);
	*ret_host = host;
	return 0;
}

ks_backends *make(const struct backend_table *table)
{
	ks_backends *backends = NULL;

	atomic_store(&probes, 0);
	assert_int_equal(backends_new(table, count_probe, &backends), 0);
	return backends;
}

ks_backend *ask(ks_backends *backends, enum ks_backend_kind kind, const char *image)
{
	ks_backend *backend = NULL;

	assert_int_equal(ks_backends_resolve(backends, kind, image, &backend), 0);
	assert_non_null(backend);
	return backend;
}
