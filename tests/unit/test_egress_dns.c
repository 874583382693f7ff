/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "egress/bytes.h"
#include "egress/dns.h"

static struct rules rules;
static struct synthetic table;

static void add(const char *entry)
{
	enum host_fault fault;

	assert_int_equal(rules_add(&rules, entry, strlen(entry), &fault), 0);
}

static int set_up(void **state)
{
	(void)state;
	add("api.example.com:443");
	add("*.wild.example:443");
	add("10.0.0.5:5432");
	return synthetic_init(&table, 3);
}

static int tear_down(void **state)
{
	(void)state;
	rules_done(&rules);
	synthetic_done(&table);
	return 0;
}

struct message {
	uint8_t bytes[DNS_MAX_QUERY + 10];
	struct bytes_out out;
};

static void start(struct message *m, uint16_t flags, uint16_t questions, uint16_t additional)
{
	m->out = (struct bytes_out){.start = m->bytes, .room = sizeof(m->bytes)};
	put_u16(&m->out, 0xbeef);
	put_u16(&m->out, flags);
	put_u16(&m->out, questions);
	put_u32(&m->out, 0);
	put_u16(&m->out, additional);
}

/* A name with dots between its labels. */
static void put_name(struct message *m, const char *name)
{
	while (*name) {
		size_t len = strcspn(name, ".");

		put_u8(&m->out, (uint8_t)len);
		put_bytes(&m->out, name, len);
		name += len + (name[len] == '.');
	}
	put_u8(&m->out, 0);
}

static void question(struct message *m, const char *name, uint16_t type)
{
	start(m, 0x0100, 1, 0);
	put_name(m, name);
	put_u16(&m->out, type);
	put_u16(&m->out, 1);
}

static void put_opt(struct message *m, uint16_t size, uint32_t flags, const char *data, size_t len)
{
	m->bytes[11]++;
	put_u8(&m->out, 0);
	put_u16(&m->out, DNS_OPT);
	put_u16(&m->out, size);
	put_u32(&m->out, flags);
	put_u16(&m->out, (uint16_t)len);
	put_bytes(&m->out, data, len);
}

struct reply {
	uint8_t bytes[DNS_MAX_REPLY];
	size_t len;
	uint16_t flags, questions, answers, additional;
	struct dns_query query;
	struct dns_answer answer;
};

/* Asks with memory of the exact size; reads the reply's header. */
static void ask(const struct message *m, bool tcp, struct reply *reply)
{
	uint8_t *exact = malloc(m->out.len ? m->out.len : 1);
	struct bytes_in in;

	assert_non_null(exact);
	memcpy(exact, m->bytes, m->out.len);
	reply->len = dns_respond(exact, m->out.len, tcp, &rules, &table, false, reply->bytes,
		&reply->query, &reply->answer);
	free(exact);
	if (!reply->len)
		return;
	in = bytes_in(reply->bytes, reply->len);
	assert_int_equal(take_u16(&in), 0xbeef);
	reply->flags = take_u16(&in);
	reply->questions = take_u16(&in);
	reply->answers = take_u16(&in);
	assert_int_equal(take_u16(&in), 0);
	reply->additional = take_u16(&in);
	assert_false(in.bad);
	assert_true(reply->flags & 0x8000);
}

static int rcode(const struct reply *reply)
{
	return reply->flags & 0xf;
}

/* The one record of the reply, behind its question. */
static void expect_record(const struct reply *reply, uint16_t type, const char *data, size_t len)
{
	size_t at = 12 + reply->query.question_len;
	struct bytes_in in = bytes_in(reply->bytes + at, reply->len - at);
	const uint8_t *bytes;

	assert_int_equal(take_u16(&in), 0xc00c);
	assert_int_equal(take_u16(&in), type);
	assert_int_equal(take_u16(&in), 1);
	take_u16(&in);
	assert_int_equal(take_u16(&in), DNS_TTL);
	assert_int_equal(take_u16(&in), len);
	bytes = take_bytes(&in, len);
	assert_non_null(bytes);
	assert_memory_equal(bytes, data, len);
	if (!reply->additional)
		assert_int_equal(in.left, 0);
}

