/* SPDX-License-Identifier: Apache-2.0 */
/* Which server a resource belongs to: the one that listed it first. Pure. */
#ifndef KS_MCP_OWNERS_H
#define KS_MCP_OWNERS_H

#include <stdbool.h>
#include <stddef.h>

#define OWNERS_MAX 65536 /* resources and templates of all servers */
#define OWNERS_EACH 4096 /* of one, so that it leaves room for others */
#define OWNERS_URI_MAX 4096 /* bytes of one */
#define OWNERS_NONE ((size_t)-1)

struct owned {
	char *uri;
	size_t server;
	bool template; /* "scheme://{id}": owns what begins as it does before the brace */
	bool listed; /* since the last owners_begin() */
};

struct owners {
	struct owned *rows;
	size_t len;
};

/* A new list begins, of resources or of templates. */
void owners_begin(struct owners *owners, bool template);

/* The server lists it: 0 where it is that server's from now on, -EEXIST where it is another's,
 * -ENOBUFS past a bound, or -ENOMEM. */
int owners_add(struct owners *owners, const char *uri, bool template, size_t server);

/* The list is complete: what that server has not listed again belongs to nobody. */
void owners_end(struct owners *owners, bool template, size_t server);

/* The server whose it is, also by a template (the longest that fits); OWNERS_NONE if nobody's. */
size_t owners_find(const struct owners *owners, const char *uri);

void owners_done(struct owners *owners);

#endif
