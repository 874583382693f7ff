/* SPDX-License-Identifier: Apache-2.0 */
/* Whole plans against written-down ones: tests/golden/plan/NAME.case.json says what is asked of
 * which backend on which host, NAME.args is what bubblewrap is told (an option a line), or
 * kastellan-init of the mounts or rules (one a line) where there is no helper, or the command that
 * a Mac is given, with values of the start filled in (one argument a line), or a machine's, with
 * the jails around it; NAME.txt what people
 * are shown, the verdict of the receipt included, and NAME.json, where the case wants it, what
 * programs are. KASTELLAN_GOLDEN_UPDATE=1 writes the three anew: read the difference before
 * committing. */
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "base/strv.h"
#include "linux/plan/landlock_backend.h"
#include "linux/plan/native.h"
#include "macos/plan/container.h"
#include "macos/plan/seatbelt.h"
#include "plan/quote.h"
#include "plan_fixture.h"
#include "plan_told.h"
#include "vm/plan/firecracker.h"
#include "vm/plan/qemu.h"

#define CASES "tests/golden/plan"
#define SUFFIX ".case.json"
#define FEWEST_CASES 18

struct kase {
	const char *name;
	json_t *json;
	struct ks_host *host;
	struct ks_policy *policy;
	struct grants grants;
	const char *argv[16];
};

static char *case_path(const char *name, const char *suffix)
{
	autostrbuf struct strbuf relative;

	strbuf_init(&relative, KS_MAX_PATH);
	strbuf_addf(&relative, CASES "/%s%s", name, suffix);
	return fixture_path(relative.data);
}

/* "objects" says what a grant's name leads to; what it does not mention is a directory of its own
 * name, and null is nothing at all. */
static void add_object(struct kase *kase, const struct policy_path *path, enum policy_field field)
{
	const json_t *objects = json_object_get(kase->json, "objects");
	const json_t *object = json_object_get(objects, path->path);
	const json_t *kind = json_object_get(object, "kind");
	const json_t *idmap = json_object_get(object, "idmap");
	struct grant *grant;

	if (json_is_null(object)) {
		assert_true(path->optional);
		assert_int_equal(strv_add(&kase->grants.absent, path->path), 0);
		return;
	}
	grant = fixture_grant(&kase->grants, field, path->path,
		json_string_value(json_object_get(object, "path")),
		!kind || strcmp(json_string_value(kind), "directory") == 0);
	grant->idmap = kase->host->idmap && (!idmap || json_is_true(idmap));
}

static void load_case(struct kase *kase, const char *name)
{
	autofree char *path = case_path(name, SUFFIX);
	autofree char *text = fixture_read_file(path, NULL);
	const json_t *argv;
	json_error_t error;
	char *policy;

	*kase = (struct kase){.name = name};
	assert_non_null(text);
	kase->json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!kase->json)
		fail_msg("%s:%d: %s", path, error.line, error.text);
	kase->host = fixture_host(json_string_value(json_object_get(kase->json, "host")));
	policy = json_dumps(json_object_get(kase->json, "policy"), 0);
	assert_non_null(policy);
	kase->policy = fixture_policy(policy);
	free(policy);
	for (size_t i = 0; i < kase->policy->n_fs_read; i++)
		add_object(kase, &kase->policy->fs_read[i], FIELD_FS_READ);
	for (size_t i = 0; i < kase->policy->n_fs_write; i++)
		add_object(kase, &kase->policy->fs_write[i], FIELD_FS_WRITE);
	argv = json_object_get(kase->json, "argv");
	for (size_t i = 0; i < json_array_size(argv) && i < 15; i++)
		kase->argv[i] = json_string_value(json_array_get(argv, i));
}

static void free_case(struct kase *kase)
{
	json_decref(kase->json);
	host_free(kase->host);
	ks_policy_free(kase->policy);
	grants_done(&kase->grants);
}

static bool wants(const struct kase *kase, const char *wanted)
{
	const char *backend = json_string_value(json_object_get(kase->json, "backend"));

	return strcmp(backend ? backend : "bwrap", wanted) == 0;
}

typedef int planner(const struct plan_request *request, struct grants *grants,
	struct ks_plan **ret_plan, ks_error **reterr);

static planner *planner_of(const struct kase *kase)
{
	if (wants(kase, "seatbelt"))
		return plan_seatbelt;
	if (wants(kase, "container"))
		return plan_container;
	if (wants(kase, "landlock"))
		return plan_landlock_backend;
	if (wants(kase, "qemu"))
		return plan_qemu;
	if (wants(kase, "firecracker"))
		return plan_firecracker;
	return wants(kase, "native") ? plan_native : plan_bwrap;
}

static struct ks_plan *plan_case(struct kase *kase)
{
	struct plan_request request = {
		.policy = kase->policy,
		.host = kase->host,
		.argv = kase->argv[0] ? kase->argv : NULL,
		.cwd = json_string_value(json_object_get(kase->json, "cwd")),
		.tty = json_is_true(json_object_get(kase->json, "tty")),
		.image = json_string_value(json_object_get(kase->json, "image")),
	};
	struct ks_plan *plan = NULL;
	ks_error *error = NULL;

	int r = planner_of(kase)(&request, &kase->grants, &plan, &error);

	if (r < 0)
		fail_msg("%s: %s", kase->name, error ? ks_error_message(error) : "out of memory");
	return plan;
}