static void test_listed_names_have_addresses(void **state)
{
	struct message m;
	struct reply reply;

	(void)state;
	question(&m, "aPi.exAmple.com", DNS_A);
	ask(&m, false, &reply);
	assert_int_equal(reply.flags, 0x8180);
	assert_int_equal(reply.answers, 1);
	/* The case of the question is kept. */
	assert_memory_equal(reply.bytes + 12, m.bytes + 12, m.out.len - 12);
	expect_record(&reply, DNS_A, "\xc6\x12\0\1", 4);
	assert_int_equal(reply.answer.reason, REASON_ALLOWED);
	question(&m, "api.example.com", DNS_AAAA);
	ask(&m, true, &reply);
	assert_int_equal(reply.answers, 1);
	expect_record(&reply, DNS_AAAA, "\x20\1\0\2\0\0\0\1\0\0\0\0\0\0\0\1", 16);
	question(&m, "a.b.wild.example", DNS_A);
	ask(&m, false, &reply);
	expect_record(&reply, DNS_A, "\xc6\x12\0\2", 4);
	question(&m, "a.b.wild.example", DNS_ANY);
	ask(&m, false, &reply);
	assert_int_equal(reply.answers, 2);
}

static void test_other_types_have_no_data_and_spend_no_place(void **state)
{
	static const uint16_t types[] = {2, 5, 6, 12, 15, 16, 33, 64, 65, 43, 48, 10, 257, 0};
	struct message m;
	struct reply reply;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		question(&m, "unused.wild.example", types[i]);
		ask(&m, false, &reply);
		assert_int_equal(rcode(&reply), DNS_NOERROR);
		assert_int_equal(reply.answers, 0);
	}
	assert_int_equal(table.count, 2);
	dns_decide(&reply.query, &rules, &table, true, &reply.answer);
	question(&m, "api.example.com", DNS_AAAA);
	assert_int_equal(dns_parse(m.bytes, m.out.len, &reply.query), 0);
	dns_decide(&reply.query, &rules, &table, true, &reply.answer);
	assert_int_equal(reply.answer.n_addresses, 0);
	assert_int_equal(reply.answer.rcode, DNS_NOERROR);
}

static void test_all_other_names_do_not_exist(void **state)
{
	static const char *const names[] = {"example.com", "com", "evil.example", "wild.example",
		"xapi.example.com", "api.example.com.corp.example", "api.example.org", "10.0.0.5",
		"localhost.evil.example", "notlocalhost"};
	static const uint16_t types[] = {DNS_A, DNS_AAAA, 16, 65, DNS_ANY};
	struct message m;
	struct reply reply;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (size_t j = 0; j < sizeof(types) / sizeof(types[0]); j++) {
			question(&m, names[i], types[j]);
			ask(&m, false, &reply);
			assert_int_equal(rcode(&reply), DNS_NXDOMAIN);
			assert_int_equal(reply.answers, 0);
			assert_int_equal(reply.additional, 0);
			assert_int_equal(reply.len, m.out.len);
			assert_int_equal(reply.answer.reason, REASON_HOST_NOT_ALLOWED);
		}
}

static void test_prohibited_is_said_to_edns_clients(void **state)
{
	struct message m;
	struct reply reply;

	(void)state;
	question(&m, "evil.example", DNS_A);
	put_opt(&m, 4096, 0x8000, "", 0);
	ask(&m, false, &reply);
	assert_int_equal(rcode(&reply), DNS_NXDOMAIN);
	assert_int_equal(reply.additional, 1);
	assert_int_equal(reply.len, 12 + reply.query.question_len + 11 + 26);
	/* OPT with DO, then option 15 with code 18. */
	assert_memory_equal(reply.bytes + 12 + reply.query.question_len,
		"\0\0\x29\x04\xd0\0\0\x80\0\0\x1a\0\xf\0\x16\0\x12", 17);
	question(&m, "api.example.com", DNS_A);
	put_opt(&m, 1232, 0, "\0\12\0\10cookie..", 12);
	ask(&m, false, &reply);
	assert_int_equal(reply.additional, 1);
	assert_int_equal(reply.len, 12 + reply.query.question_len + 16 + 11);
	expect_record(&reply, DNS_A, "\xc6\x12\0\1", 4);
}

