/* SPDX-License-Identifier: Apache-2.0 */
/* SOCKS5: greeting, then request, in one stream. A message is taken at its last byte and not
 * before. */
#include "fuzz.h"

#include "egress/socks5.h"

static void check_request(const uint8_t *bytes, size_t len)
{
	struct socks5_request request = {0}, again;
	uint8_t reply[SOCKS5_REPLY], *part;
	size_t used = 0, used_again = 0;
	enum socks5_result result = socks5_request(bytes, len, &request, &used);

	HOLDS(result != SOCKS5_NEED_MORE || len < SOCKS5_MAX_REQUEST);
	HOLDS(socks5_refuse(result, reply) == SOCKS5_REPLY);
	if (result == SOCKS5_BAD_HOST)
		HOLDS(request.fault != HOST_FAULT_NONE);
	if (result != SOCKS5_OK)
		return;
	HOLDS(used <= len && used <= SOCKS5_MAX_REQUEST && request.port && request.host.text[0]);
	part = exact_copy(bytes, used);
	HOLDS(socks5_request(part, used, &again, &used_again) == SOCKS5_OK);
	HOLDS(used_again == used && strcmp(again.host.text, request.host.text) == 0);
	free(part);
	part = exact_copy(bytes, used - 1);
	HOLDS(socks5_request(part, used - 1, &again, &used_again) == SOCKS5_NEED_MORE);
	free(part);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	uint8_t reply[SOCKS5_METHOD_REPLY];
	size_t used = 0;
	enum socks5_result result = socks5_greeting(bytes, len, &used);

	HOLDS(result != SOCKS5_NEED_MORE || len < SOCKS5_MAX_GREETING);
	HOLDS(socks5_method_reply(result, reply) == SOCKS5_METHOD_REPLY);
	if (result == SOCKS5_OK || result == SOCKS5_NO_METHOD) {
		HOLDS(used >= 3 && used <= len);
		check_request(bytes + used, len - used);
	}
	check_request(bytes, len);
	return 0;
}
