/* SPDX-License-Identifier: Apache-2.0 */
/* What the reader makes of a text that its writer did not write. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"
#include "linux/control.h"
#include "spec_fixture.h"

static struct spec spec;
static struct failure failure;

static void test_every_truncation_is_refused(void **state)
{
	autospec struct spec_writer writer;
	autofree char *text = NULL;
	size_t size;

	(void)state;
	spec_write_full(&writer);
	text = spec_text(&writer, &size);
	assert_int_equal(spec_parse(text, size, &spec, &failure), 0);
	for (size_t cut = 0; cut < size; cut++) {
		autofree char *part = malloc(cut ? cut : 1);
		struct spec_header *header = (void *)part;

		assert_non_null(part);
		memcpy(part, text, cut);
		failure.step[0] = '\0';
		assert_true(spec_parse(part, cut, &spec, &failure) < 0);
		assert_string_equal(failure.step, "spec");
		/* And a cut that the header agrees with. */
		if (cut < sizeof(*header))
			continue;
		header->size = (uint32_t)cut;
		assert_int_equal(spec_parse(part, cut, &spec, &failure), -EBADMSG);
	}
}

/* All that the parts of init read of a spec. */
static uint64_t touch_everything(void)
{
	static const uint32_t types[] = {
		SPEC_RLIMIT, SPEC_VERIFY, SPEC_RULE, SPEC_STAGE, SPEC_MOUNT};
	uint64_t sum = spec_flags(&spec);

	for (size_t i = 0; i < spec.argc; i++)
		sum += strlen(spec.argv[i]);
	for (size_t i = 0; i < spec.envc; i++)
		sum += strlen(spec.envp[i]);
	for (size_t i = 0; i < spec.n_helper; i++)
		sum += strlen(spec.helper[i]);
	sum += spec.cwd ? strlen(spec.cwd) : 0;
	sum += spec.hostname ? strlen(spec.hostname) : 0;
	sum += spec.search ? strlen(spec.search) : 0;
	sum += spec.ids ? spec.ids->gid : 0;
	sum += spec.kernel_ids ? spec.kernel_ids->gid : 0;
	sum += spec.winsize ? spec.winsize->ypixel : 0;
	sum += spec.landlock ? spec.landlock->zero : 0;
	sum += spec_extra(&spec);
	for (size_t i = 0; i < spec.notify.len; i++)
		sum += spec.notify.instructions[i].k;
	for (size_t i = 0; i < spec.kill.len; i++)
		sum += spec.kill.instructions[i].k;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		const uint32_t *record;
		size_t cursor = 0;

		while ((record = spec_next(&spec, types[i], &cursor))) {
			sum += record[0] + record[3];
			if (types[i] == SPEC_VERIFY)
				sum += strlen((const char *)record + sizeof(struct spec_verify));
			if (types[i] == SPEC_RULE)
				sum += strlen((const char *)record + sizeof(struct spec_rule));
			if (types[i] == SPEC_MOUNT) {
				const char *name = (const char *)record + sizeof(struct spec_mount);

				sum += strlen(name);
				sum += strlen(name + strlen(name) + 1);
			}
		}
	}
	return sum;
}

/* A flipped bit either makes an error, or another spec that is whole. */
static void test_no_flipped_bit_leads_astray(void **state)
{
	autospec struct spec_writer writer;
	autofree char *text = NULL;
	size_t size, refused = 0;
	uint64_t sum = 0;

	(void)state;
	spec_write_full(&writer);
	text = spec_text(&writer, &size);
	for (size_t bit = 0; bit < 8 * size; bit++) {
		text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
		failure.code = 0;
		if (spec_parse(text, size, &spec, &failure) < 0) {
			assert_true(failure.code > 0);
			assert_string_equal(failure.step, "spec");
			refused++;
		} else {
			sum += touch_everything();
		}
		text[bit / 8] = (char)(text[bit / 8] ^ (1 << bit % 8));
	}
	assert_true(sum > 0);
	/* All of the header, all types and lengths, all padding and reserved words: by far most. */
	assert_true(refused > 8 * size / 3);
}

