/* SPDX-License-Identifier: Apache-2.0 */
/* Fails the n-th allocation, for every n, from reading facts to writing what doctor says: a clean
 * error, no half-made object, nothing leaked (which the sanitizer and valgrind see). fail_alloc.c
 * does it. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <jansson.h>

#include "base/cleanup.h"
#include "resolve/findings.h"
#include "resolve/host_json.h"
#include "resolve/resolve.h"
#include "fail_alloc.h"

/* Parsed before anything fails: jansson's own parser does not survive that (2.14). */
static json_t *facts;

static void load(const char *name)
{
	json_error_t problem;
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/golden/%s", getenv("KASTELLAN_SOURCE"), name);
	facts = json_load_file(path, 0, &problem);
	assert_non_null(facts);
}

static int read_facts(bool tried, struct ks_host **ret_host, ks_error **reterr)
{
	(void)tried;
	return host_from_json(facts, ret_host, reterr);
}

/* The whole stage; 0 or the first error. */
static int everything(void)
{
	ks_backends *backends = NULL;
	ks_backend *backend = NULL;
	const struct findings *findings;
	const struct ks_host *host;
	ks_error *error = NULL;
	char *written = NULL;
	int r = backends_new(&platform_backends, read_facts, &backends);

	if (r == 0)
		r = ks_backends_resolve(backends, KS_BACKEND_NONE, NULL, &backend);
	if (r == 0)
		r = backend_host(backend, false, &host, &error);
	if (r == 0)
		r = backends_findings(backends, &findings, &error);
	if (r == 0)
		r = backends_host(backends, true, &host, &error);
	if (r == 0)
		r = findings_write_json(findings, host, &written);
	if (r == 0)
		assert_non_null(strstr(written, "\"backends\""));
	else
		assert_null(written);
	/* A refusal is an error of its own; here only whether it is told cleanly. */
	if (r == 0 && backend_can_spawn(backend, host, &error) == -ENOMEM)
		r = -ENOMEM;
	ks_error_free(error);
	free(written);
	ks_backend_unref(backend);
	ks_backends_free(backends);
	return r;
}

static void fail_each(const char *name)
{
	unsigned n = 0;

	load(name);
	countdown = 0;
	assert_int_equal(everything(), 0);
	do {
		int r;

		countdown = ++n;
		failed = false;
		r = everything();
		countdown = 0;
		/* Only the text of an error object may be lost in silence. */
		assert_true(r == 0 || (failed && r == -ENOMEM));
	} while (failed);
	assert_true(n > 200);
	json_decref(facts);
}

static void test_each_allocation_fails_once(void **state)
{
	(void)state;
	fail_each("host-debian12-root.json");
	fail_each("host-ubuntu2404-apparmor.json");
	fail_each("host-cgroup-none.json");
	fail_each("host-setuid-bwrap.json");
	fail_each("host-old-bwrap.json");
	fail_each("host-no-landlock.json");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_allocation_fails_once),
	};

	json_set_alloc_funcs(malloc, free);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
