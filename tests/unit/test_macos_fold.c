/* SPDX-License-Identifier: Apache-2.0 */
/* Names in every spelling that a Mac's file system takes for the same one. */
#include <regex.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "macos/plan/fold.h"

static char *expression(const char *name)
{
	autostrbuf struct strbuf text;
	char *result = NULL;

	strbuf_init(&text, KS_MAX_TEXT);
	strbuf_putc(&text, '^');
	fold_every_case(&text, name);
	strbuf_putc(&text, '$');
	assert_int_equal(strbuf_take(&text, &result, NULL), 0);
	return result;
}

static bool matches(const char *name, const char *other)
{
	autofree char *text = expression(name);
	regex_t regex;
	bool result;

	assert_int_equal(regcomp(&regex, text, REG_EXTENDED | REG_NOSUB), 0);
	result = regexec(&regex, other, 0, NULL, 0) == 0;
	regfree(&regex);
	return result;
}

static void test_names_in_every_spelling(void **state)
{
	static const struct {
		const char *name;
		const char *other;
		bool same;
	} rows[] = {
		{"keep", "keep", true},
		{"keep", "KEEP", true},
		{"keep", "kEeP", true},
		{"keep",
			"\xe2\x84\xaa"
			"eep",
			true},
		{"keep", "keeps", false},
		{"keep", "eep", false},
		{"keep", "kep", false},
		{"Class.st", "CLA\xc3\x9f.\xef\xac\x86", true},
		{"Class.st", "cla\xe1\xba\x9e.ST", true},
		{"Class.st", "cla\xc5\xbf\xc5\xbf.st", true},
		{"Class.st", "Class-st", false},
		{"Class.st", "Clas-.st", false},
		{"office",
			"o\xef\xac\x83"
			"ce",
			true},
		{"office",
			"OF\xef\xac\x81"
			"CE",
			true},
		{"office", "o\xef\xac\x80ice", true},
		{"office", "oFFICE", true},
		{"office", "ofzice", false},
		{"flat",
			"\xef\xac\x82"
			"at",
			true},
		{"baffle",
			"ba\xef\xac\x84"
			"e",
			true},
		{"a;b`",
			"A\xcd\xbe"
			"B\xe1\xbf\xaf",
			true},
		{"a+b", "aab", false},
		{"a+b", "A+B", true},
		{"a.[b]{2}(c)|d^$\\*?", "A.[B]{2}(C)|D^$\\*?", true},
		{"a.[b]{2}(c)|d^$\\*?", "axb", false},
		{"1/2", "1/2", true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (matches(rows[i].name, rows[i].other) != rows[i].same)
			fail_msg("\"%s\" and \"%s\"", rows[i].name, rows[i].other);
	assert_true(fold_known("plain ~"));
	assert_false(fold_known("caf\xc3\xa9"));
}

/* Whatever the name is, it matches itself and its two plain cases, and no other of the same length.
 */
static void test_random_names(void **state)
{
	static const char alphabet[] = "aFfiIlsStTkKr.;`+*[]()^$|\\?{}-_ 0";
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		char name[9] = {0};
		char other[9] = {0};

		for (size_t i = 0; i < 8; i++) {
			seed = seed * 1103515245u + 12345u;
			name[i] = alphabet[(seed >> 16) % (sizeof(alphabet) - 1)];
			other[i] = name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 32)
								    : name[i];
		}
		if (!matches(name, name) || !matches(name, other))
			fail_msg("%s does not match itself", name);
		other[round % 8] = '#';
		if (matches(name, other))
			fail_msg("%s matches %s", name, other);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_in_every_spelling),
		cmocka_unit_test(test_random_names),
	};

	return cmocka_run_group_tests_name("macos_fold", tests, NULL, NULL);
}
