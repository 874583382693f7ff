/* SPDX-License-Identifier: Apache-2.0 */
#include "seccomp_arguments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* The values of one word that a rule can tell apart, and their neighbours. */
struct word {
	unsigned arg;
	bool high;
	uint32_t values[256];
	size_t count;
};

static void add_value(struct word *word, uint32_t value)
{
	for (size_t i = 0; i < word->count; i++) {
		if (word->values[i] == value)
			return;
	}
	assert_true(word->count < sizeof(word->values) / sizeof(word->values[0]));
	word->values[word->count++] = value;
}

static void add_values(struct word *word, const struct seccomp_test *test)
{
	bool few = __builtin_popcount(test->mask) <= 14;

	add_value(word, test->value);
	add_value(word, test->value | ~test->mask);
	for (unsigned bit = 0; bit < 32; bit++) {
		uint32_t flag = UINT32_C(1) << bit;

		if ((few && (test->mask & flag)) || bit == 0 || bit == 11 || bit == 31)
			add_value(word, test->value ^ flag);
	}
}

static size_t collect_words(const struct seccomp_rule *rule, struct word words[6])
{
	size_t count = 0;

	for (size_t i = 0; i < rule->count * SECCOMP_MAX_TESTS; i++) {
		const struct seccomp_test *test =
			&rule->clauses[i / SECCOMP_MAX_TESTS].tests[i % SECCOMP_MAX_TESTS];
		size_t at = 0;

		if (test->mask == 0)
			continue;
		while (at < count &&
			(words[at].arg != test->arg || words[at].high != (bool)test->high))
			at++;
		if (at == count) {
			assert_true(count < 6);
			words[count++] = (struct word){.arg = test->arg, .high = test->high};
			add_value(&words[at], 0);
			add_value(&words[at], UINT32_MAX);
		}
		add_values(&words[at], test);
	}
	return count;
}

void visit_seccomp_arguments(const struct seccomp_rule *rule, uint32_t arch, int nr,
	seccomp_visitor *visit, void *context)
{
	static struct word words[6];
	size_t count = collect_words(rule, words);
	size_t total = 2;

	for (size_t i = 0; i < count; i++)
		total *= words[i].count;
	for (size_t n = 0; n < total; n++) {
		struct seccomp_data data = {.nr = nr, .arch = arch};
		size_t rest = n / 2;

		memset(data.args, n % 2 ? 0xa5 : 0, sizeof(data.args));
		for (size_t i = 0; i < count; i++) {
			unsigned shift = words[i].high ? 32 : 0;
			uint64_t value = words[i].values[rest % words[i].count];

			rest /= words[i].count;
			data.args[words[i].arg] &= ~(UINT64_C(0xffffffff) << shift);
			data.args[words[i].arg] |= value << shift;
		}
		visit(&data, context);
	}
}