static char *args_text(const struct ks_plan *plan)
{
	autostrbuf struct strbuf text;
	autofree char *args = NULL;
	char *result = NULL;
	size_t len = 0;

	strbuf_init(&text, KS_MAX_TEXT);
	assert_int_equal(plan_bwrap_args_text(plan, &args, &len), 0);
	for (size_t at = 0; at < len; at += strlen(args + at) + 1) {
		if (at > 0)
			strbuf_putc(&text, strncmp(args + at, "--", 2) == 0 ? '\n' : ' ');
		quote_shell(&text, args + at);
	}
	strbuf_putc(&text, '\n');
	assert_int_equal(strbuf_take(&text, &result, NULL), 0);
	return result;
}

/* Everything that is known at the start only has a value here. */
static char *command_text(const struct kase *kase, const struct ks_plan *plan)
{
	const struct seatbelt_late seatbelt = {"/opt/tool/bin/worker", "/private/tmp/kastellan-7",
		"/private/tmp/kastellan-8/egress"};
	const struct container_late container = {"kastellan-7", "/private/tmp/kastellan-7/cid",
		"/private/tmp/kastellan-7/env", "/private/tmp/kastellan-8/egress"};
	autostrbuf struct strbuf text;
	autostrv struct strv argv = {0};
	char *result = NULL;

	strbuf_init(&text, KS_MAX_TEXT);
	if (wants(kase, "seatbelt"))
		assert_int_equal(seatbelt_command(plan, &seatbelt, &argv), 0);
	else
		assert_int_equal(container_command(plan, &container, &argv), 0);
	for (size_t i = 0; i < argv.len; i++) {
		strbuf_puts(&text, argv.items[i]);
		strbuf_putc(&text, '\n');
	}
	if (wants(kase, "container"))
		container_env_text(plan, &text);
	assert_int_equal(strbuf_take(&text, &result, NULL), 0);
	return result;
}

static char *told_text(const struct kase *kase, const struct ks_plan *plan)
{
	if (plan->vm.emulator)
		return told_machine(plan, kase->host);
	if (wants(kase, "seatbelt") || wants(kase, "container"))
		return command_text(kase, plan);
	if (wants(kase, "landlock"))
		return told_rules(plan);
	return wants(kase, "native") ? told_mounts(plan) : args_text(plan);
}

/* The plan for people, and what a spawn without allowances would say. */
static char *shown_text(const struct ks_plan *plan)
{
	autostrbuf struct strbuf text;
	autofree char *shown = NULL;
	ks_error *error = NULL;
	char *result = NULL;
	int r;

	strbuf_init(&text, KS_MAX_TEXT);
	assert_int_equal(plan_write_text(plan, &shown), 0);
	strbuf_puts(&text, shown);
	r = receipt_check(&plan->receipt, 0, &error);
	if (r == 0)
		strbuf_puts(&text, "\nspawn: accepted\n");
	else
		strbuf_addf(&text, "\nspawn: refused (%s): %s\nremedy: %s\n", ks_error_field(error),
			ks_error_message(error), ks_error_remedy(error));
	ks_error_free(error);
	assert_int_equal(strbuf_take(&text, &result, NULL), 0);
	return result;
}

static void write_file(const char *path, const char *text)
{
	autofile FILE *file = fopen(path, "w");

	if (!file || fputs(text, file) < 0)
		fail_msg("%s: %s", path, strerror(errno));
}

static unsigned first_difference(const char *a, const char *b)
{
	unsigned line = 1;

	for (; *a && *a == *b; a++, b++)
		line += *a == '\n';
	return line;
}

static bool compare(const struct kase *kase, const char *suffix, const char *text)
{
	autofree char *path = case_path(kase->name, suffix);
	autofree char *expected = NULL;

	if (getenv("KASTELLAN_GOLDEN_UPDATE"))
		write_file(path, text);
	expected = fixture_read_file(path, NULL);
	if (expected && strcmp(expected, text) == 0)
		return true;
	if (!expected)
		print_message("# %s is missing\n", path);
	else
		print_message("# %s differs from line %u on:\n%s", path,
			first_difference(expected, text), text);
	return false;
}

static bool run_case(const char *name)
{
	struct kase kase;
	struct ks_plan *plan;
	bool same = true;

	load_case(&kase, name);
	plan = plan_case(&kase);
	{
		autofree char *args = told_text(&kase, plan);
		autofree char *shown = shown_text(plan);
		autofree char *json = NULL;

		assert_int_equal(plan_write_json(plan, &json), 0);
		same &= compare(&kase, ".args", args);
		same &= compare(&kase, ".txt", shown);
		if (json_is_true(json_object_get(kase.json, "json")))
			same &= compare(&kase, ".json", json);
	}
	plan_free(plan);
	free_case(&kase);
	return same;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void list_cases(struct strv *names)
{
	autofree char *path = fixture_path(CASES);
	DIR *directory = opendir(path);

	assert_non_null(directory);
	for (struct dirent *entry; (entry = readdir(directory));) {
		char *suffix = strstr(entry->d_name, SUFFIX);

		if (!suffix || strcmp(suffix, SUFFIX) != 0)
			continue;
		*suffix = '\0';
		assert_int_equal(strv_add(names, entry->d_name), 0);
	}
	closedir(directory);
	/* Also when the directory is misplaced, which must not look like success. */
	assert_true(names->len >= FEWEST_CASES);
	qsort(names->items, names->len, sizeof(names->items[0]), by_name);
}

static void test_golden_plans(void **state)
{
	struct strv names = {0};
	size_t different = 0;

	(void)state;
	list_cases(&names);
	for (size_t i = 0; i < names.len; i++)
		different += !run_case(names.items[i]);
	if (different)
		fail_msg("%zu of %zu plans differ; where that is meant: KASTELLAN_GOLDEN_UPDATE=1",
			different, names.len);
	strv_done(&names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_plans),
	};

	return cmocka_run_group_tests_name("plan_golden", tests, NULL, NULL);
}