static void test_bad_names_do_not_exist(void **state)
{
	static const char *const names[] = {"a b.example", "u@api.example.com", "-a.example",
		"127.1", "0x7f.1", "api%2eexample.com", "\xc3\xbc.example", "*.wild.example"};
	struct message m;
	struct reply reply;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		question(&m, names[i], DNS_A);
		ask(&m, false, &reply);
		assert_int_equal(rcode(&reply), DNS_NXDOMAIN);
		assert_int_equal(reply.answer.reason, REASON_BAD_NAME);
	}
	/* A dot and a NUL inside a label. */
	start(&m, 0x0100, 1, 0);
	put_bytes(&m.out, "\13api.example\3com\0\0\1\0\1", 21);
	ask(&m, false, &reply);
	assert_int_equal(rcode(&reply), DNS_NXDOMAIN);
	assert_int_equal(reply.answer.reason, REASON_BAD_NAME);
	start(&m, 0x0100, 1, 0);
	put_bytes(&m.out, "\4api\0\7example\3com\0\0\1\0\1", 22);
	ask(&m, false, &reply);
	assert_int_equal(reply.answer.reason, REASON_BAD_NAME);
	/* The root is there. */
	question(&m, "", 2);
	ask(&m, false, &reply);
	assert_int_equal(rcode(&reply), DNS_NOERROR);
	assert_int_equal(reply.answers, 0);
}

static void test_localhost_is_the_jails_own(void **state)
{
	struct message m;
	struct reply reply;

	(void)state;
	question(&m, "Localhost", DNS_A);
	ask(&m, false, &reply);
	expect_record(&reply, DNS_A, "\x7f\0\0\1", 4);
	question(&m, "x.localhost", DNS_AAAA);
	ask(&m, false, &reply);
	expect_record(&reply, DNS_AAAA, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
}

static void test_addresses_give_their_names_back(void **state)
{
	struct message m;
	struct reply reply;

	(void)state;
	question(&m, "1.0.18.198.IN-ADDR.arpa", DNS_PTR);
	ask(&m, false, &reply);
	assert_int_equal(reply.answers, 1);
	expect_record(&reply, DNS_PTR, "\3api\7example\3com\0", 17);
	question(&m, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.0.0.2.0.0.0.1.0.0.2.ip6.arpa",
		DNS_PTR);
	ask(&m, false, &reply);
	assert_int_equal(reply.answers, 1);
	expect_record(&reply, DNS_PTR, "\3api\7example\3com\0", 17);
	question(&m, "1.0.18.198.in-addr.arpa", DNS_A);
	ask(&m, false, &reply);
	assert_int_equal(rcode(&reply), DNS_NOERROR);
	assert_int_equal(reply.answers, 0);
	question(&m, "1.0.0.127.in-addr.arpa", DNS_PTR);
	ask(&m, false, &reply);
	expect_record(&reply, DNS_PTR, "\11localhost\0", 11);
	static const char *const none[] = {"9.0.18.198.in-addr.arpa", "1.1.1.1.in-addr.arpa",
		"0.18.198.in-addr.arpa", "01.0.18.198.in-addr.arpa", "1.1.0.18.198.in-addr.arpa",
		"in-addr.arpa", "x.in-addr.arpa", "ip6.arpa",
		"g.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.0.0.2.0.0.0.1.0.0.2.ip6.arpa",
		"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.0.2.0.0.0.1.0.0.2.ip6.arpa",
		"00.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.0.0.2.0.0.0.1.0.0.2.ip6.arpa"};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		question(&m, none[i], DNS_PTR);
		ask(&m, false, &reply);
		if (rcode(&reply) != DNS_NXDOMAIN)
			fail_msg("%s: %d", none[i], rcode(&reply));
	}
}

static void test_a_full_table_is_a_failure_not_a_lie(void **state)
{
	struct message m;
	struct reply reply;

	(void)state;
	question(&m, "third.wild.example", DNS_A);
	ask(&m, false, &reply);
	assert_int_equal(reply.answers, 1);
	question(&m, "fourth.wild.example", DNS_A);
	ask(&m, false, &reply);
	assert_int_equal(rcode(&reply), DNS_SERVFAIL);
	assert_int_equal(reply.answer.reason, REASON_LIMIT);
	question(&m, "api.example.com", DNS_A);
	ask(&m, false, &reply);
	expect_record(&reply, DNS_A, "\xc6\x12\0\1", 4);
}

