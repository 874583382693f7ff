/* SPDX-License-Identifier: Apache-2.0 */
/* A host is accepted in one spelling only, so that the egress proxy, a resolver and a person read
 * the same destination in it. */
#include "policy/check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bounds.h"
#include "policy/idn.h"
#include "policy/say.h"

#define EXAMPLE "write \"host:port\", for example \"api.example.com:443\""

struct endpoint_check {
	struct problems *to;
	size_t at;
	const char *bytes;
	size_t len;
};

static int refuse(const struct endpoint_check *check, const char *reason, const char *remedy)
{
	struct phrase name = quoted(check->bytes, check->len);

	return problem_add(check->to, -EINVAL, check->at,
		ABOUT(.field = "net", .path = as_written(check->bytes, check->len).text,
			.remedy = remedy),
		"%s %s", name.text, reason);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool is_host_char(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
	       c == '_' || c == '.';
}

static int check_port(
	const struct endpoint_check *check, const char *text, size_t len, uint16_t *ret_port)
{
	unsigned port = 0;

	if (len == 0)
		return refuse(check, "has no port", EXAMPLE);
	for (size_t i = 0; i < len; i++) {
		if (!is_digit(text[i]))
			return refuse(check, "has a port that is not a number",
				"write the port in digits, for example 443");
		/* Long runs of digits stay beyond the limit instead of wrapping round. */
		if (port <= UINT16_MAX)
			port = port * 10 + (unsigned)(text[i] - '0');
	}
	if (port == 0 || port > UINT16_MAX)
		return refuse(check, "has a port outside 1 to 65535",
			"write a port from 1 to 65535, for example 443");
	if (text[0] == '0')
		return refuse(check, "has a port with leading zeros",
			phrase("write the port as %u", port).text);
	*ret_port = (uint16_t)port;
	return 0;
}

static const char *bad_char_remedy(char c)
{
	switch (c) {
	case '@':
		return "remove the user before the host; credentials are not part of an endpoint";
	case '/':
	case '?':
	case '#':
		return "remove the path: an endpoint is a host and a port";
	case '%':
		return "write the host without percent signs; it is not decoded";
	case '[':
	case ']':
		return "write brackets round a whole IPv6 address only, as in "
		       "\"[2001:db8::1]:443\"";
	}
	if ((unsigned char)c >= 0x80)
		return "write an international name in lower case with plain dots, or in its ASCII "
		       "form, which begins with xn--";
	return "write letters, digits, hyphens and dots only";
}

static int check_chars(const struct endpoint_check *check, const char *host, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_host_char(host[i]))
			return refuse(check, "holds a character that no host name has",
				bad_char_remedy(host[i]));
	return 0;
}

static int check_label(const struct endpoint_check *check, const char *label, size_t len)
{
	if (len == 0)
		return refuse(check, "has an empty part before, after or between its dots",
			"write one dot between two parts, and none at the ends");
	if (len > KS_MAX_LABEL)
		return refuse(check, "has a part of more than 63 characters",
			"write the host's real name: no name server has this one");
	if (label[0] == '-' || label[len - 1] == '-')
		return refuse(check, "has a part that begins or ends with a hyphen",
			"write the host's real name");
	return 0;
}

static int check_labels(const struct endpoint_check *check, const char *host, size_t len)
{
	if (len > KS_MAX_HOST)
		return refuse(check, "has a host of more than 253 characters",
			"write the host's real name: no name server has this one");
	for (size_t start = 0; start <= len;) {
		const char *dot = memchr(host + start, '.', len - start);
		size_t end = dot ? (size_t)(dot - host) : len;

		if (check_label(check, host + start, end - start) < 0)
			return -EINVAL;
		start = end + 1;
	}
	return 0;
}

/* Whether a resolver could take the host for an IPv4 address: its last part is a number, in
 * decimal, octal or hexadecimal digits. No name of the DNS ends so. */
static bool looks_numeric(const char *host)
{
	const char *dot = strrchr(host, '.');
	const char *last = dot ? dot + 1 : host;
	bool hexadecimal = last[0] == '0' && last[1] == 'x';

	for (const char *c = hexadecimal ? last + 2 : last; *c; c++)
		if (hexadecimal ? !is_hex(*c) : !is_digit(*c))
			return false;
	return true;
}

static int check_numeric(const struct endpoint_check *check, const char *host)
{
	struct in_addr address;
	char plain[INET_ADDRSTRLEN];

	if (inet_pton(AF_INET, host, &address) == 1) {
		if (address.s_addr == 0)
			return refuse(check, "is the unspecified address, which is no destination",
				"name the host that is meant");
		return 0;
	}
	/* The old parser knows all disguises, so it can say what a careless program would dial. */
	if (inet_aton(host, &address) && inet_ntop(AF_INET, &address, plain, sizeof(plain)))
		return refuse(check, "is an IPv4 address in disguise",
			phrase("write %s if that is meant", plain).text);
	return refuse(check, "ends in a number but is no IPv4 address",
		"write four numbers from 0 to 255 without leading zeros, or a host name");
}

