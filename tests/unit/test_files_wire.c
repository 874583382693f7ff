/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of a guest: the honest form of each operation, and each way to get it wrong. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "vm/files/wire.h"

/* A message in memory of its exact size, so that a read past it is seen under a sanitizer. */
static int parse(uint32_t opcode, const void *body, size_t len, struct wire_request *ret)
{
	size_t size = sizeof(struct fuse_in_header) + len;
	struct fuse_in_header header = {
		.len = (uint32_t)size, .opcode = opcode, .unique = 2, .nodeid = 1};
	static uint8_t *message;

	free(message);
	message = malloc(size);
	assert_non_null(message);
	memcpy(message, &header, sizeof(header));
	if (len)
		memcpy(message + sizeof(header), body, len);
	return wire_parse(message, size, ret);
}

static void test_length(void **state)
{
	const struct {
		uint32_t told;
		size_t have;
		long wanted;
	} rows[] = {
		{0, 0, 0},
		{40, 3, 0},
		{40, 4, 40},
		{39, 4, -EPROTO},
		{0, 4, -EPROTO},
		{WIRE_LONGEST, 100, WIRE_LONGEST},
		{WIRE_LONGEST + 1, 100, -EPROTO},
		{UINT32_MAX, 100, -EPROTO},
	};
	uint8_t bytes[100] = {0};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memcpy(bytes, &rows[i].told, sizeof(rows[i].told));
		assert_int_equal(wire_length(bytes, rows[i].have), rows[i].wanted);
	}
}

/* Every operation that is served: fixed part, then names, and nothing behind them. */
static const struct {
	uint32_t opcode;
	size_t fixed;
	const char *names; /* with one NUL less than they have */
	size_t names_len;
} served[] = {
#define NAMES(text) text, sizeof(text)
#define NONE "", 0
	{FUSE_LOOKUP, 0, NAMES("name")},
	{FUSE_FORGET, 8, NONE},
	{FUSE_GETATTR, 16, NONE},
	{FUSE_SETATTR, 88, NONE},
	{FUSE_READLINK, 0, NONE},
	{FUSE_SYMLINK, 0, NAMES("name\0../any/text")},
	{FUSE_MKNOD, 16, NAMES("name")},
	{FUSE_MKDIR, 8, NAMES("name")},
	{FUSE_UNLINK, 0, NAMES("name")},
	{FUSE_RMDIR, 0, NAMES("name")},
	{FUSE_RENAME, 8, NAMES("old\0new")},
	{FUSE_LINK, 8, NAMES("name")},
	{FUSE_OPEN, 8, NONE},
	{FUSE_READ, 40, NONE},
	{FUSE_WRITE, 40, NONE},
	{FUSE_STATFS, 0, NONE},
	{FUSE_RELEASE, 24, NONE},
	{FUSE_FSYNC, 16, NONE},
	{FUSE_SETXATTR, 8, NAMES("user.name")},
	{FUSE_GETXATTR, 8, NAMES("user.name")},
	{FUSE_LISTXATTR, 8, NONE},
	{FUSE_REMOVEXATTR, 0, NAMES("user.name")},
	{FUSE_FLUSH, 24, NONE},
	{FUSE_OPENDIR, 8, NONE},
	{FUSE_READDIR, 40, NONE},
	{FUSE_RELEASEDIR, 24, NONE},
	{FUSE_FSYNCDIR, 16, NONE},
	{FUSE_GETLK, 48, NONE},
	{FUSE_SETLK, 48, NONE},
	{FUSE_SETLKW, 48, NONE},
	{FUSE_ACCESS, 8, NONE},
	{FUSE_CREATE, 16, NAMES("name")},
	{FUSE_INTERRUPT, 8, NONE},
	{FUSE_DESTROY, 0, NONE},
	{FUSE_BATCH_FORGET, 8, NONE},
	{FUSE_FALLOCATE, 32, NONE},
	{FUSE_READDIRPLUS, 40, NONE},
	{FUSE_RENAME2, 16, NAMES("old\0new")},
	{FUSE_LSEEK, 24, NONE},
	{FUSE_COPY_FILE_RANGE, 56, NONE},
};

#define SERVED (sizeof(served) / sizeof(served[0]))

static size_t body_of(size_t row, uint8_t body[256])
{
	memset(body, 0, 256);
	memcpy(body + served[row].fixed, served[row].names, served[row].names_len);
	return served[row].fixed + served[row].names_len;
}

static void test_shapes(void **state)
{
	struct wire_request request;
	uint8_t body[256];

	(void)state;
	for (size_t i = 0; i < SERVED; i++) {
		size_t len = body_of(i, body);

		assert_int_equal(parse(served[i].opcode, body, len, &request), 0);
		assert_int_equal(request.header.opcode, served[i].opcode);
		assert_int_equal(request.name != NULL, served[i].names_len > 0);
		for (size_t cut = 1; cut <= len; cut++)
			assert_int_equal(
				parse(served[i].opcode, body, len - cut, &request), -EINVAL);
		/* One byte more belongs to nothing. */
		assert_int_equal(parse(served[i].opcode, body, len + 1, &request), -EINVAL);
	}
}

static void test_not_served(void **state)
{
	struct wire_request request;
	const uint8_t body[64] = {0};

	(void)state;
	for (uint32_t opcode = 0; opcode < 5000; opcode++) {
		bool known = opcode == FUSE_INIT || opcode == FUSE_TMPFILE;

		for (size_t i = 0; i < SERVED; i++)
			known |= served[i].opcode == opcode;
		assert_int_equal(parse(opcode, body, sizeof(body), &request) == -ENOSYS, !known);
		assert_int_equal(request.header.opcode, opcode);
	}
	assert_int_equal(parse(UINT32_MAX, body, sizeof(body), &request), -ENOSYS);
}

