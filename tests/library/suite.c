/* SPDX-License-Identifier: Apache-2.0 */
#include "suite.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

ks_backend *backend;
unsigned degraded;

static ks_backends *backends;
static const char *suite;
static int number, failures;
static int most = INT_MAX;

int suite_begin(const char *name, int argc, char **argv)
{
	enum ks_backend_kind kind = KS_BACKEND_NONE;
	char nothing[] = "";
	char *rest = argc > 2 ? argv[2] : nothing;

	suite = name;
	for (char *field = strtok_r(rest, ",", &rest); field; field = strtok_r(NULL, ",", &rest))
		degraded |= ks_field_from_name(field);
	if (argc < 2 || ks_backend_kind_from_name(argv[1], &kind, NULL) < 0 ||
		ks_backends_new(&backends) < 0 ||
		ks_backends_resolve(backends, kind, NULL, &backend) < 0)
		return -1;
	if (argc > 3)
		most = (int)strtol(argv[3], NULL, 10);
	/* Machines have to be waited for. */
	alarm(kind == KS_BACKEND_QEMU_VM ? 900 : 120);
	return 0;
}

int suite_end(void)
{
	ks_backend_unref(backend);
	ks_backends_free(backends);
	return failures != 0;
}

void test(const char *name, int (*function)(void))
{
	int good;

	if (number == most)
		return;
	good = function();
	printf("%s %d - %s, %s: %s\n", good ? "ok" : "not ok", ++number, suite,
		ks_backend_name(backend), name);
	fflush(stdout);
	failures += !good;
}

void say(ks_error *error)
{
	for (const ks_error *e = error; e; e = ks_error_next(e))
		printf("# %s\n", ks_error_message(e));
	ks_error_free(error);
}
