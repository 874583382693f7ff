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

#include "dns_fixture.h"

static void expect_rcode(const struct dns_message *m, int wanted)
{
	struct dns_said reply;

	dns_ask(m, false, &reply);
	assert_true(reply.len);
	if (dns_rcode(&reply) != wanted)
		fail_msg("rcode %d, wanted %d", dns_rcode(&reply), wanted);
	assert_int_equal(reply.answers, 0);
	assert_int_equal(reply.answer.reason, REASON_BAD_REQUEST);
}

static void test_silence(void **state)
{
	struct dns_message m;
	struct dns_said reply;

	(void)state;
	dns_question(&m, "api.example.com", DNS_A);
	for (m.out.len = 0; m.out.len < 12; m.out.len++) {
		dns_ask(&m, false, &reply);
		assert_int_equal(reply.len, 0);
	}
	dns_question(&m, "api.example.com", DNS_A);
	m.bytes[2] |= 0x80;
	dns_ask(&m, false, &reply);
	assert_int_equal(reply.len, 0);
}

static void test_form_errors(void **state)
{
	struct dns_message m;
	size_t whole;

	(void)state;
	/* Every shorter message; the header promises a question. */
	dns_question(&m, "api.example.com", DNS_A);
	whole = m.out.len;
	for (m.out.len = 12; m.out.len < whole; m.out.len++)
		expect_rcode(&m, DNS_FORMERR);
	/* Bytes behind it. */
	dns_question(&m, "api.example.com", DNS_A);
	put_u8(&m.out, 0);
	expect_rcode(&m, DNS_FORMERR);
	for (size_t count = 5; count <= 9; count += 2) {
		dns_question(&m, "api.example.com", DNS_A);
		m.bytes[count] ^= 3;
		expect_rcode(&m, DNS_FORMERR);
	}
	dns_question(&m, "api.example.com", DNS_A);
	m.bytes[2] |= 2; /* TC */
	expect_rcode(&m, DNS_FORMERR);
	/* Compression, also pointing at itself; the two unused kinds of label. */
	for (int kind = 0x40; kind <= 0xc0; kind += 0x40) {
		dns_start(&m, 0x0100, 1, 0);
		put_u8(&m.out, (uint8_t)kind);
		put_u8(&m.out, 12);
		put_u32(&m.out, 0x10001);
		expect_rcode(&m, DNS_FORMERR);
	}
	/* A name of 256 bytes. */
	dns_start(&m, 0x0100, 1, 0);
	for (int i = 0; i < 127; i++)
		put_bytes(&m.out, "\1a", 2);
	put_bytes(&m.out, "\1a\0\0\1\0\1", 7);
	expect_rcode(&m, DNS_FORMERR);
	dns_question(&m, "api.example.com", DNS_OPT);
	expect_rcode(&m, DNS_FORMERR);
	dns_question(&m, "api.example.com", DNS_A);
	m.out.len = DNS_MAX_QUERY + 1;
	expect_rcode(&m, DNS_FORMERR);
}

static void test_edns_errors(void **state)
{
	struct dns_message m;
	struct dns_said reply;

	(void)state;
	dns_question(&m, "api.example.com", DNS_A);
	dns_put_opt(&m, 1232, 0, "", 0);
	dns_put_opt(&m, 1232, 0, "", 0);
	expect_rcode(&m, DNS_FORMERR);
	dns_question(&m, "api.example.com", DNS_A);
	dns_put_opt(&m, 1232, 0, "\0\12\0\11short", 9);
	expect_rcode(&m, DNS_FORMERR);
	/* The name of OPT is the root. */
	dns_question(&m, "api.example.com", DNS_A);
	m.bytes[11]++;
	dns_put_name(&m, "x");
	put_u16(&m.out, DNS_OPT);
	put_u16(&m.out, 1232);
	put_u32(&m.out, 0);
	put_u16(&m.out, 0);
	expect_rcode(&m, DNS_FORMERR);
	dns_question(&m, "api.example.com", DNS_A);
	dns_put_opt(&m, 1232, 0x10000, "", 0);
	dns_ask(&m, false, &reply);
	assert_int_equal(reply.query.rcode, DNS_BADVERS);
	assert_int_equal(dns_rcode(&reply), 0);
	assert_int_equal(reply.answers, 0);
	assert_int_equal(reply.bytes[12 + reply.query.question_len + 5], 1);
	/* Other records are skipped, a compressed name among them. */
	dns_question(&m, "api.example.com", DNS_A);
	m.bytes[11]++;
	put_bytes(&m.out, "\xc0\x0c\0\1\0\1\0\0\0\0\0\4\1\2\3\4", 16);
	dns_ask(&m, false, &reply);
	assert_int_equal(dns_rcode(&reply), 0);
	assert_int_equal(reply.answers, 1);
	assert_int_equal(reply.additional, 0);
}

static void test_what_is_not_implemented(void **state)
{
	static const uint16_t types[] = {249, 250, 251, 252, 253, 254};
	struct dns_message m;

	(void)state;
	for (unsigned opcode = 1; opcode < 16; opcode++) {
		dns_question(&m, "api.example.com", DNS_A);
		m.bytes[2] = (uint8_t)(m.bytes[2] | opcode << 3);
		expect_rcode(&m, DNS_NOTIMP);
	}
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		dns_question(&m, "api.example.com", types[i]);
		expect_rcode(&m, DNS_NOTIMP);
	}
	for (unsigned class = 0; class < 256; class ++) {
		dns_question(&m, "version.bind", 16);
		m.bytes[m.out.len - 1] = (uint8_t) class;
		if (class != 1)
			expect_rcode(&m, DNS_NOTIMP);
	}
}

static void test_a_long_reply_is_cut_over_udp(void **state)
{
	/* The longest name in a question is no address, so the answer is made by hand. */
	char label[64], name[254];
	struct dns_message m;
	struct dns_said reply;
	size_t len;

	(void)state;
	memset(label, 'a', 63);
	label[63] = '\0';
	snprintf(name, sizeof(name), "%s.%s.%s.%.61s", label, label, label, label);
	dns_question(&m, name, DNS_PTR);
	assert_int_equal(dns_parse(m.bytes, m.out.len, &reply.query), 0);
	assert_int_equal(reply.query.rcode, 0);
	reply.answer = (struct dns_answer){.name = name};
	len = dns_write(m.bytes, &reply.query, &reply.answer, true, reply.bytes);
	assert_int_equal(len, 12 + 259 + 12 + 255);
	len = dns_write(m.bytes, &reply.query, &reply.answer, false, reply.bytes);
	assert_int_equal(len, 12 + 259);
	assert_int_equal(reply.bytes[2] & 2, 2);
	assert_int_equal(reply.bytes[7], 0);
	dns_put_opt(&m, 600, 0, "", 0);
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
	struct dns_message m;
	struct dns_query query;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		dns_question(&m, "api.example.com", DNS_A);
		dns_put_opt(&m, sizes[i][0], 0, "", 0);
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
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_form_errors),
		cmocka_unit_test(test_edns_errors),
		cmocka_unit_test(test_what_is_not_implemented),
		cmocka_unit_test(test_a_long_reply_is_cut_over_udp),
		cmocka_unit_test(test_edns_sizes),
		cmocka_unit_test(test_frames_of_tcp),
	};

	return cmocka_run_group_tests_name("egress_dns_wire", tests, dns_set_up, dns_tear_down);
}