static void test_names(void **state)
{
	const struct {
		const char *name;
		size_t len;
		int wanted;
	} rows[] = {
#define ROW(text, wanted) {text, sizeof(text), wanted}
		ROW("a", 0),
		ROW("...", 0),
		ROW("..a", 0),
		ROW(" \n\xff", 0),
		ROW("", -EINVAL),
		ROW(".", -EINVAL),
		ROW("..", -EINVAL),
		ROW("/", -EINVAL),
		ROW("a/b", -EINVAL),
		ROW("a/", -EINVAL),
		ROW("a\0b", -EINVAL),
		{"abc", 3, -EINVAL},
	};
	char name[300];
	struct wire_request request;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
			parse(FUSE_LOOKUP, rows[i].name, rows[i].len, &request), rows[i].wanted);
	memset(name, 'n', sizeof(name));
	name[255] = '\0';
	assert_int_equal(parse(FUSE_LOOKUP, name, 256, &request), 0);
	assert_int_equal(strlen(request.name), 255);
	name[255] = 'n';
	name[256] = '\0';
	assert_int_equal(parse(FUSE_LOOKUP, name, 257, &request), -ENAMETOOLONG);
	/* Both names of a rename are names; what a link says is any text. */
	assert_int_equal(parse(FUSE_RENAME, "\1\0\0\0\0\0\0\0old\0..", 8 + 7, &request), -EINVAL);
	assert_int_equal(parse(FUSE_SYMLINK, "n\0../..", 8, &request), 0);
	assert_string_equal(request.second, "../..");
	assert_int_equal(parse(FUSE_SYMLINK, "n\0", 3, &request), -EINVAL);
}

static void test_data(void **state)
{
	static uint8_t body[sizeof(struct fuse_write_in) + KS_MAX_FILES_TRANSFER + 1];
	struct fuse_write_in write = {.size = 3};
	struct fuse_setxattr_in set = {.size = 2};
	struct fuse_batch_forget_in batch = {.count = 2};
	const struct fuse_forget_one ones[2] = {{5, 6}, {7, 8}};
	struct wire_request request;

	(void)state;
	memcpy(body, &write, sizeof(write));
	memcpy(body + sizeof(write), "abc", 3);
	assert_int_equal(parse(FUSE_WRITE, body, sizeof(write) + 3, &request), 0);
	assert_int_equal(request.data_len, 3);
	assert_memory_equal(request.data, "abc", 3);
	assert_int_equal(parse(FUSE_WRITE, body, sizeof(write) + 2, &request), -EINVAL);
	assert_int_equal(parse(FUSE_WRITE, body, sizeof(write) + 4, &request), -EINVAL);
	write.size = KS_MAX_FILES_TRANSFER;
	memcpy(body, &write, sizeof(write));
	assert_int_equal(parse(FUSE_WRITE, body, sizeof(body) - 1, &request), 0);
	write.size++;
	memcpy(body, &write, sizeof(write));
	assert_int_equal(parse(FUSE_WRITE, body, sizeof(body), &request), -EINVAL);

	memcpy(body, &set, FUSE_COMPAT_SETXATTR_IN_SIZE);
	memcpy(body + 8, "user.a\0\1\2", 9);
	assert_int_equal(parse(FUSE_SETXATTR, body, 17, &request), 0);
	assert_int_equal(request.data_len, 2);
	assert_int_equal(parse(FUSE_SETXATTR, body, 16, &request), -EINVAL);

	memcpy(body, &batch, sizeof(batch));
	memcpy(body + sizeof(batch), ones, sizeof(ones));
	assert_int_equal(parse(FUSE_BATCH_FORGET, body, 8 + sizeof(ones), &request), 0);
	assert_int_equal(wire_forget(&request, 1).nodeid, 7);
	assert_int_equal(parse(FUSE_BATCH_FORGET, body, 8 + sizeof(ones) - 1, &request), -EINVAL);
	batch.count = UINT32_MAX;
	memcpy(body, &batch, sizeof(batch));
	assert_int_equal(parse(FUSE_BATCH_FORGET, body, 8 + sizeof(ones), &request), -EINVAL);
}

/* Kernels before and after ours. */
static void test_init(void **state)
{
	struct fuse_init_in init[2] = {{.major = 7, .minor = 31, .flags2 = 9}, {0}};
	struct wire_request request;

	(void)state;
	assert_int_equal(parse(FUSE_INIT, init, 15, &request), -EINVAL);
	assert_int_equal(parse(FUSE_INIT, init, 16, &request), 0);
	assert_int_equal(request.in.init.flags2, 0);
	assert_int_equal(parse(FUSE_INIT, init, sizeof(init[0]), &request), 0);
	assert_int_equal(request.in.init.flags2, 9);
	assert_int_equal(parse(FUSE_INIT, init, sizeof(init[0]) + 20, &request), 0);
}

static void test_extensions(void **state)
{
	const struct fuse_in_header header = {.len = 56, .opcode = FUSE_GETATTR, .unique = 2};
	/* Their length, by its place: older headers have no name for it. */
	const size_t extensions = offsetof(struct fuse_in_header, pid) + sizeof(header.pid);
	uint8_t message[56] = {0};
	struct wire_request request;

	(void)state;
	memcpy(message, &header, sizeof(header));
	message[extensions] = 1;
	assert_int_equal(wire_parse(message, sizeof(message), &request), -EINVAL);
	message[extensions] = 0;
	assert_int_equal(wire_parse(message, sizeof(message), &request), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_not_served),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_data),
		cmocka_unit_test(test_init),
		cmocka_unit_test(test_extensions),
	};

	return cmocka_run_group_tests_name("files_wire", tests, NULL, NULL);
}
