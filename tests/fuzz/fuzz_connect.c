/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP CONNECT: a request is taken at its last byte and not before, whatever follows it, and every
 * answer states its own length. */
#include "fuzz.h"

#include "egress/http_connect.h"

static void check_response(const char *response, size_t len)
{
	const char *body, *stated;

	HOLDS(len < CONNECT_MAX_RESPONSE && strlen(response) == len);
	body = strstr(response, "\r\n\r\n");
	HOLDS(body);
	stated = strstr(response, "Content-Length: ");
	HOLDS(!stated || strtoul(stated + 16, NULL, 10) == strlen(body + 4));
}

static void check_request(const char *bytes, size_t len, const struct connect_request *request)
{
	struct connect_request again;
	char *head;

	HOLDS(request->head_len <= len && request->head_len <= CONNECT_MAX_HEAD);
	HOLDS(request->port != 0 && request->host.text[0]);
	HOLDS(memcmp(bytes, "CONNECT ", 8) == 0);
	HOLDS(memcmp(bytes + request->head_len - 4, "\r\n\r\n", 4) == 0);
	head = exact_copy(bytes, request->head_len);
	HOLDS(connect_parse(head, request->head_len, &again) == CONNECT_OK);
	HOLDS(again.head_len == request->head_len && again.port == request->port);
	HOLDS(strcmp(again.host.text, request->host.text) == 0);
	free(head);
	head = exact_copy(bytes, request->head_len - 1);
	HOLDS(connect_parse(head, request->head_len - 1, &again) == CONNECT_NEED_MORE);
	free(head);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const char *text = (const char *)bytes;
	struct connect_request request = {0};
	char response[CONNECT_MAX_RESPONSE], *entry;
	enum connect_result result = connect_parse(text, len, &request);

	HOLDS(result != CONNECT_NEED_MORE || len < CONNECT_MAX_HEAD);
	if (result == CONNECT_OK)
		check_request(text, len, &request);
	else if (result != CONNECT_NEED_MORE)
		check_response(response, connect_refuse(result, request.fault, response));
	entry = exact_copy(text, len);
	if (len) {
		entry[len - 1] = '\0';
		check_response(
			response, connect_answer((enum egress_reason)(bytes[0] % REASON_COUNT),
					  entry, response));
	}
	free(entry);
	return 0;
}
