/* SPDX-License-Identifier: Apache-2.0 */
/* Jails that are built ahead: that they are used, that they confine as the others do, that none is
 * used twice, and that none is left. What changes meanwhile: prepared_host.c.
 *
 *	prepared BACKEND [FIELD,... [COUNT]]   the fields may be degraded; so many tests of them */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "prepared_common.h"

static bool namespaces; /* the jail has some, and a /tmp of its own */

static int waiting_jails_are_used(void)
{
	ks_prepared *prepared = prepare(2);

	CHECK(prepared && ks_prepared_waiting(prepared) == 2);
	CHECK(says(prepared, "echo one; exit 3", "one\n[exit 3]"));
	CHECK(ks_prepared_waiting(prepared) == 1);
	CHECK(says(prepared, "echo two", "two\n[exit 0]"));
	CHECK(ks_prepared_waiting(prepared) == 0);
	CHECK(says(prepared, "echo cold", "cold\n[exit 0]"));
	CHECK(ks_prepared_fill(prepared, NULL) == 0 && ks_prepared_waiting(prepared) == 2);
	ks_prepared_free(prepared);
	return 1;
}

static int time_goes_on(void)
{
	ks_prepared *prepared = prepare(1);
	time_t before, told;

	CHECK(prepared);
	sleep(1);
	before = time(NULL);
	told = strtol(run(prepared, "date +%s"), NULL, 10);
	CHECK(ks_prepared_waiting(prepared) == 0);
	CHECK(told >= before - 1 && told <= time(NULL) + 1);
	ks_prepared_free(prepared);
	return 1;
}

/* Each act once in a waiting jail and once in a new one, which the other tests are about. */
static int same(ks_prepared *ahead, ks_prepared *cold, const char *script)
{
	char wanted[512];

	snprintf(wanted, sizeof(wanted), "%s", run(cold, script));
	if (ks_prepared_waiting(ahead) == 0 && ks_prepared_fill(ahead, NULL) < 0)
		return 0;
	return ks_prepared_waiting(ahead) > 0 && says(ahead, script, wanted);
}

static int confinement_is_the_same(void)
{
	static const char *const scripts[] = {
		"cat /etc/shadow >/dev/null 2>&1 && echo read; set -- /proc/[0-9]*; echo $#",
		"[ $(id -u) = 0 ] && echo root",
		"grep -E '^(Cap|NoNew|Seccomp)' /proc/self/status | sort",
		"echo x >read/new 2>/dev/null || echo refused; pwd; ulimit -n -u -c",
		"cat /proc/self/cgroup | wc -l; ls /proc/self/fd | wc -l; ps ax | wc -l",
		"cat /proc/self/mountinfo | wc -l; hostname; umask; echo $0",
		"env | grep -v ^TMPDIR= | sort",
		"unshare -r true 2>&1; mount -t tmpfs x /tmp 2>&1; ls -d /sys 2>&1",
		"head -c 200000000 /dev/zero | tail -c 1 | wc -c",
	};
	ks_prepared *ahead = prepare(1), *cold = prepare(0);

	CHECK(ahead && cold);
	for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++)
		CHECK(same(ahead, cold, scripts[i]));
	ks_prepared_free(ahead);
	ks_prepared_free(cold);
	return 1;
}

static int grants_work(void)
{
	ks_prepared *prepared = prepare(1);
	char script[600];

	CHECK(prepared);
	snprintf(script, sizeof(script),
		"cat %s/read/text && echo made >%s/write/made; cat %s/secret 2>/dev/null || echo "
		"no",
		place, place, place);
	CHECK(says(prepared, script, "granted\nno\n[exit 0]"));
	CHECK(access(in_place("write/made"), F_OK) == 0);
	unlink(in_place("write/made"));
	ks_prepared_free(prepared);
	return 1;
}

/* -1 where there is none. */
static pid_t first_child(void)
{
	char path[64], text[64] = "";
	FILE *file;
	int pid = -1;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	file = fopen(path, "r");
	if (file && fgets(text, sizeof(text), file) && sscanf(text, "%d", &pid) != 1)
		pid = -1;
	if (file)
		fclose(file);
	return pid;
}

