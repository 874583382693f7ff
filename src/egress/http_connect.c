/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/http_connect.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool is_token_char(char c)
{
	if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
		return true;
	return c != '\0' && strchr("!#$%&'*+-.^_`|~", c);
}

static bool is_text_char(char c)
{
	return c == '\t' || ((unsigned char)c >= 0x20 && c != 0x7f);
}

static bool equal_case(const char *bytes, size_t len, const char *lower)
{
	if (len != strlen(lower))
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = bytes[i] >= 'A' && bytes[i] <= 'Z' ? (char)(bytes[i] - 'A' + 'a')
							    : bytes[i];
		if (c != lower[i])
			return false;
	}
	return true;
}

/* A field line without its end. A body would be read as the tunnel's first bytes by one side and
 * as part of the request by another; folded lines and spaces before the colon have such a past. */
static bool check_field(const char *line, size_t len, unsigned *hosts)
{
	const char *colon = memchr(line, ':', len);
	size_t name_len = colon ? (size_t)(colon - line) : 0;

	if (name_len == 0)
		return false;
	for (size_t i = 0; i < name_len; i++)
		if (!is_token_char(line[i]))
			return false;
	for (size_t i = name_len + 1; i < len; i++)
		if (!is_text_char(line[i]))
			return false;
	if (equal_case(line, name_len, "host"))
		return ++*hosts == 1;
	if (equal_case(line, name_len, "content-length")) {
		const char *value = colon + 1, *end = line + len;

		while (value < end && (*value == ' ' || *value == '\t'))
			value++;
		return end - value == 1 && *value == '0';
	}
	return !equal_case(line, name_len, "transfer-encoding");
}

static bool check_fields(const char *bytes, size_t len)
{
	unsigned hosts = 0;

	while (len) {
		const char *end = memmem(bytes, len, "\r\n", 2);
		size_t line = end ? (size_t)(end - bytes) : 0;

		if (!end || !check_field(bytes, line, &hosts))
			return false;
		bytes += line + 2;
		len -= line + 2;
	}
	return true;
}

static enum connect_result check_version(const char *bytes, size_t len)
{
	if (len == 8 && (memcmp(bytes, "HTTP/1.1", 8) == 0 || memcmp(bytes, "HTTP/1.0", 8) == 0))
		return CONNECT_OK;
	return len >= 5 && memcmp(bytes, "HTTP/", 5) == 0 ? CONNECT_VERSION : CONNECT_BAD_REQUEST;
}

/* "CONNECT host:port HTTP/1.1", one space each. *ret_host and *ret_port with CONNECT_OK. */
static enum connect_result read_request_line(
	const char *line, size_t len, struct connect_request *request)
{
	const char *target = memchr(line, ' ', len), *version;
	size_t method_len = target ? (size_t)(target - line) : 0, rest;
	enum connect_result result;

	if (method_len == 0)
		return CONNECT_BAD_REQUEST;
	for (size_t i = 0; i < len; i++)
		if (i < method_len ? !is_token_char(line[i]) : !is_text_char(line[i]))
			return CONNECT_BAD_REQUEST;
	rest = len - method_len - 1;
	target++;
	version = memchr(target, ' ', rest);
	if (!version)
		return CONNECT_BAD_REQUEST;
	result = check_version(version + 1, rest - (size_t)(version - target) - 1);
	if (result != CONNECT_OK)
		return result;
	if (method_len != 7 || memcmp(line, "CONNECT", 7) != 0)
		return CONNECT_METHOD;
	request->fault = egress_host_port_parse(
		target, (size_t)(version - target), &request->host, &request->port);
	return request->fault ? CONNECT_BAD_TARGET : CONNECT_OK;
}

/* What can be said before the head is whole: another protocol does not begin with a letter, and
 * waits for nothing. */
static enum connect_result judge_part(const char *bytes, size_t len)
{
	const char *end = memchr(bytes, '\n', len);
	size_t line = end ? (size_t)(end - bytes) : len;

	for (size_t i = 0; i < line; i++)
		if (!is_text_char(bytes[i]) && !(bytes[i] == '\r' && i + 1 == line))
			return CONNECT_BAD_REQUEST;
	if (len && !is_token_char(bytes[0]))
		return CONNECT_BAD_REQUEST;
	return len >= CONNECT_MAX_HEAD ? CONNECT_TOO_LONG : CONNECT_NEED_MORE;
}

