/* SPDX-License-Identifier: Apache-2.0 */
/* Which program is taken for bubblewrap, and what can be told of it: by its file, and by asking it.
 */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "linux/probe/bwrap_find.h"
#include "linux/probe/parts.h"

/* A directory of the test's own, and a program in it. */
static char root[PATH_MAX];

static const char *at(const char *name)
{
	static char path[2][PATH_MAX + 64];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", root, name);
	return path[turn];
}

static void make_program(const char *name, const char *text, mode_t mode)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	assert_int_equal(chmod(at(name), mode), 0);
}

static int make_root(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "%s/kastellan-probe-XXXXXX",
		getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	static const char *const names[] = {"good/bwrap", "wide/bwrap", "file/bwrap", "setid/bwrap",
		"plain/bwrap", "good", "wide", "file", "setid", "plain"};

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (unlink(at(names[i])) < 0)
			rmdir(at(names[i]));
	return rmdir(root);
}

static void make_all(void)
{
	static const struct {
		const char *name;
		mode_t directory;
		mode_t file;
	} rows[] = {
		{"good", 0755, 0755},
		{"wide", 0777, 0755},
		{"file", 0755, 0757},
		{"setid", 0755, 04755},
		{"plain", 0755, 0644},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[64];

		mkdir(at(rows[i].name), 0700);
		assert_int_equal(chmod(at(rows[i].name), rows[i].directory), 0);
		snprintf(name, sizeof(name), "%s/bwrap", rows[i].name);
		make_program(name, "#!/bin/sh\n", rows[i].file);
	}
}

static void test_where_bwrap_is_taken_from(void **state)
{
	static const struct {
		const char *path; /* %s is the root */
		const char *forced; /* the same */
		const char *found;
		const char *reason;
	} rows[] = {
		{"%1$s/good", NULL, "good/bwrap", NULL},
		{"%1$s/none:%1$s/good", NULL, "good/bwrap", NULL},
		{"%1$s/good:%1$s/setid", NULL, "good/bwrap", NULL},
		/* Anybody could plant a program there. */
		{"%1$s/wide", NULL, NULL, NULL},
		{"%1$s/wide:%1$s/good", NULL, "good/bwrap", NULL},
		/* Relative to wherever the caller is. */
		{"good", NULL, NULL, NULL},
		{":.:", NULL, NULL, NULL},
		{"", NULL, NULL, NULL},
		/* Anybody could change it. */
		{"%1$s/file", NULL, NULL, "may write it"},
		{"%1$s/file:%1$s/good", NULL, "good/bwrap", NULL},
		{"%1$s/plain", NULL, NULL, NULL},
		/* The one that is named is taken, or none. */
		{"%1$s/setid", "%1$s/good/bwrap", "good/bwrap", NULL},
		{"%1$s/good", "%1$s/none", NULL, "KASTELLAN_BWRAP"},
		{"%1$s/good", "good/bwrap", NULL, "absolute"},
		{"%1$s/good", "%1$s/file/bwrap", NULL, "may write it"},
		{"%1$s/good", "%1$s/plain/bwrap", NULL, "KASTELLAN_BWRAP"},
	};
	static const char *const none[] = {NULL};

	(void)state;
	make_all();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ks_host *host = host_new();
		char path[3 * PATH_MAX];
		char forced[2 * PATH_MAX];

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(path, sizeof(path), rows[i].path, root);
		snprintf(forced, sizeof(forced), rows[i].forced ? rows[i].forced : "", root);
#pragma GCC diagnostic pop
		assert_int_equal(bwrap_find(host, none, path, rows[i].forced ? forced : NULL), 0);
		if (rows[i].found &&
			(!host->bwrap.path || strcmp(host->bwrap.path, at(rows[i].found)) != 0))
			fail_msg("row %zu: %s", i, host->bwrap.path ? host->bwrap.path : "none");
		if (!rows[i].found && host->bwrap.path)
			fail_msg("row %zu: %s", i, host->bwrap.path);
		if (rows[i].reason &&
			(!host->bwrap.reason || !strstr(host->bwrap.reason, rows[i].reason)))
			fail_msg("row %zu: %s", i,
				host->bwrap.reason ? host->bwrap.reason : "no reason");
		if (!rows[i].reason)
			assert_null(host->bwrap.reason);
		assert_false(host->bwrap.setuid);
		host_free(host);
	}
}

static void test_a_setuid_bwrap_is_seen(void **state)
{
	static const char *const none[] = {NULL};
	struct ks_host *host = host_new();

	(void)state;
	make_all();
	assert_int_equal(bwrap_find(host, none, NULL, at("setid/bwrap")), 0);
	assert_non_null(host->bwrap.path);
	assert_true(host->bwrap.setuid);
	host_free(host);
}