static int dead_jail_is_not_used(void)
{
	ks_prepared *prepared = prepare(1);
	pid_t monitor = first_child();

	CHECK(prepared && monitor > 0 && kill(monitor, SIGKILL) == 0);
	usleep(200000);
	CHECK(says(prepared, "echo still here", "still here\n[exit 0]"));
	CHECK(ks_prepared_waiting(prepared) == 0);
	ks_prepared_free(prepared);
	return 1;
}

static int bad_programs(void)
{
	const char *missing[] = {"no-such-program", NULL};
	const char *none[] = {NULL};
	struct ks_run_options options = {.size = sizeof(options), .terminal = 1};
	ks_prepared *prepared = prepare(1);
	ks_error *error = NULL;
	ks_child *child = NULL;

	CHECK(prepared);
	CHECK(ks_prepared_spawn(prepared, none, NULL, &child, NULL) == -EINVAL);
	CHECK(ks_prepared_spawn(prepared, missing, &options, &child, NULL) == -EINVAL);
	CHECK(ks_prepared_waiting(prepared) == 1);
	CHECK(ks_prepared_spawn(prepared, missing, NULL, &child, &error) == -ENOENT);
	CHECK(!child && strstr(ks_error_message(error), "no-such-program"));
	CHECK(ks_prepared_waiting(prepared) == 0);
	ks_error_free(error);
	ks_prepared_free(prepared);
	return 1;
}

static int refused_early(void)
{
	struct ks_run_options options = {.size = sizeof(options), .allow_degraded = degraded};
	ks_prepared *prepared = NULL;
	ks_policy *policy = NULL;

	CHECK(ks_policy_new(&policy) == 0);
	CHECK(ks_prepared_new(backend, policy, &options, KS_PREPARED_MAX + 1, &prepared, NULL) ==
		-ERANGE);
	options.terminal = 1;
	CHECK(ks_prepared_new(backend, policy, &options, 1, &prepared, NULL) == -EINVAL);
	options.terminal = 0;
	CHECK(ks_policy_add_read(policy, in_place("nothing"), NULL) == 0);
	CHECK(ks_prepared_new(backend, policy, &options, 1, &prepared, NULL) == -ENOENT);
	CHECK(!prepared);
	ks_policy_free(policy);
	return 1;
}

static int many_threads_worth(void)
{
	ks_prepared *prepared = prepare(3);

	CHECK(prepared);
	for (int i = 0; i < 12; i++) {
		/* The first of its own namespace but for what made that, and nothing of anybody
		 * before it. */
		CHECK(namespaces ? says(prepared,
					   "[ $$ -le 3 ] && echo first; ls -A /tmp /dev/shm | grep "
					   "-v :; touch /tmp/mine",
					   "first\n\n[exit 0]")
				 : says(prepared,
					   "cd $TMPDIR && ls -A . && touch mine && ls; ls -A "
					   "$TMPDIR/..",
					   "mine\n[exit 2]"));
		if (i % 2)
			CHECK(ks_prepared_fill(prepared, NULL) == 0);
	}
	ks_prepared_free(prepared);
	return 1;
}

static int groups_of(pid_t pid)
{
	static const char *const tops[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/pids",
		"/sys/fs/cgroup/memory", "/sys/fs/cgroup/cpu"};
	char prefix[64];
	int count = 0;

	snprintf(prefix, sizeof(prefix), "kastellan-%d-", (int)pid);
	for (size_t i = 0; i < sizeof(tops) / sizeof(tops[0]); i++) {
		DIR *directory = opendir(tops[i]);

		for (struct dirent *entry; directory && (entry = readdir(directory));)
			count += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
		if (directory)
			closedir(directory);
	}
	return count;
}

static int nothing_is_left(void)
{
	ks_prepared *prepared = prepare(2);
	int before;

	CHECK(prepared);
	before = groups_of(getpid());
	ks_prepared_free(prepared);
	CHECK(first_child() == -1 && waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD);
	CHECK(groups_of(getpid()) == 0);
	CHECK(before > 0 || degraded); /* else it was looked for in the wrong places */
	return 1;
}

