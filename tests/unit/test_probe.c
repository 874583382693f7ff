/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the probe that can be shown any host. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "linux/probe/parts.h"
#include "linux/system_paths.h"
#include "linux/probe/userns_cause.h"

#define NOTHING .compiled = true, .apparmor_sysctl = -1, .clone_sysctl = -1

static void test_causes_are_told_apart(void **state)
{
	static const struct {
		struct userns_seen seen;
		enum host_userns_cause cause;
	} rows[] = {
		{{NOTHING}, USERNS_USABLE},
		/* What is set but was not in the way is no cause. */
		{{NOTHING, .apparmor = true, .filtered = true}, USERNS_USABLE},
		{{NOTHING, .step = "unshare", .error = EPERM}, USERNS_OTHER},
		{{.compiled = true,
			 .apparmor_sysctl = -1,
			 .clone_sysctl = 0,
			 .step = "unshare",
			 .error = EPERM},
			USERNS_CLONE_SYSCTL},
		{{.compiled = true,
			 .apparmor_sysctl = -1,
			 .clone_sysctl = 1,
			 .step = "unshare",
			 .error = EPERM},
			USERNS_OTHER},
		{{NOTHING, .step = "unshare", .error = EPERM, .chroot = true}, USERNS_CHROOT},
		{{NOTHING, .step = "unshare", .error = EPERM, .filtered = true}, USERNS_SECCOMP},
		{{NOTHING, .step = "unshare", .error = ENOSYS, .filtered = true}, USERNS_SECCOMP},
		{{NOTHING, .step = "unshare", .error = ENOSYS}, USERNS_COMPILED_OUT},
		{{.compiled = false, .step = "unshare", .error = EINVAL}, USERNS_COMPILED_OUT},
		{{NOTHING, .step = "unshare", .error = EINVAL}, USERNS_OTHER},
		{{NOTHING, .step = "unshare", .error = ENOSPC}, USERNS_MAX_ZERO},
		{{NOTHING, .step = "unshare", .error = EUSERS}, USERNS_MAX_ZERO},
		{{NOTHING, .step = "net", .error = ENOSPC}, USERNS_MAX_ZERO},
		{{NOTHING, .step = "unshare", .error = EACCES}, USERNS_APPARMOR},
		{{NOTHING, .step = "unshare", .error = EACCES, .selinux = true}, USERNS_SELINUX},
		{{.compiled = true,
			 .apparmor_sysctl = 1,
			 .clone_sysctl = -1,
			 .step = "map",
			 .error = EPERM},
			USERNS_APPARMOR},
		{{.compiled = true,
			 .apparmor_sysctl = 1,
			 .clone_sysctl = 1,
			 .step = "map",
			 .error = EACCES},
			USERNS_APPARMOR},
		{{NOTHING, .step = "mnt", .error = EPERM, .apparmor = true}, USERNS_APPARMOR},
		{{NOTHING, .step = "mnt", .error = EPERM, .filtered = true}, USERNS_SECCOMP},
		{{NOTHING, .step = "mount", .error = EACCES, .apparmor = true}, USERNS_APPARMOR},
		{{NOTHING, .step = "net", .error = EPERM}, USERNS_OTHER},
		{{NOTHING, .step = "proc", .error = EPERM}, USERNS_PROC_MASKED},
		{{NOTHING, .step = "proc", .error = EACCES, .apparmor = true}, USERNS_APPARMOR},
		{{NOTHING, .step = "map", .error = ENOENT}, USERNS_PROC_ABSENT},
		{{NOTHING, .step = "proc", .error = ENOENT}, USERNS_PROC_ABSENT},
		{{NOTHING, .step = "map", .error = EROFS}, USERNS_PROC_READ_ONLY},
		{{NOTHING, .step = "mnt", .error = ENOENT}, USERNS_OTHER},
		{{NOTHING, .step = "fork", .error = ETIMEDOUT}, USERNS_OTHER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (userns_cause(&rows[i].seen) != rows[i].cause)
			fail_msg("row %zu: %s", i,
				host_userns_cause_name(userns_cause(&rows[i].seen)));
}

static void test_system_paths_hold_no_secret(void **state)
{
	static const char *const hidden[] = {"/", "/etc", "/etc/passwd", "/etc/shadow",
		"/etc/machine-id", "/etc/hostname", "/etc/resolv.conf", "/etc/ld.so.preload",
		"/etc/gitconfig", "/etc/ssl", "/etc/ssl/private", "/etc/ssl/private/key.pem",
		"/etc/pki/tls/private", "/etc/ssh", "/root", "/home", "/var", "/var/lib", "/run",
		"/sys", "/tmp", "/opt", "/usrlocal", "/etc/localtime2", "/etc/fonts.d"};
	static const char *const shown[] = {"/usr", "/usr/bin/env", "/bin", "/etc/ld.so.cache",
		"/etc/ssl/certs/ca-certificates.crt", "/etc/localtime"};

	(void)state;
	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
		if (system_path_shown(hidden[i]))
			fail_msg("%s is shown", hidden[i]);
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++)
		if (!system_path_shown(shown[i]))
			fail_msg("%s is hidden", shown[i]);
}

static void test_found_paths_are_what_they_are(void **state)
{
	struct ks_host *host = host_new();

	(void)state;
	assert_int_equal(probe_paths(host), 0);
	assert_int_equal(host_path_find(host, "/usr")->kind, HOST_DIRECTORY);
	for (size_t i = 0; i < host->n_paths; i++) {
		const struct host_path *entry = &host->paths[i];
		char target[PATH_MAX];
		struct stat status;
		ssize_t len;

		if (strncmp(entry->path, "/proc/", 6) != 0)
			assert_true(system_path_shown(entry->path) ||
				    system_path_of_network(entry->path));
		assert_int_equal(stat(entry->path, &status), 0);
		switch (entry->kind) {
		case HOST_LINK:
			len = readlink(entry->path, target, sizeof(target) - 1);
			assert_true(len > 0);
			target[len] = '\0';
			assert_string_equal(target, entry->target);
			break;
		case HOST_DIRECTORY:
			assert_true(S_ISDIR(status.st_mode));
			break;
		case HOST_FILE:
			assert_true(S_ISREG(status.st_mode));
			break;
		}
	}
	host_free(host);
}

static void test_proc_is_hidden_but_for_what_is_listed(void **state)
{
	static const char *const covered[] = {"/proc/cmdline", "/proc/interrupts", "/proc/modules",
		"/proc/keys", "/proc/kallsyms", "/proc/partitions", "/proc/bus", "/proc/irq",
		"/proc/tty"};
	static const char *const kept[] = {"/proc/meminfo", "/proc/cpuinfo", "/proc/stat",
		"/proc/uptime", "/proc/sys", "/proc/self", "/proc/mounts", "/proc/1"};
	struct ks_host *host = host_new();
	unsigned checked = 0;

	(void)state;
	assert_int_equal(probe_paths(host), 0);
	for (size_t i = 0; i < sizeof(covered) / sizeof(covered[0]); i++) {
		if (access(covered[i], F_OK) < 0)
			continue;
		assert_non_null(host_path_find(host, covered[i]));
		checked++;
	}
	assert_true(checked >= 5);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		assert_null(host_path_find(host, kept[i]));
	host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_causes_are_told_apart),
		cmocka_unit_test(test_system_paths_hold_no_secret),
		cmocka_unit_test(test_found_paths_are_what_they_are),
		cmocka_unit_test(test_proc_is_hidden_but_for_what_is_listed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
