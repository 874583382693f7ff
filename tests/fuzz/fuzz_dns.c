/* SPDX-License-Identifier: Apache-2.0 */
/* DNS: whatever is asked, the reply is a message that a strict reader takes: it fits, repeats the
 * question, holds no name of the network's choosing, and addresses only of listed names. */
#include "fuzz.h"

#include "egress/bytes.h"
#include "egress/dns.h"

static struct rules rules;

static void add(const char *entry)
{
	enum host_fault fault;

	HOLDS(rules_add(&rules, entry, strlen(entry), &fault) == 0);
}

static void check_records(struct bytes_in *in, unsigned count, const struct dns_query *query)
{
	for (unsigned i = 0; i < count; i++) {
		uint16_t type;
		struct bytes_in data;

		HOLDS(take_u16(in) == 0xc00c);
		type = take_u16(in);
		HOLDS(take_u16(in) == 1);
		take_u16(in);
		HOLDS(take_u16(in) == DNS_TTL);
		data = take_part(in, take_u16(in));
		HOLDS(!in->bad);
		HOLDS(query->type == type || query->type == DNS_ANY);
		if (type == DNS_A)
			HOLDS(data.left == 4);
		else if (type == DNS_AAAA)
			HOLDS(data.left == 16);
		else
			HOLDS(type == DNS_PTR && data.left <= 255);
		if (type != DNS_PTR)
			HOLDS(rules_know_name(&rules, &query->host) ||
				strstr(query->host.text, "localhost"));
	}
}

static void check_reply(const uint8_t *message, size_t len, const uint8_t *reply, size_t reply_len,
	const struct dns_query *query, bool tcp)
{
	struct bytes_in in = bytes_in(reply, reply_len);
	uint16_t flags, questions, answers, additional;
	const uint8_t *question;

	HOLDS(len >= 12 && !(message[2] & 0x80));
	HOLDS(reply_len >= 12 && reply_len <= DNS_MAX_REPLY);
	HOLDS(tcp || reply_len <= query->udp_size);
	HOLDS(take_u16(&in) == query->id);
	flags = take_u16(&in);
	HOLDS(flags & 0x8000 && (flags & 0xf) != 5);
	questions = take_u16(&in);
	answers = take_u16(&in);
	HOLDS(take_u16(&in) == 0);
	additional = take_u16(&in);
	HOLDS(questions == (query->question_len ? 1 : 0) && additional == query->has_opt);
	question = take_bytes(&in, query->question_len);
	HOLDS(question && query->question_len <= len - 12);
	HOLDS(memcmp(question, message + 12, query->question_len) == 0);
	check_records(&in, answers, query);
	if (additional) {
		HOLDS(take_u8(&in) == 0 && take_u16(&in) == DNS_OPT);
		take_bytes(&in, 6);
		take_part(&in, take_u16(&in));
	}
	HOLDS(!in.bad && in.left == 0);
}

/* The first byte chooses the transport, the rest is the message. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	uint8_t reply[DNS_MAX_REPLY];
	struct synthetic table;
	struct dns_query query;
	struct dns_answer answer;
	size_t reply_len, frame;

	if (!rules.count) {
		add("api.example.com:443");
		add("*.wild.example:443");
	}
	if (len < 1)
		return 0;
	dns_frame(bytes + 1, len - 1, &frame);
	HOLDS(synthetic_init(&table, 4, (struct hash_key){1, 2}) == 0);
	for (int i = 0; i < 2; i++) {
		reply_len = dns_respond(bytes + 1, len - 1, bytes[0] & 1, &rules, &table,
			bytes[0] & 2, reply, &query, &answer);
		if (reply_len)
			check_reply(bytes + 1, len - 1, reply, reply_len, &query, bytes[0] & 1);
	}
	synthetic_done(&table);
	return 0;
}
