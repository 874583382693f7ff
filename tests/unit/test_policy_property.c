/* SPDX-License-Identifier: Apache-2.0 */
/* Properties of the policy stage over many seeded policies and texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <dirent.h>
#include <jansson.h>

#include <kastellan/policy.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/utf8.h"
#include "policy_random.h"

#define POLICIES 2000
#ifndef MUTANTS
#define MUTANTS 12000
#endif

/* A buffer of exactly that size, so that a sanitizer sees the first byte read behind the text. */
static int parse_exact(const char *text, size_t len, ks_policy **ret, ks_error **reterr)
{
	autofree char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, text, len);
	return ks_policy_parse(copy, len, "text", ret, reterr);
}

static void expect_parsed_as(const char *text, size_t len, const ks_policy *wanted)
{
	const char *field = "";
	ks_policy *policy = NULL;
	ks_error *error = NULL;

	if (parse_exact(text, len, &policy, &error) < 0)
		fail_msg("%s\n%s", ks_error_message(error), text);
	if (!same_policy(policy, wanted, &field))
		fail_msg("%s differs after reading\n%s", field, text);
	ks_policy_free(policy);
}

static void written_policies_read_back(void **state)
{
	struct chance chance = {1};

	(void)state;
	for (unsigned i = 0; i < POLICIES; i++) {
		ks_policy *policy = random_policy(&chance), *copy = NULL;
		autofree char *written = NULL, *of_copy = NULL;

		assert_int_equal(ks_policy_write(policy, &written), 0);
		expect_parsed_as(written, strlen(written), policy);
		assert_int_equal(ks_policy_copy(policy, &copy), 0);
		assert_int_equal(ks_policy_write(copy, &of_copy), 0);
		assert_string_equal(of_copy, written);
		ks_policy_free(policy);
		ks_policy_free(copy);
	}
}

static void any_spelling_means_the_same(void **state)
{
	struct chance chance = {2};

	(void)state;
	for (unsigned i = 0; i < POLICIES; i++) {
		ks_policy *policy = random_policy(&chance);
		autostrbuf struct strbuf text;

		strbuf_init(&text, KS_MAX_TEXT);
		spell_policy(&chance, policy, &text);
		assert_int_equal(text.error, 0);
		expect_parsed_as(text.data, text.len, policy);
		ks_policy_free(policy);
	}
}

/* The generator must reach every field, or the two tests above say less than they seem to. */
static void comparison_sees_every_field(void **state)
{
	struct chance chance = {3};
	unsigned differing = 0, same = 0;
	const char *field;

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		ks_policy *a = random_policy(&chance), *b = random_policy(&chance);

		differing += !same_policy(a, b, &field);
		same += same_policy(a, a, &field);
		ks_policy_free(a);
		ks_policy_free(b);
	}
	assert_true(differing > 180);
	assert_int_equal(same, 200);
}

struct texts {
	char *text[512];
	size_t len[512];
	size_t count;
};

static void read_texts(struct texts *texts, const char *kind)
{
	const char *source = getenv("KASTELLAN_SOURCE");
	struct dirent *entry;
	char path[1024];
	DIR *dir;

	snprintf(path, sizeof(path), "%s/tests/unit/policies/%s", source ? source : ".", kind);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir)) && texts->count < 512) {
		char file_path[2048];
		char *text;

		if (!strstr(entry->d_name, ".json"))
			continue;
		snprintf(file_path, sizeof(file_path), "%s/%s", path, entry->d_name);
		autofile FILE *file = fopen(file_path, "re");

		assert_non_null(file);
		text = malloc(8192);
		assert_non_null(text);
		texts->len[texts->count] = fread(text, 1, 8192, file);
		texts->text[texts->count++] = text;
	}
	closedir(dir);
}