struct bad_record {
	const char *what;
	uint32_t type;
	const void *data;
	size_t len;
	bool after_full; /* wrong as the second of its kind */
};

static void test_bad_records_are_refused(void **state)
{
	static const uint32_t words[8] = {1, 1, 1, 1, 1, 1, 1, 1};
	static const struct bad_record bad[] = {
		{"unknown type", 999, "x", 2, false},
		{"type zero", 0, "x", 2, false},
		{"string without its end", SPEC_ARG, "ab", 2, false},
		{"empty string record", SPEC_ENV, "", 0, false},
		{"string with two ends", SPEC_CWD, "a\0b", 4, false},
		{"second directory", SPEC_CWD, "/", 2, true},
		{"short ids", SPEC_IDS, words, 4, false},
		{"long ids", SPEC_IDS, words, 12, false},
		{"second ids", SPEC_IDS, words, 8, true},
		{"unknown flag", SPEC_FLAGS, words, 8, false},
		{"limit with a used reserve", SPEC_RLIMIT, words, 24, false},
		{"limit that is too long", SPEC_RLIMIT, words, 32, false},
		{"check without a path", SPEC_VERIFY, words, 24, false},
		{"check with a used reserve", SPEC_VERIFY, words, 25, false},
		{"rule that is too short", SPEC_RULE, words, 15, false},
		{"half an instruction", SPEC_FILTER_KILL, words, 12, false},
		{"no instruction", SPEC_FILTER_NOTIFY, words, 0, false},
		{"second filter", SPEC_FILTER_KILL, words, 8, true},
		{"Landlock with a used reserve", SPEC_LANDLOCK, words, 32, false},
		{"stage that is too short", SPEC_STAGE, words, 12, false},
		{"second host name", SPEC_HOSTNAME, "x", 2, true},
		{"mount that is too short", SPEC_MOUNT, words, 20, false},
		{"mount without names", SPEC_MOUNT, words, 24, false},
		{"further descriptors that are too long", SPEC_EXTRA, words, 8, false},
		{"second number of further descriptors", SPEC_EXTRA, words, 4, true},
		{"further descriptors with a helper", SPEC_EXTRA, words, 4, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		autospec struct spec_writer writer;
		autofree char *text = NULL;
		size_t size;

		if (bad[i].after_full)
			spec_write_full(&writer);
		else
			spec_writer_init(&writer);
		spec_add(&writer, bad[i].type, bad[i].data, bad[i].len);
		text = spec_text(&writer, &size);
		if (spec_parse(text, size, &spec, &failure) != -EBADMSG)
			fail_msg("%s was taken", bad[i].what);
	}
}

static void test_further_descriptors_are_as_many_as_there_are_slots(void **state)
{
	static const uint16_t port = 443;
	static const uint32_t counts[] = {1, SPEC_MAX_EXTRA, 0, SPEC_MAX_EXTRA + 1, UINT32_MAX};

	(void)state;
	assert_true(SPEC_MAX_EXTRA <= SLOT_GRANT - SLOT_EXTRA);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		autospec struct spec_writer writer;
		autofree char *text = NULL;
		size_t size;

		spec_writer_init(&writer);
		spec_add_string(&writer, SPEC_HOSTNAME, "kastellan");
		spec_add(&writer, SPEC_EXTRA, &counts[i], sizeof(counts[i]));
		text = spec_text(&writer, &size);
		assert_int_equal(spec_parse(text, size, &spec, &failure), i < 2 ? 0 : -EBADMSG);
		/* The last one is where a network's is. */
		spec_add_ports(&writer, &port, 1);
		free(take_ptr(text));
		text = spec_text(&writer, &size);
		assert_int_equal(spec_parse(text, size, &spec, &failure), i < 1 ? 0 : -EBADMSG);
	}
}

