/* SPDX-License-Identifier: Apache-2.0 */
/* What holds of files, network, profile and environment. Two independent layers hold each denial;
 * where one is missing the row says so, and the spawn is refused unless that is accepted. */
#include "linux/plan/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "base/cleanup.h"
#include "base/strbuf.h"
#include "plan/receipt_row.h"
#include "plan/landlock.h"
#include "plan/mounts.h"
#include "plan/paths.h"
#include "plan/receipt.h"
#include "policy/fields.h"
#include "resolve/why_not.h"

#define UNMAPPED_REMEDY                                                                           \
	"grant a directory on a file system that takes mapped ids (ext4, xfs, btrfs; tmpfs from " \
	"Linux 6.3 on), or start kastellan as the user who owns it"

/* Why the layers are missing, where they are. */
struct layers {
	struct why_not landlock;
	struct why_not seccomp;
	struct why_not idmap;
};

static bool inside_writable(const struct mount_list *list, const char *path)
{
	for (size_t i = 0; i < list->len; i++)
		if (list->items[i].writable && path_beneath(list->items[i].path, path))
			return true;
	return false;
}

/* Read-only grants inside what may be written: rights of Landlock add up along a path. */
static size_t held_by_mount_alone(const struct ks_plan *plan)
{
	const struct mount_list *list = &plan->mounts;
	size_t count = 0;

	for (size_t i = 0; i < list->len; i++)
		count += list->items[i].kind == MOUNT_BIND_GRANT && !list->items[i].writable &&
			 inside_writable(list, list->items[i].path);
	return count;
}

static void describe_files(
	struct receipt_text *text, const struct ks_plan *plan, const struct layers *layers)
{
	strbuf_puts(&text->mechanism, "mount namespace");
	if (plan->landlock.abi)
		strbuf_addf(&text->mechanism, " + Landlock ABI %d", plan->landlock.abi);
	else
		strbuf_addf(&text->detail,
			"one layer instead of two: the mount namespace alone; %s",
			layers->landlock.reason ? layers->landlock.reason : "no Landlock");
}

/* A worker with kernel ids of its own owns nothing that the caller may read or write; only mapped
 * ids make its grants its own. */
static const struct grant *unmapped(const struct ks_plan *plan, enum policy_field field)
{
	for (size_t i = 0; plan->identity.drop && i < plan->grants.len; i++) {
		const struct grant *grant = &plan->grants.items[i];

		if (grant->field == field && !plan_grant_mapped(plan, grant))
			return grant;
	}
	return NULL;
}

static int say_read(struct ks_plan *plan, const struct layers *layers)
{
	autorow struct receipt_text text;
	size_t alone = held_by_mount_alone(plan);
	bool held = plan->landlock.abi > 0;

	receipt_text_init(&text);
	receipt_paths(&text.request, plan, plan->policy->fs_read, plan->policy->n_fs_read);
	describe_files(&text, plan, layers);
	if (held && alone)
		strbuf_addf(&text.mechanism,
			" (%zu inside a writable directory: the read-only mount alone)", alone);
	if (unmapped(plan, FIELD_FS_READ))
		strbuf_puts(
			&text.mechanism, "; where ids cannot be mapped, what everybody may read");
	return receipt_row(plan, FIELD_FS_READ, &text, held ? RECEIPT_HELD : RECEIPT_DEGRADED,
		held ? NULL : layers->landlock.remedy);
}

static int say_write(struct ks_plan *plan, const struct layers *layers)
{
	autorow struct receipt_text text;
	const struct grant *foreign = unmapped(plan, FIELD_FS_WRITE);
	const char *remedy = plan->landlock.abi ? NULL : layers->landlock.remedy;

	receipt_text_init(&text);
	receipt_paths(&text.request, plan, plan->policy->fs_write, plan->policy->n_fs_write);
	describe_files(&text, plan, layers);
	if (plan->identity.idmap && plan->policy->n_fs_write)
		strbuf_puts(
			&text.mechanism, "; new files belong to the grant's owner (mapped ids)");
	if (foreign) {
		strbuf_addf(&text.detail,
			"%sthe file system of %s cannot show it with mapped ids: the worker writes "
			"there only what everybody may, and its files belong to a user id of its "
			"own",
			text.detail.len ? "; " : "", foreign->asked);
		if (!remedy)
			remedy = layers->idmap.remedy ? layers->idmap.remedy : UNMAPPED_REMEDY;
	}
	return receipt_row(plan, FIELD_FS_WRITE, &text,
		text.detail.len ? RECEIPT_DEGRADED : RECEIPT_HELD, remedy);
}

