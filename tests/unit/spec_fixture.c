/* SPDX-License-Identifier: Apache-2.0 */
#include "spec_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/cleanup.h"

const struct sock_filter spec_fixture_filter[2] = {
	{0x20, 0, 0, 0},
	{0x06, 0, 0, 0x7fff0000},
};

void spec_write_full(struct spec_writer *writer)
{
	static const char *const argv[] = {"python3", "-c", "print(1)", "", NULL};
	const uint32_t extra = 3;
	const struct spec_winsize winsize = {.rows = 24, .columns = 80};
	const struct spec_mount usr = {.kind = SPEC_MOUNT_BIND_HOST};
	const struct spec_mount tmp = {.kind = SPEC_MOUNT_TMPFS,
		.flags = SPEC_MOUNT_WRITABLE,
		.mode = 01777,
		.size = 1ull << 40};

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
	spec_add_rule(writer, "/usr", 13, false, 0);
	spec_add_rule(writer, "/opt", 5, true, 0);
	spec_add_filter(writer, SPEC_FILTER_NOTIFY, spec_fixture_filter, 2);
	spec_add_filter(writer, SPEC_FILTER_KILL, spec_fixture_filter, 1);
	spec_add_string(writer, SPEC_HELPER_ARG, "bwrap");
	spec_add_ids(writer, SPEC_KERNEL_IDS, 2069037056, 2069037057);
	spec_add_stage(writer, 20, true, 0, 5);
	spec_add_stage(writer, 21, false, 1, 6);
	spec_add_string(writer, SPEC_HOSTNAME, "kastellan");
	spec_add_mount(writer, &usr, "/usr", "/host/usr");
	spec_add_mount(writer, &tmp, "/tmp", NULL);
	spec_add(writer, SPEC_EXTRA, &extra, sizeof(extra));
}

char *spec_text(struct spec_writer *writer, size_t *ret_size)
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
