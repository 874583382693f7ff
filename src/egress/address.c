/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/address.h"

#include <arpa/inet.h>
#include <string.h>

struct address address_from_v4(const uint8_t bytes[4])
{
	struct address address = {.family = ADDRESS_V4};

	memcpy(address.bytes, bytes, 4);
	return address;
}

struct address address_from_v6(const uint8_t bytes[16])
{
	struct address address = {.family = ADDRESS_V6};

	memcpy(address.bytes, bytes, 16);
	return address;
}

bool address_equal(const struct address *one, const struct address *other)
{
	return one->family == other->family &&
	       memcmp(one->bytes, other->bytes, sizeof(one->bytes)) == 0;
}

/* Own code, because the C libraries differ in what they take for IPv4. */
static bool parse_v4(const char *bytes, size_t len, uint8_t ret_bytes[4])
{
	size_t at = 0;

	for (int i = 0; i < 4; i++) {
		size_t start = at;
		unsigned number = 0;

		while (at < len && bytes[at] >= '0' && bytes[at] <= '9' && at - start < 3)
			number = number * 10 + (unsigned)(bytes[at++] - '0');
		if (at == start || number > 255 || (at - start > 1 && bytes[start] == '0'))
			return false;
		ret_bytes[i] = (uint8_t)number;
		if (i < 3 && (at == len || bytes[at++] != '.'))
			return false;
	}
	return at == len;
}

static bool is_v6_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ||
	       c == ':' || c == '.';
}

/* Only what can be IPv6 reaches the C library: no zone, no NUL. */
static bool parse_v6(const char *bytes, size_t len, uint8_t ret_bytes[16])
{
	char text[ADDRESS_TEXT];

	if (len >= sizeof(text))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_v6_char(bytes[i]))
			return false;
	memcpy(text, bytes, len);
	text[len] = '\0';
	return inet_pton(AF_INET6, text, ret_bytes) == 1;
}

bool address_parse(const char *bytes, size_t len, struct address *ret_address)
{
	uint8_t room[16];

	if (parse_v4(bytes, len, room))
		*ret_address = address_from_v4(room);
	else if (parse_v6(bytes, len, room))
		*ret_address = address_from_v6(room);
	else
		return false;
	return true;
}

const char *address_text(const struct address *address, char text[ADDRESS_TEXT])
{
	int family = address->family == ADDRESS_V4 ? AF_INET : AF_INET6;

	if (address->family == ADDRESS_NONE ||
		!inet_ntop(family, address->bytes, text, ADDRESS_TEXT))
		text[0] = '\0';
	return text;
}

void address_unmap(struct address *address)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	if (address->family == ADDRESS_V6 && memcmp(address->bytes, mapped, sizeof(mapped)) == 0)
		*address = address_from_v4(address->bytes + 12);
}
