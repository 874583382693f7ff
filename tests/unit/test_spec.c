/* SPDX-License-Identifier: Apache-2.0 */
/* The spec from writer to reader, and what the reader makes of a text that was not written by it.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <linux/filter.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "linux/init/spec_read.h"
#include "linux/spec_write.h"

static struct spec spec;
static struct failure failure;

static const struct sock_filter filter[] = {
	{0x20, 0, 0, 0},
	{0x06, 0, 0, 0x7fff0000},
};

/* One of each record, in an order that mixes the repeated ones. */
static void write_full(struct spec_writer *writer)
{
	static const char *const argv[] = {"python3", "-c", "print(1)", "", NULL};
	const struct spec_winsize winsize = {.rows = 24, .columns = 80};

	spec_writer_init(writer);
	spec_add_strings(writer, SPEC_ARG, argv);
	spec_add_env(writer, "LANG", "C.UTF-8");
	spec_add_env(writer, "EMPTY", "");
	spec_add_string(writer, SPEC_CWD, "/srv/data");
	spec_add_string(writer, SPEC_SEARCH, "/usr/bin:/bin");
	spec_add_ids(writer, SPEC_IDS, 1000, 1001);
	spec_add_flags(writer, SPEC_FLAG_TTY | SPEC_FLAG_KEEP_GROUP);
	spec_add_winsize(writer, &winsize);
	spec_add_rlimit(writer, 7, 1024, 4096);
	spec_add_verify(writer, "/srv/data", 0x801, 77, true);
	spec_add_rlimit(writer, 4, 0, UINT64_MAX);
	spec_add_landlock(writer, 6, 0xffff, 3, 1);
	spec_add_rule(writer, "/usr", 13, false);
	spec_add_rule(writer, "/opt", 5, true);
	spec_add_filter(writer, SPEC_FILTER_NOTIFY, filter, 2);
	spec_add_filter(writer, SPEC_FILTER_KILL, filter, 1);
	spec_add_string(writer, SPEC_HELPER_ARG, "bwrap");
	spec_add_ids(writer, SPEC_KERNEL_IDS, 2069037056, 2069037057);
	spec_add_stage(writer, 20, true, 0, 5);
	spec_add_stage(writer, 21, false, 1, 6);
}

/* The text of a sealed spec in memory of exactly its size, so that a sanitizer sees one byte more.
 */
static char *text_of(struct spec_writer *writer, size_t *ret_size)
{
	autofd int fd = spec_writer_seal(writer, NULL);
	struct stat st;
	char *text;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	text = malloc((size_t)st.st_size);
	assert_non_null(text);
	assert_int_equal(pread(fd, text, (size_t)st.st_size, 0), st.st_size);
	*ret_size = (size_t)st.st_size;
	return text;
}

static void assert_strings(void)
{
	assert_int_equal(spec.argc, 4);
	assert_string_equal(spec.argv[0], "python3");
	assert_string_equal(spec.argv[2], "print(1)");
	assert_string_equal(spec.argv[3], "");
	assert_null(spec.argv[4]);
	assert_int_equal(spec.envc, 2);
	assert_string_equal(spec.envp[0], "LANG=C.UTF-8");
	assert_string_equal(spec.envp[1], "EMPTY=");
	assert_null(spec.envp[2]);
	assert_string_equal(spec.cwd, "/srv/data");
	assert_string_equal(spec.search, "/usr/bin:/bin");
	assert_int_equal(spec.n_helper, 1);
	assert_string_equal(spec.helper[0], "bwrap");
}

static void assert_repeated(void)
{
	const struct spec_rlimit *limit;
	const struct spec_verify *verify;
	const struct spec_rule *rule;
	const struct spec_stage *stage;
	size_t cursor = 0;

	limit = spec_next(&spec, SPEC_RLIMIT, &cursor);
	assert_true(limit->resource == 7 && limit->soft == 1024 && limit->hard == 4096);
	limit = spec_next(&spec, SPEC_RLIMIT, &cursor);
	assert_true(limit->resource == 4 && limit->soft == 0 && limit->hard == UINT64_MAX);
	assert_null(spec_next(&spec, SPEC_RLIMIT, &cursor));
	cursor = 0;
	verify = spec_next(&spec, SPEC_VERIFY, &cursor);
	assert_true(verify->dev == 0x801 && verify->ino == 77 && verify->read_only == 1);
	assert_string_equal((const char *)(verify + 1), "/srv/data");
	cursor = 0;
	rule = spec_next(&spec, SPEC_RULE, &cursor);
	assert_true(rule->access == 13 && rule->optional == 0);
	rule = spec_next(&spec, SPEC_RULE, &cursor);
	assert_true(rule->access == 5 && rule->optional == 1);
	assert_string_equal((const char *)(rule + 1), "/opt");
	cursor = 0;
	stage = spec_next(&spec, SPEC_STAGE, &cursor);
	assert_true(stage->slot == 20 && stage->directory == 1 && stage->owner_gid == 5);
	stage = spec_next(&spec, SPEC_STAGE, &cursor);
	assert_true(stage->slot == 21 && stage->directory == 0 && stage->owner_uid == 1);
	assert_null(spec_next(&spec, SPEC_STAGE, &cursor));
}

