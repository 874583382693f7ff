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

#include "egress/rules.h"

static enum host_fault parse(const char *text, struct egress_host *host)
{
	return egress_host_parse(text, strlen(text), host);
}

static void test_one_spelling_for_each_host(void **state)
{
	static const char *const same[][2] = {
		{"example.com", "example.com"},
		{"EXAMPLE.Com", "example.com"},
		{"example.com.", "example.com"},
		{"localhost", "localhost"},
		{"my_service", "my_service"},
		{"a-b.c", "a-b.c"},
		{"xn--mnchen-3ya.example", "xn--mnchen-3ya.example"},
		{"3com.example", "3com.example"},
		{"1.2.3.4", "1.2.3.4"},
		{"255.255.255.255", "255.255.255.255"},
		{"1.2.3.4a", "1.2.3.4a"},
		{"0xy", "0xy"},
		{"0x7f.example", "0x7f.example"},
	};
	struct egress_host host;

	(void)state;
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		assert_int_equal(parse(same[i][0], &host), HOST_FAULT_NONE);
		assert_string_equal(host.text, same[i][1]);
	}
	assert_int_equal(parse("1.2.3.4", &host), HOST_FAULT_NONE);
	assert_int_equal(host.kind, HOST_ADDRESS);
	assert_int_equal(parse("1.2.3.4a", &host), HOST_FAULT_NONE);
	assert_int_equal(host.kind, HOST_NAME);
}

static void test_bad_hosts_are_refused(void **state)
{
	static const struct {
		const char *text;
		size_t len; /* 0: all of text */
		enum host_fault fault;
	} bad[] = {
		{"example.com\0.evil.org", 21, HOST_FAULT_CHARACTER},
		{"\0", 1, HOST_FAULT_CHARACTER},
		{"example.com\r\nHost: x", 0, HOST_FAULT_CHARACTER},
		{"user@example.com", 0, HOST_FAULT_CHARACTER},
		{"example%2ecom", 0, HOST_FAULT_CHARACTER},
		{"example com", 0, HOST_FAULT_CHARACTER},
		{" example.com", 0, HOST_FAULT_CHARACTER},
		{"example.com/", 0, HOST_FAULT_CHARACTER},
		{"*.example.com", 0, HOST_FAULT_CHARACTER},
		{"fe80::1%eth0", 0, HOST_FAULT_CHARACTER},
		{"::1", 0, HOST_FAULT_CHARACTER},
		{"[::1]", 0, HOST_FAULT_CHARACTER},
		{"example.com\x7f", 0, HOST_FAULT_CHARACTER},
		{"\xef\xbd\x85xample.com", 0, HOST_FAULT_NOT_ASCII},
		{"example\xe3\x80\x82"
		 "com",
			0, HOST_FAULT_NOT_ASCII},
		{"m\xc3\xbcnchen.example", 0, HOST_FAULT_NOT_ASCII},
		{"\xff", 0, HOST_FAULT_NOT_ASCII},
		{".", 0, HOST_FAULT_LABEL_EMPTY},
		{"..", 0, HOST_FAULT_LABEL_EMPTY},
		{".example.com", 0, HOST_FAULT_LABEL_EMPTY},
		{"example..com", 0, HOST_FAULT_LABEL_EMPTY},
		{"example.com..", 0, HOST_FAULT_LABEL_EMPTY},
		{"-example.com", 0, HOST_FAULT_HYPHEN},
		{"example-.com", 0, HOST_FAULT_HYPHEN},
		{"127.1", 0, HOST_FAULT_NUMERIC},
		{"127.0.1", 0, HOST_FAULT_NUMERIC},
		{"0x7f.1", 0, HOST_FAULT_NUMERIC},
		{"0x7f000001", 0, HOST_FAULT_NUMERIC},
		{"0X7F.0.0.0X1", 0, HOST_FAULT_NUMERIC},
		{"0x", 0, HOST_FAULT_NUMERIC},
		{"2130706433", 0, HOST_FAULT_NUMERIC},
		{"017700000001", 0, HOST_FAULT_NUMERIC},
		{"0177.0.0.1", 0, HOST_FAULT_NUMERIC},
		{"1.2.3.4.", 0, HOST_FAULT_NUMERIC},
		{"1.2.3.256", 0, HOST_FAULT_NUMERIC},
		{"1.2.3.04", 0, HOST_FAULT_NUMERIC},
		{"1.2.3.4.5", 0, HOST_FAULT_NUMERIC},
		{"example.1", 0, HOST_FAULT_NUMERIC},
	};
	struct egress_host host = {.text = "untouched"};

	(void)state;
	assert_int_equal(egress_host_parse("", 0, &host), HOST_FAULT_EMPTY);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		size_t len = bad[i].len ? bad[i].len : strlen(bad[i].text);
		enum host_fault fault = egress_host_parse(bad[i].text, len, &host);

		if (fault != bad[i].fault)
			fail_msg("%s: fault %d, wanted %d", bad[i].text, fault, bad[i].fault);
	}
	assert_string_equal(host.text, "untouched");
}

