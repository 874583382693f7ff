/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing a command line by the table of options. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "cli/hand_over.h"
#include "cli/options.h"

#define MAX_ROWS 32
#define LONG_BASE 1000 /* getopt's value of option row i is LONG_BASE + i */

struct given {
	const struct option_row *row;
	const char *value;
};

struct getopt_tables {
	char letters[3 * MAX_ROWS + 3];
	struct option longs[MAX_ROWS + 1];
};

static void build_tables(unsigned command, struct getopt_tables *tables)
{
	char *letter = tables->letters;
	size_t n = 0;

	*letter++ = '+'; /* the first non-option is the program: what follows is its own */
	*letter++ = ':';
	for (size_t i = 0; i < n_option_rows; i++) {
		const struct option_row *row = &option_rows[i];

		if (!(row->commands & command))
			continue;
		tables->longs[n++] = (struct option){row->name,
			row->argument ? required_argument : no_argument, NULL, LONG_BASE + (int)i};
		if (row->letter) {
			*letter++ = row->letter;
			if (row->argument)
				*letter++ = ':';
		}
	}
	*letter = '\0';
	tables->longs[n] = (struct option){0};
}

static const struct option_row *find_row(int code, unsigned command)
{
	if (code >= LONG_BASE)
		return &option_rows[code - LONG_BASE];
	for (size_t i = 0; i < n_option_rows; i++)
		if (option_rows[i].letter == code && (option_rows[i].commands & command))
			return &option_rows[i];
	return NULL;
}

/* getopt reports an abbreviation of several options as it does an unknown one. */
static bool is_ambiguous(const char *text, const struct getopt_tables *tables)
{
	unsigned matches = 0;

	for (const struct option *row = tables->longs; row->name; row++)
		matches += strncmp(row->name, text + 2, strcspn(text + 2, "=")) == 0;
	return matches > 1;
}

static int bad_option(int code, char **argv, const struct getopt_tables *tables, ks_error **reterr)
{
	char letter[3] = {'-', (char)optopt, '\0'};
	bool is_letter = optopt && optopt < LONG_BASE;
	const char *text = is_letter ? letter : argv[optind - 1];
	const char *what = "there is no such option";
	char remedy[64];

	if (code == ':')
		what = "the option needs a value";
	else if (optopt >= LONG_BASE)
		what = "the option takes no value";
	else if (!is_letter && is_ambiguous(text, tables))
		what = "this is short for more than one option";
	snprintf(remedy, sizeof(remedy), "kastellan help %s lists the options", argv[0]);
	return error_set(reterr, -EINVAL, ABOUT(.step = "usage", .path = text, .remedy = remedy),
		"%s: %s: %s", argv[0], what, text);
}

/* Collects; nothing is applied before all of it is known. */
static int collect(int argc, char **argv, unsigned command, struct given *given, size_t *ret_n,
	ks_error **reterr)
{
	struct getopt_tables tables = {0};
	size_t n = 0;
	int code;

	build_tables(command, &tables);
	optind = 0;
	opterr = 0;
	while ((code = getopt_long(argc, argv, tables.letters, tables.longs, NULL)) != -1) {
		if (code == '?' || code == ':')
			return bad_option(code, argv, &tables, reterr);
		given[n].row = find_row(code, command);
		given[n].value = optarg;
		n++;
	}
	*ret_n = n;
	return 0;
}

static int apply_pass(struct arguments *arguments, const struct given *given, size_t n, bool first,
	ks_error **reterr)
{
	for (size_t i = 0; i < n; i++) {
		int r;

		if (given[i].row->first_pass != first)
			continue;
		if (!first && !arguments->shaped_by)
			arguments->shaped_by = given[i].row->name;
		r = given[i].row->apply(arguments, given[i].value, reterr);
		if (r < 0)
			return r;
	}
	return 0;
}

static int load_policy(struct arguments *arguments, ks_error **reterr)
{
	if (arguments->policy_file) {
		hand_over_policy(arguments->policy_file);
		return ks_policy_load(arguments->policy_file, &arguments->policy, reterr);
	}
	return ks_policy_new(&arguments->policy) < 0 ? error_oom(reterr) : 0;
}

/* One argument can be many options in one letter each. */
static size_t most_options(int argc, char **argv)
{
	size_t most = 1;

	for (int i = 0; i < argc; i++)
		most += strlen(argv[i]) + 1;
	return most;
}

int arguments_parse(
	int argc, char **argv, unsigned command, struct arguments *ret, ks_error **reterr)
{
	struct given *given = calloc(most_options(argc, argv), sizeof(*given));
	size_t n = 0;
	int r;

	/* Filled in on failure, too: quiet and status are the caller's wish for that very case. */
	*ret = (struct arguments){
		.command = command, .program = argv + argc, .run.size = sizeof(ret->run)};
	if (!given)
		return error_oom(reterr);
	r = collect(argc, argv, command, given, &n, reterr);
	ret->program = argv + optind;
	if (r == 0)
		r = apply_pass(ret, given, n, true, reterr);
	if (r == 0 && !ret->help &&
		(command & (FOR_RUN | FOR_MCP | FOR_PLAN | FOR_EGRESS | FOR_SELFTEST))) {
		r = load_policy(ret, reterr);
		if (r == 0)
			r = apply_pass(ret, given, n, false, reterr);
	}
	free(given);
	return r;
}

void arguments_done(struct arguments *arguments)
{
	ks_policy_free(arguments->policy);
	arguments->policy = NULL;
}
