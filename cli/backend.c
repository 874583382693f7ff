/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/backend.h"

#include "api/text_file.h"
#include "base/cleanup.h"
#include "base/error.h"

int cli_backends(const struct arguments *arguments, ks_backends **ret_backends, ks_error **reterr)
{
	autofree char *facts = NULL;
	size_t len = 0;
	int r;

	if (!arguments->host_file)
		return ks_backends_new(ret_backends) < 0 ? error_oom(reterr) : 0;
	r = text_file_read(arguments->host_file, "host facts", &facts, &len, reterr);
	return r < 0 ? r : ks_backends_describe(facts, len, ret_backends, reterr);
}

int cli_backend(const struct arguments *arguments, ks_backends **ret_backends,
	ks_backend **ret_backend, ks_error **reterr)
{
	enum ks_backend_kind kind = KS_BACKEND_NONE;
	int r = cli_backends(arguments, ret_backends, reterr);

	if (r == 0 && arguments->backend)
		r = ks_backends_kind_from_name(*ret_backends, arguments->backend, &kind, reterr);
	if (r < 0)
		return r;
	r = ks_backends_resolve(*ret_backends, kind, arguments->image, ret_backend);
	if (r < 0)
		return error_set(reterr, r, ABOUT(.step = "resolve"), "no backend can be chosen");
	return 0;
}
