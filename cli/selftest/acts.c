/* SPDX-License-Identifier: Apache-2.0 */
/* The side that does the act. It knows nothing of jails. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/selftest/selftest.h"

static int nothing(const struct stage *stage)
{
	(void)stage;
	return 0;
}

/* Has to be possible on both sides, or nothing else says anything. */
static const struct act acts_first[] = {
	{"nothing", "the probe itself", "profile", UNLESS_NOTHING, nothing}, {0}};

const struct act *const act_tables[] = {
	acts_first, acts_files, acts_processes, acts_kernel, acts_limits, NULL};

const struct act *act_find(const char *name)
{
	for (size_t i = 0; act_tables[i]; i++)
		for (const struct act *act = act_tables[i]; act->name; act++)
			if (strcmp(act->name, name) == 0)
				return act;
	return NULL;
}

static int number_of(const char *text)
{
	return (int)strtol(text, NULL, 10);
}

/* In the order of words_of() in trial.c. */
static int read_stage(char *const *words, struct stage *ret)
{
	*ret = (struct stage){.port = number_of(words[1]),
		.shm = number_of(words[2]),
		.victim = number_of(words[3]),
		.amount = strtoull(words[5], NULL, 10),
		.path = words[6],
		.leak = number_of(words[7])};
	if (snprintf(ret->directory, sizeof(ret->directory), "%s", words[0]) >=
			(int)sizeof(ret->directory) ||
		snprintf(ret->host, sizeof(ret->host), "%s", words[4]) >= (int)sizeof(ret->host))
		return -E2BIG;
	return 0;
}

int act_perform(char *const *words)
{
	const struct act *act = act_find(words[0]);
	struct stage stage;
	size_t n = 0;
	int r;

	while (words[n])
		n++;
	if (!act || n != 1 + STAGE_ARGUMENTS || read_stage(words + 1, &stage) < 0) {
		fprintf(stderr,
			"kastellan: selftest: this is no act with its stage\n"
			"  remedy: kastellan selftest tries all acts; what follows \"--\" is "
			"its own doing\n");
		return 125;
	}
	r = act->run(&stage);
	if (r == 0)
		printf("allowed\n");
	else
		printf("denied: %s\n", strerrorname_np(-r) ? strerrorname_np(-r) : "?");
	fflush(stdout);
	return r == 0 ? 0 : 1;
}
