/* SPDX-License-Identifier: Apache-2.0 */
#include "resolve/probe.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"

int host_probe(bool tried, struct ks_host **ret_host, ks_error **reterr)
{
	struct ks_host *host = host_new();

	if (host)
		host->os = strdup("unsupported");
	if (!host || !host->os) {
		host_free(host);
		return error_oom(reterr);
	}
	host->tried = tried;
	host->userns = USERNS_COMPILED_OUT;
	*ret_host = host;
	return 0;
}

int image_probe(const struct ks_host *host, const char *image, ks_error **reterr)
{
	(void)host;
	return error_set(reterr, -EOPNOTSUPP, ABOUT(.step = "image", .path = image),
		"image: kastellan has no backend for this operating system");
}
