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

static void test_listed_names_have_addresses(void **state)
{
	struct dns_message m;
	struct dns_said reply;

	(void)state;
	dns_question(&m, "aPi.exAmple.com", DNS_A);
	dns_ask(&m, false, &reply);
	assert_int_equal(reply.flags, 0x8180);
	assert_int_equal(reply.answers, 1);
	/* The case of the question is kept. */
	assert_memory_equal(reply.bytes + 12, m.bytes + 12, m.out.len - 12);
	dns_expect_record(&reply, DNS_A, "\xc6\x12\0\1", 4);
	assert_int_equal(reply.answer.reason, REASON_ALLOWED);
	dns_question(&m, "api.example.com", DNS_AAAA);
	dns_ask(&m, true, &reply);
	assert_int_equal(reply.answers, 1);
	dns_expect_record(&reply, DNS_AAAA, "\x20\1\0\2\0\0\0\1\0\0\0\0\0\0\0\1", 16);
	dns_question(&m, "a.b.wild.example", DNS_A);
	dns_ask(&m, false, &reply);
	dns_expect_record(&reply, DNS_A, "\xc6\x12\0\2", 4);
	dns_question(&m, "a.b.wild.example", DNS_ANY);
	dns_ask(&m, false, &reply);
	assert_int_equal(reply.answers, 2);
}

static void test_other_types_have_no_data_and_spend_no_place(void **state)
{
	static const uint16_t types[] = {2, 5, 6, 12, 15, 16, 33, 64, 65, 43, 48, 10, 257, 0};
	struct dns_message m;
	struct dns_said reply;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		dns_question(&m, "unused.wild.example", types[i]);
		dns_ask(&m, false, &reply);
		assert_int_equal(dns_rcode(&reply), DNS_NOERROR);
		assert_int_equal(reply.answers, 0);
	}
	assert_int_equal(dns_table.count, 2);
	dns_decide(&reply.query, &dns_rules, &dns_table, true, &reply.answer);
	dns_question(&m, "api.example.com", DNS_AAAA);
	assert_int_equal(dns_parse(m.bytes, m.out.len, &reply.query), 0);
	dns_decide(&reply.query, &dns_rules, &dns_table, true, &reply.answer);
	assert_int_equal(reply.answer.n_addresses, 0);
	assert_int_equal(reply.answer.rcode, DNS_NOERROR);
}

static void test_all_other_names_do_not_exist(void **state)
{
	static const char *const names[] = {"example.com", "com", "evil.example", "wild.example",
		"xapi.example.com", "api.example.com.corp.example", "api.example.org", "10.0.0.5",
		"localhost.evil.example", "notlocalhost"};
	static const uint16_t types[] = {DNS_A, DNS_AAAA, 16, 65, DNS_ANY};
	struct dns_message m;
	struct dns_said reply;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (size_t j = 0; j < sizeof(types) / sizeof(types[0]); j++) {
			dns_question(&m, names[i], types[j]);
			dns_ask(&m, false, &reply);
			assert_int_equal(dns_rcode(&reply), DNS_NXDOMAIN);
			assert_int_equal(reply.answers, 0);
			assert_int_equal(reply.additional, 0);
			assert_int_equal(reply.len, m.out.len);
			assert_int_equal(reply.answer.reason, REASON_HOST_NOT_ALLOWED);
		}
}

static void test_prohibited_is_said_to_edns_clients(void **state)
{
	struct dns_message m;
	struct dns_said reply;

	(void)state;
	dns_question(&m, "evil.example", DNS_A);
	dns_put_opt(&m, 4096, 0x8000, "", 0);
	dns_ask(&m, false, &reply);
	assert_int_equal(dns_rcode(&reply), DNS_NXDOMAIN);
	assert_int_equal(reply.additional, 1);
	assert_int_equal(reply.len, 12 + reply.query.question_len + 11 + 26);
	/* OPT with DO, then option 15 with code 18. */
	assert_memory_equal(reply.bytes + 12 + reply.query.question_len,
		"\0\0\x29\x04\xd0\0\0\x80\0\0\x1a\0\xf\0\x16\0\x12", 17);
	dns_question(&m, "api.example.com", DNS_A);
	dns_put_opt(&m, 1232, 0, "\0\12\0\10cookie..", 12);
	dns_ask(&m, false, &reply);
	assert_int_equal(reply.additional, 1);
	assert_int_equal(reply.len, 12 + reply.query.question_len + 16 + 11);
	dns_expect_record(&reply, DNS_A, "\xc6\x12\0\1", 4);
}