static void expect_rcode(const struct message *m, int wanted)
{
	struct reply reply;

	ask(m, false, &reply);
	assert_true(reply.len);
	if (rcode(&reply) != wanted)
		fail_msg("rcode %d, wanted %d", rcode(&reply), wanted);
	assert_int_equal(reply.answers, 0);
	assert_int_equal(reply.answer.reason, REASON_BAD_REQUEST);
}

static void test_silence(void **state)
{
	struct message m;
	struct reply reply;

	(void)state;
	question(&m, "api.example.com", DNS_A);
	for (m.out.len = 0; m.out.len < 12; m.out.len++) {
		ask(&m, false, &reply);
		assert_int_equal(reply.len, 0);
	}
	question(&m, "api.example.com", DNS_A);
	m.bytes[2] |= 0x80;
	ask(&m, false, &reply);
	assert_int_equal(reply.len, 0);
}

static void test_form_errors(void **state)
{
	struct message m;
	size_t whole;

	(void)state;
	/* Every shorter message; the header promises a question. */
	question(&m, "api.example.com", DNS_A);
	whole = m.out.len;
	for (m.out.len = 12; m.out.len < whole; m.out.len++)
		expect_rcode(&m, DNS_FORMERR);
	/* Bytes behind it. */
	question(&m, "api.example.com", DNS_A);
	put_u8(&m.out, 0);
	expect_rcode(&m, DNS_FORMERR);
	for (size_t count = 5; count <= 9; count += 2) {
		question(&m, "api.example.com", DNS_A);
		m.bytes[count] ^= 3;
		expect_rcode(&m, DNS_FORMERR);
	}
	question(&m, "api.example.com", DNS_A);
	m.bytes[2] |= 2; /* TC */
	expect_rcode(&m, DNS_FORMERR);
	/* Compression, also pointing at itself; the two unused kinds of label. */
	for (int kind = 0x40; kind <= 0xc0; kind += 0x40) {
		start(&m, 0x0100, 1, 0);
		put_u8(&m.out, (uint8_t)kind);
		put_u8(&m.out, 12);
		put_u32(&m.out, 0x10001);
		expect_rcode(&m, DNS_FORMERR);
	}
	/* A name of 256 bytes. */
	start(&m, 0x0100, 1, 0);
	for (int i = 0; i < 127; i++)
		put_bytes(&m.out, "\1a", 2);
	put_bytes(&m.out, "\1a\0\0\1\0\1", 7);
	expect_rcode(&m, DNS_FORMERR);
	question(&m, "api.example.com", DNS_OPT);
	expect_rcode(&m, DNS_FORMERR);
	question(&m, "api.example.com", DNS_A);
	m.out.len = DNS_MAX_QUERY + 1;
	expect_rcode(&m, DNS_FORMERR);
}

static void test_edns_errors(void **state)
{
	struct message m;
	struct reply reply;

	(void)state;
	question(&m, "api.example.com", DNS_A);
	put_opt(&m, 1232, 0, "", 0);
	put_opt(&m, 1232, 0, "", 0);
	expect_rcode(&m, DNS_FORMERR);
	question(&m, "api.example.com", DNS_A);
	put_opt(&m, 1232, 0, "\0\12\0\11short", 9);
	expect_rcode(&m, DNS_FORMERR);
	/* The name of OPT is the root. */
	question(&m, "api.example.com", DNS_A);
	m.bytes[11]++;
	put_name(&m, "x");
	put_u16(&m.out, DNS_OPT);
	put_u16(&m.out, 1232);
	put_u32(&m.out, 0);
	put_u16(&m.out, 0);
	expect_rcode(&m, DNS_FORMERR);
	question(&m, "api.example.com", DNS_A);
	put_opt(&m, 1232, 0x10000, "", 0);
	ask(&m, false, &reply);
	assert_int_equal(reply.query.rcode, DNS_BADVERS);
	assert_int_equal(rcode(&reply), 0);
	assert_int_equal(reply.answers, 0);
	assert_int_equal(reply.bytes[12 + reply.query.question_len + 5], 1);
	/* Other records are skipped, a compressed name among them. */
	question(&m, "api.example.com", DNS_A);
	m.bytes[11]++;
	put_bytes(&m.out, "\xc0\x0c\0\1\0\1\0\0\0\0\0\4\1\2\3\4", 16);
	ask(&m, false, &reply);
	assert_int_equal(rcode(&reply), 0);
	assert_int_equal(reply.answers, 1);
	assert_int_equal(reply.additional, 0);
}

