/* SPDX-License-Identifier: Apache-2.0 */
/* Facts to texts: for each host that is known to make trouble, the layer, a word of the reason and
 * the command of the remedy. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host_fixture.h"
#include "resolve/why_not.h"

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
		{USERNS_PROC_ABSENT, "map", "nothing is mounted at /proc", "mount -t proc"},
		{USERNS_PROC_READ_ONLY, "map", "read-only", "remount,bind,rw /proc"},
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
