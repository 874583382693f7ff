/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/audit_line.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The members that come last have room kept for them: END is the closing brace and the newline. */
#define END 2
#define MAX_TEXT 64 /* bytes shown of a worker's or policy's text */

struct writer {
	char *text;
	size_t len;
};

static const char *const event_names[AUDIT_EVENT_COUNT] = {
	[AUDIT_CONNECT] = "connect",
	[AUDIT_CLOSE] = "close",
	[AUDIT_DNS] = "dns",
	[AUDIT_POLICY] = "policy",
	[AUDIT_SUMMARY] = "summary",
};

static const char *const via_names[VIA_COUNT] = {
	[VIA_TRANSPARENT] = "transparent",
	[VIA_CONNECT] = "connect",
	[VIA_SOCKS5] = "socks5",
	[VIA_DNS_UDP] = "dns_udp",
	[VIA_DNS_TCP] = "dns_tcp",
};

static const char *const end_names[END_COUNT] = {
	[END_FIN] = "fin",
	[END_RST] = "rst",
	[END_TIMEOUT] = "timeout",
	[END_LIMIT] = "limit",
	[END_WORKER_GONE] = "worker_gone",
};

/* A piece goes in whole or not at all, so that the line stays JSON whatever was passed. */
static void add(struct writer *out, const char *piece, size_t len)
{
	if (len > AUDIT_MAX_LINE - END - out->len)
		return;
	memcpy(out->text + out->len, piece, len);
	out->len += len;
}

