/* SPDX-License-Identifier: Apache-2.0 */
/* From the plan to what the warden is told. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "macos/apply/order.h"
#include "macos/apply/parts.h"
#include "macos/apply/spawn.h"
#include "macos/kinds.h"
#include "macos/plan/container.h"
#include "macos/plan/parts.h"
#include "macos/plan/seatbelt.h"

static void set_limits(struct order *order, const struct limits_plan *limits)
{
	order->numbers.memory_bytes = limits->memory_bytes;
	order->numbers.tasks = limits->tasks;
	order->numbers.cpu_budget_usec = limits->cpu_budget_usec;
	order->numbers.cpu_quota_pct = limits->cpu_quota_pct;
	order->numbers.n_rlimits = limits->n_rlimits;
	for (size_t i = 0; i < limits->n_rlimits; i++)
		order->numbers.rlimits[i] = (struct order_rlimit){
			.resource = (uint64_t)limits->rlimits[i].resource,
			.soft = limits->rlimits[i].soft,
			.hard = limits->rlimits[i].hard};
}

static int add_env(struct order *order, const struct ks_plan *plan)
{
	const struct ks_policy *policy = plan->policy;
	int r = 0;

	for (size_t i = 0; r == 0 && i < policy->n_env; i++)
		r = strv_addf(&order->env, "%s=%s", policy->env[i].name, policy->env[i].value);
	if (r == 0 && plan->temporary_named)
		r = strv_addf(&order->env, "TMPDIR=%s", order->directory);
	return r;
}

static int fill_seatbelt(
	struct order *order, const struct ks_plan *plan, const char *program, const char *socket)
{
	const struct seatbelt_late late = {
		.program = program, .temporary = order->directory, .egress = socket};
	int r;

	order->program = SANDBOX_EXEC;
	order->cwd = plan->cwd;
	set_limits(order, &plan->limits);
	r = add_env(order, plan);
	if (r == 0 && socket)
		r = macos_door_env(plan->policy, socket, &order->env);
	return r < 0 ? r : seatbelt_command(plan, &late, &order->argv);
}

/* The texts that a machine's order needs, besides the directory. */
struct machine_texts {
	struct strbuf cid;
	struct strbuf env_file;
	struct strbuf env;
};

static int add_words(struct strv *list, const char *const *words)
{
	int r = 0;

	for (; r == 0 && *words; words++)
		r = strv_add(list, *words);
	return r;
}

static int fill_machine(struct order *order, const struct ks_plan *plan, const struct ks_host *host,
	const struct worker_names *names, struct machine_texts *texts)
{
	const char *name = names->drawn;
	const char *const tell[] = {"container", "kill", "--signal", "", name, NULL};
	char text[KS_MAX_PATH + 16];
	struct container_late late;
	const char *env[2];
	int r;

	strbuf_addf(&texts->cid, "%s/cid", order->directory);
	strbuf_addf(&texts->env_file, "%s/env", order->directory);
	container_env_text(plan, &texts->env);
	if (texts->cid.error || texts->env_file.error || texts->env.error)
		return -ENOMEM;
	spawn_home(env, text, sizeof(text));
	order->numbers.machine = 1;
	order->program = host->macos.container;
	order->cwd = "/";
	order->name = name;
	order->proof = texts->cid.data;
	order->file = texts->env_file.data;
	order->file_text = texts->env.data;
	late = (struct container_late){.name = name,
		.cid_file = order->proof,
		.env_file = order->file,
		.egress = plan->network == NETWORK_DOOR ? names->socket : NULL};
	r = strv_add(&order->env, env[0]);
	if (r == 0)
		r = add_words(&order->tell, tell);
	return r < 0 ? r : container_command(plan, &late, &order->argv);
}

static int fill(struct order *order, const struct ks_plan *plan, const struct ks_host *host,
	const struct worker_names *names, struct machine_texts *texts, ks_error **reterr)
{
	autofree char *program = NULL;
	bool door = plan->network == NETWORK_DOOR;
	int r;

	order->numbers.waits = door;
	if (plan->kind == KIND_CONTAINER) {
		r = fill_machine(order, plan, host, names, texts);
		return r < 0 ? error_oom(reterr) : 0;
	}
	r = program_find(plan, &program, reterr);
	if (r < 0)
		return r;
	/* Not in the worker's own directory, where it could put something else in its place. */
	if (door)
		order->door = names->door;
	r = fill_seatbelt(order, plan, program, door ? names->socket : NULL);
	return r < 0 ? error_oom(reterr) : 0;
}

int order_of_plan(const struct ks_plan *plan, const struct ks_host *host,
	const struct worker_names *names, char **ret_bytes, size_t *ret_len, ks_error **reterr)
{
	struct order order = {.numbers = {.caller = (uint64_t)getpid()}};
	struct machine_texts texts;
	autostrbuf struct strbuf bytes;
	int r;

	strbuf_init(&bytes, KS_MAX_SPEC_BYTES);
	strbuf_init(&texts.cid, KS_MAX_PATH);
	strbuf_init(&texts.env_file, KS_MAX_PATH);
	strbuf_init(&texts.env, KS_MAX_TEXT);
	order.directory = names->directory;
	order.record = names->record;
	r = grants_recheck(&plan->grants, reterr);
	if (r == 0)
		r = fill(&order, plan, host, names, &texts, reterr);
	if (r == 0) {
		r = order_write(&order, &bytes);
		if (r == 0)
			r = strbuf_take(&bytes, ret_bytes, ret_len);
		if (r < 0)
			error_set(reterr, r,
				ABOUT(.step = "start",
					.remedy = "hand them over in a file, or through stdin"),
				"arguments and environment are too long: %s", strerror(-r));
	}
	order_done(&order);
	strbuf_done(&texts.cid);
	strbuf_done(&texts.env_file);
	strbuf_done(&texts.env);
	return r;
}
