/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "tls_fixture.h"

uint8_t hello[TLS_ROOM], stream[TLS_ROOM];

void put_name(struct bytes_out *out, uint8_t type, const char *name, size_t len)
{
	put_u8(out, type);
	put_u16(out, (uint16_t)len);
	put_bytes(out, name, len);
}

void put_extension(struct bytes_out *out, uint16_t type, const void *data, size_t len)
{
	put_u16(out, type);
	put_u16(out, (uint16_t)len);
	put_bytes(out, data, len);
}

void put_sni(struct bytes_out *out, const char *name)
{
	uint8_t room[400];
	struct bytes_out data = {.start = room, .room = sizeof(room)};
	size_t len = strlen(name);

	put_u16(&data, (uint16_t)(len + 3));
	put_name(&data, 0, name, len);
	put_extension(out, 0, room, data.len);
}

size_t make_hello(const struct bytes_out *extensions)
{
	struct bytes_out out = {.start = hello, .room = sizeof(hello)};
	uint8_t random[32] = {7};
	size_t body;

	put_u32(&out, 0x01000000);
	put_u16(&out, 0x0303);
	put_bytes(&out, random, 32);
	put_u8(&out, 32);
	put_bytes(&out, random, 32);
	put_u16(&out, 4);
	put_u32(&out, 0x13011302);
	put_u8(&out, 1);
	put_u8(&out, 0);
	if (extensions) {
		put_u16(&out, (uint16_t)extensions->len);
		put_bytes(&out, extensions->start, extensions->len);
	}
	assert_false(out.full);
	body = out.len - 4;
	hello[1] = (uint8_t)(body >> 16);
	hello[2] = (uint8_t)(body >> 8);
	hello[3] = (uint8_t)body;
	return out.len;
}

size_t make_stream(size_t len, size_t size)
{
	struct bytes_out out = {.start = stream, .room = sizeof(stream)};

	for (size_t at = 0; at < len; at += size) {
		size_t here = len - at < size ? len - at : size;

		put_u8(&out, 22);
		put_u16(&out, 0x0301);
		put_u16(&out, (uint16_t)here);
		put_bytes(&out, hello + at, here);
	}
	assert_false(out.full);
	return out.len;
}

size_t simple_hello(const char *name)
{
	uint8_t room[500];
	struct bytes_out extensions = {.start = room, .room = sizeof(room)};

	put_extension(&extensions, 10, "\0\2\0\x1d", 4);
	if (name)
		put_sni(&extensions, name);
	put_extension(&extensions, 16, "\0\3\2h2", 5);
	return make_hello(&extensions);
}

enum tls_result ask(size_t len, struct tls_hello *ret_hello)
{
	for (size_t i = 0; i <= len; i++) {
		uint8_t *exact = malloc(i ? i : 1);
		enum tls_result result;

		assert_non_null(exact);
		memcpy(exact, stream, i);
		result = tls_client_hello(exact, i, ret_hello);
		free(exact);
		if (i == len)
			return result;
		if (result != TLS_NEED_MORE && result != TLS_MALFORMED)
			fail_msg("%zu of %zu bytes: %d", i, len, result);
		if (result == TLS_MALFORMED) {
			assert_int_equal(tls_client_hello(stream, len, ret_hello), TLS_MALFORMED);
			return result;
		}
	}
	return TLS_NEED_MORE;
}
