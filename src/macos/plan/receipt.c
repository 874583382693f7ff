/* SPDX-License-Identifier: Apache-2.0 */
/* What a Seatbelt profile holds. One layer holds each denial, and nobody has seen it do so yet: the
 * profile's row says that, so that no worker is started without its being accepted by name. */
#include "macos/evidence.h"
#include "macos/plan/areas.h"
#include "macos/plan/parts.h"
#include "plan/receipt_row.h"
#include "policy/fields.h"

#define SEATBELT "Seatbelt profile"

/* Grants for reading within what may be written. */
static size_t count_kept(const struct areas *areas)
{
	size_t count = 0;

	for (size_t i = 0; i < areas->len; i++)
		count += !areas->items[i].writable && areas->items[i].parent != AREA_TOP;
	return count;
}

static int say_read(struct ks_plan *plan)
{
	autorow struct receipt_text text;
	autoareas struct areas areas = {0};
	int r = areas_make(&plan->grants, &areas);

	receipt_text_init(&text);
	if (r < 0)
		return r;
	receipt_paths(&text.request, plan, plan->policy->fs_read, plan->policy->n_fs_read);
	strbuf_puts(&text.mechanism, SEATBELT " (reading, and execution)");
	if (count_kept(&areas))
		strbuf_addf(&text.mechanism,
			", %zu inside a writable directory, in every letter case",
			count_kept(&areas));
	return receipt_row(plan, FIELD_FS_READ, &text, RECEIPT_HELD, NULL);
}

static int say_write(struct ks_plan *plan)
{
	autorow struct receipt_text text;

	receipt_text_init(&text);
	receipt_paths(&text.request, plan, plan->policy->fs_write, plan->policy->n_fs_write);
	strbuf_puts(&text.mechanism,
		SEATBELT " (without hard links, owners and flags, and without execution but of the "
			 "program itself, wherever it lies); temporary files are in a private "
			 "directory of the host's " MACOS_TEMPORARY);
	return receipt_row(plan, FIELD_FS_WRITE, &text, RECEIPT_HELD, NULL);
}

static int say_net(struct ks_plan *plan)
{
	autorow struct receipt_text text;

	receipt_text_init(&text);
	receipt_net(&text.request, plan->policy);
	switch (plan->policy->net) {
	case KS_NET_DENY:
		strbuf_puts(&text.mechanism, SEATBELT " (nothing is reached or listened to)");
		return receipt_row(plan, FIELD_NET, &text, RECEIPT_HELD, NULL);
	case KS_NET_ALLOWLIST:
		strbuf_puts(&text.mechanism,
			SEATBELT " (only the egress proxy's socket, by HTTP CONNECT or SOCKS5)");
		if (plan->policy->profile != KS_PROFILE_WORKER_NET_CLIENT)
			return receipt_row(plan, FIELD_NET, &text, RECEIPT_HELD, NULL);
		strbuf_puts(&text.detail,
			"the system's service for certificates, which this profile may ask, "
			"fetches some from wherever they say");
		return receipt_row(
			plan, FIELD_NET, &text, RECEIPT_DEGRADED, "use the profile WorkerStrict");
	case KS_NET_PROXY_EGRESS:
		break;
	}
	strbuf_puts(&text.mechanism, SEATBELT " (the host's network, by TCP and UDP alone)");
	return receipt_row(plan, FIELD_NET, &text, RECEIPT_HELD, NULL);
}

static int say_profile(struct ks_plan *plan)
{
	autorow struct receipt_text text;
	bool strict = plan->policy->profile == KS_PROFILE_WORKER_STRICT;

	receipt_text_init(&text);
	strbuf_puts(&text.request, policy_profile_name(plan->policy->profile));
	strbuf_puts(&text.mechanism, strict ? SEATBELT " (no services, no code made at run time)"
					    : SEATBELT " (a few services of the system)");
	strbuf_addf(&text.detail,
		MACOS_EVIDENCE "; the worker runs as the caller's own user (%u) among the host's "
			       "processes, behind one layer instead of two",
		plan->identity.uid);
	return receipt_row(plan, FIELD_PROFILE, &text, RECEIPT_DEGRADED,
		"try the suite in tests/macos on a Mac, and report what it says");
}

int seatbelt_receipt(struct ks_plan *plan)
{
	int r = say_read(plan);

	if (r == 0)
		r = say_write(plan);
	if (r == 0)
		r = say_net(plan);
	if (r == 0)
		r = say_profile(plan);
	if (r == 0)
		r = receipt_egress(plan);
	return r < 0 ? r : receipt_own_env(plan);
}
