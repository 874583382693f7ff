/* SPDX-License-Identifier: Apache-2.0 */
/* Jails that were built ahead on a host, or by a caller, that has changed since: each is dropped,
 *and the worker finds what is there now.
 *
 *	prepared_host BACKEND [FIELD,...]   the fields may be degraded */
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "prepared_common.h"

static int replaced_grant(void)
{
	ks_prepared *prepared = prepare(1);
	char script[300];
	FILE *file;

	snprintf(script, sizeof(script), "cat %s/read/text", place);
	CHECK(prepared && says(prepared, script, "granted\n[exit 0]"));
	CHECK(ks_prepared_fill(prepared, NULL) == 0);
	CHECK(rename(in_place("read"), in_place("old")) == 0 && mkdir(in_place("read"), 0755) == 0);
	file = fopen(in_place("read/text"), "w");
	CHECK(file && fputs("another\n", file) >= 0 && fclose(file) == 0);
	CHECK(says(prepared, script, "another\n[exit 0]"));
	CHECK(ks_prepared_waiting(prepared) == 0);
	unlink(in_place("read/text"));
	CHECK(rmdir(in_place("read")) == 0 && rename(in_place("old"), in_place("read")) == 0);
	ks_prepared_free(prepared);
	return 1;
}

static int replaced_link(void)
{
	ks_prepared *prepared;
	char script[300];

	snprintf(script, sizeof(script), "cat %s/link/text 2>/dev/null || cat %s/*/text", place,
		place);
	CHECK(mkdir(in_place("other"), 0755) == 0 && write_text(in_place("other/text"), "other\n"));
	CHECK(symlink("read", in_place("link")) == 0);
	prepared = prepare_for("link", 1);
	CHECK(prepared && says(prepared, script, "granted\n[exit 0]"));
	CHECK(ks_prepared_fill(prepared, NULL) == 0);
	CHECK(symlink("other", in_place("new")) == 0 &&
		rename(in_place("new"), in_place("link")) == 0);
	CHECK(says(prepared, script, "other\n[exit 0]"));
	ks_prepared_free(prepared);
	unlink(in_place("link"));
	unlink(in_place("other/text"));
	return rmdir(in_place("other")) == 0;
}

/* It may get the number of the one that was there. */
static int grant_made_anew(void)
{
	ks_prepared *prepared;
	char script[300];

	snprintf(script, sizeof(script), "cat %s/again/text", place);
	CHECK(mkdir(in_place("again"), 0755) == 0 && write_text(in_place("again/text"), "first\n"));
	prepared = prepare_for("again", 1);
	CHECK(prepared);
	for (int i = 0; i < 3; i++) {
		unlink(in_place("again/text"));
		CHECK(rmdir(in_place("again")) == 0 && mkdir(in_place("again"), 0755) == 0);
		CHECK(write_text(in_place("again/text"), "second\n"));
		CHECK(says(prepared, script, "second\n[exit 0]"));
		CHECK(ks_prepared_fill(prepared, NULL) == 0);
	}
	ks_prepared_free(prepared);
	unlink(in_place("again/text"));
	return rmdir(in_place("again")) == 0;
}

/* Whose files the worker's are is decided when its jail is built. */
static int other_owner(void)
{
	ks_prepared *ahead = prepare(1), *cold = prepare(0);
	char script[300], wanted[512];

	snprintf(script, sizeof(script), "stat -c %%u:%%g %s/read %s/read/text", place, place);
	CHECK(ahead && cold && chown(in_place("read"), 1234, 1234) == 0);
	snprintf(wanted, sizeof(wanted), "%s", run(cold, script));
	CHECK(says(ahead, script, wanted));
	CHECK(chown(in_place("read"), 0, 0) == 0);
	ks_prepared_free(ahead);
	ks_prepared_free(cold);
	return 1;
}

/* In a child, whose mounts are gone with it. */
static int in_a_child(int (*function)(void))
{
	int status = -1;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		int good = function();

		fflush(stdout);
		_exit(good ? 0 : 1);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static int leave_namespace(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static int mount_over(const char *path, const char *text)
{
	char name[300];

	snprintf(name, sizeof(name), "%s/text", path);
	return mount("tmpfs", path, "tmpfs", 0, "mode=755") == 0 && write_text(name, text);
}

static int mounts_change(void)
{
	ks_prepared *prepared;
	char script[600];

	CHECK(leave_namespace() && (prepared = prepare(1)));
	snprintf(script, sizeof(script),
		"cat %s/read/text; touch %s/write/x 2>/dev/null || echo no", place, place);
	CHECK(mount(in_place("write"), in_place("write"), NULL, MS_BIND, NULL) == 0);
	CHECK(ks_prepared_fill(prepared, NULL) == 0);
	CHECK(mount(NULL, in_place("write"), NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0);
	CHECK(says(prepared, script, "granted\nno\n[exit 0]"));
	CHECK(ks_prepared_fill(prepared, NULL) == 0 && mount_over(in_place("read"), "over\n"));
	CHECK(says(prepared, script, "over\nno\n[exit 0]"));
	ks_prepared_free(prepared);
	return 1;
}

static int change_of_mounts(void)
{
	return in_a_child(mounts_change);
}

/* With another table, of which the first one tells nothing. */
static int namespace_changes(void)
{
	ks_prepared *prepared = prepare(1);
	char script[300];

	snprintf(script, sizeof(script), "cat %s/read/inner/text", place);
	CHECK(prepared && leave_namespace() && mount_over(in_place("read/inner"), "inner\n"));
	CHECK(says(prepared, script, "inner\n[exit 0]"));
	ks_prepared_free(prepared);
	return 1;
}

static int other_namespace(void)
{
	int good;

	CHECK(mkdir(in_place("read/inner"), 0755) == 0);
	good = in_a_child(namespace_changes);
	return rmdir(in_place("read/inner")) == 0 && good;
}

static ks_prepared *inherited;

static int use_inherited(void)
{
	CHECK(says(inherited, "echo child", "child\n[exit 0]"));
	CHECK(ks_prepared_waiting(inherited) == 0);
	CHECK(ks_prepared_fill(inherited, NULL) == 0);
	CHECK(says(inherited, "echo own", "own\n[exit 0]"));
	ks_prepared_free(inherited);
	return 1;
}

static int child_of_fork(void)
{
	inherited = prepare(2);
	CHECK(inherited && in_a_child(use_inherited));
	CHECK(ks_prepared_waiting(inherited) == 2);
	CHECK(says(inherited, "echo parent", "parent\n[exit 0]"));
	CHECK(ks_prepared_waiting(inherited) == 1);
	ks_prepared_free(inherited);
	return 1;
}

int main(int argc, char **argv)
{
	if (suite_begin("prepared_host", argc, argv) < 0 || make_place() < 0)
		return 2;
	test("a grant that is replaced meanwhile is seen", replaced_grant);
	test("a link that leads elsewhere meanwhile is seen", replaced_link);
	test("a grant that is removed and made anew meanwhile is seen", grant_made_anew);
	if (geteuid() == 0) {
		test("a grant that changes hands meanwhile is seen", other_owner);
		test("a change of the host's mounts is seen", change_of_mounts);
		test("another mount namespace of the caller's is seen", other_namespace);
	}
	test("a child of fork() has jails of its own", child_of_fork);
	remove_place();
	return suite_end();
}
