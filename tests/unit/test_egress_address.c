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

#include "egress/synthetic.h"

struct sample {
	const char *text;
	enum address_class class;
	const char *embedded;
};

/* Both edges of each range, and their neighbours. */
static const struct sample samples[] = {
	{"0.0.0.0", CLASS_UNSPECIFIED, NULL},
	{"0.0.0.1", CLASS_THIS_NETWORK, NULL},
	{"0.255.255.255", CLASS_THIS_NETWORK, NULL},
	{"1.0.0.0", CLASS_GLOBAL, NULL},
	{"9.255.255.255", CLASS_GLOBAL, NULL},
	{"10.0.0.0", CLASS_PRIVATE, NULL},
	{"10.255.255.255", CLASS_PRIVATE, NULL},
	{"11.0.0.0", CLASS_GLOBAL, NULL},
	{"100.63.255.255", CLASS_GLOBAL, NULL},
	{"100.64.0.0", CLASS_CGNAT, NULL},
	{"100.127.255.255", CLASS_CGNAT, NULL},
	{"100.128.0.0", CLASS_GLOBAL, NULL},
	{"100.100.100.200", CLASS_METADATA, NULL},
	{"127.0.0.1", CLASS_LOOPBACK, NULL},
	{"127.255.255.255", CLASS_LOOPBACK, NULL},
	{"128.0.0.0", CLASS_GLOBAL, NULL},
	{"168.63.129.15", CLASS_GLOBAL, NULL},
	{"168.63.129.16", CLASS_METADATA, NULL},
	{"169.253.255.255", CLASS_GLOBAL, NULL},
	{"169.254.169.254", CLASS_METADATA, NULL},
	{"169.254.169.253", CLASS_LINK_LOCAL, NULL},
	{"169.254.170.2", CLASS_METADATA, NULL},
	{"172.15.255.255", CLASS_GLOBAL, NULL},
	{"172.16.0.0", CLASS_PRIVATE, NULL},
	{"172.31.255.255", CLASS_PRIVATE, NULL},
	{"172.32.0.0", CLASS_GLOBAL, NULL},
	{"192.0.0.8", CLASS_PROTOCOL, NULL},
	{"192.0.1.0", CLASS_GLOBAL, NULL},
	{"192.0.2.1", CLASS_DOCUMENTATION, NULL},
	{"192.88.99.1", CLASS_6TO4, NULL},
	{"192.167.255.255", CLASS_GLOBAL, NULL},
	{"192.168.0.0", CLASS_PRIVATE, NULL},
	{"192.169.0.0", CLASS_GLOBAL, NULL},
	{"198.17.255.255", CLASS_GLOBAL, NULL},
	{"198.18.0.0", CLASS_SYNTHETIC, NULL},
	{"198.18.255.255", CLASS_SYNTHETIC, NULL},
	{"198.19.0.0", CLASS_BENCHMARK, NULL},
	{"198.20.0.0", CLASS_GLOBAL, NULL},
	{"198.51.100.1", CLASS_DOCUMENTATION, NULL},
	{"203.0.113.255", CLASS_DOCUMENTATION, NULL},
	{"223.255.255.255", CLASS_GLOBAL, NULL},
	{"224.0.0.1", CLASS_MULTICAST, NULL},
	{"239.255.255.255", CLASS_MULTICAST, NULL},
	{"240.0.0.0", CLASS_RESERVED, NULL},
	{"255.255.255.254", CLASS_RESERVED, NULL},
	{"255.255.255.255", CLASS_BROADCAST, NULL},
	{"::", CLASS_UNSPECIFIED, NULL},
	{"::1", CLASS_LOOPBACK, NULL},
	{"::2", CLASS_V4_COMPATIBLE, "0.0.0.2"},
	{"::10.0.0.5", CLASS_V4_COMPATIBLE, "10.0.0.5"},
	{"::ffff:10.0.0.5", CLASS_V4_MAPPED, "10.0.0.5"},
	{"::ffff:1.1.1.1", CLASS_V4_MAPPED, "1.1.1.1"},
	{"::ffff:0:10.0.0.5", CLASS_V4_TRANSLATED, "10.0.0.5"},
	{"64:ff9b::169.254.169.254", CLASS_NAT64, "169.254.169.254"},
	{"64:ff9b::1:0:0", CLASS_RESERVED, NULL},
	{"64:ff9b:1:a00:0:500::", CLASS_NAT64, "10.0.0.5"},
	{"64:ff9b:2::", CLASS_RESERVED, NULL},
	{"100::1", CLASS_DISCARD, NULL},
	{"2001::1", CLASS_TEREDO, "255.255.255.254"},
	{"2001:0:4136:e378:8000:63bf:f5ff:fffa", CLASS_TEREDO, "10.0.0.5"},
	{"2001:1::1", CLASS_PROTOCOL, NULL},
	{"2001:2::1", CLASS_BENCHMARK, NULL},
	{"2001:2:0:1::1", CLASS_SYNTHETIC, NULL},
	{"2001:2:0:1:ffff::", CLASS_SYNTHETIC, NULL},
	{"2001:20::1", CLASS_PROTOCOL, NULL},
	{"2001:1ff:ffff::", CLASS_PROTOCOL, NULL},
	{"2001:200::", CLASS_GLOBAL, NULL},
	{"2001:db7:ffff::", CLASS_GLOBAL, NULL},
	{"2001:db8::1", CLASS_DOCUMENTATION, NULL},
	{"2001:db9::", CLASS_GLOBAL, NULL},
	{"2002:a00:5::", CLASS_6TO4, "10.0.0.5"},
	{"2003::", CLASS_GLOBAL, NULL},
	{"2606:4700::1111", CLASS_GLOBAL, NULL},
	{"2606:4700::5efe:10.0.0.5", CLASS_ISATAP, "10.0.0.5"},
	{"2606:4700::200:5efe:10.0.0.5", CLASS_ISATAP, "10.0.0.5"},
	{"2606:4700::100:5efe:10.0.0.5", CLASS_GLOBAL, NULL},
	{"3ffe:ffff::", CLASS_GLOBAL, NULL},
	{"3fff::1", CLASS_DOCUMENTATION, NULL},
	{"3fff:1000::1", CLASS_GLOBAL, NULL},
	{"4000::", CLASS_RESERVED, NULL},
	{"5f00::1", CLASS_RESERVED, NULL},
	{"fbff::", CLASS_RESERVED, NULL},
	{"fc00::1", CLASS_UNIQUE_LOCAL, NULL},
	{"fdff:ffff::1", CLASS_UNIQUE_LOCAL, NULL},
	{"fd00:ec2::254", CLASS_METADATA, NULL},
	{"fd00:ec2::253", CLASS_UNIQUE_LOCAL, NULL},
	{"fd20:ce::254", CLASS_METADATA, NULL},
	{"fe00::", CLASS_RESERVED, NULL},
	{"fe80::1", CLASS_LINK_LOCAL, NULL},
	{"fe80::5efe:10.0.0.5", CLASS_LINK_LOCAL, NULL},
	{"febf:ffff::", CLASS_LINK_LOCAL, NULL},
	{"fec0::1", CLASS_SITE_LOCAL, NULL},
	{"ff02::1", CLASS_MULTICAST, NULL},
};

