/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/backend.h"

#include "base/error.h"

int cli_backend(const struct arguments *arguments, ks_backends **ret_backends,
	ks_backend **ret_backend, ks_error **reterr)
{
	int r = ks_backends_new(ret_backends);

	if (r < 0)
		return error_oom(reterr);
	r = ks_backends_resolve(*ret_backends,
		arguments->has_backend ? arguments->backend : KS_BACKEND_NONE, NULL, ret_backend);
	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "resolve"), "no backend can be chosen");
	return 0;
}
