/* SPDX-License-Identifier: Apache-2.0 */
/* The spec from writer to reader. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "spec_fixture.h"

static struct spec spec;
static struct failure failure;

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
	assert_string_equal(spec.hostname, "kastellan");
}

static void assert_mounts(void)
{
	const struct spec_mount *mount;
	const char *path;
	size_t cursor = 0;

	mount = spec_next(&spec, SPEC_MOUNT, &cursor);
	path = (const char *)(mount + 1);
	assert_true(mount->kind == SPEC_MOUNT_BIND_HOST && mount->flags == 0);
	assert_string_equal(path, "/usr");
	assert_string_equal(path + strlen(path) + 1, "/host/usr");
	mount = spec_next(&spec, SPEC_MOUNT, &cursor);
	path = (const char *)(mount + 1);
	assert_true(mount->kind == SPEC_MOUNT_TMPFS && mount->flags == SPEC_MOUNT_WRITABLE);
	assert_true(mount->mode == 01777 && mount->size == 1ull << 40);
	assert_string_equal(path, "/tmp");
	assert_string_equal(path + strlen(path) + 1, "");
	assert_null(spec_next(&spec, SPEC_MOUNT, &cursor));
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
	spec_write_full(&writer);
	fd = spec_writer_seal(&writer, NULL);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(spec_load(fd, &spec, &failure), 0);
	assert_strings();
	assert_true(spec.ids->uid == 1000 && spec.ids->gid == 1001);
	assert_true(spec.kernel_ids->uid == 2069037056 && spec.kernel_ids->gid == 2069037057);
	assert_int_equal(spec_flags(&spec), SPEC_FLAG_TTY | SPEC_FLAG_KEEP_GROUP);
	assert_true(spec.winsize->rows == 24 && spec.winsize->columns == 80);
	assert_int_equal(spec_extra(&spec), 3);
	assert_true(spec.landlock->abi == 6 && spec.landlock->handled_fs == 0xffff);
	assert_true(spec.landlock->handled_net == 3 && spec.landlock->scoped == 1);
	assert_int_equal(spec.notify.len, 2);
	assert_memory_equal(
		spec.notify.instructions, spec_fixture_filter, sizeof(spec_fixture_filter));
	assert_int_equal(spec.kill.len, 1);
	assert_repeated();
	assert_mounts();
	munmap((void *)spec.text, spec.size);
}

static void test_what_is_absent_is_null(void **state)
{
	autospec struct spec_writer writer;
	autofree char *text = NULL;
	size_t size;

	(void)state;
	spec_writer_init(&writer);
	text = spec_text(&writer, &size);
	assert_int_equal(spec_parse(text, size, &spec, &failure), 0);
	assert_int_equal(spec.argc + spec.envc + spec.n_helper, 0);
	assert_null(spec.cwd);
	assert_null(spec.ids);
	assert_null(spec.kernel_ids);
	assert_null(spec.landlock);
	assert_null(spec.notify.instructions);
	assert_int_equal(spec_flags(&spec), 0);
	assert_int_equal(spec_extra(&spec), 0);
}

static void test_the_file_is_sealed(void **state)
{
	autospec struct spec_writer writer;
	autofd int fd = -1;

	(void)state;
	spec_write_full(&writer);
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
	spec_write_full(&writer);
	text = spec_text(&writer, &size);
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

static void test_counts_have_a_ceiling(void **state)
{
	autospec struct spec_writer writer;
	autofree char *text = NULL;
	size_t size;

	(void)state;
	spec_writer_init(&writer);
	for (size_t i = 0; i < KS_MAX_ARGS; i++)
		spec_add_string(&writer, SPEC_ARG, "a");
	text = spec_text(&writer, &size);
	assert_int_equal(spec_parse(text, size, &spec, &failure), 0);
	assert_int_equal(spec.argc, KS_MAX_ARGS);
	assert_null(spec.argv[KS_MAX_ARGS]);
	spec_add_string(&writer, SPEC_ARG, "one too many");
	free(take_ptr(text));
	text = spec_text(&writer, &size);
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
		cmocka_unit_test(test_counts_have_a_ceiling),
		cmocka_unit_test(test_a_spec_that_is_too_long_is_not_written),
		cmocka_unit_test(test_failures_are_cut_with_a_mark),
	};

	return cmocka_run_group_tests_name("spec", tests, NULL, NULL);
}
