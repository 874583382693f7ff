/* SPDX-License-Identifier: Apache-2.0 */
/* One query of RFC 1035 with EDNS of RFC 6891. A question holds its name in full: nothing is
 * written before it that a compression pointer could point to. */
#include <errno.h>

#include "egress/bytes.h"
#include "egress/dns.h"

#define HEADER 12
#define FLAG_QR 0x8000
#define FLAG_TC 0x0200
#define OPCODE(flags) ((flags) >> 11 & 0xf)
#define CLASS_IN 1
#define MAX_NAME 255 /* bytes of a name in a message, RFC 1035 */
#define SMALLEST_UDP 512
#define OPT_DO 0x8000

/* A name as text; 0 or -1 where it is none. A dot inside a label would read as two labels, so the
 * label is refused: *ret_fault. The text has no final dot; the root's is empty. */
static int take_name(
	struct bytes_in *in, char text[MAX_NAME], size_t *ret_len, enum host_fault *ret_fault)
{
	size_t len = 0, wire = 1;

	*ret_fault = HOST_FAULT_NONE;
	for (;;) {
		uint8_t size = take_u8(in);
		const uint8_t *label = take_bytes(in, size);

		if (!label || size > KS_MAX_LABEL)
			return -1;
		if (size == 0)
			break;
		wire += 1u + size;
		if (wire > MAX_NAME)
			return -1;
		if (memchr(label, '.', size))
			*ret_fault = HOST_FAULT_CHARACTER;
		if (len)
			text[len++] = '.';
		memcpy(text + len, label, size);
		len += size;
	}
	*ret_len = len;
	return 0;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "7.113.0.203.in-addr.arpa": the numbers stand in the order of the text's address, reversed. */
static bool reverse_v4(const char *text, size_t len, struct address *ret_address)
{
	struct address turned;
	uint8_t bytes[4];

	if (!address_parse(text, len, &turned) || turned.family != ADDRESS_V4)
		return false;
	for (int i = 0; i < 4; i++)
		bytes[i] = turned.bytes[3 - i];
	*ret_address = address_from_v4(bytes);
	return true;
}

/* 32 digits with dots between them, the last digit of the address first. */
static bool reverse_v6(const char *text, size_t len, struct address *ret_address)
{
	uint8_t bytes[16] = {0};

	if (len != 63)
		return false;
	for (size_t i = 0; i < 32; i++) {
		int value = hex_value(text[2 * i]);

		if (value < 0 || (i < 31 && text[2 * i + 1] != '.'))
			return false;
		bytes[15 - i / 2] |= (uint8_t)(value << (i % 2 ? 4 : 0));
	}
	*ret_address = address_from_v6(bytes);
	return true;
}

static bool ends_in(const char *text, size_t len, const char *ending, size_t *ret_before)
{
	size_t ending_len = strlen(ending);

	if (len <= ending_len || memcmp(text + len - ending_len, ending, ending_len) != 0)
		return false;
	*ret_before = len - ending_len;
	return true;
}

static void read_reverse(struct dns_query *query)
{
	const char *text = query->host.text;
	size_t len = strlen(text), before;

	if (ends_in(text, len, ".in-addr.arpa", &before))
		reverse_v4(text, before, &query->reverse);
	else if (ends_in(text, len, ".ip6.arpa", &before))
		reverse_v6(text, before, &query->reverse);
}

static int read_question(struct bytes_in *in, struct dns_query *query)
{
	const uint8_t *start = in->at;
	char text[MAX_NAME];
	enum host_fault fault;
	size_t len;
	uint16_t class;

	if (take_name(in, text, &len, &fault) < 0)
		return DNS_FORMERR;
	query->type = take_u16(in);
	class = take_u16(in);
	if (in->bad)
		return DNS_FORMERR;
	query->question_len = (size_t)(in->at - start);
	query->fault = fault ? fault : egress_host_parse(text, len, &query->host);
	if (!query->fault)
		read_reverse(query);
	if (query->type == DNS_OPT)
		return DNS_FORMERR;
	/* TKEY, TSIG, transfers and the two ancient ones are not asked of a resolver. */
	if (class != CLASS_IN || (query->type >= 249 && query->type <= 254))
		return DNS_NOTIMP;
	return DNS_NOERROR;
}

/* Names of other records may be compressed; they are skipped and never followed. */
static void skip_name(struct bytes_in *in)
{
	for (;;) {
		uint8_t size = take_u8(in);

		if (size >= 0xc0) {
			take_u8(in);
			return;
		}
		if (size > KS_MAX_LABEL)
			in->bad = true;
		if (size == 0 || in->bad)
			return;
		take_bytes(in, size);
	}
}

static int read_opt(struct dns_query *query, bool at_root, uint16_t size, uint32_t flags,
	struct bytes_in options)
{
	if (query->has_opt || !at_root)
		return DNS_FORMERR;
	while (options.left && !options.bad) {
		take_u16(&options);
		take_bytes(&options, take_u16(&options));
	}
	if (options.bad)
		return DNS_FORMERR;
	query->has_opt = true;
	query->dnssec_ok = flags & OPT_DO;
	query->udp_size = size < SMALLEST_UDP	 ? SMALLEST_UDP
			  : size > DNS_MAX_REPLY ? DNS_MAX_REPLY
						 : size;
	return (flags >> 16 & 0xff) != 0 ? DNS_BADVERS : DNS_NOERROR;
}

/* The last section: OPT counts, anything else is skipped. */
static int read_additional(struct bytes_in *in, unsigned count, struct dns_query *query)
{
	int rcode = DNS_NOERROR;

	for (unsigned i = 0; i < count && !in->bad; i++) {
		bool at_root = in->left && in->at[0] == 0;
		uint16_t type, size;
		uint32_t flags;
		struct bytes_in data;
		int r;

		skip_name(in);
		type = take_u16(in);
		size = take_u16(in);
		flags = (uint32_t)take_u16(in) << 16;
		flags |= take_u16(in);
		data = take_part(in, take_u16(in));
		if (in->bad || type != DNS_OPT)
			continue;
		r = read_opt(query, at_root, size, flags, data);
		if (r == DNS_FORMERR)
			return r;
		rcode = r;
	}
	return in->bad || in->left ? DNS_FORMERR : rcode;
}

static int read_message(struct bytes_in *in, size_t len, struct dns_query *query)
{
	uint16_t questions = take_u16(in), answers = take_u16(in), authorities = take_u16(in);
	uint16_t additional = take_u16(in);
	int rcode, later;

	if (OPCODE(query->flags) != 0)
		return DNS_NOTIMP;
	if (len > DNS_MAX_QUERY || query->flags & FLAG_TC || questions != 1 || answers ||
		authorities)
		return DNS_FORMERR;
	rcode = read_question(in, query);
	if (!query->question_len)
		return rcode;
	later = read_additional(in, additional, query);
	if (later == DNS_FORMERR)
		query->has_opt = false;
	return later ? later : rcode;
}

int dns_parse(const uint8_t *message, size_t len, struct dns_query *ret_query)
{
	struct bytes_in in = bytes_in(message, len);
	struct dns_query query = {.udp_size = SMALLEST_UDP, .fault = HOST_FAULT_EMPTY};

	query.id = take_u16(&in);
	query.flags = take_u16(&in);
	if (len < HEADER || query.flags & FLAG_QR)
		return -EBADMSG;
	query.rcode = (enum dns_rcode)read_message(&in, len, &query);
	*ret_query = query;
	return 0;
}

int dns_frame(const uint8_t *bytes, size_t len, size_t *ret_len)
{
	struct bytes_in in = bytes_in(bytes, len);
	size_t size = take_u16(&in);

	if (in.bad)
		return 0;
	if (size > DNS_MAX_QUERY)
		return -EMSGSIZE;
	if (in.left < size)
		return 0;
	*ret_len = size;
	return 1;
}
