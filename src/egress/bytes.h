/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing of numbers in the order of the network, inside bounds. An error sticks: read
 * on, and look once at the end. What is read past the end is zero. */
#ifndef KS_EGRESS_BYTES_H
#define KS_EGRESS_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes_in {
	const uint8_t *at;
	size_t left;
	bool bad; /* something was read that is not there */
};

static inline struct bytes_in bytes_in(const uint8_t *bytes, size_t len)
{
	return (struct bytes_in){bytes, len, false};
}

/* NULL when there are not that many. */
static inline const uint8_t *take_bytes(struct bytes_in *in, size_t count)
{
	const uint8_t *at = in->at;

	if (in->bad || count > in->left) {
		in->bad = true;
		return NULL;
	}
	in->at += count;
	in->left -= count;
	return at;
}

static inline uint8_t take_u8(struct bytes_in *in)
{
	const uint8_t *at = take_bytes(in, 1);

	return at ? at[0] : 0;
}

static inline uint16_t take_u16(struct bytes_in *in)
{
	const uint8_t *at = take_bytes(in, 2);

	return at ? (uint16_t)(at[0] << 8 | at[1]) : 0;
}

/* A part of that length, to be read by itself; an empty and bad one when there is not as much. */
static inline struct bytes_in take_part(struct bytes_in *in, size_t count)
{
	const uint8_t *at = take_bytes(in, count);

	return (struct bytes_in){at, at ? count : 0, !at};
}

struct bytes_out {
	uint8_t *start;
	size_t len;
	size_t room;
	bool full; /* something did not fit, and was left out whole */
};

static inline void put_bytes(struct bytes_out *out, const void *bytes, size_t count)
{
	if (out->full || count > out->room - out->len) {
		out->full = true;
		return;
	}
	if (count)
		memcpy(out->start + out->len, bytes, count);
	out->len += count;
}

static inline void put_u8(struct bytes_out *out, uint8_t value)
{
	put_bytes(out, &value, 1);
}

static inline void put_u16(struct bytes_out *out, uint16_t value)
{
	uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};

	put_bytes(out, bytes, sizeof(bytes));
}

static inline void put_u32(struct bytes_out *out, uint32_t value)
{
	put_u16(out, (uint16_t)(value >> 16));
	put_u16(out, (uint16_t)value);
}

#endif
