/* SPDX-License-Identifier: Apache-2.0 */
/* Making and freeing of a plan; what is in it is the planners' business. */
#include "plan/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plan/mounts.h"
#include "plan/open_grants.h"
#include "plan/paths.h"
#include "plan/receipt.h"

struct ks_plan *plan_alloc(void)
{
	return calloc(1, sizeof(struct ks_plan));
}

void grants_done(struct grants *grants)
{
	/* Not of an owner whose grants have gone over to a plan. */
	if (grants->len)
		grants_settle();
	for (size_t i = 0; i < grants->len; i++) {
		struct grant *grant = &grants->items[i];

		free(grant->asked);
		free(grant->path);
		if (grant->fd >= 0)
			close(grant->fd);
	}
	free(grants->items);
	strv_done(&grants->absent);
	*grants = (struct grants){0};
}

const struct grant *grants_around(const struct grants *grants, const char *path)
{
	const struct grant *inner = NULL;

	for (size_t i = 0; i < grants->len; i++) {
		const struct grant *grant = &grants->items[i];

		if (!grant->directory || !path_beneath(grant->path, path))
			continue;
		if (!inner || strlen(grant->path) > strlen(inner->path) ||
			(strcmp(grant->path, inner->path) == 0 && grant->field == FIELD_FS_WRITE))
			inner = grant;
	}
	return inner;
}

static void landlock_done(struct landlock_plan *landlock)
{
	for (size_t i = 0; i < landlock->n_rules; i++)
		free(landlock->rules[i].path);
	free(landlock->rules);
}

static void seatbelt_done(struct seatbelt_plan *seatbelt)
{
	for (size_t i = 0; i < seatbelt->n_params; i++) {
		free(seatbelt->params[i].name);
		free(seatbelt->params[i].value);
	}
	free(seatbelt->params);
	free(seatbelt->profile);
}

static void vm_done(struct vm_plan *vm)
{
	free(vm->emulator);
	free(vm->firmware);
	free(vm->kernel);
	free(vm->modules);
	free(vm->release);
	free(vm->kvm_reason);
	free(vm->templates_reason);
	strv_done(&vm->command);
	free(vm->config);
}

void plan_free(struct ks_plan *plan)
{
	if (!plan)
		return;
	ks_policy_free(plan->policy);
	grants_done(&plan->grants);
	mount_list_done(&plan->mounts);
	landlock_done(&plan->landlock);
	strv_done(&plan->argv);
	free(plan->cwd);
	free(plan->search);
	free(plan->temporary);
	strv_done(&plan->helper);
	strv_done(&plan->data);
	seatbelt_done(&plan->seatbelt);
	vm_done(&plan->vm);
	free(plan->image);
	receipt_done(&plan->receipt);
	why_not_done(&plan->why_not);
	free(plan);
}

const char *plan_network_name(enum plan_network network)
{
	static const char *const names[] = {[NETWORK_NONE] = "none",
		[NETWORK_PROXY] = "proxy",
		[NETWORK_DOOR] = "proxy's socket",
		[NETWORK_HOST] = "host"};

	return names[network];
}