/* Changes a few bytes: flips, deletions, doublings, and bits of JSON put in. */
static size_t mutate(struct chance *chance, char *text, size_t len, size_t room)
{
	static const char *const bits[] = {"{", "}", "[", "]", ",", ":", "\"", "\\", "\\u",
		"\\u0000", "\\ud800", "0", "-", "1e9", ".", "null", "true", "\xff", "\xc3", "\x01",
		"/", "*", "[[[[", "{\"a\":", "99999999999999999999"};

	for (size_t i = chance_below(chance, 4) + 1; i > 0 && len > 0; i--) {
		const char *bit = bits[chance_below(chance, sizeof(bits) / sizeof(bits[0]))];
		size_t at = chance_below(chance, len), n = chance_below(chance, 8) + 1;

		n = n > len - at ? len - at : n;
		switch (chance_below(chance, 4)) {
		case 0:
			text[at] ^= (char)(1 << chance_below(chance, 8));
			break;
		case 1:
			memmove(text + at, text + at + n, len - at - n);
			len -= n;
			break;
		case 2:
			if (len + n > room)
				break;
			memmove(text + at + n, text + at, len - at);
			len += n;
			break;
		case 3:
			n = strlen(bit);
			if (len + n > room)
				break;
			memmove(text + at + n, text + at, len - at);
			memcpy(text + at, bit, n);
			len += n;
			break;
		}
	}
	return len;
}

/* What a terminal or a log gets to see. */
static void expect_clean(const char *text)
{
	size_t len = text ? strlen(text) : 0;

	if (utf8_prefix(text, len) < len || utf8_find_control(text, len) < len)
		fail_msg("not fit to be shown: %s", text);
}

/* The scan that finds positions and the library that judges must agree on what JSON is; but jansson
 * takes a NUL for the end of the text, whatever stands behind it, and the scan must not. */
static void expect_agreement(const ks_error *error, const char *text, size_t len)
{
	const char *message = ks_error_message(error);
	bool not_json = strncmp(message, "not valid JSON: ", 16) == 0;
	json_t *root = json_loadb(
		text, len, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);

	if (not_json && root && !memchr(text, '\0', len))
		fail_msg("jansson takes what was refused: %s", message);
	if (strstr(message, "JSON library") && !strstr(message, "real number overflow"))
		fail_msg("the scan took what jansson refused: %s", message);
	json_decref(root);
}

static void expect_sound_errors(const ks_error *error, size_t len)
{
	unsigned line = 1, column = 0;

	assert_non_null(error);
	for (; error; error = ks_error_next(error)) {
		expect_clean(ks_error_message(error));
		expect_clean(ks_error_field(error));
		expect_clean(ks_error_path(error));
		expect_clean(ks_error_remedy(error));
		assert_non_null(ks_error_remedy(error));
		assert_true(ks_error_code(error) < 0);
		if (ks_error_line(error) == 0)
			fail_msg("no position: %s", ks_error_message(error));
		assert_true(ks_error_column(error) <= len + 1);
		/* In the order of the text. */
		assert_true(ks_error_line(error) > line ||
			    (ks_error_line(error) == line && ks_error_column(error) >= column));
		line = ks_error_line(error);
		column = ks_error_column(error);
	}
}

static void mutants_are_judged_cleanly(void **state)
{
	struct chance chance = {4};
	struct texts texts = {.count = 0};
	unsigned taken = 0, refused = 0;
	char text[9000];

	(void)state;
	read_texts(&texts, "good");
	read_texts(&texts, "bad");
	for (unsigned i = 0; i < MUTANTS; i++) {
		size_t pick = chance_below(&chance, texts.count), len = texts.len[pick];
		ks_policy *policy = NULL;
		ks_error *error = NULL;

		memcpy(text, texts.text[pick], len);
		len = mutate(&chance, text, len, sizeof(text));
		if (parse_exact(text, len, &policy, &error) == 0) {
			autofree char *written = NULL;

			assert_null(error);
			assert_int_equal(ks_policy_write(policy, &written), 0);
			expect_parsed_as(written, strlen(written), policy);
			taken++;
		} else {
			assert_null(policy);
			expect_sound_errors(error, len);
			expect_agreement(error, text, len);
			refused++;
		}
		ks_policy_free(policy);
		ks_error_free(error);
	}
	for (size_t i = 0; i < texts.count; i++)
		free(texts.text[i]);
	/* A parser that takes or refuses nearly everything would make the loop meaningless. */
	assert_true(taken > MUTANTS / 100);
	assert_true(refused > MUTANTS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written_policies_read_back),
		cmocka_unit_test(any_spelling_means_the_same),
		cmocka_unit_test(comparison_sees_every_field),
		cmocka_unit_test(mutants_are_judged_cleanly),
	};

	return cmocka_run_group_tests_name("policy-property", tests, NULL, NULL);
}
