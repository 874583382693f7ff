/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/init/filter.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STEP "seccomp"

#define FLAG_WAIT_KILLABLE_RECV (1u << 5) /* SECCOMP_FILTER_FLAG_... of newer headers */

static int load(const struct spec_filter *filter, unsigned flags)
{
	const struct sock_fprog program = {
		.len = filter->len, .filter = (struct sock_filter *)filter->instructions};
	long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);

	return r < 0 ? -errno : (int)r;
}

/* From Linux 5.19 on, a call that waits for its answer is not interrupted and made anew. */
static int load_with_listener(const struct spec *spec)
{
	int r = -EINVAL;

	if (spec->temporary)
		r = load(&spec->notify, SECCOMP_FILTER_FLAG_NEW_LISTENER | FLAG_WAIT_KILLABLE_RECV);
	return r == -EINVAL ? load(&spec->notify, SECCOMP_FILTER_FLAG_NEW_LISTENER) : r;
}

int filter_load(const struct spec *spec, int *ret_listener, struct failure *failure)
{
	int r = -EBUSY;

	if (!spec->notify.instructions && !spec->kill.instructions)
		return 0;
	if (spec->notify.instructions)
		r = load_with_listener(spec);
	if (r >= 0)
		*ret_listener = r;
	/* Only one filter of a chain can have a listener. Where the host's has it, as in some
	 * containers, the calls kill without being named. */
	if (r == -EBUSY && spec->kill.instructions)
		r = load(&spec->kill, 0);
	if (r < 0)
		return failure_set(failure, -r, STEP, "the filter was not loaded");
	/* An error is the filter's answer to this very call. */
	if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_DISABLED)
		return failure_set(failure, EPERM, STEP, "the filter is not in force");
	return 0;
}
