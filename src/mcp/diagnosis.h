/* SPDX-License-Identifier: Apache-2.0 */
/* A server that is refused something usually goes on, and says in words of its own that it failed.
 * What the jail knows of it is put beside these words, where clients look for such things:
 * error.data.denied, or result._meta["kastellan/denied"] of a tool that has failed. Nothing is
 * guessed: it is what the jail has refused while the request was carried out, and those paths of
 * the request, named by the failure too, that the policy does not grant. Pure. */
#ifndef KS_MCP_DIAGNOSIS_H
#define KS_MCP_DIAGNOSIS_H

#include <stdbool.h>

#include "base/strbuf.h"
#include "mcp/refusals.h"
#include "workers/message.h"

/* The paths that a request of the client's names in strings of its params, and that the policy does
 * not grant, or not for writing: separated by line feeds, for free(); NULL where there are none.
 * What the server says is not looked at here: it could name what it would like to have. */
char *diagnosis_paths(const struct message *request, const ks_policy *policy);

/* The same of a command line and its working directory (which may be NULL). They are its user's own
 * words, so that the host is asked, too: what does not exist no grant would help. Not pure. */
char *diagnosis_command(const char *const *argv, const char *cwd, const ks_policy *policy);

/* Adds those of the paths to the array that the text names, each with the grant that would show it.
 * paths, policy and text may be NULL. Returns the array, or NULL where memory ran out. */
json_t *diagnosis_tell_paths(
	json_t *array, const char *text, size_t len, const char *paths, const ks_policy *policy);

/* Whether an answer says that it failed. */
bool diagnosis_failed(const struct message *answer);

/* The answer to a request that was sent behind so many lines of the audit, as a line, with what is
 * known. paths: see diagnosis_paths(); may be NULL. Where nothing is known, or the place for it is
 * taken, it is handed on as it was written. 0 or -ENOMEM. */
int diagnosis_put(struct strbuf *to, const struct message *answer, const char *paths,
	const ks_policy *policy, struct refusals *refusals, uint64_t lines);

#endif
