/* SPDX-License-Identifier: Apache-2.0 */
/* One act, on both sides, and what the two say together. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "cli/selftest/selftest.h"

#define PATIENCE_MS 60000
#define LINGER_MS 700 /* how long somebody who stayed behind is waited for */
#define MOST_MEMORY_MB 2048
#define MOST_TASKS 2000
#define MOST_CPU_MS 10000

struct words {
	char port[16], shm[16], victim[16], amount[24], leak[16];
	const char *argv[5 + STAGE_ARGUMENTS];
};

/* In the order of read_stage() in acts.c. */
static void words_of(
	const char *self, const struct act *act, const struct stage *stage, struct words *ret)
{
	snprintf(ret->port, sizeof(ret->port), "%d", stage->port);
	snprintf(ret->shm, sizeof(ret->shm), "%d", stage->shm);
	snprintf(ret->victim, sizeof(ret->victim), "%d", (int)stage->victim);
	snprintf(ret->amount, sizeof(ret->amount), "%llu", (unsigned long long)stage->amount);
	snprintf(ret->leak, sizeof(ret->leak), "%d", stage->leak);
	const char *argv[] = {self, "selftest", "--", act->name, stage->directory, ret->port,
		ret->shm, ret->victim, stage->host, ret->amount, stage->path, ret->leak, NULL};

	memcpy(ret->argv, argv, sizeof(argv));
}

/* The first line that comes, and whether somebody still holds the other end a while after. */
static bool read_answer(int fd, int64_t deadline, char answer[64])
{
	size_t len = 0;
	char rest[64];

	for (;;) {
		struct pollfd said = {.fd = fd, .events = POLLIN};
		int64_t left = deadline - clock_ms();
		ssize_t n;

		if (left <= 0 || poll(&said, 1, (int)left) <= 0)
			break;
		n = len < 63 ? read(fd, answer + len, 63 - len) : read(fd, rest, sizeof(rest));
		if (n <= 0) {
			answer[len] = '\0';
			answer[strcspn(answer, "\n")] = '\0';
			return false;
		}
		if (len < 63)
			len += (size_t)n;
		/* It has said it all: what holds the pipe from now on has stayed behind. */
		if (memchr(answer, '\n', len) && deadline > clock_ms() + LINGER_MS)
			deadline = clock_ms() + LINGER_MS;
	}
	answer[len] = '\0';
	answer[strcspn(answer, "\n")] = '\0';
	return true;
}

/* A terminal of its own as standard input, or /dev/null. */
static void __attribute__((noreturn)) be_control(const struct words *words, int out, int terminal)
{
	int null = open("/dev/null", O_RDWR);

	setsid();
	if (terminal >= 0)
		ioctl(terminal, TIOCSCTTY, 0);
	dup2(terminal >= 0 ? terminal : null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	/* The words are another's to read only. */
	execv(words->argv[0], (char *const *)(uintptr_t)words->argv);
	_exit(127);
}

static int run_control(const struct words *words, int terminal, char answer[64], bool *ret_stays)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		be_control(words, ends[1], terminal);
	close(ends[1]);
	*ret_stays = pid > 0 && read_answer(ends[0], clock_ms() + PATIENCE_MS, answer);
	close(ends[0]);
	if (pid < 0)
		return -errno;
	waitpid(pid, NULL, 0);
	/* As where the kernel ends what has no such entrance. */
	if (!answer[0])
		snprintf(answer, 64, "no answer");
	return 0;
}

static void name_end(const ks_outcome *outcome, char answer[64])
{
	enum ks_outcome_type type = ks_outcome_type(outcome);

	if (type == KS_OUTCOME_DENIED)
		snprintf(answer, 64, "killed: %.40s", ks_outcome_detail(outcome));
	else if (type != KS_OUTCOME_EXIT)
		snprintf(answer, 64, "ended: %s", ks_outcome_type_name(type));
	else if (!answer[0])
		snprintf(answer, 64, "no answer: exit code %d", ks_outcome_exit_code(outcome));
}

static int run_jail(const struct jail_of_test *jail, const struct words *words, int terminal,
	char answer[64], bool *ret_stays, ks_error **reterr)
{
	const struct ks_run_options options = {.size = sizeof(options),
		.allow_degraded = jail->allow_degraded,
		.timeout_ms = PATIENCE_MS,
		.stdio = {terminal >= 0 ? KS_STDIO_FD : KS_STDIO_NULL, KS_STDIO_PIPE},
		.stdio_fd = {terminal, -1, -1}};
	ks_child *child = NULL;
	int out, r = ks_child_spawn(
			 jail->backend, jail->policy, words->argv, &options, &child, reterr);

	if (r < 0)
		return r;
	out = ks_child_take_stdio(child, STDOUT_FILENO);
	r = ks_child_wait(child, reterr);
	if (r == 0) {
		*ret_stays = read_answer(out, clock_ms() + LINGER_MS, answer);
		name_end(ks_child_outcome(child), answer);
	}
	close(out);
	ks_child_free(child);
	return r;
}

