/* SPDX-License-Identifier: Apache-2.0 */
/* Every file of policies/good loads and is written in the form beside it; every file of
 * policies/bad is refused with exactly the problems of its .expect file. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <dirent.h>
#include <cmocka.h>

#include <kastellan/policy.h>

#include "base/cleanup.h"

#define FILE_MAX (1024 * 1024)

static void path_of(char *room, size_t size, const char *kind, const char *name, const char *ending)
{
	const char *source = getenv("KASTELLAN_SOURCE");

	snprintf(room, size, "%s/tests/unit/policies/%s/%s%s", source ? source : ".", kind, name,
		ending);
}

static char *read_file(const char *path)
{
	autofile FILE *file = fopen(path, "re");
	char *text = calloc(1, FILE_MAX + 1);

	if (!file)
		fail_msg("cannot open %s", path);
	assert_non_null(text);
	assert_true(fread(text, 1, FILE_MAX, file) > 0 || feof(file));
	return text;
}

/* The value behind "KEY " in one line of an .expect file. */
static const char *value_of(const char *line, const char *key)
{
	size_t len = strlen(key);

	return strncmp(line, key, len) == 0 && line[len] == ' ' ? line + len + 1 : NULL;
}

/* A wrong expectation is noted and the next one looked at: one run shows all of them. */
static unsigned mismatches;

static void mismatch(const char *name, const char *what, const char *is, const char *wanted)
{
	print_error("%s: %s is '%s', wanted '%s'\n", name, what, is ? is : "(none)", wanted);
	mismatches++;
}

static void expect_part(const char *name, const char *what, const char *text, const char *part)
{
	if (!text || !strstr(text, part))
		mismatch(name, what, text, part);
}

static void expect_whole(const char *name, const char *what, const char *text, const char *wanted)
{
	if (strcmp(wanted, "-") == 0 ? text != NULL : !text || strcmp(text, wanted) != 0)
		mismatch(name, what, text, wanted);
}

/* One line of an .expect file against the problem that it is about. */
static void expect_line(const char *name, const char *line, const ks_error *problem)
{
	char at[32];
	const char *value;

	snprintf(at, sizeof(at), "%u:%u", ks_error_line(problem), ks_error_column(problem));
	value = value_of(line, "at");
	if (value)
		expect_whole(name, "position", at, value);
	value = value_of(line, "field");
	if (value)
		expect_whole(name, "field", ks_error_field(problem), value);
	value = value_of(line, "message");
	if (value)
		expect_part(name, "message", ks_error_message(problem), value);
	value = value_of(line, "remedy");
	if (value)
		expect_part(name, "remedy", ks_error_remedy(problem), value);
}

static void expect_problems(const char *name, const ks_error *first)
{
	const ks_error *problem = NULL;
	char path[512];
	autofree char *text = NULL;
	char *rest, *line;
	bool any = false;

	path_of(path, sizeof(path), "bad", name, ".expect");
	text = read_file(path);
	for (rest = text; (line = strsep(&rest, "\n")) && *line;) {
		if (value_of(line, "schema"))
			continue;
		if (value_of(line, "at")) {
			problem = any ? (problem ? ks_error_next(problem) : NULL) : first;
			any = true;
			if (!problem)
				mismatch(name, "problem", NULL, line);
		}
		if (problem)
			expect_line(name, line, problem);
	}
	if (!any)
		mismatch(name, "expectation", NULL, "at LINE:COLUMN");
	if (problem && ks_error_next(problem))
		mismatch(name, "another problem", ks_error_message(ks_error_next(problem)), "none");
}

static void test_bad(const char *name)
{
	ks_policy *untouched = (ks_policy *)&untouched, *policy = untouched;
	ks_error *error = NULL;
	char path[512];
	int r;

	path_of(path, sizeof(path), "bad", name, ".json");
	r = ks_policy_load(path, &policy, &error);
	if (r >= 0 || !error || ks_error_code(error) != r || policy != untouched) {
		mismatch(name, "verdict", r >= 0 ? "accepted" : "inconsistent", "refused");
		return;
	}
	expect_whole(name, "step", ks_error_step(error), "policy");
	expect_problems(name, error);
	ks_error_free(error);
}

static void test_good(const char *name)
{
	ks_policy *policy = NULL, *again = NULL;
	ks_error *error = NULL;
	autofree char *wanted = NULL, *written = NULL, *rewritten = NULL;
	char path[512];

	path_of(path, sizeof(path), "good", name, ".json");
	if (ks_policy_load(path, &policy, &error) < 0)
		fail_msg("%s: %u:%u: %s", name, ks_error_line(error), ks_error_column(error),
			ks_error_message(error));
	path_of(path, sizeof(path), "good", name, ".canonical");
	wanted = read_file(path);
	assert_int_equal(ks_policy_write(policy, &written), 0);
	assert_string_equal(written, wanted);
	assert_int_equal(ks_policy_parse(written, strlen(written), name, &again, NULL), 0);
	assert_int_equal(ks_policy_write(again, &rewritten), 0);
	assert_string_equal(rewritten, written);
	ks_policy_free(policy);
	ks_policy_free(again);
}

/* Runs one function over the .json files of a directory and returns how many there were. */
static size_t each_file(const char *kind, void (*test)(const char *name))
{
	size_t count = 0;
	struct dirent *entry;
	char path[512];
	DIR *dir;

	path_of(path, sizeof(path), kind, "", "");
	dir = opendir(path);
	if (!dir)
		fail_msg("cannot open %s", path);
	while ((entry = readdir(dir))) {
		char name[256];
		char *end;

		snprintf(name, sizeof(name), "%s", entry->d_name);
		end = strrchr(name, '.');
		if (!end || strcmp(end, ".json") != 0)
			continue;
		*end = '\0';
		test(name);
		count++;
	}
	closedir(dir);
	return count;
}

static void all_bad_are_refused(void **state)
{
	(void)state;
	assert_true(each_file("bad", test_bad) >= 70);
	assert_int_equal(mismatches, 0);
}

static void all_good_are_taken(void **state)
{
	(void)state;
	assert_true(each_file("good", test_good) >= 25);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_bad_are_refused),
		cmocka_unit_test(all_good_are_taken),
	};

	return cmocka_run_group_tests_name("policy-corpus", tests, NULL, NULL);
}
