/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/dns_udp.h"

#include <errno.h>

#include "egress/datagram.h"
#include "egress/tell.h"

#define TURN 32 /* questions before others have their turn */

void dns_udp_prepare(int fd)
{
	datagram_prepare(fd);
}

bool dns_udp_serve(struct tenant *tenant, int fd)
{
	uint8_t *bytes = (uint8_t *)tenant->relay.room->scratch, reply[DNS_MAX_REPLY];
	struct datagram question;
	struct dns_query query;
	struct dns_answer answer;
	bool any = false;

	for (int i = 0; i < TURN; i++) {
		size_t known = tenant->names.count, len;
		ssize_t got = datagram_receive(fd, &question, bytes, DNS_MAX_QUERY + 1);

		if (got < 0 && errno == EAGAIN)
			return false;
		/* Any other error is about an earlier answer that nobody took. */
		if (got < 0)
			continue;
		any = true;
		if (got == 0 || got > DNS_MAX_QUERY)
			continue;
		len = dns_respond(bytes, (size_t)got, false, &tenant->rules, &tenant->names,
			tenant->config.flags & EGRESS_FLAG_NO_V6, reply, &query, &answer);
		if (len == 0)
			continue;
		if (answer.reason != REASON_ALLOWED || tenant->names.count != known)
			tell_question(tenant, VIA_DNS_UDP, &query, &answer);
		datagram_answer(fd, &question, reply, len);
	}
	/* A socket that gives nothing but errors tells again when that has changed. */
	return any;
}
