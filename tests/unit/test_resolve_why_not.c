/* SPDX-License-Identifier: Apache-2.0 */
/* Facts to texts: for each host that is known to make trouble, the layer, a word of the reason and
 * the command of the remedy. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "resolve/why_not.h"

#define TEXT_MAX 65536

static struct ks_host *load(const char *name)
{
	struct ks_host *host = NULL;
	ks_error *error = NULL;
	char path[4096];
	char *text = malloc(TEXT_MAX);
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), "%s/tests/golden/host-%s.json", getenv("KASTELLAN_SOURCE"),
		name);
	file = fopen(path, "re");
	assert_non_null(file);
	len = fread(text, 1, TEXT_MAX, file);
	fclose(file);
	if (host_read_json(text, len, &host, &error) < 0)
		fail_msg("%s: %s", name, ks_error_message(error));
	free(text);
	return host;
}

static void contains(const char *text, const char *words)
{
	if (!words)
		assert_null(text);
	else if (!text || !strstr(text, words))
		fail_msg("\"%s\" is not in: %s", words, text ? text : "(nothing)");
}

/* The whole backend on a golden host. */
static void test_backend_on_golden_hosts(void **state)
{
	static const struct {
		const char *host;
		enum ks_finding_state finding;
		int code;
		const char *layer;
		const char *reason;
		const char *remedy;
	} rows[] = {
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
		struct why_not why;

		assert_int_equal(why_not_bwrap(host, &why), 0);
		if (why.state != rows[i].finding)
			fail_msg("%s: state %d: %s", rows[i].host, why.state,
				why.reason ? why.reason : "works");
		assert_int_equal(why.code, rows[i].code);
		contains(why.layer, rows[i].layer);
		contains(why.reason, rows[i].reason);
		contains(why.remedy, rows[i].remedy);
		why_not_done(&why);
		host_free(host);
	}
}

