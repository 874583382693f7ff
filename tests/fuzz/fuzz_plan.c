/* SPDX-License-Identifier: Apache-2.0 */
/* From a policy to the plan of every backend of every host in tests/golden: the plan never grants
 * what the policy does not. What may be written is a grant for writing and beneath no nearer grant
 * for reading; what is shown of the host is the system's; the network, the environment and the
 * limits are the policy's. Asked of the mounts, the Landlock rules, the profile's parameters and
 * the commands. */
#include "fuzz.h"

#include <glob.h>

#include <kastellan/backend.h>
#include <kastellan/plan.h>

#include "plan/landlock.h"
#include "plan/paths.h"
#include "plan/plan.h"
#include "plan_builder.h"

#define MAX_PLACES 128
#define WRITES                                                              \
	(LANDLOCK_BIT(FS_WRITE_FILE) | LANDLOCK_BIT(FS_REMOVE_DIR) |        \
		LANDLOCK_BIT(FS_REMOVE_FILE) | LANDLOCK_BIT(FS_MAKE_CHAR) | \
		LANDLOCK_BIT(FS_MAKE_DIR) | LANDLOCK_BIT(FS_MAKE_REG) |     \
		LANDLOCK_BIT(FS_MAKE_SOCK) | LANDLOCK_BIT(FS_MAKE_FIFO) |   \
		LANDLOCK_BIT(FS_MAKE_BLOCK) | LANDLOCK_BIT(FS_MAKE_SYM) |   \
		LANDLOCK_BIT(FS_TRUNCATE))

static ks_backend *places[MAX_PLACES];
static size_t n_places;

static char *read_all(const char *path, size_t *ret_len)
{
	char *text = malloc(1 << 20);
	FILE *file = fopen(path, "re");

	HOLDS(text && file);
	*ret_len = fread(text, 1, 1 << 20, file);
	fclose(file);
	return text;
}

static void add_backends(const char *facts, size_t len)
{
	static const char *const names[] = {
		"bwrap", "native", "landlock", "qemu", "seatbelt", "container"};
	ks_backends *backends = NULL;

	if (ks_backends_describe(facts, len, &backends, NULL) < 0)
		return;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && n_places < MAX_PLACES; i++) {
		enum ks_backend_kind kind;

		if (ks_backends_kind_from_name(backends, names[i], &kind, NULL) == 0 &&
			ks_backends_resolve(backends, kind, NULL, &places[n_places]) == 0)
			n_places++;
	}
	ks_backends_free(backends);
}

static void open_places(void)
{
	glob_t found;

	HOLDS(glob(KS_TESTS_GOLDEN "/host-*.json", 0, NULL, &found) == 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		size_t len;
		char *facts = read_all(found.gl_pathv[i], &len);

		add_backends(facts, len);
		free(facts);
	}
	globfree(&found);
	HOLDS(n_places > 20);
}

/* The grant that decides about the path: the nearest, and of two the one for writing. */
static const struct grant *decides(const struct ks_plan *plan, const char *path)
{
	const struct grant *nearest = NULL;

	for (size_t i = 0; i < plan->grants.len; i++) {
		const struct grant *grant = &plan->grants.items[i];

		if (grant->pin || !path_covers(grant->path, path))
			continue;
		if (!nearest || strlen(grant->path) > strlen(nearest->path) ||
			(strcmp(grant->path, nearest->path) == 0 && grant->field == FIELD_FS_WRITE))
			nearest = grant;
	}
	return nearest;
}

/* What is seen there once all mounts are applied. */
static const struct mount *seen(const struct ks_plan *plan, const char *path)
{
	const struct mount *found = NULL;

	for (size_t i = 0; i < plan->mounts.len; i++)
		if (path_covers(plan->mounts.items[i].path, path))
			found = &plan->mounts.items[i];
	return found;
}

static bool is_policys(const struct ks_plan *plan, const struct grant *grant)
{
	int optional;
	const char *asked;

	for (size_t i = 0;; i++) {
		asked = grant->field == FIELD_FS_WRITE
				? ks_policy_write_path(plan->policy, i, &optional)
				: ks_policy_read_path(plan->policy, i, &optional);
		if (!asked)
			return grant->pin && grant->field == FIELD_FS_READ;
		if (strcmp(asked, grant->asked) == 0)
			return true;
	}
}

static void check_place(const struct ks_plan *plan, const char *path)
{
	const struct grant *grant = decides(plan, path);
	const struct mount *mount = seen(plan, path);

	if (!mount || mount->kind != MOUNT_BIND_GRANT)
		return;
	HOLDS(mount->grant < plan->grants.len);
	HOLDS(grant);
	HOLDS(!mount->writable || grant->field == FIELD_FS_WRITE);
}

static void check_mounts(const struct ks_plan *plan)
{
	char path[8192];

	for (size_t i = 0; i < plan->mounts.len; i++) {
		const struct mount *mount = &plan->mounts.items[i];

		if (mount->kind == MOUNT_BIND_GRANT) {
			HOLDS(mount->grant < plan->grants.len);
			HOLDS(!mount->writable ||
				plan->grants.items[mount->grant].field == FIELD_FS_WRITE);
		} else {
			HOLDS(mount->kind == MOUNT_TMPFS || !mount->writable);
		}
		if (mount->kind == MOUNT_BIND_HOST)
			HOLDS(strcmp(mount->source, "/") != 0 &&
				!path_covers("/home", mount->source) &&
				!path_covers("/root", mount->source) &&
				!path_covers("/var", mount->source) &&
				!path_covers("/etc/shadow", mount->source));
		check_place(plan, mount->path);
		snprintf(path, sizeof(path), "%s/x", mount->path);
		check_place(plan, path);
		snprintf(path, sizeof(path), "%sx", mount->path);
		check_place(plan, path);
	}
}

