/* SPDX-License-Identifier: Apache-2.0 */
/* The probe on one page: what a spawn needs to know costs a few system calls a layer; what doctor
 * tells is tried. */
#include "linux/jail/kept.h"
#include "linux/probe/probe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "linux/cgroup/cgroup.h"
#include "linux/probe/parts.h"
#include "resolve/probe.h"
#include "resolve/why_not.h"

static int look(bool tried, struct ks_host *host)
{
	int r = probe_system(host);

	if (r == 0)
		r = probe_paths(host);
	probe_landlock(host);
	probe_seccomp(host);
	probe_idmap(host, false);
	return r < 0 ? r : cgroup_probe(tried, &host->cgroup);
}

static int look_at_parts(struct ks_host *host, unsigned parts)
{
	int r = parts & HOST_PART_HELPER ? probe_bwrap(host) : 0;

	/* Who has to install or repair something wants to know how that is done here. */
	if (r == 0 && parts & HOST_PART_HELPER && (!host->bwrap.path || host->bwrap.setuid))
		r = probe_distribution(host);
	return r == 0 && parts & HOST_PART_MACHINE ? probe_vm(host) : r;
}

static int try_everything(struct ks_host *host)
{
	int r = look_at_parts(host, HOST_PARTS);

	host->looked = HOST_PARTS;

	if (r == 0 && !host->distribution)
		r = probe_distribution(host);
	if (r == 0)
		r = probe_userns(host);
	if (r == 0)
		r = probe_bwrap_try(host);
	probe_idmap(host, true);
	if (r == 0)
		r = probe_native_try(host);
	if (r == 0)
		r = probe_egress_try(host);
	if (r == 0)
		r = probe_vm_try(host);
	host->tried = true;
	return r;
}

int host_probe(bool tried, struct ks_host **ret_host, ks_error **reterr)
{
	struct ks_host *host = host_new();
	int r = host ? look(tried, host) : -ENOMEM;

	if (r == 0 && tried)
		r = try_everything(host);
	if (r < 0) {
		host_free(host);
		return r == -ENOMEM ? error_oom(reterr)
				    : error_set(reterr, r,
					      ABOUT(.step = "probe",
						      .remedy = "see that /proc is mounted and "
								"can be read; inside of a jail "
								"no other one can be made"),
					      "the host cannot be looked at: %s", strerror(-r));
	}
	host->look = look_at_parts;
	host->kept = kept_new();
	host->free_kept = kept_free;
	*ret_host = host;
	return 0;
}

int probe_why_not(const struct ks_host *host, const char *complaint, ks_error **reterr)
{
	struct ks_host now = *host;
	int r;

	now.userns_step = NULL;
	if (probe_userns(&now) < 0)
		now.userns = host->userns;
	r = why_not_helper(&now, complaint, reterr);
	free(now.userns_step);
	return r;
}

int probe_why_no_namespaces(const struct ks_host *host, ks_error **reterr)
{
	struct ks_host now = *host;
	struct why_not why = {0};
	int r;

	now.userns_step = NULL;
	r = probe_userns(&now);
	if (r == 0)
		r = why_not_userns(&now, &why);
	r = why_not_refuse(r, &why, reterr);
	free(now.userns_step);
	return r;
}