/* A name or an IPv4 address in ASCII; the canonical spelling is in lower case. */
static int check_ascii_name(
	const struct endpoint_check *check, const char *host, size_t len, char *ret_host)
{
	if (check_chars(check, host, len) < 0 || check_labels(check, host, len) < 0)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		ret_host[i] = host[i] >= 'A' && host[i] <= 'Z' ? (char)(host[i] - 'A' + 'a')
							       : host[i];
	ret_host[len] = '\0';
	return looks_numeric(ret_host) ? check_numeric(check, ret_host) : 0;
}

/* The policy keeps and writes the ASCII form, which every reader of it knows. */
static int check_name(
	const struct endpoint_check *check, const char *host, size_t len, char *ret_host)
{
	char ascii[KS_MAX_HOST + 1];
	size_t plain = 0;
	int r;

	if (len == 0)
		return refuse(check, "has no host", EXAMPLE);
	while (plain < len && (unsigned char)host[plain] < 0x80)
		plain++;
	if (plain == len)
		return check_ascii_name(check, host, len, ret_host);
	r = idn_to_ascii(host, len, ascii, sizeof(ascii));
	if (r == -ENOMEM)
		return problem_oom(check->to);
	if (r == -ENOSYS)
		return refuse(check, "has an international name, and libidn2 is not installed",
			"install libidn2, or write the name in its ASCII form, which begins with "
			"xn--");
	/* The character is named first, where it is one that no ASCII name has either. */
	return r < 0 ? check_chars(check, host, len)
		     : check_ascii_name(check, ascii, strlen(ascii), ret_host);
}

#define WILDCARD "write \"*.example.com:443\" for every host below a domain, or list the hosts"

/* "*.example.com": what is below a domain, which has two labels or more; a wildcard over a whole
 * top-level domain would open more than anyone can mean. */
static int check_wildcard(
	const struct endpoint_check *check, const char *host, size_t len, char *ret_host)
{
	char domain[KS_MAX_HOST + 1];
	struct in_addr address;

	if (len < 3 || host[1] != '.' || memchr(host + 1, '*', len - 1))
		return refuse(
			check, "is a wildcard, which would open more than it names", WILDCARD);
	if (check_name(check, host + 2, len - 2, domain) < 0)
		return -EINVAL;
	if (!strchr(domain, '.') || inet_pton(AF_INET, domain, &address) == 1)
		return refuse(check, "is a wildcard over no domain of two parts or more", WILDCARD);
	if (strlen(domain) > KS_MAX_HOST - 4)
		return refuse(
			check, "is a wildcard over a domain that no host fits below", WILDCARD);
	snprintf(ret_host, KS_MAX_HOST + 1, "*.%.*s", KS_MAX_HOST - 2, domain);
	return 0;
}

static int check_host(
	const struct endpoint_check *check, const char *host, size_t len, char *ret_host)
{
	return len && host[0] == '*' ? check_wildcard(check, host, len, ret_host)
				     : check_name(check, host, len, ret_host);
}

static bool parse_v6(const char *host, size_t len, struct in6_addr *ret_address)
{
	char text[INET6_ADDRSTRLEN];

	if (len >= sizeof(text) || memchr(host, '\0', len))
		return false;
	memcpy(text, host, len);
	text[len] = '\0';
	return inet_pton(AF_INET6, text, ret_address) == 1;
}

/* The address between the brackets. */
static int check_v6(
	const struct endpoint_check *check, const char *host, size_t len, char *ret_host)
{
	struct in6_addr address;
	char plain[INET_ADDRSTRLEN];

	if (memchr(host, '%', len))
		return refuse(check, "has a zone, which means something on one host only",
			"remove the percent sign and the interface behind it");
	if (!parse_v6(host, len, &address))
		return refuse(check, "has no IPv6 address between its brackets",
			"write an address such as \"[2001:db8::1]:443\"; names and IPv4 go without "
			"brackets");
	if (IN6_IS_ADDR_UNSPECIFIED(&address))
		return refuse(check, "is the unspecified address, which is no destination",
			"name the host that is meant");
	if (IN6_IS_ADDR_V4MAPPED(&address) || IN6_IS_ADDR_V4COMPAT(&address)) {
		inet_ntop(AF_INET, &address.s6_addr[12], plain, sizeof(plain));
		return refuse(check, "is an IPv4 address inside an IPv6 one",
			phrase("write the IPv4 address %s, without brackets", plain).text);
	}
	inet_ntop(AF_INET6, &address, ret_host, INET6_ADDRSTRLEN);
	return 0;
}