static void addf(struct writer *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void addf(struct writer *out, const char *format, ...)
{
	char piece[128];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(piece, sizeof(piece), format, args);
	va_end(args);
	if (len > 0 && (size_t)len < sizeof(piece))
		add(out, piece, (size_t)len);
}

/* Bytes as a JSON string of printable ASCII; in piece, which has room for them. Returns the
 * length. */
static size_t quote(char *piece, const char *bytes, size_t len, size_t most)
{
	size_t shown = len < most ? len : most, at = 0;

	piece[at++] = '"';
	for (size_t i = 0; i < shown; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
			at += (size_t)snprintf(piece + at, 7, "\\u%04X", c);
		else
			piece[at++] = (char)c;
	}
	for (int i = 0; shown < len && i < 3; i++)
		piece[at++] = '.';
	piece[at++] = '"';
	return at;
}

static void add_bytes(
	struct writer *out, const char *key, const char *bytes, size_t len, size_t most)
{
	char piece[32 + 6 * AUDIT_MAX_NAME + 8];
	size_t at;

	if (!bytes)
		return;
	at = (size_t)snprintf(piece, 32, ",\"%s\":", key);
	at += quote(piece + at, bytes, len, most < AUDIT_MAX_NAME ? most : AUDIT_MAX_NAME);
	add(out, piece, at);
}

static void add_text(struct writer *out, const char *key, const char *text, size_t most)
{
	add_bytes(out, key, text, text ? strlen(text) : 0, most);
}

static void add_number(struct writer *out, const char *key, int64_t number)
{
	if (number >= 0)
		addf(out, ",\"%s\":%" PRId64, key, number);
}

/* Milliseconds with one decimal, as people read them. */
static void add_ms(struct writer *out, const char *key, int64_t usec)
{
	if (usec >= 0)
		addf(out, ",\"%s\":%" PRId64 ".%d", key, usec / 1000, (int)(usec % 1000 / 100));
}

static void add_address(struct writer *out, const char *key, const struct address *address)
{
	char text[ADDRESS_TEXT];

	if (address->family != ADDRESS_NONE)
		addf(out, ",\"%s\":\"%s\"", key, address_text(address, text));
}

/* Civil date of a day since 1970, in UTC: the C library's own would look for a time zone. The year
 * begins in March here, so that the leap day is its last. */
static void add_time(struct writer *out, uint64_t usec)
{
	uint64_t seconds = usec / 1000000, days = seconds / 86400 + 719468;
	unsigned second = (unsigned)(seconds % 86400);
	uint64_t era = days / 146097;
	unsigned day_of_era = (unsigned)(days % 146097);
	unsigned year_of_era =
		(day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	unsigned day_of_year = day_of_era -
			       (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	unsigned shifted = (5 * day_of_year + 2) / 153;
	unsigned day = day_of_year - (153 * shifted + 2) / 5 + 1;
	unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
	uint64_t year = era * 400 + year_of_era + (month <= 2);

	addf(out, "{\"v\":1,\"ts\":\"%04" PRIu64 "-%02u-%02uT%02u:%02u:%02u.%06uZ\"", year, month,
		day, second / 3600, second / 60 % 60, second % 60, (unsigned)(usec % 1000000));
}

static void add_resolved(struct writer *out, const struct audit_line *line)
{
	char list[(size_t)AUDIT_MAX_RESOLVED * (ADDRESS_TEXT + 3) + 32], text[ADDRESS_TEXT];
	int len = snprintf(list, sizeof(list), ",\"resolved\":[");
	size_t count = line->n_resolved < AUDIT_MAX_RESOLVED ? line->n_resolved
							     : AUDIT_MAX_RESOLVED;

	if (count == 0)
		return;
	for (size_t i = 0; i < count; i++)
		len += snprintf(list + len, sizeof(list) - (size_t)len, "%s\"%s\"", i ? "," : "",
			address_text(&line->resolved[i], text));
	len += snprintf(list + len, sizeof(list) - (size_t)len, "]");
	add(out, list, (size_t)len);
}

static bool has_verdict(enum audit_event event)
{
	return event == AUDIT_CONNECT || event == AUDIT_DNS;
}

static void add_verdict(struct writer *out, const struct audit_line *line)
{
	if (!has_verdict(line->event))
		return;
	if (line->reason == REASON_ALLOWED)
		addf(out, ",\"verdict\":\"allow\"");
	else
		addf(out, ",\"verdict\":\"deny\",\"reason\":\"%s\"",
			egress_reason_name(line->reason));
}

static void add_rule(struct writer *out, const struct audit_line *line)
{
	if (line->class != CLASS_GLOBAL)
		add_text(out, "class", address_class_name(line->class), MAX_TEXT);
	if (line->rule)
		add_text(out, "rule", line->rule, AUDIT_MAX_NAME);
	else if (has_verdict(line->event) && line->reason != REASON_ALLOWED)
		addf(out, ",\"rule\":null");
	add_text(out, "entry", line->entry, AUDIT_MAX_NAME);
}

size_t audit_line_write(const struct audit_line *line, char text[AUDIT_MAX_LINE + 1])
{
	struct writer out = {.text = text};

	add_time(&out, line->real_usec);
	addf(&out, ",\"mono_us\":%" PRIu64, line->mono_usec);
	add_text(&out, "worker", line->worker, MAX_TEXT);
	add_text(&out, "policy", line->policy, (size_t)2 * MAX_TEXT);
	addf(&out, ",\"seq\":%" PRIu64, line->seq);
	if ((unsigned)line->event < AUDIT_EVENT_COUNT)
		addf(&out, ",\"ev\":\"%s\"", event_names[line->event]);
	add_verdict(&out, line);
	add_bytes(&out, "host", line->host, line->host_len, AUDIT_MAX_NAME);
	if (line->port)
		add_number(&out, "port", line->port);
	add_text(&out, "proto", line->proto, 8);
	if (line->via != VIA_NONE && (unsigned)line->via < VIA_COUNT)
		add_text(&out, "via", via_names[line->via], MAX_TEXT);
	add_address(&out, "dst", &line->dst);
	add_address(&out, "ip", &line->ip);
	add_rule(&out, line);
	add_number(&out, "conn", line->conn);
	add_ms(&out, "dial_ms", line->dial_usec);
	add_number(&out, "up", line->up);
	add_number(&out, "down", line->down);
	add_ms(&out, "ms", line->life_usec);
	if (line->end != END_NONE && (unsigned)line->end < END_COUNT)
		add_text(&out, "end", end_names[line->end], MAX_TEXT);
	add_number(&out, "qtype", line->qtype);
	add_number(&out, "connections", line->connections);
	add_number(&out, "denials", line->denials);
	add_number(&out, "suppressed", line->suppressed);
	/* The longest last: what does not fit is left out. */
	add_bytes(&out, "sni", line->sni, line->sni_len, AUDIT_MAX_NAME);
	add_resolved(&out, line);
	memcpy(out.text + out.len, "}\n", END + 1);
	return out.len + END;
}
