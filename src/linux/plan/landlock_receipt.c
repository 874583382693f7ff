/* SPDX-License-Identifier: Apache-2.0 */
/* What holds of files, network, profile and environment without any namespace. Where the other
 * backends have two layers this one mostly has one, and what only a namespace could hold is said
 * here, so that nobody gets it who has not accepted it by name. */
#include <string.h>

#include "base/strbuf.h"
#include "linux/plan/parts.h"
#include "plan/receipt_row.h"
#include "plan/landlock.h"
#include "plan/paths.h"
#include "policy/fields.h"

#define REMEDY "use the backend bwrap or native on a host that allows namespaces"
#define OWNER_REMEDY "start kastellan as the user who owns the grants"

/* Read-only grants inside what may be written: rights of Landlock add up along a path. */
static size_t count_writable_anyway(const struct grants *grants)
{
	size_t count = 0;

	for (size_t i = 0; i < grants->len; i++) {
		const struct grant *grant = &grants->items[i];

		if (grant->field != FIELD_FS_READ || grant->pin)
			continue;
		for (size_t k = 0; k < grants->len; k++)
			if (grants->items[k].field == FIELD_FS_WRITE && !grants->items[k].pin &&
				path_beneath(grants->items[k].path, grant->path)) {
				count++;
				break;
			}
	}
	return count;
}

static void name_landlock(struct strbuf *text, const struct ks_plan *plan)
{
	if (plan->landlock.abi)
		strbuf_addf(text, "Landlock ABI %d", plan->landlock.abi);
	else
		strbuf_puts(text, "none");
}

static int say_read(struct ks_plan *plan)
{
	autorow struct receipt_text text;
	size_t writable = count_writable_anyway(&plan->grants);
	enum receipt_verdict verdict = RECEIPT_DEGRADED;
	const char *remedy = REMEDY;

	receipt_text_init(&text);
	receipt_paths(&text.request, plan, plan->policy->fs_read, plan->policy->n_fs_read);
	name_landlock(&text.mechanism, plan);
	if (plan->identity.drop && plan->policy->n_fs_read)
		strbuf_puts(&text.mechanism, "; what everybody may read");
	if (!plan->landlock.abi) {
		verdict = RECEIPT_ABSENT;
		strbuf_puts(&text.detail, "no Landlock");
	} else if (writable) {
		verdict = RECEIPT_ABSENT;
		remedy = "grant the directory around it piece by piece, or " REMEDY;
		strbuf_addf(&text.detail,
			"%zu inside a directory of fs_write: without mounts what is in it can be "
			"written, too; ",
			writable);
	}
	if (plan->landlock.abi)
		strbuf_puts(&text.detail,
			"one layer instead of two, without a mount namespace: that other files "
			"exist, their size, owner and times can be looked at, not what is in them; "
			"grants are the host's own, with what is mounted in them later and device "
			"nodes in them");
	return receipt_row(plan, FIELD_FS_READ, &text, verdict, remedy);
}

static int say_write(struct ks_plan *plan)
{
	autorow struct receipt_text text;
	int abi = plan->landlock.abi;
	bool foreign = plan->identity.drop && plan->policy->n_fs_write;

	receipt_text_init(&text);
	receipt_paths(&text.request, plan, plan->policy->fs_write, plan->policy->n_fs_write);
	name_landlock(&text.mechanism, plan);
	strbuf_puts(&text.mechanism, " + seccomp (modes, times and attributes)");
	if (!abi) {
		strbuf_puts(&text.detail, "no Landlock");
		return receipt_row(plan, FIELD_FS_WRITE, &text, RECEIPT_ABSENT, REMEDY);
	}
	strbuf_puts(&text.detail,
		"one layer instead of two, without a mount namespace; temporary files are in a "
		"private directory of the host's ");
	strbuf_addf(&text.detail, "%s, as large as that has room%s", plan->temporary,
		plan->temporary_named ? ", which TMPDIR names" : "");
	if (abi < 2)
		strbuf_puts(&text.detail, "; nothing can be moved to another directory");
	if (foreign)
		strbuf_puts(&text.detail,
			"; the worker writes in grants only what everybody may, and its files "
			"belong to a user id of its own");
	return receipt_row(
		plan, FIELD_FS_WRITE, &text, RECEIPT_DEGRADED, foreign ? OWNER_REMEDY : REMEDY);
}

