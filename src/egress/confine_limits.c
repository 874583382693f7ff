/* SPDX-License-Identifier: Apache-2.0 */
/* What both systems' confine.c needs. */
#include <errno.h>
#include <sys/resource.h>

#include "egress/confine_parts.h"

int complain(struct complaint *complaint, int code, const char *step, const char *detail)
{
	*complaint = (struct complaint){code, step, detail};
	return -code;
}

int limit_descriptors(uint64_t descriptors, struct complaint *complaint)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		return complain(complaint, errno, "descriptors", "RLIMIT_NOFILE");
	/* What the owner may have is as much as there is. */
	if (descriptors < files.rlim_max)
		files.rlim_max = descriptors;
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		return complain(complaint, errno, "descriptors", "RLIMIT_NOFILE");
	return 0;
}