/* The backend without a helper, on hosts whose facts say whether a jail could be made. */
static void test_native_on_golden_hosts(void **state)
{
	static const struct {
		const char *host;
		enum ks_finding_state finding;
		int code;
		const char *layer;
		const char *reason;
		const char *remedy;
	} rows[] = {
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

		assert_int_equal(why_not_native(host, &why), 0);
		if (why.state != rows[i].finding)
			fail_msg("%s: state %d: %s", rows[i].host, why.state,
				why.reason ? why.reason : "works");
		assert_int_equal(why.code, rows[i].code);
		contains(why.layer, rows[i].layer);
		contains(why.reason, rows[i].reason);
		contains(why.remedy, rows[i].remedy);
		/* What was done counts, whatever else the facts say. */
		why_not_done(&why);
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

static void test_every_cause_has_reason_and_remedy(void **state)
{
	static const struct {
		enum host_userns_cause cause;
		const char *step;
		const char *reason;
		const char *remedy;
	} rows[] = {
		{USERNS_CLONE_SYSCTL, "unshare", "unprivileged_userns_clone", "sysctl -w"},
		{USERNS_MAX_ZERO, "unshare", "user.max_user_namespaces",
			"sudo sysctl -w user.max_user_namespaces=10000"},
		{USERNS_MAX_ZERO, "net", "user.max_net_namespaces",
			"sudo sysctl -w user.max_net_namespaces=10000"},
		{USERNS_APPARMOR, "map", "AppArmor", "apparmor_parser -r"},
		{USERNS_PROC_MASKED, "proc", "container", "procMount: Unmasked"},
		{USERNS_SECCOMP, "unshare", "filter", "seccomp=unconfined"},
		{USERNS_CHROOT, "unshare", "chroot", "systemd-nspawn -D"},
		{USERNS_SELINUX, "unshare", "SELinux", "ausearch -m avc"},
		{USERNS_COMPILED_OUT, "unshare", "without user namespaces", "CONFIG_USER_NS=y"},
		{USERNS_OTHER, "ipc", "\"ipc\"", "dmesg"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ks_host host = {.userns = rows[i].cause,
			.userns_errno = EPERM,
			.userns_step = (char *)rows[i].step};
		ks_error *error = NULL;
		struct why_not why;

		assert_int_equal(why_not_userns(&host, &why), 0);
		assert_int_equal(why.state, KS_FINDING_FAILS);
		contains(why.reason, rows[i].reason);
		contains(why.remedy, rows[i].remedy);
		assert_int_equal(why_not_error(&why, &error), why.code);
		assert_true(why.code < 0);
		assert_string_equal(ks_error_step(error), "userns");
		assert_string_equal(ks_error_remedy(error), why.remedy);
		ks_error_free(error);
		why_not_done(&why);
	}
}

static void test_helper_complaints(void **state)
{
	static const struct {
		enum host_userns_cause known; /* what the facts say */
		const char *complaint;
		const char *step;
		const char *reason;
		const char *remedy;
	} rows[] = {
		{USERNS_USABLE,
			"bwrap: No permissions to create a new namespace, likely because the "
			"kernel "
			"does not allow non-privileged user namespaces.",
			"userns", "No permissions to create a new namespace", "kastellan doctor"},
		{USERNS_CLONE_SYSCTL,
			"bwrap: No permissions to create a new namespace, likely because the "
			"kernel "
			"does not allow non-privileged user namespaces.",
			"userns", "kernel.unprivileged_userns_clone", "sysctl -w"},
		{USERNS_USABLE,
			"bwrap: Creating new namespace failed: nesting depth or "
			"/proc/sys/user/max_*_namespaces exceeded (ENOSPC)",
			"userns", "user.max_user_namespaces", "sysctl -w"},
		{USERNS_USABLE,
			"bwrap: Creating new namespace failed, likely because the kernel does not "
			"support user namespaces.  bwrap must be installed setuid on such systems.",
			"userns", "built without user namespaces", "CONFIG_USER_NS"},
		{USERNS_USABLE, "bwrap: setting up uid map: Permission denied", "userns",
			"AppArmor", "apparmor_parser"},
		{USERNS_USABLE, "bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted",
			"userns", "AppArmor", "apparmor_parser"},
		{USERNS_SELINUX, "bwrap: setting up uid map: Permission denied", "userns",
			"SELinux", "ausearch"},
		{USERNS_USABLE, "bwrap: Can't mount proc on /newroot/proc: Operation not permitted",
			"userns", "/proc", "systempaths=unconfined"},
		{USERNS_USABLE, "bwrap: Unknown option --bind-fd", "bubblewrap", "--bind-fd",
			"doctor"},
		{USERNS_USABLE, "bwrap: pivot_root: Invalid argument", "mount", "root directory",
			"switch_root"},
		{USERNS_USABLE, "bwrap: Can't find source path /x: No such file or directory",
			"mount", "/x", "kastellan plan"},
		{USERNS_USABLE,
			"bwrap: Can't bind mount /oldroot/x on /newroot/x: Permission denied",
			"mount", "/newroot/x", "kastellan plan"},
		{USERNS_USABLE, "bwrap: execvp /init: Exec format error", "exec",
			"Exec format error", "architecture"},
		{USERNS_USABLE, "bwrap: something new", "bubblewrap", "something new", "doctor"},
		{USERNS_SECCOMP, "bwrap: something new", "userns", "something new", "seccomp"},
		{USERNS_USABLE, "", "bubblewrap", "without a word", "doctor"},
		{USERNS_USABLE, NULL, "bubblewrap", "without a word", "doctor"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ks_host host = {.userns = rows[i].known};
		ks_error *error = NULL;

		assert_true(why_not_helper(&host, rows[i].complaint, &error) < 0);
		assert_string_equal(ks_error_step(error), rows[i].step);
		contains(ks_error_message(error), rows[i].reason);
		if (rows[i].complaint)
			contains(ks_error_message(error), rows[i].complaint);
		contains(ks_error_remedy(error), rows[i].remedy);
		ks_error_free(error);
	}
}

static void test_installers_by_distribution(void **state)
{
	static const char *const rows[][2] = {
		{"debian", "sudo apt-get install bubblewrap"},
		{"fedora", "sudo dnf install bubblewrap"},
		{"arch", "sudo pacman -S bubblewrap"},
		{"alpine", "sudo apk add bubblewrap"},
		{"plan9", "install the package bubblewrap"},
		{NULL, "install the package bubblewrap"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ks_host host = {.distribution = (char *)rows[i][0]};
		struct why_not why;

		assert_int_equal(why_not_bwrap_program(&host, &why), 0);
		assert_string_equal(why.remedy, rows[i][1]);
		why_not_done(&why);
	}
}

static void test_why_a_found_bwrap_is_not_taken(void **state)
{
	struct ks_host host = {.bwrap.reason = (char *)"/x/bwrap is not used: others may write it"};
	struct why_not why;

	(void)state;
	assert_int_equal(why_not_bwrap_program(&host, &why), 0);
	assert_int_equal(why.code, -EPERM);
	contains(why.reason, "/x/bwrap is not used");
	contains(why.remedy, "chmod go-w");
	why_not_done(&why);
	host.bwrap.reason = (char *)"/x is not used: KASTELLAN_BWRAP names no program";
	assert_int_equal(why_not_bwrap_program(&host, &why), 0);
	contains(why.remedy, "unset KASTELLAN_BWRAP");
	why_not_done(&why);
}

/* Cheap facts say nothing of works and userns, and must not be read as if they did. */
static void test_untried_facts_are_not_blamed(void **state)
{
	struct ks_host *host = load("debian12-user");
	struct why_not why;

	(void)state;
	host->tried = false;
	host->bwrap.works = false;
	assert_int_equal(why_not_bwrap(host, &why), 0);
	assert_int_equal(why.state, KS_FINDING_WORKS);
	why_not_done(&why);
	host->tried = true;
	assert_int_equal(why_not_bwrap(host, &why), 0);
	assert_int_equal(why.state, KS_FINDING_FAILS);
	why_not_done(&why);
	host_free(host);
}

static void test_partial_groups(void **state)
{
	static const struct {
		enum host_cgroup_manager manager;
		bool memory, swap, tasks, quota, time;
		const char *reason;
		const char *remedy;
	} rows[] = {
		{CGROUP_V2, true, true, true, true, true, NULL, NULL},
		{CGROUP_V2, false, false, true, true, true, "mem_mb", "cgroup.subtree_control"},
		{CGROUP_V1, true, false, true, true, true, "swap", "swapaccount=1"},
		{CGROUP_V1, true, true, false, true, true, "tasks_max", "/sys/fs/cgroup"},
		{CGROUP_SCOPE, true, true, true, false, true, "cpu_quota_pct", "Delegate=cpu"},
		{CGROUP_SCOPE, false, false, false, false, false, "cpu_ms",
			"systemd.unified_cgroup_hierarchy=1"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ks_host host = {.cgroup = {.manager = rows[i].manager,
					       .memory = rows[i].memory,
					       .swap = rows[i].swap,
					       .tasks = rows[i].tasks,
					       .cpu_quota = rows[i].quota,
					       .cpu_time = rows[i].time}};
		struct why_not why;

		assert_int_equal(why_not_cgroup(&host, &why), 0);
		assert_int_equal(why.state, rows[i].reason ? KS_FINDING_LIMITED : KS_FINDING_WORKS);
		contains(why.reason, rows[i].reason);
		contains(why.remedy, rows[i].remedy);
		why_not_done(&why);
	}
}

static void test_no_group_for_root_and_user(void **state)
{
	struct ks_host host = {.uid = 0};
	struct why_not why;

	(void)state;
	assert_int_equal(why_not_cgroup(&host, &why), 0);
	assert_int_equal(why.state, KS_FINDING_FAILS);
	contains(why.remedy, "docker run");
	why_not_done(&why);
	host.uid = 1234;
	assert_int_equal(why_not_cgroup(&host, &why), 0);
	contains(why.remedy, "loginctl enable-linger 1234");
	why_not_done(&why);
}

static void test_landlock_and_seccomp(void **state)
{
	struct ks_host host = {.landlock_abi = 2};
	struct why_not why;

	(void)state;
	assert_int_equal(why_not_landlock(&host, &why), 0);
	assert_int_equal(why.state, KS_FINDING_WORKS);
	contains(why.detail, "ABI 2");
	contains(why.detail, "truncation, TCP");
	why_not_done(&why);
	host.landlock_abi = 7;
	assert_int_equal(why_not_landlock(&host, &why), 0);
	assert_string_equal(why.detail, "ABI 7");
	why_not_done(&why);
	assert_int_equal(why_not_seccomp(&host, &why), 0);
	assert_int_equal(why.state, KS_FINDING_FAILS);
	why_not_done(&why);
	host.seccomp = true;
	assert_int_equal(why_not_seccomp(&host, &why), 0);
	assert_int_equal(why.state, KS_FINDING_LIMITED);
	why_not_done(&why);
	host.seccomp_notify = true;
	assert_int_equal(why_not_seccomp(&host, &why), 0);
	assert_int_equal(why.state, KS_FINDING_WORKS);
	why_not_done(&why);
}

static void test_idmap_matters_to_the_privileged(void **state)
{
	struct ks_host host = {.privileged = false};
	struct why_not why;

	(void)state;
	assert_int_equal(why_not_idmap(&host, &why), 0);
	assert_int_equal(why.state, KS_FINDING_WORKS);
	why_not_done(&why);
	host.privileged = true;
	assert_int_equal(why_not_idmap(&host, &why), 0);
	assert_int_equal(why.state, KS_FINDING_LIMITED);
	why_not_done(&why);
	host.idmap = true;
	assert_int_equal(why_not_idmap(&host, &why), 0);
	assert_int_equal(why.state, KS_FINDING_WORKS);
	why_not_done(&why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backend_on_golden_hosts),
		cmocka_unit_test(test_native_on_golden_hosts),
		cmocka_unit_test(test_own_words_are_kept),
		cmocka_unit_test(test_every_cause_has_reason_and_remedy),
		cmocka_unit_test(test_helper_complaints),
		cmocka_unit_test(test_installers_by_distribution),
		cmocka_unit_test(test_why_a_found_bwrap_is_not_taken),
		cmocka_unit_test(test_untried_facts_are_not_blamed),
		cmocka_unit_test(test_partial_groups),
		cmocka_unit_test(test_no_group_for_root_and_user),
		cmocka_unit_test(test_landlock_and_seccomp),
		cmocka_unit_test(test_idmap_matters_to_the_privileged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
