/* SPDX-License-Identifier: Apache-2.0 */
/* The allocator of the front, which this program has as well, in the place of the C library's. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#define BLOCKS 200
#define ROUNDS 100000

struct owned {
	unsigned char *bytes;
	size_t len;
	unsigned char sign;
};

static uint32_t state = 4242;

static uint32_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state;
}

/* Mostly small, and some of every size up to what is asked of the kernel. */
static size_t any_len(void)
{
	return next_random() % ((size_t)1 << (next_random() % 19));
}

static void check(const struct owned *owned, size_t len)
{
	for (size_t i = 0; i < len; i++)
		assert_int_equal(owned->bytes[i], owned->sign);
}

static void sign(struct owned *owned, size_t len)
{
	owned->len = len;
	owned->sign = (unsigned char)next_random();
	memset(owned->bytes, owned->sign, len);
}

static void take(struct owned *owned)
{
	const size_t len = any_len();

	if (next_random() % 2) {
		owned->bytes = calloc(1, len);
		owned->sign = 0;
		assert_non_null(owned->bytes);
		check(owned, len);
	} else {
		owned->bytes = malloc(len);
	}
	assert_non_null(owned->bytes);
	assert_int_equal((uintptr_t)owned->bytes % _Alignof(max_align_t), 0);
	sign(owned, len);
}

static void change(struct owned *owned)
{
	const size_t len = any_len();

	owned->bytes = realloc(owned->bytes, len);
	assert_non_null(owned->bytes);
	check(owned, len < owned->len ? len : owned->len);
	sign(owned, len);
}

/* What one has is never another's, and stays as it is. */
static void test_everybody_has_their_own(void **unused)
{
	static struct owned blocks[BLOCKS];

	(void)unused;
	for (int i = 0; i < ROUNDS; i++) {
		struct owned *owned = &blocks[next_random() % BLOCKS];

		if (owned->bytes)
			check(owned, owned->len);
		if (!owned->bytes) {
			take(owned);
		} else if (next_random() % 2) {
			change(owned);
		} else {
			free(owned->bytes);
			owned->bytes = NULL;
		}
	}
	for (int i = 0; i < BLOCKS; i++)
		free(blocks[i].bytes);
}

/* However often, it is the same memory. */
static void test_what_is_freed_is_used_again(void **unused)
{
	struct rusage before, after;

	(void)unused;
	getrusage(RUSAGE_SELF, &before);
	for (int i = 0; i < 1000; i++) {
		char *bytes = malloc(40000);

		memset(bytes, i, 40000);
		free(bytes);
		bytes = malloc(300000);
		memset(bytes, i, 300000);
		free(bytes);
	}
	getrusage(RUSAGE_SELF, &after);
	assert_in_range(after.ru_maxrss - before.ru_maxrss, 0, 1024); /* KiB */
}

static void test_too_much_is_refused(void **unused)
{
	static volatile size_t most = SIZE_MAX;
	const struct rlimit limit = {64 << 20, RLIM_INFINITY};
	struct rlimit saved;
	char *bytes;

	(void)unused;
	errno = 0;
	assert_null(malloc(most));
	assert_int_equal(errno, ENOMEM);
	errno = 0;
	assert_null(calloc(most / 2, 3));
	assert_int_equal(errno, ENOMEM);
	assert_null(malloc(most / 2));
	getrlimit(RLIMIT_AS, &saved);
	assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
	errno = 0;
	assert_null(malloc(128 << 20));
	assert_int_equal(errno, ENOMEM);
	bytes = malloc(100);
	assert_non_null(bytes);
	memset(bytes, 7, 100);
	assert_null(realloc(bytes, 128 << 20));
	assert_int_equal(bytes[99], 7);
	free(bytes);
	setrlimit(RLIMIT_AS, &saved);
}

static void test_nothing_is_something(void **unused)
{
	void *one = malloc(0);
	void *other = malloc(0);

	(void)unused;
	assert_non_null(one);
	assert_ptr_not_equal(one, other);
	free(one);
	free(other);
	free(NULL);
	one = realloc(NULL, 10);
	assert_non_null(one);
	free(one);
}

static int end_of(void (*act)(char *))
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		act(malloc(100));
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* The compiler knows both to be wrong. */
static void (*volatile release)(void *) = free;

static void free_once(char *bytes)
{
	release(bytes);
}

static void free_twice(char *bytes)
{
	release(bytes);
	release(bytes);
}

static void free_the_middle(char *bytes)
{
	memset(bytes, 0, 100);
	release(bytes + 48);
}

static void test_what_is_no_block_ends_the_program(void **unused)
{
	(void)unused;
	assert_int_equal(end_of(free_once), 0);
	assert_int_equal(end_of(free_twice), SIGABRT);
	assert_int_equal(end_of(free_the_middle), SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_everybody_has_their_own),
		cmocka_unit_test(test_what_is_freed_is_used_again),
		cmocka_unit_test(test_too_much_is_refused),
		cmocka_unit_test(test_nothing_is_something),
		cmocka_unit_test(test_what_is_no_block_ends_the_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
