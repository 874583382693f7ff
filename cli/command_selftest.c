/* SPDX-License-Identifier: Apache-2.0 */
/* kastellan selftest: does what must not be possible, on this host, under the caller's own policy.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/backend.h"
#include "cli/cli.h"
#include "cli/options.h"
#include "cli/selftest/selftest.h"

static const char *const result_names[] = {"held", "not held", "degraded", "not shown", "granted"};

struct tally {
	unsigned counts[sizeof(result_names) / sizeof(result_names[0])];
	bool json, first;
};

/* All words come from our own tables, and need no escape. */
static void print_trial(struct tally *tally, const struct trial *trial)
{
	tally->counts[trial->result]++;
	if (!tally->json) {
		printf("  %-10s %-21s %s\n  %-10s   in the jail: %s; without it: %s\n",
			result_names[trial->result], trial->act->name, trial->act->about, "",
			trial->jail, trial->control);
		return;
	}
	printf("%s\n    {\"act\": \"%s\", \"about\": \"%s\", \"field\": \"%s\", \"result\": "
	       "\"%s\", "
	       "\"jail\": \"%s\", \"control\": \"%s\"}",
		tally->first ? "" : ",", trial->act->name, trial->act->about, trial->act->field,
		result_names[trial->result], trial->jail, trial->control);
	tally->first = false;
}

static void begin(const struct tally *tally, const struct jail_of_test *jail)
{
	const char *name = ks_backend_name(jail->backend);

	if (tally->json)
		printf("{\n  \"version\": 1,\n  \"backend\": \"%s\",\n  \"acts\": [", name);
	else
		printf("forbidden acts under the backend %s\n", name);
}

static void end(const struct tally *tally)
{
	const unsigned *counts = tally->counts;

	if (tally->json)
		printf("\n  ],\n  \"held\": %u,\n  \"not_held\": %u,\n  \"degraded\": %u,\n"
		       "  \"not_shown\": %u,\n  \"granted\": %u\n}\n",
			counts[RESULT_HELD], counts[RESULT_NOT_HELD], counts[RESULT_DEGRADED],
			counts[RESULT_NOT_SHOWN], counts[RESULT_GRANTED]);
	else
		printf("%u held, %u not held, %u degraded as the receipt says, %u cannot be shown "
		       "here, %u granted\n",
			counts[RESULT_HELD], counts[RESULT_NOT_HELD], counts[RESULT_DEGRADED],
			counts[RESULT_NOT_SHOWN], counts[RESULT_GRANTED]);
}

/* The program has to be seen in the jail: where no jail shows it anyway, that is a grant more. */
static int show_itself(struct jail_of_test *jail, char self[PATH_MAX], ks_error **reterr)
{
	ssize_t len = readlink("/proc/self/exe", self, PATH_MAX - 1);

	if (len < 0)
		return error_set(reterr, -errno, ABOUT(.step = "selftest"),
			"the program does not find itself: %s", strerror(errno));
	self[len] = '\0';
	jail->self = self;
	return strncmp(self, "/usr/", 5) == 0 ? 0 : ks_policy_add_read(jail->policy, self, reterr);
}

/* Without an answer to nothing, every act would seem to be denied. */
static int try_probe(const struct jail_of_test *jail, struct stage *stage, ks_error **reterr)
{
	struct trial trial;
	int r = trial_run(jail, stage, act_find("nothing"), &trial, reterr);

	if (r < 0)
		return r;
	if (strcmp(trial.jail, "allowed") != 0 || strcmp(trial.control, "allowed") != 0)
		return error_set(reterr, -ENOEXEC,
			ABOUT(.step = "selftest",
				.remedy = "give the policy what a small program needs: mem_mb 16, "
					  "cpu_ms 100, tasks_max 4"),
			"the test's own program does not run: in the jail \"%s\", without it "
			"\"%s\"",
			trial.jail, trial.control);
	return 0;
}

static int try_all(const struct jail_of_test *jail, struct stage *stage, struct tally *tally,
	ks_error **reterr)
{
	int r = try_probe(jail, stage, reterr);

	if (r < 0)
		return r;
	begin(tally, jail);
	for (size_t i = 1; act_tables[i]; i++) {
		for (const struct act *act = act_tables[i]; act->name; act++) {
			struct trial trial;

			r = trial_run(jail, stage, act, &trial, reterr);
			if (r < 0)
				return r;
			print_trial(tally, &trial);
			fflush(stdout);
		}
	}
	end(tally);
	return fflush(stdout) == 0 ? 0 : -EIO;
}

static int test(struct arguments *arguments, struct tally *tally, ks_error **reterr)
{
	struct jail_of_test jail = {
		.policy = arguments->policy, .allow_degraded = arguments->run.allow_degraded};
	struct stage stage = {.shm = -1, .leak = -1};
	ks_backends *backends = NULL;
	ks_plan *plan = NULL;
	char self[PATH_MAX];
	int r = cli_backend(arguments, &backends, &jail.backend, reterr);

	if (r == 0)
		r = show_itself(&jail, self, reterr);
	if (r == 0)
		r = ks_plan_new(jail.backend, jail.policy, NULL, &plan, reterr);
	if (r == 0)
		r = ks_plan_check(plan, jail.allow_degraded, reterr);
	jail.plan = plan;
	if (r == 0)
		r = stage_set(jail.policy, self, &stage, reterr);
	if (r == 0)
		r = try_all(&jail, &stage, tally, reterr);
	stage_clear(&stage);
	ks_plan_free(plan);
	ks_backend_unref(jail.backend);
	ks_backends_free(backends);
	return r;
}

int command_selftest(int argc, char **argv)
{
	struct arguments arguments;
	struct tally tally = {.first = true};
	ks_error *error = NULL;
	int r = arguments_parse(argc, argv, FOR_SELFTEST, &arguments, &error);

	tally.json = arguments.json;
	if (r == 0 && arguments.help) {
		print_help(find_command("selftest"));
	} else if (r == 0 && arguments.program[0]) {
		r = act_perform(arguments.program);
		arguments_done(&arguments);
		return r;
	} else if (r == 0) {
		r = test(&arguments, &tally, &error);
	}
	if (error)
		print_error(arguments.policy_file, error);
	ks_error_free(error);
	arguments_done(&arguments);
	if (r < 0)
		return STATUS_FAILED;
	return tally.counts[RESULT_NOT_HELD] ? STATUS_NO : STATUS_OK;
}