/* In a user namespace the system's files belong to somebody without a number. */
static void test_the_systems_directories_are_trusted(void **state)
{
	struct ks_host *host = host_new();
	const char *fixed[] = {NULL, NULL};

	(void)state;
	make_all();
	fixed[0] = at("wide");
	assert_int_equal(bwrap_find(host, fixed, NULL, NULL), 0);
	assert_non_null(host->bwrap.path);
	host_free(host);
	host = host_new();
	fixed[0] = at("file");
	assert_int_equal(bwrap_find(host, fixed, NULL, NULL), 0);
	assert_null(host->bwrap.path);
	assert_non_null(strstr(host->bwrap.reason, "may write it"));
	host_free(host);
}

/* Run by KASTELLAN_BWRAP, as it is looked for in a spawn. */
static struct ks_host *probe_program(const char *text, mode_t mode, bool tried)
{
	struct ks_host *host = host_new();

	make_all();
	make_program("good/bwrap", text, mode);
	assert_int_equal(setenv("KASTELLAN_BWRAP", at("good/bwrap"), 1), 0);
	assert_int_equal(probe_bwrap(host), 0);
	if (tried)
		assert_int_equal(probe_bwrap_try(host), 0);
	unsetenv("KASTELLAN_BWRAP");
	return host;
}

static void test_features_of_a_program_file(void **state)
{
	struct ks_host *host = probe_program("#!/bin/sh\n: >\"$0.started\"\n# --unshare-user-try "
					     "--ro-bind-fd FD --disable-userns\n",
		0755, false);

	(void)state;
	assert_true(host->bwrap.works);
	assert_true(host->bwrap.bind_fd);
	assert_true(host->bwrap.disable_userns);
	assert_false(host->bwrap.size);
	assert_int_equal(access(at("good/bwrap.started"), F_OK), -1);
	host_free(host);
}

static void test_features_of_a_wrapper_are_asked(void **state)
{
	struct ks_host *host = probe_program(
		"#!/bin/sh\n[ \"$1\" = --help ] && printf '%s%s\\n' --si 'ze BYTES' && exit 0\n"
		"exit 1\n",
		0755, false);

	(void)state;
	assert_true(host->bwrap.works);
	assert_false(host->bwrap.bind_fd);
	assert_true(host->bwrap.size);
	host_free(host);
}

static void test_a_setuid_program_is_never_started(void **state)
{
	char text[2 * PATH_MAX];
	struct ks_host *host;

	(void)state;
	snprintf(text, sizeof(text), "#!/bin/sh\n: >'%s'\n", at("started"));
	host = probe_program(text, 04755, true);
	assert_true(host->bwrap.setuid);
	assert_false(host->bwrap.works);
	assert_int_equal(access(at("started"), F_OK), -1);
	host_free(host);
	/* The control: without the bit it is. */
	host = probe_program(text, 0755, true);
	assert_int_equal(access(at("started"), F_OK), 0);
	assert_int_equal(unlink(at("started")), 0);
	host_free(host);
}

static void test_a_helper_that_hangs_is_ended(void **state)
{
	struct timespec before;
	struct timespec after;
	struct ks_host *host;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &before);
	host = probe_program("#!/bin/sh\nexec sleep 100\n", 0755, true);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_false(host->bwrap.works);
	assert_non_null(strstr(host->bwrap.reason, "no answer"));
	assert_in_range(after.tv_sec - before.tv_sec, 2, 30);
	host_free(host);
}

static void test_a_helper_that_fails_is_quoted(void **state)
{
	struct ks_host *host = probe_program(
		"#!/bin/sh\n# --unshare-user-try\n"
		"[ \"$1\" = --version ] && echo bubblewrap 9.9 && exit\n"
		"[ \"$1\" = --help ] && exit\n"
		"echo 'bwrap: it is Sunday' >&2\nexit 1\n",
		0755, true);

	(void)state;
	assert_false(host->bwrap.works);
	assert_string_equal(host->bwrap.reason, "bwrap: it is Sunday");
	assert_string_equal(host->bwrap.version, "9.9");
	host_free(host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_where_bwrap_is_taken_from),
		cmocka_unit_test(test_a_setuid_bwrap_is_seen),
		cmocka_unit_test(test_the_systems_directories_are_trusted),
		cmocka_unit_test(test_features_of_a_program_file),
		cmocka_unit_test(test_features_of_a_wrapper_are_asked),
		cmocka_unit_test(test_a_setuid_program_is_never_started),
		cmocka_unit_test(test_a_helper_that_hangs_is_ended),
		cmocka_unit_test(test_a_helper_that_fails_is_quoted),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
