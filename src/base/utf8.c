/* SPDX-License-Identifier: Apache-2.0 */
#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

static bool continues(const char *bytes, size_t count)
{
	for (size_t i = 1; i <= count; i++)
		if (((unsigned char)bytes[i] & 0xc0) != 0x80)
			return false;
	return true;
}

size_t utf8_step(const char *bytes, size_t len)
{
	unsigned char first = len ? (unsigned char)bytes[0] : 0xff;
	uint32_t code;

	if (first < 0x80)
		return 1;
	/* 0xc0 and 0xc1 could only start an over-long form. */
	if (first >= 0xc2 && first <= 0xdf)
		return len >= 2 && continues(bytes, 1) ? 2 : 0;
	if ((first & 0xf0) == 0xe0 && len >= 3 && continues(bytes, 2)) {
		code = (uint32_t)(first & 0x0f) << 12 | (uint32_t)(bytes[1] & 0x3f) << 6 |
		       (uint32_t)(bytes[2] & 0x3f);
		return code >= 0x800 && (code < 0xd800 || code > 0xdfff) ? 3 : 0;
	}
	if ((first & 0xf8) == 0xf0 && len >= 4 && continues(bytes, 3)) {
		code = (uint32_t)(first & 0x07) << 18 | (uint32_t)(bytes[1] & 0x3f) << 12 |
		       (uint32_t)(bytes[2] & 0x3f) << 6 | (uint32_t)(bytes[3] & 0x3f);
		return code >= 0x10000 && code <= 0x10ffff ? 4 : 0;
	}
	return 0;
}

/* Most texts are ASCII: eight bytes at once. */
static size_t ascii_prefix(const char *bytes, size_t len)
{
	size_t at = 0;

	for (uint64_t eight; len - at >= sizeof(eight); at += sizeof(eight)) {
		memcpy(&eight, bytes + at, sizeof(eight));
		if (eight & UINT64_C(0x8080808080808080))
			break;
	}
	return at;
}

size_t utf8_prefix(const char *bytes, size_t len)
{
	size_t at = ascii_prefix(bytes, len);

	while (at < len) {
		size_t step = utf8_step(bytes + at, len - at);

		if (!step)
			break;
		at += step;
	}
	return at;
}

size_t utf8_find_control(const char *bytes, size_t len)
{
	for (size_t at = 0; at < len; at++) {
		unsigned char c = (unsigned char)bytes[at];

		if (c < 0x20 || c == 0x7f)
			return at;
		/* U+0080 to U+009F: some terminals obey them as they obey ESC. */
		if (c == 0xc2 && at + 1 < len && (unsigned char)bytes[at + 1] < 0xa0)
			return at;
	}
	return len;
}