/* The layer behind the network namespace: no sockets to begin with, or none that lead anywhere. */
static bool describe_net(struct receipt_text *text, const struct ks_plan *plan)
{
	bool strict = plan->filter.profile == KS_PROFILE_WORKER_STRICT;
	bool second = false;

	strbuf_puts(&text->mechanism, "network namespace");
	if (plan->filter.enabled && strict) {
		strbuf_puts(&text->mechanism, " + seccomp (no sockets)");
		second = true;
	}
	if (plan->landlock.handled_net) {
		strbuf_addf(&text->mechanism, " + Landlock ABI %d (no TCP%s)", plan->landlock.abi,
			plan->landlock.handled_net & LANDLOCK_BIT(NET_BIND_UDP) ? " or UDP" : "");
		second = true;
	}
	return second;
}

/* A kernel without filters, or a machine that none are made for. */
static const char *filter_remedy(const struct layers *layers)
{
	return layers->seccomp.state == KS_FINDING_FAILS ? layers->seccomp.remedy
							 : "use an x86_64 or aarch64 machine";
}

/* A worker with a network: the kernel leads it to the proxy or out, and the filter leaves it no
 * other kind of socket (vsock, for one, knows nothing of namespaces). */
static int say_reachable(
	struct ks_plan *plan, const struct layers *layers, struct receipt_text *text)
{
	strbuf_puts(&text->mechanism, plan->network == NETWORK_PROXY
					      ? "network namespace that leads to the egress proxy"
					      : "the host's network");
	if (plan->filter.enabled) {
		strbuf_puts(&text->mechanism, " + seccomp (TCP and UDP sockets alone)");
		return receipt_row(plan, FIELD_NET, text, RECEIPT_HELD, NULL);
	}
	strbuf_puts(&text->detail, "system-call filters are missing here, and sockets of other "
				   "kinds (vsock) lead past a network namespace");
	return receipt_row(plan, FIELD_NET, text, RECEIPT_DEGRADED, filter_remedy(layers));
}

static int say_net(struct ks_plan *plan, const struct layers *layers)
{
	autorow struct receipt_text text;
	bool second;

	receipt_text_init(&text);
	receipt_net(&text.request, plan->policy);
	if (plan->network != NETWORK_NONE)
		return say_reachable(plan, layers, &text);
	second = describe_net(&text, plan);
	if (second)
		return receipt_row(plan, FIELD_NET, &text, RECEIPT_HELD, NULL);
	strbuf_puts(&text.detail, "one layer instead of two: the network namespace alone; ");
	if (plan->filter.enabled) {
		strbuf_puts(&text.detail, "this profile may make sockets, and Landlock holds TCP "
					  "only from Linux 6.7 on");
		return receipt_row(plan, FIELD_NET, &text, RECEIPT_DEGRADED,
			"use profile WorkerStrict, or a kernel from 6.7 on with Landlock");
	}
	strbuf_puts(&text.detail, "system-call filters are missing here");
	return receipt_row(plan, FIELD_NET, &text, RECEIPT_DEGRADED, filter_remedy(layers));
}

static int say_profile(
	struct ks_plan *plan, const struct ks_host *host, const struct layers *layers)
{
	autorow struct receipt_text text;

	receipt_text_init(&text);
	strbuf_puts(&text.request, policy_profile_name(plan->policy->profile));
	if (plan->filter.enabled) {
		strbuf_addf(&text.mechanism, "seccomp (%s%s), no_new_privs, no capabilities%s",
			plan->filter.machine,
			plan->filter.profile == plan->policy->profile ? "" : ", with sockets",
			plan->filter.notify ? "" : "; a call that kills is not named");
		return receipt_row(plan, FIELD_PROFILE, &text, RECEIPT_HELD, NULL);
	}
	strbuf_puts(&text.mechanism, "no_new_privs, no capabilities");
	if (host->seccomp)
		strbuf_addf(&text.detail, "there is no system-call filter for this machine (%s)",
			host->machine ? host->machine : "unknown");
	else
		strbuf_puts(&text.detail,
			layers->seccomp.reason ? layers->seccomp.reason : "no system-call filters");
	return receipt_row(plan, FIELD_PROFILE, &text, RECEIPT_ABSENT, filter_remedy(layers));
}

int plan_receipt(struct ks_plan *plan, const struct ks_host *host)
{
	struct layers layers = {0};
	int r = why_not_landlock(host, &layers.landlock);

	if (r == 0)
		r = why_not_seccomp(host, &layers.seccomp);
	if (r == 0)
		r = why_not_idmap(host, &layers.idmap);
	if (r == 0)
		r = say_read(plan, &layers);
	if (r == 0)
		r = say_write(plan, &layers);
	if (r == 0)
		r = say_net(plan, &layers);
	if (r == 0)
		r = say_profile(plan, host, &layers);
	why_not_done(&layers.landlock);
	why_not_done(&layers.seccomp);
	why_not_done(&layers.idmap);
	if (r == 0)
		r = receipt_own_env(plan);
	return r < 0 ? r : receipt_egress(plan);
}
