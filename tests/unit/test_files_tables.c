/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the file server: what an id or a handle still means, and what no one is told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <linux/fuse.h>
#include <linux/magic.h>
#include <cmocka.h>

#include "vm/files/handles.h"
#include "vm/files/mounts.h"
#include "vm/files/nodes.h"

static struct node_identity file(uint64_t inode)
{
	return (struct node_identity){
		.device = 1, .inode = inode, .mount = 7, .born_sec = 5, .type = S_IFREG};
}

static struct nodes fresh(void)
{
	const struct node_identity root = {.device = 1, .inode = 2, .mount = 7, .type = S_IFDIR};
	struct nodes nodes;

	assert_int_equal(nodes_start(&nodes, &root, 1000), 0);
	return nodes;
}

/* As a lookup does it. */
static struct node *looked_up(struct nodes *nodes, uint64_t inode, const char *name, int fd)
{
	struct node_identity identity = file(inode);
	struct node *node = nodes_find(nodes, &identity);

	if (!node)
		assert_int_equal(nodes_add(nodes, &identity, &node), 0);
	if (node->fd < 0 && fd >= 0)
		nodes_hold(nodes, node, fd);
	if (name)
		nodes_place(node, nodes_get(nodes, FUSE_ROOT_ID), name);
	node->lookups++;
	return node;
}

static void test_root(void **state)
{
	struct nodes nodes = fresh();
	struct node *root = nodes_get(&nodes, FUSE_ROOT_ID);

	(void)state;
	assert_non_null(root);
	assert_int_equal(nodes_id(root), FUSE_ROOT_ID);
	assert_int_equal(nodes_forget(&nodes, root, UINT64_MAX), -1);
	assert_ptr_equal(nodes_get(&nodes, FUSE_ROOT_ID), root);
	assert_int_equal(nodes_release_oldest(&nodes), -1);
	nodes_place(root, root, "name");
	assert_null(root->name);
	nodes_end(&nodes, NULL);
}

static void test_ids_end(void **state)
{
	struct nodes nodes = fresh();
	struct node *node = looked_up(&nodes, 10, "a", 11);
	uint64_t id = nodes_id(node);

	(void)state;
	assert_ptr_equal(looked_up(&nodes, 10, "a", -1), node);
	assert_int_equal(nodes_forget(&nodes, node, 1), -1);
	assert_ptr_equal(nodes_get(&nodes, id), node);
	assert_int_equal(nodes_forget(&nodes, node, 5), 11);
	assert_null(nodes_get(&nodes, id));
	assert_int_equal(nodes.count, 1);
	assert_int_equal(nodes.open, 0);
	/* The place is taken again; the id is not. */
	node = looked_up(&nodes, 20, "b", 12);
	assert_int_equal((uint32_t)nodes_id(node), (uint32_t)id);
	assert_true(nodes_id(node) != id);
	assert_null(nodes_get(&nodes, id));
	for (size_t i = 0; i < 3; i++) {
		const uint64_t made_up[] = {0, UINT64_MAX, nodes.made};

		assert_null(nodes_get(&nodes, made_up[i]));
	}
	nodes_end(&nodes, NULL);
}

static void test_same_file(void **state)
{
	struct nodes nodes = fresh();
	struct node_identity identity = file(10);
	struct node *node = looked_up(&nodes, 10, "a", 11);

	(void)state;
	assert_ptr_equal(nodes_find(&nodes, &identity), node);
	/* Each of these makes another file of it. */
	identity.mount = 8;
	assert_null(nodes_find(&nodes, &identity));
	identity = file(10);
	identity.born_sec = 6;
	assert_null(nodes_find(&nodes, &identity));
	identity = file(10);
	identity.type = S_IFDIR;
	assert_null(nodes_find(&nodes, &identity));
	identity = file(10);
	identity.device = 2;
	assert_null(nodes_find(&nodes, &identity));
	nodes_end(&nodes, NULL);
}

static void test_oldest_goes(void **state)
{
	struct nodes nodes = fresh();
	struct node *a = looked_up(&nodes, 1, "a", 101);
	struct node *b = looked_up(&nodes, 2, "b", 102);
	struct node *c = looked_up(&nodes, 3, "c", 103);
	struct node *unnamed = looked_up(&nodes, 4, NULL, 104);
	struct node *last = looked_up(&nodes, 5, "e", 105);

	(void)state;
	nodes_touch(&nodes, a);
	nodes_touch(&nodes, last);
	c->pinned = true;
	assert_int_equal(nodes_release_oldest(&nodes), 102);
	assert_int_equal(b->fd, -1);
	assert_ptr_equal(nodes_get(&nodes, nodes_id(b)), b);
	assert_int_equal(nodes_release_oldest(&nodes), 101);
	/* Left are one without a name by now, one that never had any, and the one in use. */
	assert_int_equal(nodes_release_oldest(&nodes), -1);
	assert_int_equal(nodes.open, 3);
	nodes_hold(&nodes, b, 112);
	assert_int_equal(nodes_release_oldest(&nodes), 105);
	assert_int_equal(nodes_release_oldest(&nodes), -1);
	/* A new name makes it replaceable. */
	nodes_place(c, nodes_get(&nodes, FUSE_ROOT_ID), "again");
	assert_int_equal(nodes_release_oldest(&nodes), 103);
	assert_int_equal(nodes_forget(&nodes, unnamed, 1), 104);
	assert_int_equal(nodes_forget(&nodes, b, 1), 112);
	assert_int_equal(nodes_forget(&nodes, a, 1), -1);
	assert_int_equal(nodes.open, 0);
	nodes_end(&nodes, NULL);
}

