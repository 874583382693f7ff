/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/host.h"

#include <stdio.h>
#include <string.h>

static const char *const fault_texts[HOST_FAULT_COUNT] = {
	[HOST_FAULT_NONE] = "is a host",
	[HOST_FAULT_EMPTY] = "is empty",
	[HOST_FAULT_LONG] = "has more than 253 characters",
	[HOST_FAULT_CHARACTER] = "holds a character that no host name has",
	[HOST_FAULT_NOT_ASCII] = "is not in its ASCII form, which begins with xn--",
	[HOST_FAULT_LABEL_EMPTY] = "has an empty part before or between its dots",
	[HOST_FAULT_LABEL_LONG] = "has a part of more than 63 characters",
	[HOST_FAULT_HYPHEN] = "has a part that begins or ends with a hyphen",
	[HOST_FAULT_NUMERIC] = "ends in a number but is no IPv4 address in plain form",
	[HOST_FAULT_BRACKETS] = "has no IPv6 address in brackets where one must stand",
	[HOST_FAULT_NO_PORT] = "has no port",
	[HOST_FAULT_PORT] = "has a port that is not 1 to 65535 in plain digits",
	[HOST_FAULT_WILDCARD] = "is no wildcard below a domain of two parts or more",
};

const char *host_fault_text(enum host_fault fault)
{
	return (unsigned)fault < HOST_FAULT_COUNT ? fault_texts[fault] : "is wrong";
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_host_char(char c)
{
	return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '-' || c == '_' ||
	       c == '.';
}

static enum host_fault check_chars(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_host_char(bytes[i]))
			return (unsigned char)bytes[i] >= 0x80 ? HOST_FAULT_NOT_ASCII
							       : HOST_FAULT_CHARACTER;
	return HOST_FAULT_NONE;
}

static enum host_fault check_label(const char *label, size_t len)
{
	if (len == 0)
		return HOST_FAULT_LABEL_EMPTY;
	if (len > KS_MAX_LABEL)
		return HOST_FAULT_LABEL_LONG;
	if (label[0] == '-' || label[len - 1] == '-')
		return HOST_FAULT_HYPHEN;
	return HOST_FAULT_NONE;
}

static enum host_fault check_labels(const char *bytes, size_t len)
{
	for (size_t start = 0; start <= len;) {
		const char *dot = memchr(bytes + start, '.', len - start);
		size_t end = dot ? (size_t)(dot - bytes) : len;
		enum host_fault fault = check_label(bytes + start, end - start);

		if (fault)
			return fault;
		start = end + 1;
	}
	return HOST_FAULT_NONE;
}

/* Whether a resolver could take the host for an IPv4 address: its last label is a number, in
 * decimal, octal or hexadecimal digits. No name of the DNS ends so. */
static bool looks_numeric(const char *host)
{
	const char *dot = strrchr(host, '.');
	const char *last = dot ? dot + 1 : host;

	if (last[0] == '0' && last[1] == 'x')
		return last[2 + strspn(last + 2, "0123456789abcdef")] == '\0';
	return last[strspn(last, "0123456789")] == '\0';
}

enum host_fault egress_host_parse(const char *bytes, size_t len, struct egress_host *ret_host)
{
	struct egress_host host = {.kind = HOST_NAME};
	bool dot = len > 1 && bytes[len - 1] == '.';
	size_t name_len = dot ? len - 1 : len;
	enum host_fault fault;

	if (len == 0)
		return HOST_FAULT_EMPTY;
	fault = check_chars(bytes, name_len);
	if (!fault)
		fault = check_labels(bytes, name_len);
	if (!fault && name_len > KS_MAX_HOST)
		fault = HOST_FAULT_LONG;
	if (fault)
		return fault;
	for (size_t i = 0; i < name_len; i++)
		host.text[i] = lower(bytes[i]);
	if (looks_numeric(host.text)) {
		if (dot || !address_parse(bytes, len, &host.address))
			return HOST_FAULT_NUMERIC;
		host.kind = HOST_ADDRESS;
	}
	*ret_host = host;
	return HOST_FAULT_NONE;
}

void egress_host_from_address(const struct address *address, struct egress_host *ret_host)
{
	struct egress_host host = {.kind = HOST_ADDRESS, .address = *address};

	address_unmap(&host.address);
	address_text(&host.address, host.text);
	*ret_host = host;
}

bool egress_port_parse(const char *bytes, size_t len, uint16_t *ret_port)
{
	unsigned port = 0;

	if (len == 0 || len > 5 || bytes[0] == '0')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_digit(bytes[i]))
			return false;
		port = port * 10 + (unsigned)(bytes[i] - '0');
	}
	if (port > UINT16_MAX)
		return false;
	*ret_port = (uint16_t)port;
	return true;
}

static enum host_fault parse_port_part(const char *bytes, size_t len, uint16_t *ret_port)
{
	if (len == 0 || bytes[0] != ':')
		return HOST_FAULT_NO_PORT;
	return egress_port_parse(bytes + 1, len - 1, ret_port) ? HOST_FAULT_NONE : HOST_FAULT_PORT;
}

static enum host_fault parse_bracketed(
	const char *bytes, size_t len, struct egress_host *ret_host, uint16_t *ret_port)
{
	const char *close = memchr(bytes, ']', len);
	struct address address;
	size_t inside;
	enum host_fault fault;

	if (!close)
		return HOST_FAULT_BRACKETS;
	inside = (size_t)(close - bytes) - 1;
	if (!address_parse(bytes + 1, inside, &address) || address.family != ADDRESS_V6)
		return HOST_FAULT_BRACKETS;
	fault = parse_port_part(close + 1, len - inside - 2, ret_port);
	if (!fault)
		egress_host_from_address(&address, ret_host);
	return fault;
}

enum host_fault egress_host_port_parse(
	const char *bytes, size_t len, struct egress_host *ret_host, uint16_t *ret_port)
{
	const char *colon = len ? memchr(bytes, ':', len) : NULL;
	struct egress_host host;
	enum host_fault fault;
	size_t host_len;

	if (len && bytes[0] == '[')
		return parse_bracketed(bytes, len, ret_host, ret_port);
	host_len = colon ? (size_t)(colon - bytes) : len;
	/* An address of IPv6 without brackets: where its port begins is a guess. */
	if (colon && memchr(colon + 1, ':', len - host_len - 1))
		return HOST_FAULT_BRACKETS;
	fault = egress_host_parse(bytes, host_len, &host);
	if (!fault)
		fault = parse_port_part(bytes + host_len, len - host_len, ret_port);
	if (!fault)
		*ret_host = host;
	return fault;
}

const char *egress_host_port_text(
	const struct egress_host *host, uint16_t port, char text[HOST_PORT_TEXT])
{
	bool brackets = host->kind == HOST_ADDRESS && host->address.family == ADDRESS_V6;

	snprintf(text, HOST_PORT_TEXT, brackets ? "[%s]:%u" : "%s:%u", host->text, port);
	return text;
}
