/* SPDX-License-Identifier: Apache-2.0 */
/* What a template is of, and how it is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/bounds.h"
#include "vm/template/key.h"
#include "vm/template/name.h"
#include "vm/template/processor.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define RATE 2100000u
#define NONE SIZE_MAX

static void make_vm(struct vm_plan *vm, const char *words)
{
	static const char pin[] = KEY_B;
	const char *at = words;

	*vm = (struct vm_plan){.pins.tsc_khz = RATE};
	memcpy(vm->pins.qemu, pin, sizeof(pin));
	memcpy(vm->pins.firmware, pin, sizeof(pin));
	memcpy(vm->pins.kernel, pin, sizeof(pin));
	while (*at) {
		size_t len = strcspn(at, "|");

		assert_int_equal(strv_addf(&vm->command, "%.*s", (int)len, at), 0);
		at += len + (at[len] == '|');
	}
}

static void key_of(const char *words, size_t spoilt, const char *version, const char *keeper,
	const char *processor, const char *initramfs, char ret[SHA256_TEXT])
{
	struct vm_plan vm;
	struct template_parts parts = {.version = version,
		.vm = &vm,
		.keeper = keeper,
		.processor = processor,
		.initramfs = initramfs};

	make_vm(&vm, words);
	if (spoilt != NONE)
		((char *)&vm.pins)[spoilt] = 'c';
	template_key(&parts, ret);
	strv_done(&vm.command);
}

#define WORDS "/usr/bin/qemu|-m|160|-cpu|max|-append|quiet tsc_early_khz=2100000 tsc=reliable"

static void test_every_part_is_in_the_key(void **state)
{
	static const struct {
		const char *words;
		size_t spoilt;
		const char *version, *keeper, *processor, *initramfs;
	} others[] = {
		{WORDS, offsetof(struct vm_look, qemu), "1", "k", "p", KEY_A},
		{WORDS, offsetof(struct vm_look, firmware), "1", "k", "p", KEY_A},
		{WORDS, offsetof(struct vm_look, kernel), "1", "k", "p", KEY_A},
		{WORDS, NONE, "2", "k", "p", KEY_A},
		{WORDS, NONE, "1", "l", "p", KEY_A},
		{WORDS, NONE, "1", "k", "q", KEY_A},
		{WORDS, NONE, "1", "k", "p", KEY_B},
		{"/usr/bin/qemu|-m|161|-cpu|max|-append|quiet tsc_early_khz=2100000 tsc=reliable",
			NONE, "1", "k", "p", KEY_A},
		{"/usr/bin/qemu|-m|160|-cpu|host|-append|quiet tsc_early_khz=2100000 tsc=reliable",
			NONE, "1", "k", "p", KEY_A},
		{"/usr/bin/qemu|-m|160|-cpu|max|-append|quiet tsc_early_khz=2100000 tsc=unstable",
			NONE, "1", "k", "p", KEY_A},
		{"/usr/bin/qemu|-m|160|-cpu|max|-append|loud tsc_early_khz=2100000 tsc=reliable",
			NONE, "1", "k", "p", KEY_A},
		{WORDS "|-device|other", NONE, "1", "k", "p", KEY_A},
		{"/usr/bin/qemu|-m160|-cpu|max|-append|quiet tsc_early_khz=2100000 tsc=reliable",
			NONE, "1", "k", "p", KEY_A},
		/* Not the same text with other ends. */
		{WORDS, NONE, "1", "kp", "", KEY_A},
	};
	char first[SHA256_TEXT], other[SHA256_TEXT];

	(void)state;
	key_of(WORDS, NONE, "1", "k", "p", KEY_A, first);
	key_of(WORDS, NONE, "1", "k", "p", KEY_A, other);
	assert_string_equal(first, other);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		key_of(others[i].words, others[i].spoilt, others[i].version, others[i].keeper,
			others[i].processor, others[i].initramfs, other);
		if (strcmp(first, other) == 0)
			fail_msg("part %zu is not in the key", i);
	}
}

static void test_the_measured_rate_is_not_in_the_key(void **state)
{
	char first[SHA256_TEXT], other[SHA256_TEXT];

	(void)state;
	key_of(WORDS, NONE, "1", "k", "p", KEY_A, first);
	key_of("/usr/bin/qemu|-m|160|-cpu|max|-append|quiet tsc_early_khz=2099771 tsc=reliable",
		NONE, "1", "k", "p", KEY_A, other);
	assert_string_equal(first, other);
	assert_true(template_rate_fits(RATE, RATE));
	assert_true(template_rate_fits(RATE + RATE / 500, RATE));
	assert_false(template_rate_fits(RATE + RATE / 50, RATE));
	assert_false(template_rate_fits(RATE - RATE / 50, RATE));
	assert_false(template_rate_fits(RATE, 0));
	assert_true(template_rate_fits(0, 0));
}

static void test_names_are_read_as_they_are_written(void **state)
{
	static const char *const bad[] = {"", "template-", "template-" KEY_A,
		"template-" KEY_A "-2100000", "template-" KEY_A "-2100000-",
		"template-" KEY_A "--" KEY_B, "template-" KEY_A "-x-" KEY_B,
		"template-" KEY_A "-02-" KEY_B, "template-" KEY_A "-4294967296-" KEY_B,
		"template-" KEY_A "-99999999999-" KEY_B, "template-" KEY_A "-2-" KEY_B "0",
		"template-" KEY_A "-2-" KEY_B ".new", "template-" KEY_A "0-2-" KEY_B,
		"Template-" KEY_A "-2-" KEY_B, "template-A" KEY_A "-2-" KEY_B};
	struct template_name name = {.tsc_khz = RATE}, again;
	char text[TEMPLATE_NAME_ROOM];

	(void)state;
	memcpy(name.key, KEY_A, SHA256_TEXT);
	memcpy(name.content, KEY_B, SHA256_TEXT);
	template_name_write(&name, text);
	assert_string_equal(text, "template-" KEY_A "-2100000-" KEY_B);
	assert_true(template_name_read(text, &again));
	assert_string_equal(again.key, KEY_A);
	assert_string_equal(again.content, KEY_B);
	assert_int_equal(again.tsc_khz, RATE);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (template_name_read(bad[i], &again))
			fail_msg("taken for a name: %s", bad[i]);
}

static void test_a_processor_is_told_by_what_lasts(void **state)
{
	static const char text[] =
		"processor\t: 0\nvendor_id\t: A\ncpu family\t: 6\nmodel\t\t: 1\n"
		"cpu MHz\t\t: 2100.1\nflags\t\t: fpu sha_ni\nbogomips\t: 4200\n\n"
		"processor\t: 1\nvendor_id\t: B\n";
	autostrbuf struct strbuf read;

	(void)state;
	strbuf_init(&read, KS_MAX_TEXT);
	processor_read(text, &read);
	assert_string_equal(read.data,
		"vendor_id\t: A\ncpu family\t: 6\nmodel\t\t: 1\nflags\t\t: fpu sha_ni\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_part_is_in_the_key),
		cmocka_unit_test(test_the_measured_rate_is_not_in_the_key),
		cmocka_unit_test(test_names_are_read_as_they_are_written),
		cmocka_unit_test(test_a_processor_is_told_by_what_lasts),
	};

	return cmocka_run_group_tests_name("vm_template_key", tests, NULL, NULL);
}
