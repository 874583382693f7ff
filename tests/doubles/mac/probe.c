/* SPDX-License-Identifier: Apache-2.0 */
/* A Mac as far as a spawn looks at it. A test double. */
#include "resolve/probe.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "macos/apply/probe_container.h"
#include "macos/plan/seatbelt.h"

int host_probe(bool tried, struct ks_host **ret_host, ks_error **reterr)
{
	struct ks_host *host = host_new();

	if (!host)
		return error_oom(reterr);
	host->tried = tried;
	host->os = strdup("macos");
	host->machine = strdup("arm64");
	host->kernel = strdup("24.5.0");
	host->userns = USERNS_COMPILED_OUT;
	host->uid = getuid();
	host->gid = getgid();
	host->processors = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
	host->macos.version = strdup("15.5");
	host->macos.sandbox_exec = access(SANDBOX_EXEC, X_OK) == 0;
	probe_container_program(&host->macos, tried);
	if (!host->os || !host->machine || !host->macos.version) {
		host_free(host);
		return error_oom(reterr);
	}
	*ret_host = host;
	return 0;
}
