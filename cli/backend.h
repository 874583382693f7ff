/* SPDX-License-Identifier: Apache-2.0 */
#ifndef KS_CLI_BACKEND_H
#define KS_CLI_BACKEND_H

#include "cli/options.h"

/* The backends of this host, or of the one that --host describes. Free with ks_backends_free(). */
int cli_backends(const struct arguments *arguments, ks_backends **ret_backends, ks_error **reterr);

/* The backend that the command line asks for. Free both with ks_backend_unref() and
 * ks_backends_free(). */
int cli_backend(const struct arguments *arguments, ks_backends **ret_backends,
	ks_backend **ret_backend, ks_error **reterr);

#endif