static void test_classes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++) {
		const struct sample *sample = &samples[i];
		struct address address, inner;
		char text[ADDRESS_TEXT];
		bool embedded;

		if (!address_parse(sample->text, strlen(sample->text), &address))
			fail_msg("%s is no address", sample->text);
		if (address_class(&address) != sample->class)
			fail_msg("%s is %s", sample->text,
				address_class_name(address_class(&address)));
		embedded = address_embedded(&address, &inner);
		if (embedded != !!sample->embedded)
			fail_msg("%s: embedded %d", sample->text, embedded);
		if (embedded)
			assert_string_equal(address_text(&inner, text), sample->embedded);
	}
}

static void test_no_address_has_two_spellings(void **state)
{
	static const char *const bad[] = {"", ".", "1", "1.2.3", "1.2.3.4.", ".1.2.3.4", "1.2.3.4 ",
		" 1.2.3.4", "01.2.3.4", "1.2.3.00", "1.2.3.256", "1.2.3.1000", "1..3.4", "+1.2.3.4",
		"0x1.2.3.4", "1.2.3.4/8", ":", ":::", "1::2::3", "::1%lo", "[::1]", "::g",
		"12345::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1.2.3", "::1.2.3.256",
		"1.2.3.4::", "0000000000000000000000000000000000000000000001"};
	struct address address;
	char text[ADDRESS_TEXT];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (address_parse(bad[i], strlen(bad[i]), &address))
			fail_msg("%s is taken", bad[i]);
	assert_false(address_parse("::1\0", 4, &address));
	assert_false(address_parse("1.2.3.4\0", 8, &address));
	assert_true(address_parse("2001:0DB8:0:0:1:0:0:1", 21, &address));
	assert_string_equal(address_text(&address, text), "2001:db8::1:0:0:1");
	address = (struct address){0};
	assert_string_equal(address_text(&address, text), "");
	assert_int_equal(address_class(&address), CLASS_UNSPECIFIED);
}

static struct egress_host host(const char *text)
{
	struct egress_host host;

	assert_int_equal(egress_host_parse(text, strlen(text), &host), 0);
	return host;
}

static const struct hash_key key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

