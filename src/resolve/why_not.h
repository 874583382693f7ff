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
	int code; /* -errno for an error object; 0 where it works */
	const char *layer; /* at fault, static: "bubblewrap", "userns", "landlock", ...; or NULL */
	char *detail; /* the state in words, or NULL */
	char *reason; /* NULL where it works */
	char *remedy; /* NULL where there is nothing to do */
};

/* A finding; 0 or -ENOMEM. *ret is to be released with why_not_done() in both cases. */
typedef int why_not_function(const struct ks_host *host, struct why_not *ret);

why_not_function why_not_bwrap_program; /* bubblewrap itself: there, safe, complete */
why_not_function why_not_userns; /* namespaces for somebody without privileges */
why_not_function why_not_landlock;
why_not_function why_not_seccomp;
why_not_function why_not_cgroup;
why_not_function why_not_idmap;
why_not_function why_not_egress; /* networks of allowlists */

/* The whole of the Bwrap backend: the first layer that makes it fail, else the first that limits
 * it. Of facts that were only looked at, not tried, it finds what they show. */
why_not_function why_not_bwrap;

/* The same of the Native backend, which needs no bubblewrap. */
why_not_function why_not_native;

/* The same of the Landlock backend. It never works fully: what needs a namespace is missing. */
why_not_function why_not_landlock_backend;

/* The same of QemuVm and FirecrackerVm: the parts of a machine, and the jail around it. */
why_not_function why_not_qemu;
why_not_function why_not_firecracker;

/* A helper that said `complaint` and ended without having made the jail. */
int why_not_complaint(const struct ks_host *host, const char *complaint, struct why_not *ret);

void why_not_done(struct why_not *why);

/* 0 where the finding is not a failure; else its code, with the error made from it: the layer is
 * the error's step. */
int why_not_error(const struct why_not *why, ks_error **reterr);
/* The same of what a why_not_*() has just left in *why and returned, `found`; releases *why. */
int why_not_refuse(int found, struct why_not *why, ks_error **reterr);

/* The same of why_not_complaint(). Always returns -errno. */
int why_not_helper(const struct ks_host *host, const char *complaint, ks_error **reterr);

/* For the parts of this stage: both fill *ret and return 0 or -ENOMEM. */
int why_not_say(struct why_not *ret, enum ks_finding_state state, int code, const char *layer,
	const char *format, ...) __attribute__((format(printf, 5, 6)));
int why_not_advise(struct why_not *ret, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Adds the backend that needs no namespaces to the remedies, where it works. */
int why_not_offer_landlock(const struct ks_host *host, struct why_not *ret);
int why_not_describe(struct why_not *ret, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