static int check_bracketed(const struct endpoint_check *check, char *ret_host, uint16_t *ret_port)
{
	const char *close = memchr(check->bytes, ']', check->len);
	size_t behind;
	int r;

	if (!close)
		return refuse(check, "has no closing bracket",
			"write an IPv6 endpoint as \"[2001:db8::1]:443\"");
	r = check_v6(check, check->bytes + 1, (size_t)(close - check->bytes) - 1, ret_host);
	if (r < 0)
		return r;
	behind = (size_t)(close - check->bytes) + 1;
	if (behind == check->len)
		return refuse(check, "has no port",
			phrase("write the port too, for example \"[%s]:443\"", ret_host).text);
	if (check->bytes[behind] != ':')
		return refuse(check, "has something else than a port behind its bracket",
			"write an IPv6 endpoint as \"[2001:db8::1]:443\"");
	return check_port(check, check->bytes + behind + 1, check->len - behind - 1, ret_port);
}

/* More than one colon, or none. */
static int refuse_colons(const struct endpoint_check *check, const char *last)
{
	struct in6_addr address;
	char host[KS_MAX_HOST + 1];

	if (last) {
		size_t len = (size_t)(last - check->bytes);

		if (parse_v6(check->bytes, check->len, &address) ||
			parse_v6(check->bytes, len, &address))
			return refuse(check, "has an IPv6 address without brackets",
				"write an IPv6 endpoint as \"[2001:db8::1]:443\"");
		return refuse(check, "has more than one colon", EXAMPLE);
	}
	if (check_host(check, check->bytes, check->len, host) < 0)
		return -EINVAL;
	return refuse(check, "has no port",
		phrase("write the port too, for example \"%.200s:443\"", host).text);
}

/* What is meant by a URL, as far as its scheme tells the port. */
static int refuse_url(const struct endpoint_check *check, const char *scheme_end)
{
	const char *host = scheme_end + 3;
	size_t room = check->len - (size_t)(host - check->bytes), len = 0;
	bool plain = (size_t)(scheme_end - check->bytes) == 4 &&
		     memcmp(check->bytes, "http", 4) == 0;

	while (len < room && is_host_char(host[len]))
		len++;
	if (len == 0 || (len < room && host[len] != '/'))
		return refuse(check, "is a URL", EXAMPLE);
	return refuse(check, "is a URL",
		phrase("write \"%.*s:%u\"", (int)(len > 200 ? 200 : len), host, plain ? 80 : 443)
			.text);
}

static const char *last_colon(const struct endpoint_check *check)
{
	for (size_t i = check->len; i > 0; i--)
		if (check->bytes[i - 1] == ':')
			return check->bytes + i - 1;
	return NULL;
}

static int check_parts(const struct endpoint_check *check, char *ret_host, uint16_t *ret_port)
{
	const char *colon = memchr(check->bytes, ':', check->len);
	const char *last = last_colon(check);
	size_t host_len = colon ? (size_t)(colon - check->bytes) : check->len;

	if (check->len == 0)
		return refuse(check, "names no endpoint", EXAMPLE);
	if (check->bytes[0] != '*' && memchr(check->bytes, '*', check->len))
		return refuse(
			check, "is a wildcard, which would open more than it names", WILDCARD);
	if (check->bytes[0] == '[')
		return check_bracketed(check, ret_host, ret_port);
	if (colon && check->len - host_len >= 3 && memcmp(colon, "://", 3) == 0)
		return refuse_url(check, colon);
	if (memchr(check->bytes, '@', check->len))
		return refuse(check, "holds a user beside the host", bad_char_remedy('@'));
	if (colon != last || !colon)
		return refuse_colons(check, last);
	if (check_host(check, check->bytes, host_len, ret_host) < 0)
		return -EINVAL;
	return check_port(check, colon + 1, check->len - host_len - 1, ret_port);
}

int check_endpoint(struct problems *to, size_t at, const char *bytes, size_t len,
	struct policy_endpoint *ret_endpoint)
{
	const struct endpoint_check check = {to, at, bytes, len};
	char host[KS_MAX_HOST + 1];
	uint16_t port = 0;
	struct policy_endpoint out = {0};

	if (check_parts(&check, host, &port) < 0)
		return -EINVAL;
	out.port = port;
	out.host = strdup(host);
	if (!out.host ||
		asprintf(&out.text, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, port) < 0) {
		free(out.host);
		return problem_oom(to);
	}
	*ret_endpoint = out;
	return 0;
}