struct bad_mount {
	const char *what;
	struct spec_mount mount;
	const char *names;
	size_t len;
};

static void test_bad_mounts_are_refused(void **state)
{
	static const struct bad_mount bad[] = {
		{"a good one", {.kind = SPEC_MOUNT_LINK}, "/a\0b", 5},
		{"a good one from a grant", {.kind = SPEC_MOUNT_BIND_GRANT, .slot = 20}, "/a\0", 4},
		{"a good one from data", {.kind = SPEC_MOUNT_DATA}, "/a\0", 4},
		{"kind zero", {.kind = 0}, "/a\0b", 5},
		{"unknown kind", {.kind = SPEC_MOUNT_DEVICE + 1}, "/a\0b", 5},
		{"unknown flag", {.kind = SPEC_MOUNT_LINK, .flags = 2}, "/a\0b", 5},
		{"one name", {.kind = SPEC_MOUNT_LINK}, "/a", 3},
		{"no end", {.kind = SPEC_MOUNT_LINK}, "/a\0b", 4},
		{"three names", {.kind = SPEC_MOUNT_LINK}, "/a\0b\0c", 7},
		{"relative path", {.kind = SPEC_MOUNT_LINK}, "a\0b", 4},
		{"empty path", {.kind = SPEC_MOUNT_LINK}, "\0b", 3},
		{"grant below", {.kind = SPEC_MOUNT_BIND_GRANT, .slot = 19}, "/a\0", 4},
		{"grant above", {.kind = SPEC_MOUNT_BIND_GRANT, .slot = 20 + KS_MAX_GRANTS}, "/a\0",
			4},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		autospec struct spec_writer writer;
		autofree char *text = NULL;
		char record[sizeof(struct spec_mount) + 8];
		size_t size;

		memcpy(record, &bad[i].mount, sizeof(bad[i].mount));
		memcpy(record + sizeof(bad[i].mount), bad[i].names, bad[i].len);
		spec_writer_init(&writer);
		spec_add(&writer, SPEC_MOUNT, record, sizeof(bad[i].mount) + bad[i].len);
		text = spec_text(&writer, &size);
		if (spec_parse(text, size, &spec, &failure) != (i < 3 ? 0 : -EBADMSG))
			fail_msg("%s: %s", bad[i].what, i < 3 ? failure.detail : "was taken");
	}
}

static void test_flags_that_are_not_known_are_refused(void **state)
{
	(void)state;
	for (uint32_t bit = 0; bit < 32; bit++) {
		autospec struct spec_writer writer;
		autofree char *text = NULL;
		size_t size;

		spec_writer_init(&writer);
		spec_add_flags(&writer, 1u << bit);
		text = spec_text(&writer, &size);
		assert_int_equal(spec_parse(text, size, &spec, &failure), bit < 6 ? 0 : -EBADMSG);
	}
}

static void test_another_version_says_so(void **state)
{
	autospec struct spec_writer writer;
	autofree char *text = NULL;
	size_t size;

	(void)state;
	spec_write_full(&writer);
	text = spec_text(&writer, &size);
	((struct spec_header *)(void *)text)->version++;
	assert_int_equal(spec_parse(text, size, &spec, &failure), -EPROTONOSUPPORT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_truncation_is_refused),
		cmocka_unit_test(test_no_flipped_bit_leads_astray),
		cmocka_unit_test(test_bad_records_are_refused),
		cmocka_unit_test(test_bad_mounts_are_refused),
		cmocka_unit_test(test_further_descriptors_are_as_many_as_there_are_slots),
		cmocka_unit_test(test_flags_that_are_not_known_are_refused),
		cmocka_unit_test(test_another_version_says_so),
	};

	return cmocka_run_group_tests_name("spec_bad", tests, NULL, NULL);
}
