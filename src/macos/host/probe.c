/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at a Mac. The cheap facts come from sysctl and the file system; tried, the programs are
 * also started, each with an empty environment and for a bounded time. */
#include "resolve/probe.h"

#include <stdlib.h>
#include <string.h>
#include <sys/sysctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/error.h"
#include "macos/apply/answer.h"
#include "macos/apply/probe_container.h"
#include "macos/host/sandbox_check.h"
#include "macos/plan/seatbelt.h"

static char *sysctl_text(const char *name)
{
	char text[256] = "";
	size_t len = sizeof(text) - 1;

	return sysctlbyname(name, text, &len, NULL, 0) < 0 ? NULL : strdup(text);
}

static void probe_sandbox(struct host_macos *mac, bool tried)
{
	const char *const argv[] = {
		"sandbox-exec", "-p", "(version 1)(allow default)", "/usr/bin/true", NULL};
	char text[256];

	mac->sandboxed = sandbox_check(getpid(), NULL, 0) != 0;
	mac->sandbox_exec = access(SANDBOX_EXEC, X_OK) == 0;
	if (tried && mac->sandbox_exec && !mac->sandboxed &&
		answer_of(SANDBOX_EXEC, argv, ANSWER_MS, text, sizeof(text)) != 0)
		mac->sandbox_reason = strdup(text[0] ? text : "sandbox-exec starts no program");
}

int host_probe(bool tried, struct ks_host **ret_host, ks_error **reterr)
{
	struct ks_host *host = host_new();
	struct utsname name;

	if (!host)
		return error_oom(reterr);
	host->tried = tried;
	host->os = strdup("macos");
	host->userns = USERNS_COMPILED_OUT;
	host->uid = getuid();
	host->gid = getgid();
	host->processors = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	if (uname(&name) == 0) {
		host->machine = strdup(name.machine);
		host->kernel = strdup(name.release);
	}
	host->macos.version = sysctl_text("kern.osproductversion");
	probe_sandbox(&host->macos, tried);
	probe_container_program(&host->macos, tried);
	if (!host->os) {
		host_free(host);
		return error_oom(reterr);
	}
	*ret_host = host;
	return 0;
}