/* What a worker leaves to the background holds the end of a pipe; control: while it lives. */
static int nobody_outlives_the_outcome(void)
{
	const char *argv[] = {"sh", "-c", "sleep 1000 & echo started; read line", NULL};
	struct ks_run_options options = {.size = sizeof(options)};
	ks_prepared *prepared = prepare(1);
	struct pollfd end = {.events = POLLIN};
	ks_child *child = NULL;
	char text[16];
	int groups;

	options.stdio[0] = options.stdio[1] = KS_STDIO_PIPE;
	CHECK(prepared);
	groups = groups_of(getpid());
	CHECK(ks_prepared_spawn(prepared, argv, &options, &child, NULL) == 0);
	end.fd = ks_child_take_stdio(child, 1);
	CHECK(read(end.fd, text, sizeof(text)) == 8);
	CHECK(poll(&end, 1, 0) == 0 && (groups > 0 || degraded));
	close(ks_child_take_stdio(child, 0));
	CHECK(ks_child_wait(child, NULL) == 0);
	CHECK(poll(&end, 1, 0) == 1 && (end.revents & POLLHUP) && read(end.fd, text, 1) == 0);
	CHECK(groups_of(getpid()) == 0);
	ks_child_free(child);
	close(end.fd);
	ks_prepared_free(prepared);
	CHECK(first_child() == -1);
	return 1;
}

/* Of itself, while nobody calls the library; control: it is there until then. */
static int empty_jail_ends(void)
{
	ks_prepared *prepared = prepare(1);
	siginfo_t info = {0};
	pid_t monitor = first_child();

	CHECK(prepared && monitor > 0 && kill(monitor, 0) == 0);
	CHECK(says(prepared, "true", "[exit 0]"));
	/* Of the other backend's jail nothing is left by now. */
	while (first_child() == monitor && info.si_pid != monitor)
		CHECK(waitid(P_PID, (id_t)monitor, &info, WEXITED | WNOWAIT) == 0);
	ks_prepared_free(prepared);
	CHECK(first_child() == -1);
	return 1;
}

/* The end of a pipe that every process of the jails would hold shows that the last is gone. */
static int killed_supervisor(void)
{
	char byte;
	int made[2];
	struct pollfd ready;
	pid_t pid;

	CHECK(pipe(made) == 0);
	pid = fork();
	if (pid == 0) {
		ks_prepared *prepared = prepare(2);

		close(made[0]);
		if (write(made[1], prepared ? "y" : "n", 1) == 1 && prepared)
			pause();
		_exit(1);
	}
	close(made[1]);
	ready = (struct pollfd){.fd = made[0], .events = POLLIN};
	CHECK(poll(&ready, 1, 20000) == 1 && read(made[0], &byte, 1) == 1 && byte == 'y');
	close(made[0]);
	CHECK(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
	for (int i = 0; i < 100 && groups_of(pid); i++)
		usleep(20000);
	CHECK(groups_of(pid) == 0);
	return 1;
}

int main(int argc, char **argv)
{
	if (suite_begin("prepared", argc, argv) < 0 || make_place() < 0)
		return 2;
	namespaces = strcmp(argv[1], "landlock") != 0;
	test("waiting jails are used, each once", waiting_jails_are_used);
	test("the time is the host's in a jail that has waited", time_goes_on);
	test("a waiting jail confines as a new one", confinement_is_the_same);
	test("grants, and what is not granted", grants_work);
	test("a jail that has died is not used", dead_jail_is_not_used);
	test("programs and options that cannot be", bad_programs);
	test("what would be refused is refused when it is prepared", refused_early);
	test("no worker finds anything of another", many_threads_worth);
	test("nothing is left of jails that were not used", nothing_is_left);
	test("no process of a worker outlives its outcome", nobody_outlives_the_outcome);
	test("a jail whose worker has ended ends by itself", empty_jail_ends);
	test("nothing is left when the supervisor is killed", killed_supervisor);
	remove_place();
	return suite_end();
}
