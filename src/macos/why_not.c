/* SPDX-License-Identifier: Apache-2.0 */
#include "macos/why_not.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "macos/evidence.h"
#include "macos/plan/container.h"
#include "macos/plan/seatbelt.h"
#include "macos/version.h"

/* What the programs are built for: the first system whose loader finds its caches in Cryptexes. */
#define OLDEST_SYSTEM "13.0"

static int too_old(const struct ks_host *host, struct why_not *ret)
{
	int r = why_not_say(ret, KS_FINDING_FAILS, -EOPNOTSUPP, "sandbox-exec",
		"macOS %s is older than " OLDEST_SYSTEM ", for which kastellan is built",
		host->macos.version);

	return r < 0 ? r : why_not_advise(ret, "update macOS to 13 or later");
}

static int inside_sandbox(struct why_not *ret)
{
	int r = why_not_say(ret, KS_FINDING_FAILS, -EPERM, "sandbox-exec",
		"the caller lives in a sandbox, inside of which macOS applies no other");

	return r < 0 ? r
		     : why_not_advise(ret, "start kastellan from a terminal or a service that is "
					   "not in a sandbox "
					   "(an App Store program and another sandbox-exec are)");
}

static int missing(const struct ks_host *host, struct why_not *ret)
{
	int r = why_not_say(ret, KS_FINDING_FAILS, -ENOENT, "sandbox-exec", "%s",
		host->macos.sandbox_reason ? host->macos.sandbox_reason
					   : SANDBOX_EXEC " cannot be executed");

	return r < 0 ? r
		     : why_not_advise(ret, "it is part of macOS up to this version; where a later "
					   "one lacks it, "
					   "use -b container");
}

int why_not_sandbox_exec(const struct ks_host *host, struct why_not *ret)
{
	const struct host_macos *mac = &host->macos;

	*ret = (struct why_not){0};
	if (mac->version && version_compare(mac->version, OLDEST_SYSTEM) < 0)
		return too_old(host, ret);
	if (mac->sandboxed)
		return inside_sandbox(ret);
	if (!mac->sandbox_exec || mac->sandbox_reason)
		return missing(host, ret);
	return why_not_describe(ret, "macOS %s", mac->version ? mac->version : "(unknown)");
}

static int no_container(struct why_not *ret)
{
	int r = why_not_say(ret, KS_FINDING_FAILS, -ENOENT, "container",
		"the program container is neither in /usr/local/bin nor in /opt/homebrew/bin");

	return r < 0 ? r
		     : why_not_advise(ret,
			       "install the signed package of a release from " CONTAINER_RELEASES
			       ", then container system start");
}

static int no_processor(const struct ks_host *host, struct why_not *ret)
{
	int r = why_not_say(ret, KS_FINDING_FAILS, -EOPNOTSUPP, "container",
		"container runs on Apple silicon only, and this is a machine of type %s",
		host->machine);

	return r < 0 ? r : why_not_advise(ret, "use -b seatbelt");
}

int why_not_container_program(const struct ks_host *host, struct why_not *ret)
{
	const struct host_macos *mac = &host->macos;
	int r;

	*ret = (struct why_not){0};
	if (host->machine && strcmp(host->machine, "arm64") != 0)
		return no_processor(host, ret);
	if (!mac->container)
		return no_container(ret);
	r = container_version_why_not(mac, ret);
	if (r < 0 || ret->reason)
		return r;
	if (mac->container_runs)
		return why_not_describe(ret, "version %s", mac->container_version);
	r = why_not_say(ret, KS_FINDING_FAILS, -ENOTCONN, "container",
		"the services of container are not started");
	return r < 0 ? r : why_not_advise(ret, "container system start");
}

static int limited(struct why_not *ret, const char *layer, const char *what)
{
	int r;

	if (ret->state != KS_FINDING_WORKS)
		return 0;
	r = why_not_say(ret, KS_FINDING_LIMITED, -EOPNOTSUPP, layer, MACOS_EVIDENCE "; %s", what);
	return r < 0 ? r : why_not_advise(ret, "kastellan plan tells what holds, field by field");
}

int why_not_seatbelt(const struct ks_host *host, struct why_not *ret)
{
	int r = why_not_sandbox_exec(host, ret);

	return r < 0 ? r
		     : limited(ret, "sandbox-exec",
			       "memory, tasks and CPU are watched, and not held by the kernel");
}

int why_not_container(const struct ks_host *host, struct why_not *ret)
{
	int r = why_not_container_program(host, ret);

	return r < 0 ? r
		     : limited(ret, "container",
			       "CPU time is limited by process, and the image's environment is "
			       "added");
}