static void test_what_is_not_implemented(void **state)
{
	static const uint16_t types[] = {249, 250, 251, 252, 253, 254};
	struct message m;

	(void)state;
	for (unsigned opcode = 1; opcode < 16; opcode++) {
		question(&m, "api.example.com", DNS_A);
		m.bytes[2] = (uint8_t)(m.bytes[2] | opcode << 3);
		expect_rcode(&m, DNS_NOTIMP);
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		question(&m, "api.example.com", types[i]);
		expect_rcode(&m, DNS_NOTIMP);
	}
	for (unsigned class = 0; class < 256; class ++) {
		question(&m, "version.bind", 16);
		m.bytes[m.out.len - 1] = (uint8_t) class;
		if (class != 1)
			expect_rcode(&m, DNS_NOTIMP);
	}
}

static void test_a_long_reply_is_cut_over_udp(void **state)
{
	/* The longest name in a question is no address, so the answer is made by hand. */
	char label[64], name[254];
	struct message m;
	struct reply reply;
	size_t len;

	(void)state;
	memset(label, 'a', 63);
	label[63] = '\0';
	snprintf(name, sizeof(name), "%s.%s.%s.%.61s", label, label, label, label);
	question(&m, name, DNS_PTR);
	assert_int_equal(dns_parse(m.bytes, m.out.len, &reply.query), 0);
	assert_int_equal(reply.query.rcode, 0);
	reply.answer = (struct dns_answer){.name = name};
	len = dns_write(m.bytes, &reply.query, &reply.answer, true, reply.bytes);
	assert_int_equal(len, 12 + 259 + 12 + 255);
	len = dns_write(m.bytes, &reply.query, &reply.answer, false, reply.bytes);
	assert_int_equal(len, 12 + 259);
	assert_int_equal(reply.bytes[2] & 2, 2);
	assert_int_equal(reply.bytes[7], 0);
	put_opt(&m, 600, 0, "", 0);
	assert_int_equal(dns_parse(m.bytes, m.out.len, &reply.query), 0);
	assert_int_equal(reply.query.udp_size, 600);
	len = dns_write(m.bytes, &reply.query, &reply.answer, false, reply.bytes);
	assert_int_equal(len, 12 + 259 + 12 + 255 + 11);
	assert_int_equal(reply.bytes[2] & 2, 0);
}

static void test_edns_sizes(void **state)
{
	static const uint16_t sizes[][2] = {
		{0, 512}, {511, 512}, {513, 513}, {1232, 1232}, {1233, 1232}, {65535, 1232}};
	struct message m;
	struct dns_query query;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		question(&m, "api.example.com", DNS_A);
		put_opt(&m, sizes[i][0], 0, "", 0);
		assert_int_equal(dns_parse(m.bytes, m.out.len, &query), 0);
		assert_int_equal(query.udp_size, sizes[i][1]);
	}
}

static void test_frames_of_tcp(void **state)
{
	static const uint8_t bytes[] = {0, 3, 'a', 'b', 'c', 0};
	static const uint8_t large[] = {DNS_MAX_QUERY >> 8, 1};
	size_t len = 0;

	(void)state;
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(dns_frame(bytes, i, &len), 0);
	assert_int_equal(dns_frame(bytes, 6, &len), 1);
	assert_int_equal(len, 3);
	assert_int_equal(dns_frame(large, 2, &len), -EMSGSIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listed_names_have_addresses),
		cmocka_unit_test(test_other_types_have_no_data_and_spend_no_place),
		cmocka_unit_test(test_all_other_names_do_not_exist),
		cmocka_unit_test(test_prohibited_is_said_to_edns_clients),
		cmocka_unit_test(test_bad_names_do_not_exist),
		cmocka_unit_test(test_localhost_is_the_jails_own),
		cmocka_unit_test(test_addresses_give_their_names_back),
		cmocka_unit_test(test_a_full_table_is_a_failure_not_a_lie),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_form_errors),
		cmocka_unit_test(test_edns_errors),
		cmocka_unit_test(test_what_is_not_implemented),
		cmocka_unit_test(test_a_long_reply_is_cut_over_udp),
		cmocka_unit_test(test_edns_sizes),
		cmocka_unit_test(test_frames_of_tcp),
	};

	return cmocka_run_group_tests_name("egress_dns", tests, set_up, tear_down);
}
