/* SPDX-License-Identifier: Apache-2.0 */
/* A proxy without a jail: the owner's side (egress/owner.h) behind the public types. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <kastellan/egress.h>

#include "base/error.h"
#include "egress/config.h"
#include "egress/owner.h"
#include "egress/owner_report.h"
#include "egress/standalone.h"
#include "policy/egress.h"
#include "report/network.h"

#define READY_MS 30000 /* a start that takes longer has hung */

struct ks_egress {
	struct egress_owner *owner;
	struct network_report report;
	bool ended;
};

static int bad(ks_error **reterr, int code, const char *what, const char *remedy)
{
	return error_set(
		reterr, code, ABOUT(.step = "options", .remedy = remedy), "options: %s", what);
}

static int copy_sized(
	const struct ks_egress_options *given, struct ks_egress_options *options, ks_error **reterr)
{
	const unsigned char *tail;

	if (!given || given->size < sizeof(*options))
		return bad(reterr, -EINVAL, "size is not set", "set size to sizeof(options)");
	tail = (const unsigned char *)given + sizeof(*options);
	for (size_t i = sizeof(*options); i < given->size; i++, tail++)
		if (*tail)
			return bad(reterr, -E2BIG,
				"this library is older than the program, and does not know an "
				"option that is set",
				"install a newer libkastellan, or leave the option out");
	*options = *given;
	return 0;
}

static int check(
	const ks_policy *policy, const struct ks_egress_options *options, ks_error **reterr)
{
	if (!options->doors || options->n_doors == 0 || options->n_doors > KS_EGRESS_MAX_DOORS)
		return bad(reterr, -EINVAL, "the doors are not 1 to 8",
			"pass sockets that listen in doors, and their number in n_doors");
	if (options->audit > 1 || (options->audit && options->audit_fd < 0))
		return bad(reterr, -EINVAL, "audit is neither 0 nor 1, or has no descriptor",
			"set it to 1, and audit_fd to an open descriptor");
	if (options->worker &&
		strlen(options->worker) >= sizeof(((struct egress_config *)0)->worker))
		return bad(reterr, -ENAMETOOLONG, "worker is longer than 63 bytes",
			"choose a shorter name");
	if (!policy_egress_used(policy))
		return error_set(reterr, -EINVAL,
			ABOUT(.step = "egress", .field = "net",
				.remedy = "list an endpoint: {\"Allowlist\": [\"host:port\"]}"),
			"the policy lists no endpoint that could be reached");
	return 0;
}

static int open_owner(const ks_policy *policy, const struct ks_egress_options *options,
	struct egress_owner **ret_owner, ks_error **reterr)
{
	const char *entries[KS_MAX_ENDPOINTS];
	enum egress_socket kinds[KS_EGRESS_MAX_DOORS];
	struct egress_setup setup = {.entries = entries,
		.n_entries = policy->n_endpoints,
		.audit = options->audit ? options->audit_fd : -1,
		.sockets = options->doors,
		.kinds = kinds,
		.n_sockets = options->n_doors};
	int r;

	for (size_t i = 0; i < policy->n_endpoints; i++)
		entries[i] = policy->endpoints[i].text;
	for (size_t i = 0; i < options->n_doors; i++)
		kinds[i] = EGRESS_SOCKET_DOOR;
	if (options->worker)
		memcpy(setup.config.worker, options->worker, strlen(options->worker));
	r = options->audit ? egress_config_name_policy(policy, &setup.config) : 0;
	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "egress"),
			"the policy cannot be named in the audit: %s", strerror(-r));
	r = standalone_config(&policy->egress, &setup.config, reterr);
	if (r == 0)
		r = standalone_check(options->doors, options->n_doors, reterr);
	if (r == 0)
		r = egress_open(&setup, ret_owner, reterr);
	return r < 0 ? r : egress_tell(*ret_owner, &setup, reterr);
}

int ks_egress_start(const ks_policy *policy, const struct ks_egress_options *given,
	ks_egress **ret_egress, ks_error **reterr)
{
	struct ks_egress_options options = {0};
	ks_egress *egress;
	int r = copy_sized(given, &options, reterr);

	if (r == 0)
		r = check(policy, &options, reterr);
	if (r < 0)
		return r;
	egress = calloc(1, sizeof(*egress));
	if (!egress)
		return error_oom(reterr);
	r = open_owner(policy, &options, &egress->owner, reterr);
	if (r == 0)
		r = egress_await_ready(egress->owner, READY_MS, reterr);
	if (r < 0) {
		ks_egress_free(egress);
		return r;
	}
	*ret_egress = egress;
	return 0;
}

int ks_egress_fd(const ks_egress *egress)
{
	return egress_fd(egress->owner);
}

static void keep_report(ks_egress *egress)
{
	const struct egress_report *report = egress_report(egress->owner);
	const struct network_report view = egress_network_view(report);

	if (network_report_copy(&view, &egress->report) < 0)
		egress->report = (struct network_report){
			.used = true, .died = report->died, .totals = report->totals};
}

int ks_egress_dispatch(ks_egress *egress)
{
	if (egress->ended)
		return 1;
	egress->ended = egress_dispatch(egress->owner);
	if (egress->ended)
		keep_report(egress);
	return egress->ended;
}

void ks_egress_stop(ks_egress *egress)
{
	egress_stop(egress->owner);
}

uint64_t ks_egress_connections(const ks_egress *egress)
{
	return egress->report.totals.connections;
}

uint64_t ks_egress_connections_denied(const ks_egress *egress)
{
	return egress->report.totals.denials;
}

uint64_t ks_egress_bytes_sent(const ks_egress *egress)
{
	return egress->report.totals.up;
}

uint64_t ks_egress_bytes_received(const ks_egress *egress)
{
	return egress->report.totals.down;
}

uint64_t ks_egress_audit_suppressed(const ks_egress *egress)
{
	return egress->report.totals.suppressed;
}

int ks_egress_died(const ks_egress *egress)
{
	return egress->report.died;
}

int ks_egress_denied_destination(
	const ks_egress *egress, size_t index, struct ks_denied_destination *ret_denied)
{
	return network_report_denied(&egress->report, index, ret_denied);
}

void ks_egress_free(ks_egress *egress)
{
	if (!egress)
		return;
	egress_free(egress->owner);
	network_report_done(&egress->report);
	free(egress);
}
