/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/destinations.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* People read it in a terminal. */
static void show_host(const struct audit_line *line, char text[KS_MAX_HOST + 1])
{
	char address[ADDRESS_TEXT];
	const char *bytes = line->host;
	size_t len = line->host_len;

	if (!bytes || !len) {
		bytes = line->dst.family ? address_text(&line->dst, address) : "";
		len = strlen(bytes);
	}
	if (len > KS_MAX_HOST)
		len = KS_MAX_HOST;
	for (size_t i = 0; i < len; i++)
		text[i] = bytes[i] > ' ' && bytes[i] <= '~' ? bytes[i] : '?';
	text[len] = '\0';
}

void destinations_add(struct destinations *table, const struct audit_line *line)
{
	char host[KS_MAX_HOST + 1];
	struct egress_denied *denied;

	show_host(line, host);
	for (size_t i = 0; i < table->count; i++) {
		denied = &table->items[i];
		if (denied->port == line->port && denied->reason == (uint32_t)line->reason &&
			strcmp(denied->host, host) == 0) {
			denied->times++;
			return;
		}
	}
	if (table->count == DESTINATIONS_MAX)
		return;
	denied = &table->items[table->count++];
	memset(denied, 0, sizeof(*denied)); /* its padding leaves the process */
	denied->times = 1;
	denied->reason = (uint32_t)line->reason;
	denied->port = line->port;
	memcpy(denied->host, host, sizeof(host));
	snprintf(denied->entry, sizeof(denied->entry), "%s", line->entry ? line->entry : "");
}

static size_t rank_of(const struct destinations *table, size_t index)
{
	uint64_t times = table->items[index].times;
	size_t rank = 0;

	for (size_t i = 0; i < table->count; i++)
		if (table->items[i].times > times || (i < index && table->items[i].times == times))
			rank++;
	return rank;
}

int destinations_at(
	const struct destinations *table, size_t index, struct egress_denied *ret_denied)
{
	for (size_t i = 0; i < table->count; i++)
		if (rank_of(table, i) == index) {
			memcpy(ret_denied, &table->items[i], sizeof(*ret_denied));
			return 0;
		}
	return -ENOENT;
}
