/* SPDX-License-Identifier: Apache-2.0 */
/* Planning for the Container backend, Apple's program container: facts in, arguments out. The
 * grammar is that of its sources from 0.12.0 on. */
#ifndef KS_MACOS_PLAN_CONTAINER_H
#define KS_MACOS_PLAN_CONTAINER_H

#include "base/strbuf.h"
#include "base/strv.h"
#include "plan/plan.h"
#include "resolve/why_not.h"

#define CONTAINER_DEFAULT_IMAGE "alpine:3.20"
#define CONTAINER_OLDEST "0.12.0" /* the first that knows all flags that are used: --cap-drop */
/* The first that relays a host's socket so that a user who is not root may connect to it. */
#define CONTAINER_OLDEST_DOOR "1.1.0"
#define CONTAINER_RELEASES "https://github.com/apple/container/releases"
#define CONTAINER_LEAST_MIB 200u /* of a virtual machine */
#define CONTAINER_EGRESS "/run/kastellan-egress" /* the proxy's socket, inside */

/* As macos_plan_with(). Besides, refuses with the field what the arguments cannot carry: -EINVAL;
 * and a program that is too old: -EOPNOTSUPP. */
int plan_container(const struct plan_request *request, struct grants *grants,
	struct ks_plan **ret_plan, ks_error **reterr);

/* Names that are drawn at the start. Plans show them with CONTAINER_ID in their place. */
#define CONTAINER_ID "ID"
struct container_late {
	const char *name; /* of the container */
	const char
		*cid_file; /* is written before the program starts: told from a failing command */
	const char *env_file; /* the environment: a command line is for everybody to read */
	const char *egress; /* the proxy's socket on the host, or NULL */
};

/* The arguments of "container run". 0, -ENOMEM, or -EINVAL where a value is missing. */
int container_command(
	const struct ks_plan *plan, const struct container_late *late, struct strv *ret_argv);

/* The text of the environment's file. */
void container_env_text(const struct ks_plan *plan, struct strbuf *out);

/* Nothing is said of a version that will do. 0 or -ENOMEM. */
int container_version_why_not(const struct host_macos *mac, struct why_not *ret);

/* The processors that the planned machine has. */
uint64_t container_processors(const struct ks_plan *plan);

#endif
