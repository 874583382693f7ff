/* SPDX-License-Identifier: Apache-2.0 */
/* The arguments of "container run". What they cannot carry has been refused before
 * (container_check.c). */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "macos/plan/container.h"
#include "macos/plan/parts.h"
#include "plan/paths.h"

#define TEMPORARY_MIB 64
#define FILES_SOFT 1024
#define FILES_HARD 4096

/* Appending until something fails. */
struct arguments {
	struct strv *argv;
	int error;
};

static void add(struct arguments *out, const char *text)
{
	if (out->error == 0)
		out->error = strv_add(out->argv, text);
}

__attribute__((format(printf, 3, 4))) static void option(
	struct arguments *out, const char *name, const char *format, ...)
{
	char *value = NULL;
	va_list args;
	int len;

	add(out, name);
	va_start(args, format);
	len = vasprintf(&value, format, args);
	va_end(args);
	if (len < 0)
		out->error = -ENOMEM;
	else if (out->error == 0)
		out->error = strv_take(out->argv, value);
	else
		free(value);
}

/* A directory by --mount, of which the grammar knows no other kind; a file by --volume, which
 * shares the file's directory with the machine, though not with the worker. */
static void add_grant(struct arguments *out, const struct grant *grant, bool writable)
{
	if (grant->directory)
		option(out, "--mount", "type=bind,source=%s,target=%s%s", grant->path, grant->asked,
			writable ? "" : ",readonly");
	else
		option(out, "--volume", "%s:%s%s", grant->path, grant->asked,
			writable ? "" : ":ro");
}

static int by_name(const void *a, const void *b)
{
	const struct grant *first = *(const struct grant *const *)a;
	const struct grant *second = *(const struct grant *const *)b;
	int order = path_compare(first->asked, second->asked);

	/* Of two grants of one name writing is the larger wish, and the first is the one that is
	 * mounted. */
	return order ? order : (second->field == FIELD_FS_WRITE) - (first->field == FIELD_FS_WRITE);
}

/* What lies around others comes before them. */
static void add_grants(struct arguments *out, const struct grants *grants)
{
	const struct grant **sorted = calloc(grants->len + 1, sizeof(const struct grant *));

	if (!sorted) {
		out->error = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < grants->len; i++)
		sorted[i] = &grants->items[i];
	if (grants->len > 1)
		qsort(sorted, grants->len, sizeof(const struct grant *), by_name);
	for (size_t i = 0; i < grants->len; i++)
		if (i == 0 || strcmp(sorted[i - 1]->asked, sorted[i]->asked) != 0)
			add_grant(out, sorted[i], sorted[i]->field == FIELD_FS_WRITE);
	free(sorted);
}

static void add_limits(struct arguments *out, const struct ks_plan *plan)
{
	const struct ks_policy *policy = plan->policy;
	const struct limits_plan *limits = &plan->limits;
	uint64_t seconds = (policy->cpu_ms + 999) / 1000;

	if (limits->memory_bytes != UINT64_MAX)
		option(out, "--memory", "%" PRIu64 "M", limits->memory_bytes / 1024 / 1024);
	option(out, "--cpus", "%" PRIu64, container_processors(plan));
	option(out, "--ulimit", "nproc=%" PRIu64 ":%" PRIu64, limits->tasks, limits->tasks);
	if (policy->cpu_ms)
		option(out, "--ulimit", "cpu=%" PRIu64 ":%" PRIu64, seconds, seconds + 1);
	option(out, "--ulimit", "core=0:0");
	option(out, "--ulimit", "nofile=%d:%d", FILES_SOFT, FILES_HARD);
}

static void add_machine(
	struct arguments *out, const struct ks_plan *plan, const struct container_late *late)
{
	add(out, "container");
	add(out, "run");
	add(out, "--rm");
	add(out, "--interactive");
	add(out, "--init");
	option(out, "--progress", "none");
	option(out, "--name", "%s", late->name);
	option(out, "--cidfile", "%s", late->cid_file);
	option(out, "--network", "none");
	add(out, "--read-only");
	option(out, "--cap-drop", "ALL");
	/* By number: a name would have to be in the image. */
	option(out, "--uid", "%u", plan->identity.uid);
	option(out, "--gid", "%u", plan->identity.gid);
	option(out, "--env-file", "%s", late->env_file);
	option(out, "--workdir", "%s", plan->cwd);
}

int container_command(
	const struct ks_plan *plan, const struct container_late *late, struct strv *ret_argv)
{
	struct arguments out = {.argv = ret_argv};
	bool egress = plan->policy->net == KS_NET_ALLOWLIST;

	if (!late->name || !late->cid_file || !late->env_file || (egress && !late->egress))
		return -EINVAL;
	add_machine(&out, plan, late);
	add_limits(&out, plan);
	option(&out, "--mount", "type=tmpfs,target=/tmp,size=%dM,mode=1777", TEMPORARY_MIB);
	add_grants(&out, &plan->grants);
	/* A socket is relayed into the machine, which has no network: the only way out of it. */
	if (egress)
		option(&out, "--volume", "%s:%s", late->egress, CONTAINER_EGRESS);
	/* After the image a program would be an argument of the image's own entry point. */
	if (plan->argv.len)
		option(&out, "--entrypoint", "%s", plan->argv.items[0]);
	add(&out, plan->image);
	for (size_t i = 1; i < plan->argv.len; i++)
		add(&out, plan->argv.items[i]);
	return out.error;
}

void container_env_text(const struct ks_plan *plan, struct strbuf *out)
{
	const struct ks_policy *policy = plan->policy;
	struct strv door = {0};

	for (size_t i = 0; i < policy->n_env; i++)
		strbuf_addf(out, "%s=%s\n", policy->env[i].name, policy->env[i].value);
	if (plan->network == NETWORK_DOOR && macos_door_env(policy, CONTAINER_EGRESS, &door) < 0)
		out->error = -ENOMEM;
	for (size_t i = 0; i < door.len; i++)
		strbuf_addf(out, "%s\n", door.items[i]);
	strv_done(&door);
}