/* Computed by another implementation, which agrees with the vector of its authors. */
static void test_hash(void **state)
{
	static const struct {
		const char *text;
		uint64_t hash;
	} known[] = {
		{"", 0x726fdb47dd0e0e31},
		{"a", 0x2ba3e8e9a71148ca},
		{"example", 0x09d0ca2c2cc8f85a},
		{"a.example", 0x9a910ab97cb16503},
		{"host.example.com", 0x80708023d67d7744},
		{"0123456789abcdef0123456", 0xabb8e17abf8c8fe4},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		assert_int_equal(hash_text(key, known[i].text), known[i].hash);
	assert_int_not_equal(hash_text(key, "a"), hash_text((struct hash_key){1, 2}, "a"));
}

static void test_synthetic_both_ways(void **state)
{
	struct egress_host one = host("one.example"), two = host("two.example");
	struct egress_host literal = host("1.2.3.4");
	struct synthetic table;
	struct address address;
	uint32_t number = 0, again = 0;
	char text[ADDRESS_TEXT];

	(void)state;
	assert_int_equal(synthetic_init(&table, 0, key), -EINVAL);
	assert_int_equal(synthetic_init(&table, SYNTHETIC_MAX + 1, key), -EINVAL);
	assert_int_equal(synthetic_init(&table, 300, key), 0);
	assert_int_equal(synthetic_find(&table, &one), 0);
	assert_int_equal(synthetic_number(&table, &one, &number), 0);
	assert_int_equal(number, 1);
	assert_int_equal(synthetic_number(&table, &two, &number), 0);
	assert_int_equal(number, 2);
	assert_int_equal(synthetic_number(&table, &one, &again), 0);
	assert_int_equal(again, 1);
	assert_int_equal(synthetic_find(&table, &two), 2);
	assert_int_equal(synthetic_number(&table, &literal, &number), -EINVAL);

	address = synthetic_v4(2);
	assert_string_equal(address_text(&address, text), "198.18.0.2");
	assert_string_equal(synthetic_name(&table, &address), "two.example");
	address = synthetic_v6(1);
	assert_string_equal(address_text(&address, text), "2001:2:0:1::1");
	assert_string_equal(synthetic_name(&table, &address), "one.example");
	assert_true(address_parse("::ffff:198.18.0.1", 17, &address));
	assert_string_equal(synthetic_name(&table, &address), "one.example");
	assert_true(synthetic_is(&address));
	synthetic_done(&table);
}

static void test_a_full_table_loses_nothing(void **state)
{
	struct synthetic table;
	struct address address;
	char name[32];
	uint32_t number;

	(void)state;
	assert_int_equal(synthetic_init(&table, 300, key), 0);
	for (unsigned i = 1; i <= 300; i++) {
		struct egress_host next;

		snprintf(name, sizeof(name), "n%u.example", i);
		next = host(name);
		assert_int_equal(synthetic_number(&table, &next, &number), 0);
		assert_int_equal(number, i);
	}
	for (unsigned i = 1; i <= 301; i++) {
		struct egress_host next;

		snprintf(name, sizeof(name), "n%u.example", i);
		next = host(name);
		assert_int_equal(synthetic_number(&table, &next, &number), i <= 300 ? 0 : -ENOSPC);
		address = synthetic_v4(i);
		if (i <= 300)
			assert_string_equal(synthetic_name(&table, &address), name);
		else
			assert_null(synthetic_name(&table, &address));
		address = synthetic_v6(i);
		assert_int_equal(!!synthetic_name(&table, &address), i <= 300);
	}
	synthetic_done(&table);
}

static void test_guessed_addresses_stand_for_nothing(void **state)
{
	static const char *const guesses[] = {"198.18.0.0", "198.18.0.2", "198.18.255.255",
		"198.19.0.1", "2001:2:0:1::", "2001:2:0:1::2", "2001:2:0:1::1:1", "2001:2:0:2::1",
		"2001:2::1", "1.1.1.1", "0.0.0.1", "::1"};
	struct egress_host one = host("one.example");
	struct synthetic table;
	uint32_t number;

	(void)state;
	assert_int_equal(synthetic_init(&table, SYNTHETIC_MAX, key), 0);
	assert_int_equal(synthetic_number(&table, &one, &number), 0);
	for (size_t i = 0; i < sizeof(guesses) / sizeof(guesses[0]); i++) {
		struct address address;

		assert_true(address_parse(guesses[i], strlen(guesses[i]), &address));
		if (synthetic_name(&table, &address))
			fail_msg("%s stands for a name", guesses[i]);
	}
	synthetic_done(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_no_address_has_two_spellings),
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_synthetic_both_ways),
		cmocka_unit_test(test_a_full_table_loses_nothing),
		cmocka_unit_test(test_guessed_addresses_stand_for_nothing),
	};

	return cmocka_run_group_tests_name("egress_address", tests, NULL, NULL);
}
