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

struct rules dns_rules;
struct synthetic dns_table;

static void add(const char *entry)
{
	enum host_fault fault;

	assert_int_equal(rules_add(&dns_rules, entry, strlen(entry), &fault), 0);
}

int dns_set_up(void **state)
{
	(void)state;
	add("api.example.com:443");
	add("*.wild.example:443");
	add("10.0.0.5:5432");
	return synthetic_init(&dns_table, 3, (struct hash_key){1, 2});
}

int dns_tear_down(void **state)
{
	(void)state;
	rules_done(&dns_rules);
	synthetic_done(&dns_table);
	return 0;
}

void dns_start(struct dns_message *m, uint16_t flags, uint16_t questions, uint16_t additional)
{
	m->out = (struct bytes_out){.start = m->bytes, .room = sizeof(m->bytes)};
	put_u16(&m->out, 0xbeef);
	put_u16(&m->out, flags);
	put_u16(&m->out, questions);
	put_u32(&m->out, 0);
	put_u16(&m->out, additional);
}

void dns_put_name(struct dns_message *m, const char *name)
{
	while (*name) {
		size_t len = strcspn(name, ".");

		put_u8(&m->out, (uint8_t)len);
		put_bytes(&m->out, name, len);
		name += len + (name[len] == '.');
	}
	put_u8(&m->out, 0);
}

void dns_question(struct dns_message *m, const char *name, uint16_t type)
{
	dns_start(m, 0x0100, 1, 0);
	dns_put_name(m, name);
	put_u16(&m->out, type);
	put_u16(&m->out, 1);
}

void dns_put_opt(struct dns_message *m, uint16_t size, uint32_t flags, const char *data, size_t len)
{
	m->bytes[11]++;
	put_u8(&m->out, 0);
	put_u16(&m->out, DNS_OPT);
	put_u16(&m->out, size);
	put_u32(&m->out, flags);
	put_u16(&m->out, (uint16_t)len);
	put_bytes(&m->out, data, len);
}

void dns_ask(const struct dns_message *m, bool tcp, struct dns_said *reply)
{
	uint8_t *exact = malloc(m->out.len ? m->out.len : 1);
	struct bytes_in in;

	assert_non_null(exact);
	memcpy(exact, m->bytes, m->out.len);
	reply->len = dns_respond(exact, m->out.len, tcp, &dns_rules, &dns_table, false,
		reply->bytes, &reply->query, &reply->answer);
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

int dns_rcode(const struct dns_said *reply)
{
	return reply->flags & 0xf;
}

void dns_expect_record(const struct dns_said *reply, uint16_t type, const char *data, size_t len)
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