static void test_lengths_at_their_edges(void **state)
{
	char label[65], name[300] = "";
	struct egress_host host;

	(void)state;
	memset(label, 'a', 64);
	label[64] = '\0';
	assert_int_equal(parse(label, &host), HOST_FAULT_LABEL_LONG);
	label[63] = '\0';
	assert_int_equal(parse(label, &host), HOST_FAULT_NONE);
	/* Three labels of 63 and one of 61, with their dots: 253. */
	snprintf(name, sizeof(name), "%s.%s.%s.%.61s", label, label, label, label);
	assert_int_equal(strlen(name), 253);
	assert_int_equal(parse(name, &host), HOST_FAULT_NONE);
	assert_int_equal(strlen(host.text), 253);
	name[253] = '.';
	name[254] = '\0';
	assert_int_equal(parse(name, &host), HOST_FAULT_NONE);
	snprintf(name, sizeof(name), "%s.%s.%s.%.62s", label, label, label, label);
	assert_int_equal(parse(name, &host), HOST_FAULT_LONG);
}

static void test_host_and_port(void **state)
{
	static const struct {
		const char *text;
		enum host_fault fault;
		const char *canonical;
	} cases[] = {
		{"A.Example:443", HOST_FAULT_NONE, "a.example:443"},
		{"a.example.:1", HOST_FAULT_NONE, "a.example:1"},
		{"1.2.3.4:65535", HOST_FAULT_NONE, "1.2.3.4:65535"},
		{"[2001:DB8:0:0::7]:443", HOST_FAULT_NONE, "[2001:db8::7]:443"},
		{"[::ffff:1.2.3.4]:443", HOST_FAULT_NONE, "1.2.3.4:443"},
		{"", HOST_FAULT_EMPTY, NULL},
		{":443", HOST_FAULT_EMPTY, NULL},
		{"a.example", HOST_FAULT_NO_PORT, NULL},
		{"a.example:", HOST_FAULT_PORT, NULL},
		{"a.example:0", HOST_FAULT_PORT, NULL},
		{"a.example:0443", HOST_FAULT_PORT, NULL},
		{"a.example:+443", HOST_FAULT_PORT, NULL},
		{"a.example: 443", HOST_FAULT_PORT, NULL},
		{"a.example:443 ", HOST_FAULT_PORT, NULL},
		{"a.example:65536", HOST_FAULT_PORT, NULL},
		{"a.example:65616", HOST_FAULT_PORT, NULL},
		{"a.example:4294967739", HOST_FAULT_PORT, NULL},
		{"a.example:443:80", HOST_FAULT_BRACKETS, NULL},
		{"::1:443", HOST_FAULT_BRACKETS, NULL},
		{"[::1]", HOST_FAULT_NO_PORT, NULL},
		{"[::1]443", HOST_FAULT_NO_PORT, NULL},
		{"[::1", HOST_FAULT_BRACKETS, NULL},
		{"[]:443", HOST_FAULT_BRACKETS, NULL},
		{"[a.example]:443", HOST_FAULT_BRACKETS, NULL},
		{"[1.2.3.4]:443", HOST_FAULT_BRACKETS, NULL},
		{"[fe80::1%25eth0]:443", HOST_FAULT_BRACKETS, NULL},
		{"[::1]]:443", HOST_FAULT_NO_PORT, NULL},
		{"u@a.example:443", HOST_FAULT_CHARACTER, NULL},
	};
	char text[HOST_PORT_TEXT];
	struct egress_host host;
	uint16_t port;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		enum host_fault fault = egress_host_port_parse(
			cases[i].text, strlen(cases[i].text), &host, &port);

		if (fault != cases[i].fault)
			fail_msg("%s: fault %d", cases[i].text, fault);
		if (!fault)
			assert_string_equal(
				egress_host_port_text(&host, port, text), cases[i].canonical);
	}
	assert_int_equal(
		egress_host_port_parse("a.example:443\0", 14, &host, &port), HOST_FAULT_PORT);
}

