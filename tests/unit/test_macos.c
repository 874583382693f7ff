/* SPDX-License-Identifier: Apache-2.0 */
/* Plans for a Mac: what cannot be carried is refused by name, nothing of a request becomes text of
 * a profile, and names are known in all their spellings. What a profile allows is asked of a model,
 * in tests/seatbelt. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "macos/evidence.h"
#include "macos/plan/container.h"
#include "macos/plan/seatbelt.h"
#include "macos/version.h"
#include "macos/why_not.h"
#include "plan_fixture.h"

/* Of what is planned; a grant is a directory of its own name, unless its name ends in ".file". */
struct asked {
	bool container;
	const char *host;
	const char *policy;
	const char *image;
	const char *const *argv;
	const char *real; /* of every grant; NULL = the name itself */
	const char *cwd;
	bool tty;
};

static void add_grants(struct grants *grants, enum policy_field field,
	const struct policy_path *paths, size_t n, const char *real)
{
	for (size_t i = 0; i < n; i++) {
		const char *dot = strrchr(paths[i].path, '.');

		fixture_grant(
			grants, field, paths[i].path, real, !dot || strcmp(dot, ".file") != 0);
	}
}

static int plan(const struct asked *asked, struct ks_plan **ret_plan, ks_error **reterr)
{
	struct ks_host *host = fixture_host(asked->host ? asked->host : "macos26-container");
	struct ks_policy *policy = fixture_policy(asked->policy);
	struct plan_request request = {.policy = policy,
		.host = host,
		.argv = asked->argv,
		.image = asked->image,
		.cwd = asked->cwd,
		.tty = asked->tty};
	struct grants grants = {0};
	int r;

	add_grants(&grants, FIELD_FS_READ, policy->fs_read, policy->n_fs_read, asked->real);
	add_grants(&grants, FIELD_FS_WRITE, policy->fs_write, policy->n_fs_write, asked->real);
	r = asked->container ? plan_container(&request, &grants, ret_plan, reterr)
			     : plan_seatbelt(&request, &grants, ret_plan, reterr);
	/* A plan that is refused leaves the grants to whoever gave them. */
	assert_true(r < 0 || grants.len == 0);
	grants_done(&grants);
	ks_policy_free(policy);
	host_free(host);
	return r;
}

static void refused(const struct asked *asked, int code, const char *field, const char *words)
{
	struct ks_plan *made = NULL;
	ks_error *error = NULL;
	int r = plan(asked, &made, &error);

	if (r != code || made)
		fail_msg("%s: %d and not %d: %s", asked->policy, r, code,
			error ? ks_error_message(error) : "no error");
	if (field && (!ks_error_field(error) || strcmp(ks_error_field(error), field) != 0))
		fail_msg("%s: the field is %s", asked->policy, ks_error_field(error));
	if (!strstr(ks_error_message(error), words))
		fail_msg("%s: %s", asked->policy, ks_error_message(error));
	assert_non_null(ks_error_remedy(error));
	ks_error_free(error);
}

