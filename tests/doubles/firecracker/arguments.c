/* SPDX-License-Identifier: Apache-2.0 */
#include "arguments.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* All that the original takes; with a value where it has one. */
static const struct {
	const char *name;
	bool value;
} known[] = {
	{"api-sock", true},
	{"id", true},
	{"seccomp-filter", true},
	{"no-seccomp", false},
	{"start-time-us", true},
	{"start-time-cpu-us", true},
	{"parent-cpu-time-us", true},
	{"config-file", true},
	{"metadata", true},
	{"no-api", false},
	{"log-path", true},
	{"level", true},
	{"module", true},
	{"show-level", false},
	{"show-log-origin", false},
	{"metrics-path", true},
	{"boot-timer", false},
	{"version", false},
	{"snapshot-version", false},
	{"describe-snapshot", true},
	{"http-api-max-payload-size", true},
	{"mmds-size-limit", true},
	{"enable-pci", false},
};

#define N_KNOWN (sizeof(known) / sizeof(known[0]))

static size_t find(const char *word)
{
	size_t i = 0;

	while (i < N_KNOWN && (strncmp(word, "--", 2) != 0 || strcmp(word + 2, known[i].name) != 0))
		i++;
	return i;
}

static void keep(const char *name, const char *value, struct arguments *ret)
{
	if (strcmp(name, "id") == 0)
		ret->id = value;
	else if (strcmp(name, "config-file") == 0)
		ret->config_file = value;
	else if (strcmp(name, "log-path") == 0)
		ret->log_path = value;
	ret->no_api |= strcmp(name, "no-api") == 0;
	ret->version |= strcmp(name, "version") == 0;
}

/* Of letters, digits and '-'. */
static bool is_id(const char *id)
{
	size_t len = strlen(id);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)id[i]) && id[i] != '-')
			return false;
	return len >= 1 && len <= 64;
}

const char *arguments_read(char **argv, struct arguments *ret, char *room, int size)
{
	bool seen[N_KNOWN] = {false};

	*ret = (struct arguments){.id = "anonymous-instance"};
	for (char **word = argv + 1; *word; word++) {
		size_t which = find(*word);
		const char *fault = which == N_KNOWN		     ? "UnexpectedArgument"
				    : seen[which]		     ? "DuplicateArgument"
				    : known[which].value && !word[1] ? "MissingValue"
								     : NULL;

		if (fault) {
			snprintf(room, (size_t)size, "ParseArguments(%s(\"%s\"))", fault, *word);
			return room;
		}
		seen[which] = true;
		keep(known[which].name, known[which].value ? *++word : NULL, ret);
	}
	if (ret->no_api && !ret->config_file)
		return "ParseArguments(MissingArgument(\"config-file\"))";
	return is_id(ret->id) ? NULL : "ParseArguments(Invalid instance ID)";
}
