/* SPDX-License-Identifier: Apache-2.0 */
/* The programs of this installation that the library starts. */
#ifndef KS_MACOS_APPLY_HELPER_H
#define KS_MACOS_APPLY_HELPER_H

#include <kastellan/error.h>

struct helper {
	const char *name; /* the program's: "kastellan-warden" */
	const char *variable; /* of the environment, which names another one */
	const char *step; /* of errors */
};

/* Its real path; free with free(). 0, or -errno: there is none, or it is none of which one can be
 * sure. */
int helper_find(const struct helper *helper, char **ret_path, ks_error **reterr);

/* "NAME cannot be started: PATH: why". Returns code. */
int helper_fail(const struct helper *helper, const char *path, int code, ks_error **reterr);

#endif