static void test_bad_names_do_not_exist(void **state)
{
	static const char *const names[] = {"a b.example", "u@api.example.com", "-a.example",
		"127.1", "0x7f.1", "api%2eexample.com", "\xc3\xbc.example", "*.wild.example"};
	struct dns_message m;
	struct dns_said reply;

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		dns_question(&m, names[i], DNS_A);
		dns_ask(&m, false, &reply);
		assert_int_equal(dns_rcode(&reply), DNS_NXDOMAIN);
		assert_int_equal(reply.answer.reason, REASON_BAD_NAME);
	}
	/* A dot and a NUL inside a label. */
	dns_start(&m, 0x0100, 1, 0);
	put_bytes(&m.out, "\13api.example\3com\0\0\1\0\1", 21);
	dns_ask(&m, false, &reply);
	assert_int_equal(dns_rcode(&reply), DNS_NXDOMAIN);
	assert_int_equal(reply.answer.reason, REASON_BAD_NAME);
	dns_start(&m, 0x0100, 1, 0);
	put_bytes(&m.out, "\4api\0\7example\3com\0\0\1\0\1", 22);
	dns_ask(&m, false, &reply);
	assert_int_equal(reply.answer.reason, REASON_BAD_NAME);
	/* The root is there. */
	dns_question(&m, "", 2);
	dns_ask(&m, false, &reply);
	assert_int_equal(dns_rcode(&reply), DNS_NOERROR);
	assert_int_equal(reply.answers, 0);
}

static void test_localhost_is_the_jails_own(void **state)
{
	struct dns_message m;
	struct dns_said reply;

	(void)state;
	dns_question(&m, "Localhost", DNS_A);
	dns_ask(&m, false, &reply);
	dns_expect_record(&reply, DNS_A, "\x7f\0\0\1", 4);
	dns_question(&m, "x.localhost", DNS_AAAA);
	dns_ask(&m, false, &reply);
	dns_expect_record(&reply, DNS_AAAA, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
}

static void test_addresses_give_their_names_back(void **state)
{
	struct dns_message m;
	struct dns_said reply;

	(void)state;
	dns_question(&m, "1.0.18.198.IN-ADDR.arpa", DNS_PTR);
	dns_ask(&m, false, &reply);
	assert_int_equal(reply.answers, 1);
	dns_expect_record(&reply, DNS_PTR, "\3api\7example\3com\0", 17);
	dns_question(&m, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.0.0.2.0.0.0.1.0.0.2.ip6.arpa",
		DNS_PTR);
	dns_ask(&m, false, &reply);
	assert_int_equal(reply.answers, 1);
	dns_expect_record(&reply, DNS_PTR, "\3api\7example\3com\0", 17);
	dns_question(&m, "1.0.18.198.in-addr.arpa", DNS_A);
	dns_ask(&m, false, &reply);
	assert_int_equal(dns_rcode(&reply), DNS_NOERROR);
	assert_int_equal(reply.answers, 0);
	dns_question(&m, "1.0.0.127.in-addr.arpa", DNS_PTR);
	dns_ask(&m, false, &reply);
	dns_expect_record(&reply, DNS_PTR, "\11localhost\0", 11);
	static const char *const none[] = {"9.0.18.198.in-addr.arpa", "1.1.1.1.in-addr.arpa",
		"0.18.198.in-addr.arpa", "01.0.18.198.in-addr.arpa", "1.1.0.18.198.in-addr.arpa",
		"in-addr.arpa", "x.in-addr.arpa", "ip6.arpa",
		"g.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.0.0.2.0.0.0.1.0.0.2.ip6.arpa",
		"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.0.2.0.0.0.1.0.0.2.ip6.arpa",
		"00.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.0.0.0.0.2.0.0.0.1.0.0.2.ip6.arpa"};
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		dns_question(&m, none[i], DNS_PTR);
		dns_ask(&m, false, &reply);
		if (dns_rcode(&reply) != DNS_NXDOMAIN)
			fail_msg("%s: %d", none[i], dns_rcode(&reply));
	}
}

static void test_a_full_table_is_a_failure_not_a_lie(void **state)
{
	struct dns_message m;
	struct dns_said reply;

	(void)state;
	dns_question(&m, "third.wild.example", DNS_A);
	dns_ask(&m, false, &reply);
	assert_int_equal(reply.answers, 1);
	dns_question(&m, "fourth.wild.example", DNS_A);
	dns_ask(&m, false, &reply);
	assert_int_equal(dns_rcode(&reply), DNS_SERVFAIL);
	assert_int_equal(reply.answer.reason, REASON_LIMIT);
	dns_question(&m, "api.example.com", DNS_A);
	dns_ask(&m, false, &reply);
	dns_expect_record(&reply, DNS_A, "\xc6\x12\0\1", 4);
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
	};

	return cmocka_run_group_tests_name("egress_dns", tests, dns_set_up, dns_tear_down);
}