static int say_net(struct ks_plan *plan)
{
	autorow struct receipt_text text;
	uint64_t net = plan->landlock.handled_net;
	bool tcp = net & LANDLOCK_BIT(NET_CONNECT_TCP);
	bool udp = net & LANDLOCK_BIT(NET_CONNECT_SEND_UDP);

	receipt_text_init(&text);
	receipt_net(&text.request, plan->policy);
	strbuf_puts(&text.mechanism, plan->filter.enabled ? "seccomp (no sockets)" : "no filter");
	if (tcp)
		strbuf_addf(&text.mechanism, " + Landlock ABI %d (no TCP%s)", plan->landlock.abi,
			udp ? " or UDP" : "");
	if (plan->policy->net == KS_NET_ALLOWLIST) {
		strbuf_puts(&text.detail,
			"without a network namespace nothing makes the worker use the egress "
			"proxy alone; it would have no network at all");
		return receipt_row(
			plan, FIELD_NET, &text, RECEIPT_ABSENT, "leave net out, or " REMEDY);
	}
	if (!plan->filter.enabled) {
		strbuf_puts(&text.detail, "system-call filters are missing here");
		return receipt_row(plan, FIELD_NET, &text, RECEIPT_ABSENT, REMEDY);
	}
	if (udp)
		return receipt_row(plan, FIELD_NET, &text, RECEIPT_HELD, NULL);
	strbuf_puts(&text.detail, tcp ? "one layer instead of two for UDP and other families: the "
					"filter alone; Landlock holds UDP from ABI 10 on"
				      : "one layer instead of two: the filter alone; Landlock "
					"holds TCP from Linux 6.7 on");
	return receipt_row(plan, FIELD_NET, &text, RECEIPT_DEGRADED, REMEDY);
}

static void describe_user(struct strbuf *text, const struct identity_plan *identity)
{
	if (identity->drop)
		strbuf_puts(text, "a user of its own");
	else
		strbuf_addf(text, "the caller's own user (%u)%s", identity->uid,
			identity->uid == 0 ? ", without its capabilities" : "");
}

static int say_profile(struct ks_plan *plan)
{
	autorow struct receipt_text text;
	const struct filter_plan *filter = &plan->filter;

	receipt_text_init(&text);
	strbuf_puts(&text.request, policy_profile_name(plan->policy->profile));
	if (!filter->enabled) {
		strbuf_puts(&text.mechanism, "no_new_privs, no capabilities");
		strbuf_puts(&text.detail, "there are no system-call filters here");
		return receipt_row(plan, FIELD_PROFILE, &text, RECEIPT_ABSENT, REMEDY);
	}
	strbuf_addf(&text.mechanism, "seccomp (%s), no_new_privs, no capabilities%s",
		filter->machine, filter->notify ? "" : "; a call that kills is not named");
	strbuf_puts(&text.detail, "without namespaces the worker runs as ");
	describe_user(&text.detail, &plan->identity);
	strbuf_puts(&text.detail,
		" among the host's processes: it learns the host's name and which process numbers "
		"are taken; System V IPC, message queues, inotify and extended attributes are "
		"refused to it, and sockets under either profile");
	if (plan->landlock.abi > 0 && plan->landlock.abi < 3)
		strbuf_puts(&text.detail,
			"; truncating a file by its name is refused everywhere, as "
			"Landlock knows it since Linux 6.2 only");
	if (filter->scoped)
		strbuf_puts(&text.detail, "; signals to other processes are held by Landlock");
	else if (filter->notify)
		strbuf_puts(&text.detail, "; signals to other processes are held by the filter and "
					  "kastellan's init, which sends those to its own");
	else
		strbuf_puts(&text.detail, "; signals go to the worker's own process group alone");
	if (!filter->notify)
		strbuf_puts(&text.detail, "; modes and times of files cannot be changed");
	return receipt_row(plan, FIELD_PROFILE, &text, RECEIPT_DEGRADED, REMEDY);
}

int plan_receipt_on_host(struct ks_plan *plan)
{
	int r = say_read(plan);

	if (r == 0)
		r = say_write(plan);
	if (r == 0)
		r = say_net(plan);
	if (r == 0)
		r = say_profile(plan);
	if (r == 0)
		r = receipt_own_env(plan);
	return r < 0 ? r : receipt_egress(plan);
}
