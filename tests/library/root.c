/* SPDX-License-Identifier: Apache-2.0 */
/* Spawns of one backend with the same policy, whose jails may have a part of their root in common:
 * that each is as the first one, that what one does is nothing to the next, and that none shows
 *what the host was before.
 *
 *	root BACKEND [FIELD,...]   the fields may be degraded */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

#define OFTEN 4 /* the first ones may be made in another way than the last */
#define TEXT 32768

static char place[] = "/var/tmp/kastellan-root.XXXXXX"; /* granted to read */

/* What a script says on stdout. */
static int run(const char *script, char text[TEXT])
{
	const char *argv[] = {"sh", "-c", script, NULL};
	struct ks_run_options options = {
		.size = sizeof(options), .timeout_ms = 20000, .allow_degraded = degraded};
	ks_policy *policy = NULL;
	ks_child *child = NULL;
	ks_error *error = NULL;
	size_t len = 0;
	ssize_t n;
	int r = ks_policy_new(&policy);

	options.stdio[1] = KS_STDIO_PIPE;
	if (r == 0)
		r = ks_policy_add_read(policy, place, &error);
	if (r == 0)
		r = ks_child_spawn(backend, policy, argv, &options, &child, &error);
	while (r == 0 && len < TEXT - 1 &&
		(n = read(ks_child_stdio(child, 1), text + len, TEXT - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
	if (r == 0)
		r = ks_child_wait(child, &error);
	say(error);
	ks_child_free(child);
	ks_policy_free(policy);
	return r;
}

static int says(const char *script, const char *wanted)
{
	static char text[TEXT];

	for (int i = 0; i < OFTEN; i++) {
		CHECK(run(script, text) == 0);
		if (strcmp(text, wanted) != 0) {
			printf("# run %d: %s\n#   said %s\n#   and not %s\n", i, script, text,
				wanted);
			return 0;
		}
	}
	return 1;
}

/* Whoever owns a file that only the kernel may write to does not matter. */
static int all_are_the_same(void)
{
	static const char *const scripts[] = {
		"find / -xdev -path /proc -prune -o -printf '%p %y %m %l\\n' | sort",
		"find /dev /tmp -printf '%p %y %m %l\\n' | sort",
		"find /etc -maxdepth 1 -printf '%p %y %m %l\\n' | sort",
		"cut -d' ' -f 5,6 /proc/self/mountinfo | sort",
		"for f in passwd group hosts hostname nsswitch.conf; do cat /etc/$f; done",
		"for f in /new /etc/new /dev/new /usr/new; do echo x 2>&1 >$f; done",
	};
	static char first[TEXT];

	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
		CHECK(run(scripts[i], first) == 0 && first[0]);
		CHECK(says(scripts[i], first));
	}
	return 1;
}

static int nothing_is_left_for_the_next(void)
{
	return says("ls -A /tmp /dev/shm; echo x >/tmp/x; echo x >/dev/shm/x; echo x >/etc/x; "
		    "chmod 777 / /etc /dev /etc/passwd; ls -A /tmp /dev/shm; stat -c %a /",
		"/dev/shm:\n\n/tmp:\n/dev/shm:\nx\n\n/tmp:\nx\n755\n");
}

static int run_once(void)
{
	static char text[TEXT];

	return run("echo here", text) == 0 && strcmp(text, "here\n") == 0;
}

/* A child of fork() has the same descriptors, and what it takes of them is no longer to be had. */
static int forked_children_do_not_disturb(void)
{
	for (int i = 0; i < OFTEN; i++) {
		int status = -1;
		pid_t pid;

		CHECK(run_once());
		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			int good = run_once() && run_once();

			fflush(stdout);
			_exit(good ? 0 : 1);
		}
		CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
	}
	return run_once();
}

static int write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	return file && fputs(text, file) >= 0 && fclose(file) == 0;
}

static int change_of_mounts_is_seen(void)
{
	CHECK(says("cat /usr/local/new 2>/dev/null || echo none", "none\n"));
	CHECK(mount("tmpfs", "/usr/local", "tmpfs", 0, NULL) == 0);
	CHECK(write_file("/usr/local/new", "new\n"));
	CHECK(says("cat /usr/local/new 2>/dev/null || echo none", "new\n"));
	CHECK(umount2("/usr/local", MNT_DETACH) == 0);
	return says("cat /usr/local/new 2>/dev/null || echo none", "none\n");
}

static int start(const char *program, const char *option, const char *from, const char *to)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		execl(program, program, option, from, to, NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid ? status : -1;
}

/* Over a file by its name, without any mount. */
static int replaced_source_is_seen(void)
{
	char copy[sizeof(place) + 8];

	snprintf(copy, sizeof(copy), "%s/etc", place);
	CHECK(start("/bin/cp", "-a", "/etc", copy) == 0);
	CHECK(mount(copy, "/etc", NULL, MS_BIND, NULL) == 0);
	CHECK(write_file("/etc/services", "before\n"));
	CHECK(says("cat /etc/services", "before\n"));
	CHECK(write_file("/etc/services.new", "after\n") && chmod("/etc/services.new", 0644) == 0);
	CHECK(rename("/etc/services.new", "/etc/services") == 0);
	CHECK(says("cat /etc/services", "after\n"));
	CHECK(umount2("/etc", MNT_DETACH) == 0);
	return start("/bin/rm", "-r", copy, NULL) == 0;
}

int main(int argc, char **argv)
{
	if (suite_begin("root", argc, argv) < 0 || !mkdtemp(place) || chmod(place, 0755) < 0)
		return 2;
	test("each root is as the first one", all_are_the_same);
	test("nothing of one is in the next", nothing_is_left_for_the_next);
	test("a child of fork() spawns as well, and its parent goes on",
		forked_children_do_not_disturb);
	if (geteuid() == 0) {
		if (unshare(CLONE_NEWNS) < 0 ||
			mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
			return 2;
		test("a change of the host's mounts is seen", change_of_mounts_is_seen);
		test("a source that is replaced is seen", replaced_source_is_seen);
	}
	rmdir(place);
	return suite_end();
}