static void add(struct rules *rules, const char *entry)
{
	enum host_fault fault = HOST_FAULT_NONE;

	if (rules_add(rules, entry, strlen(entry), &fault) != 0)
		fail_msg("%s: fault %d", entry, fault);
}

static void expect(
	const struct rules *rules, const char *asked, enum egress_reason reason, const char *entry)
{
	struct egress_host host;
	uint16_t port;
	struct verdict verdict;

	assert_int_equal(egress_host_port_parse(asked, strlen(asked), &host, &port), 0);
	verdict = rules_match(rules, &host, port);
	if (verdict.reason != reason)
		fail_msg("%s: %s", asked, egress_reason_name(verdict.reason));
	if (entry)
		assert_string_equal(rules->items[verdict.rule].text, entry);
}

static void test_rules_match(void **state)
{
	struct rules rules = {0};

	(void)state;
	add(&rules, "*.example.com:443");
	add(&rules, "Api.Example.com.:443");
	add(&rules, "api.example.com:80");
	add(&rules, "10.0.0.5:5432");
	add(&rules, "[2001:DB8::7]:5432");
	assert_string_equal(rules.items[0].text, "*.example.com:443");
	assert_string_equal(rules.items[1].text, "api.example.com:443");
	assert_string_equal(rules.items[4].text, "[2001:db8::7]:5432");

	expect(&rules, "api.example.com:443", REASON_ALLOWED, "api.example.com:443");
	expect(&rules, "API.example.COM.:443", REASON_ALLOWED, "api.example.com:443");
	expect(&rules, "b.example.com:443", REASON_ALLOWED, "*.example.com:443");
	expect(&rules, "a.b.c.example.com:443", REASON_ALLOWED, "*.example.com:443");
	expect(&rules, "example.com:443", REASON_HOST_NOT_ALLOWED, NULL);
	expect(&rules, "notexample.com:443", REASON_HOST_NOT_ALLOWED, NULL);
	expect(&rules, "x.notexample.com:443", REASON_HOST_NOT_ALLOWED, NULL);
	expect(&rules, "api.example.com.evil.org:443", REASON_HOST_NOT_ALLOWED, NULL);
	expect(&rules, "com:443", REASON_HOST_NOT_ALLOWED, NULL);
	expect(&rules, "api.example.com:22", REASON_PORT_NOT_ALLOWED, NULL);
	expect(&rules, "b.example.com:80", REASON_PORT_NOT_ALLOWED, NULL);
	expect(&rules, "10.0.0.5:5432", REASON_ALLOWED, "10.0.0.5:5432");
	expect(&rules, "[::ffff:10.0.0.5]:5432", REASON_ALLOWED, "10.0.0.5:5432");
	expect(&rules, "10.0.0.5:5433", REASON_PORT_NOT_ALLOWED, NULL);
	expect(&rules, "10.0.0.6:5432", REASON_ADDRESS_NOT_ALLOWED, NULL);
	expect(&rules, "[2001:db8:0::7]:5432", REASON_ALLOWED, "[2001:db8::7]:5432");
	expect(&rules, "[::10.0.0.5]:5432", REASON_ADDRESS_NOT_ALLOWED, NULL);
	rules_done(&rules);
	expect(&rules, "api.example.com:443", REASON_HOST_NOT_ALLOWED, NULL);
}

