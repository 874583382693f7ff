/* SPDX-License-Identifier: Apache-2.0 */
/* Random trees of grants: whatever their order and nesting, the mounts show at every granted path
 * what the deepest grant there says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "plan/mounts.h"
#include "plan/paths.h"
#include "plan_fixture.h"

#define READ FIELD_FS_READ
#define WRITE FIELD_FS_WRITE

static struct ks_host *host;

static int load_host(void **state)
{
	(void)state;
	host = fixture_host("debian12-root");
	return 0;
}

static int free_host(void **state)
{
	(void)state;
	host_free(host);
	return 0;
}

#define TREES 400
#define MAX_TREE 14

static uint64_t random_state;

static unsigned pick(unsigned below)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % below;
}

static void random_path(char *path, size_t size, bool *ret_file)
{
	static const char *const tops[] = {"/srv", "/usr", "/etc", "/tmp", "/home/u", "/usr/local"};
	static const char *const names[] = {"a", "b", "a-b"};
	size_t depth = pick(4);
	int len = snprintf(path, size, "%s", tops[pick(6)]);

	for (size_t i = 0; i < depth; i++)
		len += snprintf(path + len, size - (size_t)len, "/%s", names[pick(3)]);
	/* Files have a name of their own, so that nothing is ever beneath one. */
	*ret_file = pick(4) == 0;
	if (*ret_file)
		snprintf(path + len, size - (size_t)len, "/file");
}

static void random_grants(struct grants *grants)
{
	size_t count = 1 + pick(MAX_TREE);

	for (size_t i = 0; i < count; i++) {
		char path[128];
		char asked[160];
		bool file;

		random_path(path, sizeof(path), &file);
		snprintf(asked, sizeof(asked), "/links/%u", pick(1000000));
		fixture_grant(
			grants, pick(2) ? WRITE : READ, pick(4) == 0 ? asked : path, path, !file);
	}
}

/* What the policy means at a path: the deepest grant, and of equal ones the writing one. */
static const struct grant *meant(const struct grants *grants, const char *path)
{
	const struct grant *best = NULL;

	for (size_t i = 0; i < grants->len; i++) {
		const struct grant *grant = &grants->items[i];

		if (!path_covers(grant->path, path))
			continue;
		if (!best || path_beneath(best->path, grant->path) ||
			(strcmp(best->path, grant->path) == 0 && grant->field == WRITE))
			best = grant;
	}
	return best;
}

/* NULL, or the path where the list shows something else than the grants mean. */
static const char *mismatch(const struct mount_list *list, const struct grants *grants)
{
	for (size_t i = 0; i < grants->len; i++) {
		const char *path = grants->items[i].path;
		const struct grant *grant = meant(grants, path);
		const struct mount *seen = fixture_seen(list, path);

		if (!seen || seen->kind != MOUNT_BIND_GRANT ||
			strcmp(seen->path, grant->path) != 0 ||
			seen->writable != (grant->field == WRITE) ||
			strcmp(grants->items[seen->grant].path, grant->path) != 0)
			return path;
	}
	return NULL;
}

/* Nothing is made beneath a grant but grants, which exist there: no mount point, link or file of
 * ours ever follows what a worker may have planted. Nothing at all is beneath a link. */
static void expect_nothing_made_in_grants(const struct mount_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		for (size_t k = 0; k < list->len; k++) {
			const struct mount *above = &list->items[i];
			const struct mount *mount = &list->items[k];

			if (i == k || !path_covers(above->path, mount->path))
				continue;
			assert_true(k > i);
			assert_true(above->kind != MOUNT_LINK && above->kind != MOUNT_DATA);
			if (above->kind == MOUNT_BIND_GRANT)
				assert_int_equal(mount->kind, MOUNT_BIND_GRANT);
		}
}

static void expect_same(const struct mount_list *a, const struct mount_list *b)
{
	assert_int_equal(a->len, b->len);
	for (size_t i = 0; i < a->len; i++) {
		assert_string_equal(a->items[i].path, b->items[i].path);
		assert_int_equal(a->items[i].kind, b->items[i].kind);
		assert_int_equal(a->items[i].writable, b->items[i].writable);
	}
}

static void copy_shuffled(const struct grants *from, struct grants *to)
{
	for (size_t i = 0; i < from->len; i++) {
		const struct grant *grant = &from->items[i];

		fixture_grant(to, grant->field, grant->asked, grant->path, grant->directory);
	}
	for (size_t i = to->len; i > 1; i--) {
		size_t k = pick((unsigned)i);
		struct grant swap = to->items[i - 1];

		to->items[i - 1] = to->items[k];
		to->items[k] = swap;
	}
}

static void test_random_trees_mean_what_they_say(void **state)
{
	(void)state;
	random_state = 20240917;
	for (unsigned tree = 0; tree < TREES; tree++) {
		struct grants grants = {0};
		struct grants shuffled = {0};
		struct ks_plan *plan, *other;
		const char *wrong;

		random_grants(&grants);
		copy_shuffled(&grants, &shuffled);
		plan = fixture_plan(host, "{}", &grants);
		other = fixture_plan(host, "{}", &shuffled);
		wrong = mismatch(&plan->mounts, &plan->grants);
		if (wrong)
			fail_msg("tree %u: %s", tree, wrong);
		expect_nothing_made_in_grants(&plan->mounts);
		expect_same(&plan->mounts, &other->mounts);
		plan_free(plan);
		plan_free(other);
	}
}

/* The check above, on lists that are wrong: in reverse order, and reads before writes. */
static void test_the_check_sees_wrong_orders(void **state)
{
	struct grants grants = {0};
	struct ks_plan *plan;
	struct mount *items;

	(void)state;
	fixture_grant(&grants, READ, "/srv/rw/keep", NULL, true);
	fixture_grant(&grants, WRITE, "/srv/rw", NULL, true);
	plan = fixture_plan(host, "{}", &grants);
	assert_null(mismatch(&plan->mounts, &plan->grants));
	items = plan->mounts.items;
	for (size_t i = 0; i + 1 < plan->mounts.len; i++)
		if (items[i].kind == MOUNT_BIND_GRANT && items[i + 1].kind == MOUNT_BIND_GRANT) {
			struct mount swap = items[i];

			items[i] = items[i + 1];
			items[i + 1] = swap;
			break;
		}
	assert_string_equal(mismatch(&plan->mounts, &plan->grants), "/srv/rw/keep");
	plan_free(plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_trees_mean_what_they_say),
		cmocka_unit_test(test_the_check_sees_wrong_orders),
	};

	return cmocka_run_group_tests_name("plan_trees", tests, load_host, free_host);
}
