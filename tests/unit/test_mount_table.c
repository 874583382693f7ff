/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of the mount table is never another one than a reading gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "linux/mount_table.h"

static char directory[] = "/tmp/kastellan-mount-table-XXXXXX";

static void assert_current(void)
{
	char *kept = NULL;
	char *now = NULL;

	assert_int_equal(mount_table_text(&kept), 0);
	assert_int_equal(file_read_text("/proc/thread-self/mountinfo", &now), 0);
	assert_string_equal(kept, now);
	free(kept);
	free(now);
}

static int count_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* A namespace of its own, so that nothing of this is left, and nobody else's mounts disturb. */
static int set_up(void **state)
{
	(void)state;
	if (geteuid() != 0)
		return 0;
	return unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
			       !mkdtemp(directory)
		       ? -1
		       : 0;
}

static int tear_down(void **state)
{
	(void)state;
	return geteuid() == 0 ? rmdir(directory) : 0;
}

static void needs_root(void)
{
	if (geteuid() != 0)
		skip();
}

static void mount_one(const char *path)
{
	assert_int_equal(mount("none", path, "tmpfs", 0, NULL), 0);
}

static void test_mounts_come_and_go(void **state)
{
	int before;

	(void)state;
	needs_root();
	assert_current();
	before = count_descriptors();
	for (int i = 0; i < 3; i++) {
		mount_one(directory);
		assert_current();
		assert_current();
		assert_int_equal(umount(directory), 0);
		assert_current();
	}
	assert_int_equal(count_descriptors(), before);
}

static void *in_another_namespace(void *done)
{
	*(bool *)done = unshare(CLONE_FS | CLONE_NEWNS) == 0 &&
			mount("none", directory, "tmpfs", 0, NULL) == 0;
	assert_current();
	return NULL;
}

static void test_a_thread_with_mounts_of_its_own(void **state)
{
	pthread_t thread;
	bool done = false;

	(void)state;
	needs_root();
	assert_current();
	assert_int_equal(pthread_create(&thread, NULL, in_another_namespace, &done), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(done);
	assert_current();
}

/* Paths are told from the root. */
static void test_another_root(void **state)
{
	char proc[sizeof(directory) + 8];
	int root = open("/", O_PATH | O_DIRECTORY);

	(void)state;
	needs_root();
	mount_one(directory);
	snprintf(proc, sizeof(proc), "%s/proc", directory);
	assert_int_equal(mkdir(proc, 0755), 0);
	assert_int_equal(mount("/proc", proc, NULL, MS_BIND, NULL), 0);
	assert_current();
	assert_int_equal(chroot(directory), 0);
	assert_current();
	assert_int_equal(fchdir(root), 0);
	assert_int_equal(chroot("."), 0);
	assert_current();
	assert_int_equal(umount(proc), 0);
	assert_int_equal(umount(directory), 0);
	close(root);
}

/* A caller that becomes a daemon closes what it does not know, and opens files of its own. */
static void test_descriptors_that_are_gone(void **state)
{
	int own[8];

	(void)state;
	needs_root();
	assert_current();
	closefrom(3);
	for (int i = 0; i < 8; i++)
		own[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	mount_one(directory);
	assert_current();
	for (int i = 0; i < 8; i++)
		assert_int_equal(close(own[i]), 0);
	assert_int_equal(umount(directory), 0);
	assert_current();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mounts_come_and_go),
		cmocka_unit_test(test_a_thread_with_mounts_of_its_own),
		cmocka_unit_test(test_another_root),
		cmocka_unit_test(test_descriptors_that_are_gone),
	};

	return cmocka_run_group_tests_name("mount_table", tests, set_up, tear_down);
}