/* The receipt promises less than that anyway. */
static bool is_degraded(const struct jail_of_test *jail, const char *field)
{
	struct ks_receipt_row row = {.size = sizeof(row)};

	for (size_t i = 0; ks_plan_receipt(jail->plan, i, &row) == 0; i++)
		if (strcmp(row.field, field) == 0)
			return row.verdict == KS_VERDICT_DEGRADED ||
			       row.verdict == KS_VERDICT_ABSENT;
	return false;
}

/* A guest counts as a program's what its host gives to others meanwhile, so that a machine of a
 * busy host has spent less than the program believes. What each of the two processes takes is more
 * than the guest itself lets it have, by the same clock. */
static uint64_t much_time(const struct jail_of_test *jail, uint64_t limit_ms)
{
	const char *name = ks_backend_kind_name(ks_backend_kind(jail->backend));

	/* By name, as a Mac's have no such kinds. */
	if (strcmp(name, "qemu") != 0 && strcmp(name, "firecracker") != 0)
		return limit_ms + limit_ms / 2 + 500;
	return 2 * (limit_ms + 1000 + 1000 + 500);
}

/* 0: there is no such limit, or it is too high to be tried. */
static uint64_t amount_for(const struct jail_of_test *jail, const char *field)
{
	uint64_t limit;

	if (strcmp(field, "mem_mb") == 0) {
		limit = ks_policy_mem_mb(jail->policy);
		return limit && limit <= MOST_MEMORY_MB ? limit + limit / 2 + 16 : 0;
	}
	if (strcmp(field, "cpu_ms") == 0) {
		limit = ks_policy_cpu_ms(jail->policy);
		return limit && limit <= MOST_CPU_MS ? much_time(jail, limit) : 0;
	}
	limit = ks_policy_tasks_max(jail->policy);
	limit = limit == KS_POLICY_UNSET ? 64 : limit;
	return limit <= MOST_TASKS ? limit + 16 : 0;
}

static const char *why_not_tried(const struct jail_of_test *jail, const struct stage *stage,
	const struct act *act, enum result *ret)
{
	*ret = RESULT_NOT_SHOWN;
	switch (act->unless) {
	case UNLESS_NETWORK:
		*ret = RESULT_GRANTED;
		return ks_policy_net(jail->policy) == KS_NET_PROXY_EGRESS ? "ProxyEgress has it"
									  : NULL;
	case UNLESS_NO_PLACE:
		*ret = RESULT_GRANTED;
		return stage->directory[0] ? NULL : "all places for temporary files are granted";
	case UNLESS_NO_GRANT:
		return stage->path[0] ? NULL : "no grant for reading that you could write";
	case UNLESS_NO_AMOUNT:
		return stage->amount ? NULL : "no limit, or too high a one";
	case UNLESS_NOTHING:
		break;
	}
	return NULL;
}

static bool succeeded(const char *answer)
{
	return strcmp(answer, "allowed") == 0;
}

/* Of an act that is about staying, what counts is who stays. */
static void judge(const struct jail_of_test *jail, struct trial *trial)
{
	if (succeeded(trial->jail))
		trial->result = is_degraded(jail, trial->act->field) ? RESULT_DEGRADED
								     : RESULT_NOT_HELD;
	else
		trial->result = succeeded(trial->control) ? RESULT_HELD : RESULT_NOT_SHOWN;
}

static void replace_by_stay(char answer[64], bool stays)
{
	if (succeeded(answer))
		snprintf(answer, 64, "%s", stays ? "allowed" : "gone with the program");
}

static int open_terminal(const struct act *act, int *ret_master)
{
	int master = strncmp(act->name, "push-input", strlen("push-input")) == 0
			     ? open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
			     : -1;
	int unlock = 0;

	*ret_master = master;
	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return -1;
	return ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
}

int trial_run(const struct jail_of_test *jail, struct stage *stage, const struct act *act,
	struct trial *ret, ks_error **reterr)
{
	bool control_stays = false, jail_stays = false;
	struct words words = {0};
	const char *why;
	int master, terminal, r;

	*ret = (struct trial){.act = act};
	stage->amount = act->unless == UNLESS_NO_AMOUNT ? amount_for(jail, act->field) : 0;
	why = why_not_tried(jail, stage, act, &ret->result);
	if (why) {
		snprintf(ret->jail, sizeof(ret->jail), "not tried");
		snprintf(ret->control, sizeof(ret->control), "%s", why);
		return 0;
	}
	words_of(jail->self, act, stage, &words);
	terminal = open_terminal(act, &master);
	r = run_control(&words, terminal, ret->control, &control_stays);
	if (r == 0)
		r = run_jail(jail, &words, terminal, ret->jail, &jail_stays, reterr);
	else
		error_set(reterr, r, ABOUT(.step = "selftest"), "a child cannot be started: %s",
			strerror(-r));
	if (terminal >= 0)
		close(terminal);
	if (master >= 0)
		close(master);
	if (r < 0)
		return r;
	if (strcmp(act->name, "stay-behind") == 0) {
		replace_by_stay(ret->control, control_stays);
		replace_by_stay(ret->jail, jail_stays);
	}
	judge(jail, ret);
	return 0;
}
