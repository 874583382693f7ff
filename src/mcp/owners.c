/* SPDX-License-Identifier: Apache-2.0 */
#include "mcp/owners.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void owners_begin(struct owners *owners, bool template)
{
	for (size_t i = 0; i < owners->len; i++)
		if (owners->rows[i].template == template)
			owners->rows[i].listed = false;
}

int owners_add(struct owners *owners, const char *uri, bool template, size_t server)
{
	struct owned *row = owners->rows;
	size_t has = 0;

	for (size_t i = 0; i < owners->len; i++, row++) {
		has += row->server == server;
		if (row->template != template || strcmp(row->uri, uri) != 0)
			continue;
		if (row->server != server)
			return -EEXIST;
		row->listed = true;
		return 0;
	}
	if (has >= OWNERS_EACH || owners->len >= OWNERS_MAX || strlen(uri) > OWNERS_URI_MAX)
		return -ENOBUFS;
	if (!owners->rows)
		owners->rows = calloc(OWNERS_MAX, sizeof(*owners->rows));
	if (!owners->rows)
		return -ENOMEM;
	row = &owners->rows[owners->len];
	*row = (struct owned){strdup(uri), server, template, true};
	if (!row->uri)
		return -ENOMEM;
	owners->len++;
	return 0;
}

void owners_end(struct owners *owners, bool template, size_t server)
{
	size_t kept = 0;

	for (size_t i = 0; i < owners->len; i++) {
		struct owned *row = &owners->rows[i];

		if (row->template == template && row->server == server && !row->listed)
			free(row->uri);
		else
			owners->rows[kept++] = *row;
	}
	owners->len = kept;
}

size_t owners_find(const struct owners *owners, const char *uri)
{
	size_t found = OWNERS_NONE, longest = 0;

	for (size_t i = 0; i < owners->len; i++) {
		const struct owned *row = &owners->rows[i];
		size_t len = strcspn(row->uri, "{");

		if (!row->template && strcmp(row->uri, uri) == 0)
			return row->server;
		if (row->template && len > longest && strncmp(row->uri, uri, len) == 0) {
			found = row->server;
			longest = len;
		}
	}
	return found;
}

void owners_done(struct owners *owners)
{
	for (size_t i = 0; i < owners->len; i++)
		free(owners->rows[i].uri);
	free(owners->rows);
}
