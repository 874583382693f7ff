/* SPDX-License-Identifier: Apache-2.0 */
#include "egress/hash.h"

#include <string.h>

static uint64_t rotate(uint64_t value, int by)
{
	return value << by | value >> (64 - by);
}

static void turn(uint64_t state[4], int rounds)
{
	while (rounds--) {
		state[0] += state[1];
		state[2] += state[3];
		state[1] = rotate(state[1], 13) ^ state[0];
		state[3] = rotate(state[3], 16) ^ state[2];
		state[0] = rotate(state[0], 32);
		state[2] += state[1];
		state[0] += state[3];
		state[1] = rotate(state[1], 17) ^ state[2];
		state[3] = rotate(state[3], 21) ^ state[0];
		state[2] = rotate(state[2], 32);
	}
}

/* Little-endian, whatever the machine is; fewer than eight where there are no more. */
static uint64_t word_of(const char *bytes, size_t len)
{
	uint64_t word = 0;

	for (size_t i = 0; i < len && i < 8; i++)
		word |= (uint64_t)(uint8_t)bytes[i] << (8 * i);
	return word;
}

uint64_t hash_text(struct hash_key key, const char *text)
{
	size_t len = strlen(text);
	uint64_t state[4] = {key.low ^ 0x736f6d6570736575u, key.high ^ 0x646f72616e646f6du,
		key.low ^ 0x6c7967656e657261u, key.high ^ 0x7465646279746573u};

	for (size_t at = 0; at <= len; at += 8) {
		uint64_t word = word_of(text + at, len - at);

		/* The last one ends with the length. */
		if (len - at < 8)
			word |= (uint64_t)len << 56;
		state[3] ^= word;
		turn(state, 2);
		state[0] ^= word;
	}
	state[2] ^= 0xff;
	turn(state, 4);
	return state[0] ^ state[1] ^ state[2] ^ state[3];
}
