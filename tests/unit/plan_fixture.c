/* SPDX-License-Identifier: Apache-2.0 */
#include "plan_fixture.h"

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
#include "plan/paths.h"

char *fixture_path(const char *relative)
{
	const char *source = getenv("KASTELLAN_SOURCE");
	autostrbuf struct strbuf path;
	char *text = NULL;

	strbuf_init(&path, KS_MAX_PATH);
	strbuf_addf(&path, "%s/%s", source ? source : ".", relative);
	assert_int_equal(strbuf_take(&path, &text, NULL), 0);
	return text;
}

char *fixture_read_file(const char *path, size_t *ret_len)
{
	autofile FILE *file = fopen(path, "r");
	autostrbuf struct strbuf text;
	char buffer[4096];
	char *result = NULL;
	size_t len;

	strbuf_init(&text, KS_MAX_TEXT);
	if (!file)
		return NULL;
	while ((len = fread(buffer, 1, sizeof(buffer), file)) > 0)
		strbuf_add(&text, buffer, len);
	assert_int_equal(strbuf_take(&text, &result, ret_len), 0);
	return result;
}

struct ks_host *fixture_host(const char *name)
{
	autostrbuf struct strbuf relative;
	struct ks_host *host = NULL;
	ks_error *error = NULL;
	size_t len = 0;

	strbuf_init(&relative, KS_MAX_PATH);
	strbuf_addf(&relative, "tests/golden/host-%s.json", name);
	autofree char *path = fixture_path(relative.data);
	autofree char *text = fixture_read_file(path, &len);

	if (!text)
		fail_msg("%s cannot be read", path);
	if (host_read_json(text, len, &host, &error) < 0)
		fail_msg("%s: %s", path, error ? ks_error_message(error) : "out of memory");
	return host;
}

struct ks_policy *fixture_policy(const char *json)
{
	struct ks_policy *policy = NULL;
	ks_error *error = NULL;

	if (ks_policy_parse(json, strlen(json), "policy", &policy, &error) < 0)
		fail_msg("%s: %s", json, error ? ks_error_message(error) : "out of memory");
	return policy;
}

struct grant *fixture_grant(struct grants *grants, enum policy_field field, const char *asked,
	const char *path, bool directory)
{
	struct grant *items = realloc(grants->items, (grants->len + 1) * sizeof(*items));

	assert_non_null(items);
	grants->items = items;
	items[grants->len] = (struct grant){
		.field = field,
		.index = grants->len,
		.asked = strdup(asked),
		.path = strdup(path ? path : asked),
		.directory = directory,
		.idmap = true,
		.fd = -1,
	};
	return &items[grants->len++];
}

struct ks_plan *fixture_plan(
	const struct ks_host *host, const char *policy_json, struct grants *grants)
{
	struct grants none = {0};
	struct ks_plan *plan = NULL;
	ks_error *error = NULL;
	struct plan_request request = {.policy = fixture_policy(policy_json), .host = host};

	if (plan_bwrap(&request, grants ? grants : &none, &plan, &error) < 0)
		fail_msg("cannot plan: %s", error ? ks_error_message(error) : "out of memory");
	ks_policy_free((ks_policy *)request.policy);
	return plan;
}

const struct mount *fixture_seen(const struct mount_list *list, const char *path)
{
	const struct mount *seen = NULL;

	for (size_t i = 0; i < list->len; i++)
		if (path_covers(list->items[i].path, path))
			seen = &list->items[i];
	return seen;
}
