/* SPDX-License-Identifier: Apache-2.0 */
/* Why something does not work on this host, and what to do about it. Pure: facts (and the words of
 * a helper that failed) go in; layer, reason and remedy come out. */
#ifndef KS_RESOLVE_WHY_NOT_H
#define KS_RESOLVE_WHY_NOT_H

#include <kastellan/backend.h>
#include <kastellan/error.h>

#include "resolve/host.h"

struct why_not {
	enum ks_finding_state state;
	int code;	   /* -errno for an error object; 0 where it works */
	const char *layer; /* static: "bubblewrap", "userns", "landlock", "seccomp", "cgroup", "idmap" */
	char *detail;	   /* the state in words, or NULL */
	char *reason;	   /* NULL where it works */
	char *remedy;	   /* NULL where there is nothing to do */
};

/* What a function of this kind finds; 0 or -ENOMEM. Free with why_not_done(). */
typedef int why_not_function(const struct ks_host *host, struct why_not *ret);

why_not_function why_not_bwrap_program; /* bubblewrap itself, its features */
why_not_function why_not_userns;
why_not_function why_not_landlock;
why_not_function why_not_seccomp;
why_not_function why_not_cgroup;
why_not_function why_not_idmap;

/* The whole of the Bwrap backend: the first of its layers that fails, or the first that is
 * limited. */
why_not_function why_not_bwrap;

void why_not_done(struct why_not *why);

/* 0 where the finding is not a failure; else its code, with the error made from it. */
int why_not_error(const struct why_not *why, ks_error **reterr);

/* Why a helper that said `complaint` and ended could not make the jail. Always returns -errno. */
int why_not_helper(const struct ks_host *host, const char *complaint, ks_error **reterr);

#endif