static void test_full(void **state)
{
	struct nodes nodes = fresh();
	struct node_identity identity;
	struct node *node;
	uint32_t count = 0;

	(void)state;
	for (identity = file(100); nodes_add(&nodes, &identity, &node) == 0; identity.inode++) {
		node->lookups = 1;
		count++;
	}
	assert_int_equal(nodes_add(&nodes, &identity, &node), -ENFILE);
	assert_int_equal(count, KS_MAX_FILES_NODES - 2);
	node = nodes_get(&nodes, 77);
	assert_int_equal(nodes_forget(&nodes, node, 1), -1);
	assert_int_equal(nodes_add(&nodes, &identity, &node), 0);
	for (uint64_t inode = 100; inode < 200; inode += 7) {
		identity = file(inode);
		node = nodes_find(&nodes, &identity);
		assert_true(inode == 175 || (node && node->identity.inode == inode));
	}
	nodes_end(&nodes, NULL);
}

static void test_handles(void **state)
{
	struct handles handles;
	const struct handle of_file = {.node = 5, .fd = 50},
			    of_directory = {.node = 6, .fd = 60, .directory = true};
	uint64_t one, two, again;

	(void)state;
	assert_int_equal(handles_start(&handles, 2), 0);
	assert_null(handles_get(&handles, 0, 0, false));
	one = handles_add(&handles, &of_file);
	two = handles_add(&handles, &of_directory);
	assert_true(one && two && one != two);
	assert_int_equal(handles_add(&handles, &of_file), 0);
	assert_int_equal(handles_get(&handles, one, 5, false)->fd, 50);
	assert_int_equal(handles_get(&handles, two, 6, true)->fd, 60);
	assert_null(handles_get(&handles, one, 6, false));
	assert_null(handles_get(&handles, one, 5, true));
	assert_null(handles_get(&handles, two, 6, false));
	assert_null(handles_get(&handles, 3, 5, false));
	assert_null(handles_get(&handles, UINT64_MAX, 5, false));
	assert_true(handles_has(&handles, 5));
	assert_int_equal(handles_remove(&handles, handles_get(&handles, one, 5, false)), 50);
	assert_false(handles_has(&handles, 5));
	assert_null(handles_get(&handles, one, 5, false));
	again = handles_add(&handles, &of_file);
	assert_true(again && again != one);
	assert_null(handles_get(&handles, one, 5, false));
	handles_end(&handles);
}

static void test_mounts(void **state)
{
	static struct files_mounts mounts;
	int index;

	(void)state;
	assert_int_equal(mounts_find(&mounts, 1), -1);
	index = mounts_add(&mounts, 1, 100, EXT4_SUPER_MAGIC, true, "/");
	assert_int_equal(mounts.list[index].trust, MOUNT_STEADY);
	assert_int_equal(mounts_inode(&mounts.list[index], 12), 12);
	index = mounts_add(&mounts, 2, 101, EXT4_SUPER_MAGIC, true, "/usr");
	assert_int_equal(mounts.list[index].trust, MOUNT_STEADY);
	/* Of another device, so it is another number. */
	assert_int_not_equal(mounts_inode(&mounts.list[index], 12), 12);
	assert_int_equal(mounts_find(&mounts, 2), index);
	/* A grant beneath one of the system, one to write, and what only looks like one. */
	index = mounts_add(&mounts, 3, 100, EXT4_SUPER_MAGIC, true, "/usr/local/data");
	assert_int_equal(mounts.list[index].trust, MOUNT_CHANGING);
	assert_int_equal(mounts_inode(&mounts.list[index], 12), 12);
	index = mounts_add(&mounts, 4, 100, EXT4_SUPER_MAGIC, false, "/usr");
	assert_int_equal(mounts.list[index].trust, MOUNT_CHANGING);
	index = mounts_add(&mounts, 5, 100, TMPFS_MAGIC, true, "/srv/usr");
	assert_int_equal(mounts.list[index].trust, MOUNT_CHANGING);
	for (size_t i = 0; i < 4; i++) {
		static const uint64_t types[] = {
			PROC_SUPER_MAGIC, SYSFS_MAGIC, CGROUP2_SUPER_MAGIC, DEVPTS_SUPER_MAGIC};

		index = mounts_add(&mounts, 10 + i, 102 + i, types[i], true, "/usr");
		assert_int_equal(mounts.list[index].trust, MOUNT_CLOSED);
	}
	/* As some machines sign-extend it. */
	index = mounts_add(&mounts, 20, 110, 0xffffffff00000000u | 0xf97cff8cu, false, "/s");
	assert_int_equal(mounts.list[index].trust, MOUNT_CLOSED);
	for (uint64_t id = 100; mounts.count < KS_MAX_FILES_MOUNTS; id++)
		assert_true(mounts_add(&mounts, id, 1, TMPFS_MAGIC, false, "/x") >= 0);
	assert_int_equal(mounts_add(&mounts, 9999, 1, TMPFS_MAGIC, false, "/x"), -ENFILE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_ids_end),
		cmocka_unit_test(test_same_file),
		cmocka_unit_test(test_oldest_goes),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_handles),
		cmocka_unit_test(test_mounts),
	};

	return cmocka_run_group_tests_name("files_tables", tests, NULL, NULL);
}