/* Places of the jail's own, or devices that take and keep nothing. */
static bool may_be_written(const struct ks_plan *plan, const char *path)
{
	static const char *const own[] = {"/tmp", "/dev", "/proc"};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		if (path_covers(own[i], path))
			return true;
	return plan->temporary && path_covers(plan->temporary, path);
}

static void check_landlock(const struct ks_plan *plan)
{
	for (size_t i = 0; i < plan->landlock.n_rules; i++) {
		const struct landlock_rule *rule = &plan->landlock.rules[i];

		if (!(rule->access & WRITES))
			continue;
		if (rule->grant != SIZE_MAX) {
			HOLDS(rule->grant < plan->grants.len);
			HOLDS(plan->grants.items[rule->grant].field == FIELD_FS_WRITE);
		} else if (!may_be_written(plan, rule->path)) {
			const struct grant *grant = decides(plan, rule->path);

			HOLDS(grant && grant->field == FIELD_FS_WRITE);
		}
		/* Without mounts nothing else is between a worker and the host's own devices. */
		if (rule->grant == SIZE_MAX && plan->kind == KS_BACKEND_LANDLOCK)
			HOLDS(!path_covers(rule->path, "/dev/mem") &&
				!path_covers(rule->path, "/proc/sys"));
	}
}

static void check_seatbelt(const struct ks_plan *plan)
{
	const struct seatbelt_plan *seatbelt = &plan->seatbelt;

	if (!seatbelt->profile)
		return;
	for (size_t i = 0; i < plan->grants.len; i++) {
		const char *path = plan->grants.items[i].path;
		char quoted[8192];

		/* A path is never part of the text: no grant's name can be in it as a literal. */
		snprintf(quoted, sizeof(quoted), "\"%s\"", path);
		if (strchr(path, 'A') || strchr(path, ' ') || strchr(path, '(') ||
			strchr(path, '$') || strchr(path, '\xff'))
			HOLDS(!strstr(seatbelt->profile, quoted));
	}
	for (const char *c = seatbelt->profile; *c; c++)
		HOLDS((unsigned char)*c < 0x7f &&
			((unsigned char)*c >= 0x20 || strchr("\n\t", *c)));
}

static void check_network(const struct ks_plan *plan)
{
	enum ks_net net = ks_policy_net(plan->policy);

	HOLDS(plan->network != NETWORK_HOST || net == KS_NET_PROXY_EGRESS);
	HOLDS(plan->network != NETWORK_PROXY || net == KS_NET_ALLOWLIST);
	HOLDS(net == KS_NET_ALLOWLIST || !ks_policy_endpoint(plan->policy, 0));
}

static void check_limits(const struct ks_plan *plan, const ks_policy *policy)
{
	uint64_t memory = ks_policy_mem_mb(policy), tasks = ks_policy_tasks_max(policy);
	bool clamped = plan->receipt.rows[FIELD_MEM_MB].verdict == RECEIPT_CLAMPED;

	if (plan->limits.memory_bytes != UINT64_MAX && !clamped)
		HOLDS(memory && plan->limits.memory_bytes <= memory << 20);
	if (memory && plan->limits.memory_bytes == UINT64_MAX)
		HOLDS(plan->kind != KS_BACKEND_BWRAP || !plan->limits.group);
	if (tasks != KS_POLICY_UNSET && tasks && plan->limits.tasks != UINT64_MAX)
		HOLDS(plan->limits.tasks <= tasks ||
			plan->receipt.rows[FIELD_TASKS_MAX].verdict == RECEIPT_CLAMPED);
}

/* The plan's copy is the policy, word for word. */
static void check_copy(const struct ks_plan *plan, const ks_policy *policy)
{
	char *mine = NULL, *its = NULL;

	HOLDS(ks_policy_write(policy, &mine) == 0 && ks_policy_write(plan->policy, &its) == 0);
	HOLDS(strcmp(mine, its) == 0);
	free(mine);
	free(its);
}

static void check_plan(const struct ks_plan *plan, const ks_policy *policy)
{
	char *text = NULL, *json = NULL;

	check_copy(plan, policy);
	for (size_t i = 0; i < plan->grants.len; i++)
		HOLDS(is_policys(plan, &plan->grants.items[i]));
	check_mounts(plan);
	check_landlock(plan);
	check_seatbelt(plan);
	check_network(plan);
	check_limits(plan, policy);
	HOLDS(ks_plan_text(plan, &text) == 0 && ks_plan_json(plan, &json) == 0);
	free(text);
	free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const char *const argv[] = {"/usr/bin/true", "a b", NULL};
	struct source source = {bytes, len};
	ks_error *error = NULL;
	ks_plan *plan = NULL;
	ks_policy *policy;
	ks_backend *backend;

	if (!n_places)
		open_places();
	backend = places[source_byte(&source) % n_places];
	policy = build_policy(&source);
	if (!policy)
		return 0;
	if (ks_plan_new(backend, policy, argv, &plan, &error) < 0)
		HOLDS(!plan && error && ks_error_message(error)[0]);
	else
		check_plan(plan, policy);
	ks_error_free(error);
	ks_plan_free(plan);
	ks_policy_free(policy);
	return 0;
}
