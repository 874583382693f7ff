/* SPDX-License-Identifier: Apache-2.0 */
/* What is found of whole backends on hosts that are described. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "host_fixture.h"
#include "resolve/why_not.h"

/* What is found of a backend on a golden host. */
struct row {
	const char *host;
	enum ks_finding_state finding;
	int code;
	const char *layer;
	const char *reason;
	const char *remedy;
};

static void check_row(const struct row *row, const struct ks_host *host, why_not_function *why_not)
{
	struct why_not why;

	assert_int_equal(why_not(host, &why), 0);
	if (why.state != row->finding)
		fail_msg("%s: state %d: %s", row->host, why.state,
			why.reason ? why.reason : "works");
	assert_int_equal(why.code, row->code);
	contains(why.layer, row->layer);
	contains(why.reason, row->reason);
	contains(why.remedy, row->remedy);
	why_not_done(&why);
}

/* The whole backend on a golden host. */
static void test_backend_on_golden_hosts(void **state)
{
	static const struct row rows[] = {
		{"debian12-root", KS_FINDING_WORKS, 0, NULL, NULL, NULL},
		{"debian12-user", KS_FINDING_WORKS, 0, NULL, NULL, NULL},
		{"debian12-arm64", KS_FINDING_WORKS, 0, NULL, NULL, NULL},
		{"cgroup-v1", KS_FINDING_WORKS, 0, NULL, NULL, NULL},
		{"abi10", KS_FINDING_WORKS, 0, NULL, NULL, NULL},
		{"no-bwrap", KS_FINDING_FAILS, -ENOENT, "bubblewrap", "/usr/bin",
			"sudo apt-get install bubblewrap"},
		{"setuid-bwrap", KS_FINDING_FAILS, -EPERM, "bubblewrap", "set-uid",
			"dpkg-statoverride --force-all --update --add root root 0755 "
			"/usr/bin/bwrap"},
		{"no-userns", KS_FINDING_FAILS, -EPERM, "userns",
			"kernel.unprivileged_userns_clone is 0",
			"sudo sysctl -w kernel.unprivileged_userns_clone=1"},
		{"ubuntu2404-apparmor", KS_FINDING_FAILS, -EACCES, "userns", "AppArmor",
			"profile bwrap /usr/bin/bwrap flags=(unconfined) { userns, }"},
		{"nested-container", KS_FINDING_FAILS, -EPERM, "userns", "/proc",
			"--security-opt systempaths=unconfined"},
		{"no-landlock", KS_FINDING_LIMITED, -EOPNOTSUPP, "landlock", "at boot", "lsm="},
		{"kernel510", KS_FINDING_LIMITED, -ENOSYS, "landlock", "5.10.0-35-amd64",
			"CONFIG_SECURITY_LANDLOCK=y"},
		{"cgroup-none", KS_FINDING_LIMITED, -EOPNOTSUPP, "cgroup", "service manager",
			"systemd-run --user --scope -p Delegate=yes"},
		{"old-bwrap", KS_FINDING_LIMITED, -EOPNOTSUPP, "bubblewrap", "--bind-fd", "0.10"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ks_host *host = load(rows[i].host);

		check_row(&rows[i], host, why_not_bwrap);
		host_free(host);
	}
}

/* The backend without a helper, on hosts whose facts say whether a jail could be made. */
static void test_native_on_golden_hosts(void **state)
{
	static const struct row rows[] = {
		{"debian12-root", KS_FINDING_WORKS, 0, NULL, NULL, NULL},
		{"no-bwrap", KS_FINDING_WORKS, 0, NULL, NULL, NULL},
		{"old-bwrap", KS_FINDING_WORKS, 0, NULL, NULL, NULL},
		{"no-userns", KS_FINDING_FAILS, -EPERM, "userns",
			"kernel.unprivileged_userns_clone is 0",
			"sudo sysctl -w kernel.unprivileged_userns_clone=1"},
		{"ubuntu2404-apparmor", KS_FINDING_FAILS, -EACCES, "userns", "AppArmor",
			"/kastellan-init flags=(unconfined) { userns, }"},
		{"nested-container", KS_FINDING_FAILS, -EPERM, "userns", "/proc",
			"--security-opt systempaths=unconfined"},
		{"kernel510", KS_FINDING_FAILS, -EIO, "native", "Function not implemented",
			"Linux 5.12"},
		{"no-landlock", KS_FINDING_LIMITED, -EOPNOTSUPP, "landlock", "at boot", "lsm="},
		{"cgroup-none", KS_FINDING_LIMITED, -EOPNOTSUPP, "cgroup", "service manager",
			"systemd-run --user --scope -p Delegate=yes"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ks_host *host = load(rows[i].host);
		struct why_not why;

		check_row(&rows[i], host, why_not_native);
		/* What was done counts, whatever else the facts say. */
		host->native.works = true;
		assert_int_equal(why_not_native(host, &why), 0);
		assert_true(why.state != KS_FINDING_FAILS);
		why_not_done(&why);
		host_free(host);
	}
}

/* Bubblewrap's own words stay in the reason, next to what they mean. */
static void test_own_words_are_kept(void **state)
{
	struct ks_host *host = load("ubuntu2404-apparmor");
	struct why_not why;

	(void)state;
	assert_int_equal(why_not_bwrap(host, &why), 0);
	contains(why.reason, "setting up uid map: Permission denied");
	why_not_done(&why);
	/* A profile for bwrap lets it work where everybody else is refused: what was done counts.
	 */
	host->bwrap.works = true;
	assert_int_equal(why_not_bwrap(host, &why), 0);
	assert_int_equal(why.state, KS_FINDING_WORKS);
	why_not_done(&why);
	assert_int_equal(why_not_userns(host, &why), 0);
	assert_int_equal(why.state, KS_FINDING_FAILS);
	why_not_done(&why);
	host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backend_on_golden_hosts),
		cmocka_unit_test(test_native_on_golden_hosts),
		cmocka_unit_test(test_own_words_are_kept),
	};

	return cmocka_run_group_tests_name("resolve_golden_hosts", tests, NULL, NULL);
}
