/* SPDX-License-Identifier: Apache-2.0 */
/* What bubblewrap complained of, read as a cause. Its own words are always kept in the reason: a
 * guess must not hide them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "resolve/why_not.h"

enum reading { READ_USERNS, READ_OLD, READ_MOUNT, READ_PIVOT, READ_EXEC };

/* In this order: the first that is found decides. */
static const struct {
	const char *words;
	enum reading reading;
	enum host_userns_cause cause; /* where the facts know no better */
} complaints[] = {
	{"nknown option", READ_OLD, USERNS_OTHER},
	{"execvp", READ_EXEC, USERNS_OTHER},
	{"namespaces exceeded", READ_USERNS, USERNS_MAX_ZERO},
	{"does not support user namespaces", READ_USERNS, USERNS_COMPILED_OUT},
	{"new namespace", READ_USERNS, USERNS_OTHER},
	{"uid map", READ_USERNS, USERNS_APPARMOR},
	{"gid map", READ_USERNS, USERNS_APPARMOR},
	{"setgroups", READ_USERNS, USERNS_APPARMOR},
	{"loopback: ", READ_USERNS, USERNS_APPARMOR},
	{"make / slave", READ_USERNS, USERNS_APPARMOR},
	{"mount proc", READ_USERNS, USERNS_PROC_MASKED},
	{"max_user_namespaces", READ_USERNS, USERNS_PROC_MASKED},
	{"pivot_root", READ_PIVOT, USERNS_OTHER},
	{"source path", READ_MOUNT, USERNS_OTHER},
	{"mount", READ_MOUNT, USERNS_OTHER},
	{"create file at", READ_MOUNT, USERNS_OTHER},
	{"mkdir", READ_MOUNT, USERNS_OTHER},
};

#define N_COMPLAINTS (sizeof(complaints) / sizeof(complaints[0]))

static int add_words(struct why_not *ret, const char *complaint)
{
	char *reason = ret->reason;
	int r;

	ret->reason = NULL;
	r = why_not_say(
		ret, ret->state, ret->code, ret->layer, "%s; its words: %s", reason, complaint);
	free(reason);
	return r;
}

static int read_userns(const struct ks_host *host, enum host_userns_cause cause,
	const char *complaint, struct why_not *ret)
{
	/* Facts that were tried know the cause; the words only suggest one. */
	struct ks_host assumed = *host;
	int r;

	if (assumed.userns == USERNS_USABLE) {
		assumed.userns = cause;
		assumed.userns_step = NULL;
		assumed.userns_errno = EPERM;
	}
	if (assumed.userns == USERNS_OTHER) {
		r = why_not_say(ret, KS_FINDING_FAILS, -EPERM, "userns",
			"bubblewrap cannot make namespaces");
		if (r == 0)
			r = why_not_advise(ret, "kastellan doctor tries each step and names the "
						"one that is refused");
	} else {
		r = why_not_userns(&assumed, ret);
	}
	return r < 0 ? r : add_words(ret, complaint);
}

static int read_other(enum reading reading, const char *complaint, struct why_not *ret)
{
	switch (reading) {
	case READ_OLD:
		why_not_say(ret, KS_FINDING_FAILS, -EOPNOTSUPP, "bubblewrap",
			"bubblewrap does not know an option that it was found to have: %s",
			complaint);
		return why_not_advise(ret, "it was replaced while kastellan ran, or is not "
					   "bubblewrap: try again, and see "
					   "kastellan doctor");
	case READ_PIVOT:
		why_not_say(ret, KS_FINDING_FAILS, -EINVAL, "mount",
			"the root directory cannot be exchanged: %s", complaint);
		return why_not_advise(ret, "a root file system that is the initramfs itself cannot "
					   "be left: switch to one "
					   "that is mounted (switch_root)");
	case READ_EXEC:
		why_not_say(ret, KS_FINDING_FAILS, -ENOEXEC, "exec",
			"kastellan-init cannot be executed inside: %s", complaint);
		return why_not_advise(
			ret, "install kastellan again, for this machine's architecture");
	default:
		why_not_say(ret, KS_FINDING_FAILS, -EIO, "mount",
			"bubblewrap cannot build the jail's file system: %s", complaint);
		return why_not_advise(ret, "kastellan plan shows every mount; leave out the grant "
					   "that is named here, or "
					   "make it accessible to this user");
	}
}

int why_not_complaint(const struct ks_host *host, const char *complaint, struct why_not *ret)
{
	int r;

	*ret = (struct why_not){0};
	for (size_t i = 0; complaint && i < N_COMPLAINTS; i++) {
		if (!strstr(complaint, complaints[i].words))
			continue;
		if (complaints[i].reading == READ_USERNS)
			return read_userns(host, complaints[i].cause, complaint, ret);
		r = read_other(complaints[i].reading, complaint, ret);
		return r < 0 || !ret->reason ? -ENOMEM : 0;
	}
	/* Nothing that is recognised: but where namespaces are refused, that is it. */
	if (host->userns != USERNS_USABLE) {
		r = why_not_userns(host, ret);
		return r < 0 || !complaint || !*complaint ? r : add_words(ret, complaint);
	}
	if (complaint && *complaint)
		r = why_not_say(ret, KS_FINDING_FAILS, -EIO, "bubblewrap",
			"bubblewrap cannot make the jail: %s", complaint);
	else
		r = why_not_say(ret, KS_FINDING_FAILS, -EIO, "bubblewrap",
			"bubblewrap ended without a word: it was killed, or a system-call filter "
			"over the caller ended it");
	return r < 0 ? r : why_not_advise(ret, "kastellan doctor tries each layer by itself");
}

int why_not_helper(const struct ks_host *host, const char *complaint, ks_error **reterr)
{
	struct why_not why;
	int r = why_not_complaint(host, complaint, &why);

	return why_not_refuse(r, &why, reterr);
}