static void test_what_a_profile_cannot_carry(void **state)
{
	static const struct {
		const char *policy;
		const char *real;
		const char *field;
		const char *words;
	} rows[] = {
		{"{\"fs_write\":[\"/tmp\"]}", NULL, "fs_write", "other workers"},
		{"{\"fs_read\":[\"/private/tmp\"]}", NULL, "fs_read", "other workers"},
		{"{\"fs_read\":[\"/private\"]}", NULL, "fs_read", "sockets"},
		{"{\"fs_read\":[\"/x\"]}", "/", "fs_read", "whole host"},
		{"{\"fs_read\":[\"/x\"]}", "/dev/disk0", "fs_read", "devices"},
		{"{\"fs_read\":[\"/x\"]}", "/dev", "fs_read", "devices"},
		{"{\"fs_read\":[\"/var/run\"]}", NULL, "fs_read", "services"},
		{"{\"fs_read\":[\"/x\"]}", "/var/run/mDNSResponder", "fs_read", "services"},
		{"{\"fs_write\":[\"/System/Volumes/Data/Users/ada\"]}", NULL, "fs_write", "never"},
		{"{\"fs_write\":[\"/w\"],\"fs_read\":[\"/w/caf\xc3\xa9\"]}", NULL, "fs_read",
			"spellings"},
		{"{\"fs_read\":[\"/r\"],\"fs_write\":[\"/r/\xe2\x84\xaa\"]}", NULL, "fs_write",
			"spellings"},
		{"{\"env\":{\"DYLD_INSERT_LIBRARIES\":\"/x\"}}", NULL, "env", "never reach"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refused(&(const struct asked){.policy = rows[i].policy, .real = rows[i].real},
			-EINVAL, rows[i].field, rows[i].words);
	refused(&(const struct asked){.policy = "{}", .tty = true}, -EOPNOTSUPP, NULL, "terminal");
}

static char *repeat(const char *before, const char *part, size_t times, const char *after)
{
	autostrbuf struct strbuf text;
	char *result = NULL;

	strbuf_init(&text, KS_MAX_TEXT);
	strbuf_puts(&text, before);
	while (times--)
		strbuf_puts(&text, part);
	strbuf_puts(&text, after);
	assert_int_equal(strbuf_take(&text, &result, NULL), 0);
	return result;
}

static void test_reserved_in_any_case(void **state)
{
	(void)state;
	refused(&(const struct asked){.policy = "{\"fs_read\":[\"/System/Volumes/Data/x\"]}"},
		-EINVAL, "fs_read", "of a volume never apply");
	refused(&(const struct asked){.policy = "{\"fs_read\":[\"/system/volumes/Data/x\"]}"},
		-EINVAL, "fs_read", "of a volume never apply");
	refused(&(const struct asked){.policy = "{\"fs_write\":[\"/Private/TMP\"]}"}, -EINVAL,
		"fs_write", "temporary files");
}

static void test_what_is_too_long(void **state)
{
	autofree char *path = repeat("{\"fs_read\":[\"", "/longer", 160, "\"]}");
	autofree char *name = repeat("{\"fs_write\":[\"/w\"],\"fs_read\":[\"/w/", "k", 130, "\"]}");
	autofree char *value = repeat("", "v", 122700, "");
	autofree char *env = repeat("{\"env\":{\"A\":\"", value, 1, "\",\"B\":\"");
	autofree char *argument = repeat("", "a", 1000000, "");
	const char *argv[] = {"/bin/x", argument, NULL};
	autostrbuf struct strbuf whole;

	(void)state;
	refused(&(const struct asked){.policy = path}, -E2BIG, "fs_read", "1023 bytes");
	refused(&(const struct asked){.policy = name}, -E2BIG, "fs_read", "every letter case");
	refused(&(const struct asked){.policy = "{}", .argv = argv}, -E2BIG, NULL, "arguments");
	strbuf_init(&whole, KS_MAX_TEXT);
	strbuf_puts(&whole, env);
	for (char letter = 'C'; letter < 'J'; letter++)
		strbuf_addf(&whole, "%s\",\"%c\":\"", value, letter);
	strbuf_puts(&whole, "\"}}");
	refused(&(const struct asked){.policy = whole.data}, -E2BIG, "env", "1 MiB");
}

static void test_what_container_cannot_carry(void **state)
{
	static const struct {
		const char *policy;
		const char *real;
		const char *image;
		const char *field;
		const char *words;
	} rows[] = {
		{"{\"fs_read\":[\"/a,readonly\"]}", NULL, NULL, "fs_read", "\",\""},
		{"{\"fs_write\":[\"/a,target=/etc\"]}", NULL, NULL, "fs_write", "\",\""},
		{"{\"fs_write\":[\"/a\"]}", "/b=c", NULL, "fs_write", "\"=\""},
		{"{\"fs_read\":[\"/a:/etc.file\"]}", NULL, NULL, "fs_read", "\":\""},
		{"{\"fs_read\":[\"/a.file\"]}", "/b:rw", NULL, "fs_read", "\":\""},
		{"{\"fs_write\":[\"/run\"],\"net\":{\"Allowlist\":[\"a.example:443\"]}}", NULL,
			NULL, "fs_write", "the egress proxy's socket"},
		{"{\"fs_read\":[\"/run/kastellan-egress/x\"],\"net\":{\"Allowlist\":["
		 "\"a.example:443\"]}}",
			"/srv", NULL, "fs_read", "the egress proxy's socket"},
		{"{\"env\":{\"A\":\"1\\nB=2\"}}", NULL, NULL, "env", "line"},
		{"{\"env\":{\"A\":\"1\\rB=2\"}}", NULL, NULL, "env", "line"},
		{"{\"env\":{\"A\":\"1\\u0085B=2\"}}", NULL, NULL, "env", "line"},
		{"{\"env\":{\"A\":\"1\\u2028B=2\"}}", NULL, NULL, "env", "line"},
		{"{\"env\":{\"A\":\"1\\u2029B=2\"}}", NULL, NULL, "env", "line"},
		{"{\"env\":{\"A\":\"1\\u000bB=2\"}}", NULL, NULL, "env", "line"},
		{"{\"env\":{\"A\":\"1\\u000cB=2\"}}", NULL, NULL, "env", "line"},
		{"{\"env\":{\"#A\":\"1\"}}", NULL, NULL, "env", "name"},
		{"{\"env\":{\" A\":\"1\"}}", NULL, NULL, "env", "name"},
		{"{\"env\":{\"A B\":\"1\"}}", NULL, NULL, "env", "name"},
		{"{}", NULL, "", "image", "not the name"},
		{"{}", NULL, "--rm", "image", "not the name"},
		{"{}", NULL, "a b", "image", "not the name"},
		{"{}", NULL, "a\nb", "image", "not the name"},
		{"{}", NULL, "alpine;x", "image", "not the name"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		refused(&(const struct asked){.container = true,
				.policy = rows[i].policy,
				.real = rows[i].real,
				.image = rows[i].image},
			-EINVAL, rows[i].field, rows[i].words);
	refused(&(const struct asked){.container = true, .policy = "{\"net\":\"ProxyEgress\"}"},
		-EOPNOTSUPP, "net", "one of its own");
	refused(&(const struct asked){.container = true,
			.policy = "{}",
			.argv = (const char *const[]){"--privileged", NULL}},
		-EINVAL, NULL, "option");
	refused(
		&(const struct asked){
			.container = true, .policy = "{}", .host = "macos26-old-container"},
		-EOPNOTSUPP, NULL, "0.12.0");
}

/* Two requests that differ in every text of theirs have the same profile: none of them is in it. */
static void test_no_text_of_a_request_is_in_the_profile(void **state)
{
	/* The same shape, of harmless names and of others. */
	static const char *const policies[] = {
		"{\"fs_read\":[\"/in.file\",\"/opt/t\",\"/x/w/a/keep\"],\"fs_write\":[\"/x/w\"],"
		"\"env\":{\"A\":\"b\"},\"net\":{\"Allowlist\":[\"a.example:443\"]}}",
		"{\"fs_read\":[\"/i#|\\\\|#.file\",\"/o)(allow default)/'\","
		"\"/x\\\"))(allow default)/w/\\\"(x)/#\\\"|\\\"\"],"
		"\"fs_write\":[\"/x\\\"))(allow default)/w\"],"
		"\"env\":{\"(allow default)\":\"\\\")(allow default)\\n;\"},"
		"\"net\":{\"Allowlist\":[\"b.example:1\"]}}",
	};
	static const char *const programs[][3] = {
		{"/bin/x", "y", NULL}, {"/b\")(allow default)/x", "-p", NULL}};
	struct ks_plan *plans[2] = {NULL};

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(
			plan(&(const struct asked){.policy = policies[i], .argv = programs[i]},
				&plans[i], NULL),
			0);
	assert_string_equal(plans[0]->seatbelt.profile, plans[1]->seatbelt.profile);
	/* A control: the texts are somewhere, in the parameters. */
	assert_string_not_equal(
		plans[0]->seatbelt.params[0].value, plans[1]->seatbelt.params[0].value);
	assert_null(strchr(plans[1]->seatbelt.profile, '/'));
	assert_null(strstr(plans[1]->seatbelt.profile, "allow default"));
	plan_free(plans[0]);
	plan_free(plans[1]);
}

/* It is a word of its own, or no word at all. */
static void test_a_directory_to_start_in(void **state)
{
	static const char *const names[] = {
		"/w/--rm", "/w/a b", "/w/a,b=c:d", "/w/\"))(allow default)"};
	struct ks_plan *made = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct asked asked = {
			.container = true, .policy = "{\"fs_write\":[\"/w\"]}", .cwd = names[i]};
		bool found = false;

		assert_int_equal(plan(&asked, &made, NULL), 0);
		for (size_t word = 1; word < made->helper.len; word++)
			found |= strcmp(made->helper.items[word - 1], "--workdir") == 0 &&
				 strcmp(made->helper.items[word], names[i]) == 0;
		assert_true(found);
		plan_free(made);
		asked.container = false;
		assert_int_equal(plan(&asked, &made, NULL), 0);
		assert_string_equal(made->cwd, names[i]);
		assert_null(strstr(made->seatbelt.profile, "allow default"));
		for (size_t word = 0; word < made->seatbelt.n_params; word++)
			assert_true(!made->seatbelt.params[word].value ||
				    !strstr(made->seatbelt.params[word].value, names[i]));
		plan_free(made);
	}
}

static void test_late_values_are_needed(void **state)
{
	struct ks_plan *made = NULL;
	autostrv struct strv argv = {0};

	(void)state;
	assert_int_equal(plan(&(const struct asked){.policy = "{\"net\":{\"Allowlist\":["
							      "\"a.example:443\"]}}"},
				 &made, NULL),
		0);
	assert_int_equal(
		seatbelt_command(made,
			&(const struct seatbelt_late){"/bin/x", "/private/tmp/1", NULL}, &argv),
		-EINVAL);
	plan_free(made);
}

static void test_versions(void **state)
{
	(void)state;
	assert_true(version_compare("0.12.0", "0.12.0") == 0);
	assert_true(version_compare("0.12", "0.12.0") == 0);
	assert_true(version_compare("0.9.0", "0.12.0") < 0);
	assert_true(version_compare("1.0", "0.12.0") > 0);
	assert_true(version_compare("0.12.1-beta", "0.12.0") > 0);
	assert_true(version_compare("0.12.0-beta", "0.12.0") < 0);
	assert_true(version_compare("0.12.0", "0.12.0-beta") > 0);
	assert_true(version_compare("0.12-beta", "0.12.0-beta") == 0);
	assert_true(version_compare("0.12.0+1", "0.12.0") == 0);
	assert_true(version_compare("0.9.9", "0.12.0") < 0);
	assert_true(version_compare("1.2.2.1", "1.2.2") > 0);
	assert_true(version_compare("", "0.12.0") < 0);
	assert_true(version_compare("unknown", "0.12.0") < 0);
	assert_false(version_known("banana"));
	assert_false(version_known(""));
	assert_false(version_known("1."));
	assert_false(version_known("-1"));
	assert_false(version_known("1.2-"));
	assert_false(version_known("1.2-a b"));
	assert_false(version_known("1.2.3.4.5"));
	assert_false(version_known("1234567890"));
	assert_true(version_known("0.12.0-beta"));
	assert_true(version_known("1.0"));
	assert_true(version_compare("26.1", "13.0") > 0);
}

static void test_why_not(void **state)
{
	static const struct {
		const char *host;
		why_not_function *why_not;
		enum ks_finding_state state;
		const char *words;
	} rows[] = {
		{"macos15", why_not_seatbelt, KS_FINDING_LIMITED, MACOS_EVIDENCE},
		{"macos12", why_not_seatbelt, KS_FINDING_FAILS, "12.7"},
		{"macos15-sandboxed", why_not_seatbelt, KS_FINDING_FAILS, "sandbox"},
		{"debian12-root", why_not_seatbelt, KS_FINDING_FAILS, "cannot be executed"},
		{"macos15", why_not_container, KS_FINDING_FAILS, "opt/homebrew"},
		{"macos26-container", why_not_container, KS_FINDING_LIMITED, MACOS_EVIDENCE},
		{"macos26-old-container", why_not_container, KS_FINDING_FAILS, "0.11.0"},
		{"macos13-intel", why_not_container, KS_FINDING_FAILS, "Apple silicon"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ks_host *host = fixture_host(rows[i].host);
		struct why_not why;

		assert_int_equal(rows[i].why_not(host, &why), 0);
		assert_int_equal(why.state, rows[i].state);
		assert_non_null(why.layer);
		assert_non_null(why.remedy);
		if (!strstr(why.reason, rows[i].words))
			fail_msg("%s: %s", rows[i].host, why.reason);
		why_not_done(&why);
		host_free(host);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_profile_cannot_carry),
		cmocka_unit_test(test_reserved_in_any_case),
		cmocka_unit_test(test_what_is_too_long),
		cmocka_unit_test(test_what_container_cannot_carry),
		cmocka_unit_test(test_no_text_of_a_request_is_in_the_profile),
		cmocka_unit_test(test_a_directory_to_start_in),
		cmocka_unit_test(test_late_values_are_needed),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_why_not),
	};

	return cmocka_run_group_tests_name("macos", tests, NULL, NULL);
}