static void test_everything_comes_back(void **state)
{
	autospec struct spec_writer writer;
	autofd int fd = -1;

	(void)state;
	write_full(&writer);
	fd = spec_writer_seal(&writer, NULL);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(spec_load(fd, &spec, &failure), 0);
	assert_strings();
	assert_true(spec.ids->uid == 1000 && spec.ids->gid == 1001);
	assert_true(spec.kernel_ids->uid == 2069037056 && spec.kernel_ids->gid == 2069037057);
	assert_int_equal(spec_flags(&spec), SPEC_FLAG_TTY | SPEC_FLAG_KEEP_GROUP);
	assert_true(spec.winsize->rows == 24 && spec.winsize->columns == 80);
	assert_true(spec.landlock->abi == 6 && spec.landlock->handled_fs == 0xffff);
	assert_true(spec.landlock->handled_net == 3 && spec.landlock->scoped == 1);
	assert_int_equal(spec.notify.len, 2);
	assert_memory_equal(spec.notify.instructions, filter, sizeof(filter));
	assert_int_equal(spec.kill.len, 1);
	assert_repeated();
	munmap((void *)spec.text, spec.size);
}

static void test_what_is_absent_is_null(void **state)
{
	autospec struct spec_writer writer;
	autofree char *text = NULL;
	size_t size;

	(void)state;
	spec_writer_init(&writer);
	text = text_of(&writer, &size);
	assert_int_equal(spec_parse(text, size, &spec, &failure), 0);
	assert_int_equal(spec.argc + spec.envc + spec.n_helper, 0);
	assert_null(spec.cwd);
	assert_null(spec.ids);
	assert_null(spec.kernel_ids);
	assert_null(spec.landlock);
	assert_null(spec.notify.instructions);
	assert_int_equal(spec_flags(&spec), 0);
}

static void test_the_file_is_sealed(void **state)
{
	autospec struct spec_writer writer;
	autofd int fd = -1;

	(void)state;
	write_full(&writer);
	fd = spec_writer_seal(&writer, NULL);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, "x", 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), -1);
}

static void test_an_unsealed_file_is_refused(void **state)
{
	autospec struct spec_writer writer;
	autofree char *text = NULL;
	autofd int unsealed = memfd_create("spec", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	autofd int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	size_t size;

	(void)state;
	write_full(&writer);
	text = text_of(&writer, &size);
	assert_int_equal(write(unsealed, text, size), size);
	assert_int_equal(spec_load(unsealed, &spec, &failure), -EPERM);
	assert_string_equal(failure.step, "spec");
	/* The control: with the seals the same file is taken. */
	assert_int_equal(
		fcntl(unsealed, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE), 0);
	assert_int_equal(spec_load(unsealed, &spec, &failure), 0);
	munmap((void *)spec.text, spec.size);
	assert_true(spec_load(null, &spec, &failure) < 0);
	assert_int_equal(spec_load(-1, &spec, &failure), -EBADF);
}

static void test_every_truncation_is_refused(void **state)
{
	autospec struct spec_writer writer;
	autofree char *text = NULL;
	size_t size;

	(void)state;
	write_full(&writer);
	text = text_of(&writer, &size);
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
	static const uint32_t types[] = {SPEC_RLIMIT, SPEC_VERIFY, SPEC_RULE, SPEC_STAGE};
	uint64_t sum = spec_flags(&spec);

	for (size_t i = 0; i < spec.argc; i++)
		sum += strlen(spec.argv[i]);
	for (size_t i = 0; i < spec.envc; i++)
		sum += strlen(spec.envp[i]);
	for (size_t i = 0; i < spec.n_helper; i++)
		sum += strlen(spec.helper[i]);
	sum += spec.cwd ? strlen(spec.cwd) : 0;
	sum += spec.search ? strlen(spec.search) : 0;
	sum += spec.ids ? spec.ids->gid : 0;
	sum += spec.kernel_ids ? spec.kernel_ids->gid : 0;
	sum += spec.winsize ? spec.winsize->ypixel : 0;
	sum += spec.landlock ? spec.landlock->zero : 0;
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
	write_full(&writer);
	text = text_of(&writer, &size);
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
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		autospec struct spec_writer writer;
		autofree char *text = NULL;
		size_t size;

		if (bad[i].after_full)
			write_full(&writer);
		else
			spec_writer_init(&writer);
		spec_add(&writer, bad[i].type, bad[i].data, bad[i].len);
		text = text_of(&writer, &size);
		if (spec_parse(text, size, &spec, &failure) != -EBADMSG)
			fail_msg("%s was taken", bad[i].what);
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
		text = text_of(&writer, &size);
		assert_int_equal(spec_parse(text, size, &spec, &failure), bit < 2 ? 0 : -EBADMSG);
	}
}