static void test_rules_know_names_and_addresses(void **state)
{
	struct rules rules = {0};
	struct egress_host host;
	struct address address;
	enum address_class class;

	(void)state;
	add(&rules, "a.example:443");
	add(&rules, "10.0.0.5:5432");
	assert_int_equal(parse("a.example", &host), 0);
	assert_true(rules_know_name(&rules, &host));
	assert_int_equal(parse("b.a.example", &host), 0);
	assert_false(rules_know_name(&rules, &host));
	assert_int_equal(parse("10.0.0.5", &host), 0);
	assert_false(rules_know_name(&rules, &host));

	assert_true(address_parse("10.0.0.5", 8, &address));
	assert_true(rules_allow_address(&rules, &address, 5432, &class));
	assert_int_equal(class, CLASS_PRIVATE);
	assert_false(rules_allow_address(&rules, &address, 443, NULL));
	assert_true(address_parse("10.0.0.6", 8, &address));
	assert_false(rules_allow_address(&rules, &address, 5432, NULL));
	/* The same address in another coat is not the entry. */
	assert_true(address_parse("::ffff:10.0.0.5", 15, &address));
	assert_false(rules_allow_address(&rules, &address, 5432, &class));
	assert_int_equal(class, CLASS_V4_MAPPED);
	assert_true(address_parse("1.1.1.1", 7, &address));
	assert_true(rules_allow_address(&rules, &address, 443, &class));
	address = (struct address){0};
	assert_false(rules_allow_address(&rules, &address, 443, NULL));
	assert_false(rules_has_address(&rules, &address, 443));
	rules_done(&rules);
}

static void test_bad_entries_are_refused(void **state)
{
	static const char *const bad[] = {"*:443", "*.:443", "*.com:443", "**.example.com:443",
		"*example.com:443", "a.*.com:443", "*.*.com:443", "*.1.2.3.4:443", "*.[::1]:443",
		"*.example.com:*", "example.com:*", "example.com", "*.example.com", "*", "*.", "",
		"[*]:1"};
	struct rules rules = {0};
	enum host_fault fault;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		fault = HOST_FAULT_NONE;
		if (rules_add(&rules, bad[i], strlen(bad[i]), &fault) != -EINVAL || !fault)
			fail_msg("%s is taken", bad[i]);
	}
	assert_int_equal(rules.count, 0);
	for (unsigned i = 0; i < KS_MAX_ENDPOINTS; i++)
		add(&rules, "a.example:443");
	assert_int_equal(rules_add(&rules, "a.example:443", 13, &fault), -E2BIG);
	rules_done(&rules);
}

static void test_every_name_of_the_lists_is_there(void **state)
{
	(void)state;
	for (int i = 0; i < HOST_FAULT_COUNT; i++)
		assert_non_null(host_fault_text((enum host_fault)i));
	for (int i = 0; i < REASON_COUNT; i++) {
		assert_non_null(egress_reason_name((enum egress_reason)i));
		assert_non_null(egress_reason_text((enum egress_reason)i));
	}
	for (int i = 0; i < CLASS_COUNT; i++)
		assert_non_null(address_class_name((enum address_class)i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_spelling_for_each_host),
		cmocka_unit_test(test_bad_hosts_are_refused),
		cmocka_unit_test(test_lengths_at_their_edges),
		cmocka_unit_test(test_host_and_port),
		cmocka_unit_test(test_rules_match),
		cmocka_unit_test(test_rules_know_names_and_addresses),
		cmocka_unit_test(test_bad_entries_are_refused),
		cmocka_unit_test(test_every_name_of_the_lists_is_there),
	};

	return cmocka_run_group_tests_name("egress_rules", tests, NULL, NULL);
}
