/* SPDX-License-Identifier: Apache-2.0 */
/* ClientHello: the verdict does not depend on how the bytes come, nor on how the message is cut
 * into records. */
#include "fuzz.h"

#include "egress/tls.h"

#define RECORD_HEADER 5

/* The handshake message of a stream that holds a whole one, without its records. */
static size_t unwrap(const uint8_t *bytes, size_t len, uint8_t *room)
{
	size_t at = 0, out = 0, total = SIZE_MAX;

	while (out < total) {
		size_t size;

		HOLDS(len - at > RECORD_HEADER);
		size = (size_t)bytes[at + 3] << 8 | bytes[at + 4];
		at += RECORD_HEADER;
		HOLDS(size && size <= len - at && size <= TLS_MAX_HELLO + 4 - out);
		memcpy(room + out, bytes + at, size);
		at += size;
		out += size;
		if (out >= 4)
			total = 4 + ((size_t)room[1] << 16 | (size_t)room[2] << 8 | room[3]);
	}
	HOLDS(out == total);
	return out;
}

static void check_cut(const uint8_t *message, size_t len, size_t size, enum tls_result wanted,
	const struct tls_hello *hello)
{
	uint8_t *stream = malloc(len * (RECORD_HEADER + 1));
	struct tls_hello again;
	size_t out = 0;

	HOLDS(stream);
	for (size_t at = 0; at < len; at += size) {
		size_t here = len - at < size ? len - at : size;
		const uint8_t header[RECORD_HEADER] = {
			22, 3, 1, (uint8_t)(here >> 8), (uint8_t)here};

		memcpy(stream + out, header, RECORD_HEADER);
		memcpy(stream + out + RECORD_HEADER, message + at, here);
		out += RECORD_HEADER + here;
	}
	HOLDS(tls_client_hello(stream, out, &again) == wanted);
	HOLDS(strcmp(again.host.text, hello->host.text) == 0 && again.has_ech == hello->has_ech);
	free(stream);
}

/* The first byte chooses where to cut, the rest is the stream. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static uint8_t message[TLS_MAX_HELLO + 4];
	struct tls_hello hello = {0}, part_hello = {0};
	enum tls_result result, early;
	size_t cut, message_len, least;
	uint8_t *part;

	if (len < 1)
		return 0;
	cut = bytes[0];
	bytes++;
	len--;
	result = tls_client_hello(bytes, len, &hello);
	HOLDS(result != TLS_NEED_MORE || len < TLS_MAX_PREFIX);
	part = exact_copy(bytes, len * cut / 256);
	early = tls_client_hello(part, len * cut / 256, &part_hello);
	HOLDS(tls_data_record(part, len * cut / 256) <= (int)(len * cut / 256));
	free(part);
	HOLDS(early == TLS_NEED_MORE || early == result);
	if (result != TLS_NAME && result != TLS_NO_NAME)
		return 0;
	HOLDS((result == TLS_NAME) == (hello.host.text[0] != '\0'));
	message_len = unwrap(bytes, len, message);
	least = message_len / TLS_MAX_RECORDS + 1;
	check_cut(message, message_len, least + cut, result, &hello);
	if (message_len <= 16384)
		check_cut(message, message_len, message_len, result, &hello);
	return 0;
}
