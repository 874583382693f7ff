/* SPDX-License-Identifier: Apache-2.0 */
/* Queries as bytes, and what the responder answers to them. */
#ifndef KS_DNS_FIXTURE_H
#define KS_DNS_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "egress/bytes.h"
#include "egress/dns.h"

struct dns_message {
	uint8_t bytes[DNS_MAX_QUERY + 10];
	struct bytes_out out;
};

struct dns_said {
	uint8_t bytes[DNS_MAX_REPLY];
	size_t len;
	uint16_t flags, questions, answers, additional;
	struct dns_query query;
	struct dns_answer answer;
};

extern struct rules dns_rules;
extern struct synthetic dns_table;

/* Three places for synthetic addresses; api.example.com, *.wild.example and 10.0.0.5 are listed. */
int dns_set_up(void **state);
int dns_tear_down(void **state);
void dns_start(struct dns_message *m, uint16_t flags, uint16_t questions, uint16_t additional);
/* A name with dots between its labels. */
void dns_put_name(struct dns_message *m, const char *name);
void dns_question(struct dns_message *m, const char *name, uint16_t type);
void dns_put_opt(
	struct dns_message *m, uint16_t size, uint32_t flags, const char *data, size_t len);
/* Asks with memory of the exact size; reads the reply's header. */
void dns_ask(const struct dns_message *m, bool tcp, struct dns_said *reply);
int dns_rcode(const struct dns_said *reply);
/* The one record of the reply, behind its question. */
void dns_expect_record(const struct dns_said *reply, uint16_t type, const char *data, size_t len);

#endif