static void test_another_version_says_so(void **state)
{
	autospec struct spec_writer writer;
	autofree char *text = NULL;
	size_t size;

	(void)state;
	write_full(&writer);
	text = text_of(&writer, &size);
	((struct spec_header *)(void *)text)->version++;
	assert_int_equal(spec_parse(text, size, &spec, &failure), -EPROTONOSUPPORT);
}

static void test_counts_have_a_ceiling(void **state)
{
	autospec struct spec_writer writer;
	autofree char *text = NULL;
	size_t size;

	(void)state;
	spec_writer_init(&writer);
	for (size_t i = 0; i < KS_MAX_ARGS; i++)
		spec_add_string(&writer, SPEC_ARG, "a");
	text = text_of(&writer, &size);
	assert_int_equal(spec_parse(text, size, &spec, &failure), 0);
	assert_int_equal(spec.argc, KS_MAX_ARGS);
	assert_null(spec.argv[KS_MAX_ARGS]);
	spec_add_string(&writer, SPEC_ARG, "one too many");
	free(take_ptr(text));
	text = text_of(&writer, &size);
	assert_int_equal(spec_parse(text, size, &spec, &failure), -E2BIG);
}

static void test_a_spec_that_is_too_long_is_not_written(void **state)
{
	autospec struct spec_writer writer;
	autofree char *value = malloc(KS_MAX_ENV_VALUE + 1);
	ks_error *error = NULL;

	(void)state;
	assert_non_null(value);
	memset(value, 'x', KS_MAX_ENV_VALUE);
	value[KS_MAX_ENV_VALUE] = '\0';
	spec_writer_init(&writer);
	for (size_t i = 0; i < KS_MAX_SPEC_BYTES / KS_MAX_ENV_VALUE + 1; i++)
		spec_add_env(&writer, "A", value);
	assert_int_equal(spec_writer_seal(&writer, &error), -E2BIG);
	assert_string_equal(ks_error_step(error), "spec");
	assert_non_null(ks_error_remedy(error));
	ks_error_free(error);
}

static void test_failures_are_cut_with_a_mark(void **state)
{
	char path[2 * KS_MAX_STEP_TEXT];
	char number[NUMBER_TEXT];

	(void)state;
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(failure_set(&failure, EIO, "a step with a long, long name", path), -EIO);
	assert_string_equal(failure.step, "a step with a long, ...");
	assert_int_equal(strlen(failure.detail), KS_MAX_STEP_TEXT - 1);
	assert_string_equal(failure.detail + KS_MAX_STEP_TEXT - 4, "...");
	failure_add(&failure, "more");
	assert_string_equal(failure.detail + KS_MAX_STEP_TEXT - 4, "...");
	failure_set(&failure, EIO, "s", "n=");
	failure_add_number(&failure, UINT64_MAX);
	failure_add(&failure, "!");
	assert_string_equal(failure.detail, "n=18446744073709551615!");
	assert_string_equal(number_text(0, number), "0");
	assert_string_equal(number_text(10, number), "10");
	for (size_t len = KS_MAX_STEP_TEXT - 8; len < KS_MAX_STEP_TEXT; len++) {
		path[len] = '\0';
		failure_set(&failure, EIO, "s", path);
		failure_add(&failure, "12345678");
		assert_true(strlen(failure.detail) < KS_MAX_STEP_TEXT);
		path[len] = 'p';
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everything_comes_back),
		cmocka_unit_test(test_what_is_absent_is_null),
		cmocka_unit_test(test_the_file_is_sealed),
		cmocka_unit_test(test_an_unsealed_file_is_refused),
		cmocka_unit_test(test_every_truncation_is_refused),
		cmocka_unit_test(test_no_flipped_bit_leads_astray),
		cmocka_unit_test(test_bad_records_are_refused),
		cmocka_unit_test(test_flags_that_are_not_known_are_refused),
		cmocka_unit_test(test_another_version_says_so),
		cmocka_unit_test(test_counts_have_a_ceiling),
		cmocka_unit_test(test_a_spec_that_is_too_long_is_not_written),
		cmocka_unit_test(test_failures_are_cut_with_a_mark),
	};

	return cmocka_run_group_tests_name("spec", tests, NULL, NULL);
}
