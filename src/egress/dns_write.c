/* SPDX-License-Identifier: Apache-2.0 */
/* The reply. Names are written in full or as a pointer to the question, which stands at offset 12;
 * the question is a copy of what came, so that clients that check its case (0x20) find it. */
#include "egress/bytes.h"
#include "egress/dns.h"

#define HEADER 12
#define FLAG_QR 0x8000
#define FLAG_TC 0x0200
#define FLAG_RD 0x0100
#define FLAG_RA 0x0080
#define FLAG_CD 0x0010
#define MASK_OPCODE 0x7800
#define POINTER_TO_QUESTION 0xc00c
#define OPT_DO 0x8000
#define OPTION_EDE 15
#define EDE_PROHIBITED 18

static void put_header(struct bytes_out *out, const struct dns_query *query, enum dns_rcode rcode,
	bool cut, unsigned answers)
{
	uint16_t flags = query->flags & (MASK_OPCODE | FLAG_RD | FLAG_CD);

	put_u16(out, query->id);
	put_u16(out, (uint16_t)(flags | FLAG_QR | FLAG_RA | (cut ? FLAG_TC : 0) | (rcode & 0xf)));
	put_u16(out, query->question_len ? 1 : 0);
	put_u16(out, (uint16_t)answers);
	put_u16(out, 0);
	put_u16(out, query->has_opt ? 1 : 0);
}

static void put_record(struct bytes_out *out, uint16_t type, const void *data, size_t len)
{
	put_u16(out, POINTER_TO_QUESTION);
	put_u16(out, type);
	put_u16(out, 1);
	put_u32(out, DNS_TTL);
	put_u16(out, (uint16_t)len);
	put_bytes(out, data, len);
}

/* The name's labels; canonical names always fit. */
static void put_pointer_record(struct bytes_out *out, const char *name)
{
	uint8_t room[KS_MAX_HOST + 2];
	struct bytes_out data = {.start = room, .room = sizeof(room)};

	while (*name) {
		size_t len = strcspn(name, ".");

		put_u8(&data, (uint8_t)len);
		put_bytes(&data, name, len);
		name += len + (name[len] == '.');
	}
	put_u8(&data, 0);
	put_record(out, DNS_PTR, room, data.len);
}

static void put_opt(
	struct bytes_out *out, const struct dns_query *query, enum dns_rcode rcode, bool prohibited)
{
	static const char why[] = "not in the allowlist";
	const size_t option_len = 2 + sizeof(why) - 1;

	put_u8(out, 0);
	put_u16(out, DNS_OPT);
	put_u16(out, DNS_MAX_REPLY);
	put_u8(out, (uint8_t)(rcode >> 4));
	put_u8(out, 0);
	put_u16(out, query->dnssec_ok ? OPT_DO : 0);
	put_u16(out, prohibited ? (uint16_t)(4 + option_len) : 0);
	if (!prohibited)
		return;
	put_u16(out, OPTION_EDE);
	put_u16(out, (uint16_t)option_len);
	put_u16(out, EDE_PROHIBITED);
	put_bytes(out, why, sizeof(why) - 1);
}

static size_t put_reply(const uint8_t *message, const struct dns_query *query,
	const struct dns_answer *answer, bool cut, uint8_t reply[DNS_MAX_REPLY])
{
	struct bytes_out out = {.start = reply, .room = DNS_MAX_REPLY};
	size_t records = cut ? 0 : answer->n_addresses + (answer->name ? 1 : 0);

	put_header(&out, query, answer->rcode, cut, (unsigned)records);
	put_bytes(&out, message + HEADER, query->question_len);
	for (size_t i = 0; !cut && i < answer->n_addresses; i++) {
		const struct address *address = &answer->addresses[i];
		bool v4 = address->family == ADDRESS_V4;

		put_record(&out, v4 ? DNS_A : DNS_AAAA, address->bytes, v4 ? 4 : 16);
	}
	if (!cut && answer->name)
		put_pointer_record(&out, answer->name);
	if (query->has_opt)
		put_opt(&out, query, answer->rcode, answer->prohibited && !cut);
	return out.len;
}

size_t dns_write(const uint8_t *message, const struct dns_query *query,
	const struct dns_answer *answer, bool tcp, uint8_t reply[DNS_MAX_REPLY])
{
	size_t len = put_reply(message, query, answer, false, reply);

	return tcp || len <= query->udp_size ? len : put_reply(message, query, answer, true, reply);
}
