/* SPDX-License-Identifier: Apache-2.0 */
#include "macos/apply/helper.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/bounds.h"
#include "base/error.h"
#include "macos/apply/system.h"

int helper_fail(const struct helper *helper, const char *path, int code, ks_error **reterr)
{
	char remedy[128];

	snprintf(remedy, sizeof(remedy), "install kastellan again; in a build tree set %s",
		helper->variable);
	return error_set(reterr, code, ABOUT(.step = helper->step, .path = path, .remedy = remedy),
		"%s cannot be started: %s: %s", helper->name, path, strerror(-code));
}

int helper_find(const struct helper *helper, char **ret_path, ks_error **reterr)
{
	const char *named = system_variable(helper->variable);
	char path[KS_MAX_PATH + 1];
	struct stat st;
	int len = snprintf(path, sizeof(path), "%s%s", named ? named : KS_LIBEXECDIR "/",
		named ? "" : helper->name);

	if (len < 0 || (size_t)len >= sizeof(path))
		return helper_fail(helper, helper->name, -ENAMETOOLONG, reterr);
	if (stat(path, &st) < 0)
		return helper_fail(helper, path, -errno, reterr);
	/* Whoever may replace it could as well replace the jail. */
	if (!S_ISREG(st.st_mode) || (st.st_mode & (S_ISUID | S_ISGID | S_IWOTH)))
		return error_set(reterr, -EPERM,
			ABOUT(.step = helper->step, .path = path,
				.remedy = "make it a plain program: chmod u-s,g-s,o-w"),
			"%s is set-id, writable for everybody or no file: %s", helper->name, path);
	*ret_path = realpath(path, NULL);
	return *ret_path ? 0 : helper_fail(helper, path, -errno, reterr);
}