enum connect_result connect_parse(
	const char *bytes, size_t len, struct connect_request *ret_request)
{
	size_t looked = len < CONNECT_MAX_HEAD ? len : CONNECT_MAX_HEAD;
	const char *end = looked ? memmem(bytes, looked, "\r\n\r\n", 4) : NULL;
	struct connect_request request = {0};
	enum connect_result result;
	size_t line;

	if (!end)
		return judge_part(bytes, looked);
	request.head_len = (size_t)(end - bytes) + 4;
	line = (size_t)((const char *)memmem(bytes, request.head_len, "\r\n", 2) - bytes);
	result = read_request_line(bytes, line, &request);
	if (result == CONNECT_BAD_TARGET)
		ret_request->fault = request.fault;
	if (result != CONNECT_OK)
		return result;
	if (!check_fields(bytes + line + 2, request.head_len - line - 4))
		return CONNECT_BAD_REQUEST;
	*ret_request = request;
	return CONNECT_OK;
}

/* A response with a line of text, after which the connection ends. */
static size_t respond(char response[CONNECT_MAX_RESPONSE], const char *status, const char *fields,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

static size_t respond(char response[CONNECT_MAX_RESPONSE], const char *status, const char *fields,
	const char *format, ...)
{
	char body[CONNECT_MAX_RESPONSE / 2];
	va_list args;
	int len;

	va_start(args, format);
	vsnprintf(body, sizeof(body), format, args);
	va_end(args);
	len = snprintf(response, CONNECT_MAX_RESPONSE,
		"HTTP/1.1 %s\r\n%sContent-Type: text/plain; charset=us-ascii\r\n"
		"Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
		status, fields, strlen(body), body);
	return len < 0 ? 0 : len < CONNECT_MAX_RESPONSE ? (size_t)len : CONNECT_MAX_RESPONSE - 1;
}

size_t connect_refuse(
	enum connect_result result, enum host_fault fault, char response[CONNECT_MAX_RESPONSE])
{
	switch (result) {
	case CONNECT_METHOD:
		return respond(response, "405 Method Not Allowed", "Allow: CONNECT\r\n",
			"kastellan-egress speaks CONNECT only.\n");
	case CONNECT_TOO_LONG:
		return respond(response, "431 Request Header Fields Too Large", "",
			"kastellan-egress: a request has at most %d bytes.\n", CONNECT_MAX_HEAD);
	case CONNECT_VERSION:
		return respond(response, "505 HTTP Version Not Supported", "",
			"kastellan-egress speaks HTTP/1.1 and HTTP/1.0.\n");
	case CONNECT_BAD_TARGET:
		return respond(response, "400 Bad Request", "",
			"kastellan-egress: the destination %s.\n", host_fault_text(fault));
	default:
		return respond(response, "400 Bad Request", "",
			"kastellan-egress: this is no CONNECT request.\n");
	}
}

static const char *status_of(enum egress_reason reason)
{
	switch (reason) {
	case REASON_BAD_NAME:
	case REASON_BAD_REQUEST:
		return "400 Bad Request";
	case REASON_NOT_RESOLVED:
	case REASON_DIAL_FAILED:
		return "502 Bad Gateway";
	case REASON_LIMIT:
		return "503 Service Unavailable";
	default:
		return "403 Forbidden";
	}
}

size_t connect_answer(
	enum egress_reason reason, const char *entry, char response[CONNECT_MAX_RESPONSE])
{
	if (reason == REASON_ALLOWED)
		return (size_t)snprintf(response, CONNECT_MAX_RESPONSE,
			"HTTP/1.1 200 Connection established\r\n\r\n");
	if (!entry)
		return respond(response, status_of(reason), "", "kastellan-egress: %s (%s).\n",
			egress_reason_text(reason), egress_reason_name(reason));
	return respond(response, status_of(reason), "",
		"kastellan-egress: %s (%s). This entry would allow it: \"%.300s\"\n",
		egress_reason_text(reason), egress_reason_name(reason), entry);
}
